"""advance(): the only writer of a partnership. One event, one transaction, or every reason why not.

An intent is read into a case, judged by the law, and written: the partnership's row (guarded by its
version), a row of its history (chained by hash), the deadlines that change and the notices to send.
Deciding and writing are apart, so that many partnerships can be written together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from notifications.errors import ServiceError
from states.case import Case
from states.errors import BadInput, Problem, Refused, Unmet, WrongRole
from states.event import Event
from states.inputs import read_input, stored
from states.machine import FIRST, apply, check_role, row_of, waiting_on
from states.partnership import Partnership, Role, State
from workflow import deadlines
from workflow.deadlines import Rung
from workflow.outbox import queue
from workflow.session import Session
from workflow.setting import Situation, collect_setting
from workflow.store import database, tables
from workflow.store.rows import GENESIS, Channel, DeadlineStatus, Snapshot
from workflow.store.tables import canonical

NEVER = datetime.max.replace(tzinfo=UTC)
_OF_THE_CLOCK = (Channel.CLOCK, Channel.IMPORT)  # nobody becomes the clock by giving its name at another door


class NotFound(ServiceError):
    """There is no such partnership, person or notice."""

    exit_status = 3


class Conflict(ServiceError):
    """Somebody else moved the partnership first."""

    exit_status = 4


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants. `now` is aware.

    `role` is needed only where the actor has several that would do; `fired` is the row of the deadline that
    wants it, `rung` what it says; `expected_version` that of the partnership the actor has seen.
    """

    ref: str
    event: str
    input: Mapping[str, Any]
    actor: str
    channel: Channel
    now: datetime
    role: Role | None = None
    note: str | None = None
    ran_by: str | None = None
    expected_version: int | None = None
    fired: int | None = None
    rung: Rung | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What was done: the record after it, where it came from, and the row of the history."""

    record: Snapshot
    before: Snapshot
    intent: Intent
    role: Role
    entry: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        return self.intent.now.astimezone(UTC)

    @property
    def moved(self) -> bool:
        return self.record.state is not self.before.state


def advance(
    session: Session,
    ref: str,
    event: str,
    input: Mapping[str, Any],
    actor: str,
    channel: Channel,
    now: datetime,
    expected_version: int | None = None,
    *,
    role: Role | None = None,
    note: str | None = None,
    ran_by: str | None = None,
) -> Change:
    """Do an event on a partnership, inside the session's transaction.

    Raises `BadInput`, `Refused`, `NotFound` or `Conflict`; nothing is written then.
    """
    intent = Intent(ref, event, input, actor, channel, now, role, note, ran_by, expected_version)
    known = load(session.connection, [ref])
    change = decide(session, known.get(ref) or new_record(intent), intent)
    return write(session, [change])[0]


_OF = (
    select(tables.partnerships)
    .where(tables.partnerships.c.ref.in_(bindparam("refs", expanding=True)))
    .order_by(tables.partnerships.c.id)  # all lock in one order, so that no two wait for each other
)


def load(connection: Connection, refs: Sequence[str]) -> dict[str, Snapshot]:
    """The partnerships of these references that exist. In a transaction that writes nobody else moves them."""
    query = database.locking(connection, _OF)
    return {row.ref: Snapshot.from_row(row) for row in connection.execute(query, {"refs": refs})}


def new_record(intent: Intent) -> Snapshot:
    """Return the record before there is a partnership. Raise `NotFound` for an event that does not create one."""
    if intent.event != FIRST:
        raise NotFound(f"there is no partnership {intent.ref!r}")
    facts = Partnership(school=str(intent.input.get("school", "")), title=str(intent.input.get("title", "")))
    return Snapshot(None, intent.ref, None, 0, intent.now, facts, GENESIS)


def decide(session: Session, record: Snapshot, intent: Intent) -> Change:
    """Judge an intent by the law; what it makes of the record. Writes nothing. Raises as `advance` does."""
    check_version(record, intent.expected_version)
    row = row_of(intent.event, record.state)
    given = read_input(row.takes, intent.input)
    _check_names(session, row, given)
    role = _role(session, record, row, intent, given)
    situation = Situation(session, record, given, intent.now)
    case = Case(
        state=record.state,
        facts=record.facts,
        input=given,
        actor=intent.actor,
        role=role,
        at=session.config.calendar.local(intent.now),
        setting=collect_setting(row, situation),
    )
    made = apply(intent.event, case)
    now = intent.now.astimezone(UTC)
    entry = _entry(record, intent, case, made.state, now)
    after = replace(
        record,
        state=made.state,
        version=record.version + 1,
        entered_at=record.entered_at if made.state is record.state else now,
        facts=made.facts,
        head=entry["hash"],
    )
    return Change(after, record, intent, role, entry)


def check_version(record: Snapshot, expected: int | None) -> None:
    """Raise `Conflict` if the partnership is not at the version that the actor has seen."""
    if expected is not None and expected != record.version:
        raise Conflict(f"{record.ref} is at version {record.version}, not {expected}: somebody moved it")


def _check_names(session: Session, row: Event, given: Any) -> None:
    """Refuse identifiers that the directory does not know."""
    if row.name == FIRST and given.school not in session.directory.schools:
        known = ", ".join(session.directory.schools) or "a school that was imported first"
        raise BadInput([Problem("school", f"there is no school {given.school!r}", known)])
    if "organization" in row.asks and given.organization not in session.directory.organizations:
        known = ", ".join(session.directory.organizations) or "an organization that was imported first"
        raise BadInput([Problem("organization", f"there is no organization {given.organization!r}", known)])


def _role(session: Session, record: Snapshot, row: Event, intent: Intent, given: Any) -> Role:
    """As what the actor does this: of the roles that may, one from whom it is still awaited, if any."""
    if intent.actor == Role.CLOCK and intent.channel in _OF_THE_CLOCK:
        check_role(row, Role.CLOCK, record.state)
        return Role.CLOCK
    held = roles_of(session, record, intent.actor, getattr(given, "organization", None))
    possible = [role for role in row.who if role in held and intent.role in (None, role)]
    if not possible:
        who, has = " or ".join(row.who), " and ".join(held) or "no role here"
        reason = f"{row.name} is for {who}; {intent.actor} has {has}"
        reason += f" and asks to act as {intent.role}" if intent.role else ""
        raise WrongRole([Unmet("role", reason)])
    awaited = {waiting.role for waiting in waiting_on(record.facts, row.name)}
    return next((role for role in possible if role in awaited), possible[0])


def roles_of(session: Session, record: Snapshot, email: str, organization: str | None = None) -> list[Role]:
    """The roles somebody has on a partnership. Raises `NotFound` for somebody nobody knows."""
    person = session.directory.person(email, record.facts)
    if person is None:
        raise NotFound(f"there is no person {email!r} in the directory")
    return session.directory.roles_of(person, record.facts, organization)


def _entry(record: Snapshot, intent: Intent, case: Case, to: State, now: datetime) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "seq": record.version + 1,
        "at": now,
        "event": intent.event,
        "actor": intent.actor,
        "role": str(case.role),
        "channel": intent.channel,
        "from_state": record.state and str(record.state),
        "to_state": str(to),
        "input": canonical(stored(case.input)),
        "setting": canonical(case.setting.model_dump(mode="json", exclude_unset=True)),
        "note": intent.note,
        "ran_by": intent.ran_by,
        "previous": record.head,
    }
    entry["hash"] = digest(record.ref, entry)
    return entry


HASHED = (
    "seq", "event", "actor", "role", "channel", "from_state", "to_state",
    "input", "setting", "note", "ran_by", "previous",
)  # fmt: skip


def digest(ref: str, entry: Mapping[str, Any]) -> str:
    """The hash of a row of the history: SHA-256 (FIPS 180-4) over everything in it and the hash before it."""
    at = entry["at"].astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps([ref, at, *(entry[name] for name in HASHED)], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(session: Session, changes: Sequence[Change], *, arm: bool = True) -> list[Change]:
    """Write what was decided, all of it or nothing. With `arm` deadlines and notices follow.

    At most one change of each partnership. Raises `Conflict`, and `Refused` if a school would get a second
    Lead Partner in force.
    """
    connection = session.connection
    born = [_create(connection, change) if change.before.id is None else change for change in changes]
    try:
        _update(connection, [change for change in born if change.before.id is not None])
    except IntegrityError:
        reason = "the school already has an active Lead Partner"
        raise Refused([Unmet("no-other-lead-partner", reason, "4270.4")]) from None
    connection.execute(_INSERT, [{"partnership": c.record.id, **c.entry} for c in born])
    if arm:
        _arm(session, born)
        queue.queue(
            session, [_occasion(change) for change in born if change.intent.channel is not Channel.IMPORT]
        )
    return born


def _create(connection: Connection, change: Change) -> Change:
    values = _values(change.record) | {"ref": change.record.ref, "school": change.record.facts.school}
    try:
        made = connection.execute(insert(tables.partnerships).values(**values))
    except IntegrityError:
        raise Conflict(f"{change.record.ref}: somebody else created it at the same moment") from None
    key = made.inserted_primary_key
    return replace(change, record=replace(change.record, id=key[0] if key else None))


def _values(record: Snapshot) -> dict[str, Any]:
    return {
        "title": record.facts.title,
        "state": str(record.state),
        "version": record.version,
        "entered_at": record.entered_at,
        "facts": facts_text(record.facts),
        "head": record.head,
        "in_force": record.facts.in_force,
    }


def facts_text(facts: Partnership) -> str:
    """The facts as they are stored."""
    return facts.model_dump_json(exclude_defaults=True)


_INSERT = insert(tables.history)
_GUARDED = (
    update(tables.partnerships)
    .where(
        tables.partnerships.c.id == bindparam("key"),
        tables.partnerships.c.version == bindparam("seen"),
    )
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("title", "state", "version", "entered_at", "facts", "head", "in_force")
        }
    )
)


def _update(connection: Connection, changes: Sequence[Change]) -> None:
    if not changes:
        return
    rows = [
        {"key": change.record.id, "seen": change.before.version}
        | {f"new_{name}": value for name, value in _values(change.record).items()}
        for change in changes
    ]
    done = connection.execute(_GUARDED, rows)
    if done.rowcount != len(rows):
        raise Conflict(", ".join(change.record.ref for change in changes) + ": somebody else moved it first")


def _arm(session: Session, changes: Sequence[Change]) -> None:
    """Bring the deadlines of these partnerships in line with their new facts."""
    changed = [
        change
        for change in changes
        if change.before.id is None
        or change.intent.fired is not None
        or deadlines.anchors(change.record) != deadlines.anchors(change.before)
    ]
    dues = [deadlines.due_instants(session.config, change.record) for change in changed]
    # What is over and due no more stays as it is, so that a long life does not make an event any slower.
    since = min((at for due in dues for at in due.values()), default=None)
    keys = [change.record.key for change in changed]
    rows = deadlines.rows_of(session.connection, keys, since or NEVER)
    inserts, updates = [], []
    for change, due in zip(changed, dues, strict=True):
        mine = rows.get(change.record.key, [])
        fired = change.intent.fired
        found = deadlines.moves(session.config, change.record, mine, change.at, due=due, fired=fired)
        inserts += found.inserts
        updates += found.updates
        updates += [deadlines.closed(row, DeadlineStatus.FIRED, change.at) for row in mine if row.id == fired]
    deadlines.write(session.connection, inserts, updates)


def _occasion(change: Change) -> queue.Occasion:
    return queue.Occasion(
        record=change.record,
        before=change.before.facts,
        name=change.intent.event,
        now=change.at,
        seq=change.record.version,
        actor=change.intent.actor,
        organization=change.intent.input.get("organization"),
        rung=change.intent.rung,
    )
