"""The outbox: notices are queued with what they tell of, and leave only after that is committed.

A notice is claimed for a while by whoever delivers it, written once, kept, and tried with growing waits; what
cannot be delivered is set aside and staff are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, not_, or_, select, update

from notifications.mailers import InDoubt, Mailer, PermanentFailure, TemporaryFailure, Unreachable
from states.partnership import Partnership, Role, State
from states.standing import MOMENTS, waiting_on
from workflow import digest, directory, leaving, message, records
from workflow.directory import Person
from workflow.leaving import Rung, leaves_at, new_notice
from workflow.pace import Pace
from workflow.records import canonical
from workflow.situation import Session, Situation, possibilities
from workflow.system import System

LEASE = timedelta(minutes=10)  # longer than any one delivery can take
CLAIM = 20  # notices taken at once
_INSERT = insert(records.notices)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something people are told of: an event (`seq` is its history row) or a rung of a deadline.

    `before` are the facts before the event: who was concerned then may no longer be afterwards.
    """

    partnership: int
    state: State
    facts: Partnership
    before: Partnership
    name: str
    now: datetime
    seq: int | None = None
    deadline: int | None = None
    actor: str | None = None
    organization: str | None = None
    rung: Rung | None = None
    to: tuple[str, ...] | None = None
    extra: dict[str, Any] | None = None


def queue(session: Session, occasions: Sequence[Occasion]) -> list[int]:
    """Queue a notice for each person concerned. How many people were told of each occasion."""
    rows: list[dict[str, Any]] = []
    counts = []
    for occasion in occasions:
        mine = _rows(session, occasion)
        rows += mine
        counts.append(len(mine))
    if rows:
        session.connection.execute(_INSERT, rows)
    return counts


def _rows(session: Session, occasion: Occasion) -> list[dict[str, Any]]:
    config = session.config
    deadline = config.deadlines.get(occasion.name) if occasion.deadline else None
    row = deadline or config.notices.get(occasion.name)
    if row is None or (row.when is not None and MOMENTS[row.when](occasion.facts) is None):
        return []
    found: dict[str, tuple[Person, str]] = {}
    for group in occasion.to or row.to:
        for person, role in recipients(session, occasion, group, row.offers):
            if person.email not in found:
                found[person.email] = (person, role)
    today = config.calendar.day(occasion.now)
    rows = []  # one for each person: who stands in for several, or is concerned too, is told in each capacity
    for person, role in found.values():
        if person.email == occasion.actor and not _asked(session, occasion, role, row.offers):
            continue
        reached = directory.reachable(session.directory, person, today)
        values = {
            "partnership": occasion.partnership,
            "delegate_for": person.email if reached.email != person.email else None,
            "seq": occasion.seq,
            "deadline": occasion.deadline,
            **_departure(session, occasion, reached, role, row.offers),
        }
        made = new_notice(config, occasion.name, reached.email, role, occasion.now, occasion.extra)
        rows.append(made | values)
    return rows


def _departure(
    session: Session, occasion: Occasion, person: Person, role: str, offers: Sequence[str]
) -> dict[str, Any]:
    """When a notice leaves, and whether with the reader's digest."""
    held = leaving.is_held(
        session, occasion.name, person, role, offers,
        state=occasion.state, facts=occasion.facts, now=occasion.now, rung=occasion.rung,
    )  # fmt: skip
    if held:
        return {"held": True, "next_at": leaving.digest_at(session.config, occasion.now)}
    return {"next_at": leaves_at(session.config, occasion.now, occasion.rung)}


def tell(
    session: Session,
    template: str,
    to: str,
    role: str,
    now: datetime,
    *,
    extra: dict[str, Any] | None = None,
    **values: Any,
) -> int:
    """Queue one notice to one address, whoever has it; `values` are further columns. Its id."""
    row = new_notice(session.config, template, to, role, now, extra) | values
    made = session.connection.execute(_INSERT.values(**row))
    key = made.inserted_primary_key
    return int(key[0]) if key else 0


def recipients(
    session: Session, occasion: Occasion, group: str, offers: Sequence[str]
) -> list[tuple[Person, str]]:
    """The people of a role or group, each with the role in which they are told."""
    holders = session.directory.holders
    if group == "waiting":
        found = []
        for waiting in waiting_on(occasion.facts, offers[0]):
            people = (
                [session.directory.someone(waiting.email)]
                if waiting.email
                else holders(waiting.role, occasion.facts)
            )
            found += [(person, str(waiting.role)) for person in people]
        return found
    if group == "former-lead-partner":
        return [(p, str(Role.LEAD_PARTNER)) for p in holders(Role.LEAD_PARTNER, occasion.before)]
    people = holders(group, occasion.facts, occasion.organization) or holders(
        group, occasion.before, occasion.organization
    )
    role = Role.APPLICANT if group == "this-applicant" else group
    return [(person, str(role)) for person in people]


def _asked(session: Session, occasion: Occasion, role: str, offers: Sequence[str]) -> bool:
    """Whether whoever did it is asked for something that they can do next."""
    asked = message.askable(occasion.state, occasion.facts, role) & set(offers)
    if not asked:
        return False
    here = Situation(
        session, occasion.partnership, occasion.state, occasion.facts, occasion.now, None, occasion.now
    )  # fmt: skip
    ways = possibilities(here, occasion.actor or "", Role(role))
    return any(one.possible for one in ways if one.row.event in asked)


def deliver(
    system: System,
    mailer: Mailer,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
    pace: Pace | None = None,
) -> dict[str, int]:
    """Deliver everything that may leave now, until nothing does or `stop` or `pace` says so. How many by status.

    While the way out is closed nothing is tried, so that all keep their turn; `pace.problem` says why. What
    somebody else has taken over meanwhile counts as "overtaken".
    """
    pace, counts = pace or Pace(), Counter[str]()
    _note(system, pace)
    with mailer.session():
        while not stop() and (room := pace.room(clock())) != 0:
            taken = clock()
            claimed = system.transact(
                partial(_claim, now=taken, most=min(CLAIM, room or CLAIM)), alone="outbox"
            )
            if not claimed:
                break
            for done, notice in enumerate(claimed):
                # With a slow server the lease of the last ones would run out while they wait for their turn,
                # and deadlines would wait for them all.
                if stop() or not timedelta(0) <= clock() - taken <= LEASE / 3:
                    system.transact(partial(_release, claimed=claimed[done:]))
                    return dict(counts)
                try:
                    outcome = _attempt(mailer, notice)
                except Unreachable as error:
                    pace.closed(clock(), str(error))
                    system.transact(partial(_release, claimed=claimed[done:], why=str(error)))
                    break
                pace.one_left()
                pace.unnoted.append(partial(_settle, claimed=notice, outcome=outcome, now=clock()))
                counts.update(_note(system, pace))
    return dict(counts)


def _note(system: System, pace: Pace) -> list[str]:
    """Note how it ended with what has been tried; where the database is away that is done the next time."""
    statuses = []
    while pace.unnoted:
        statuses.append(system.transact(pace.unnoted[0]))
        del pace.unnoted[0]
    return statuses


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that is being delivered: its row, until when it is ours, and its message or why there is none."""

    row: Any
    lease: datetime
    sender: str
    content: bytes | None
    problem: str | None = None

    @property
    def ours(self) -> ColumnElement[bool]:
        """That nobody else has taken it over since: a lease is given only once."""
        return and_(records.notices.c.id == self.row.id, records.notices.c.lease_until == self.lease)


def _claim(session: Session, now: datetime, most: int = CLAIM) -> list[Claimed]:
    table = records.notices
    # None honest lies further ahead: it was given before the clock was set back.
    leased = and_(table.c.lease_until > now, table.c.lease_until <= now + 2 * LEASE)
    # While a message to somebody is on its way their later ones wait, so that they arrive in order.
    busy = set(session.connection.scalars(select(table.c.to).where(leased)))
    free = and_(~table.c.held, table.c.next_at <= now, or_(table.c.lease_until.is_(None), not_(leased)))
    if busy:
        free = and_(free, table.c.to.not_in(busy))
    rows: list[Any] = []
    # A look for each status: the index gives its notices in order, so no backlog is sorted for every few.
    for status in ("queued", "failed"):
        query = select(table).where(table.c.status == status, free)
        rows += session.connection.execute(query.order_by(table.c.next_at, table.c.id).limit(most))
    if not rows:
        return []
    rows = sorted(rows, key=lambda row: (row.next_at, row.id))[:most]
    keys, lease = [row.id for row in rows], now.astimezone(UTC) + LEASE
    session.connection.execute(update(table).where(table.c.id.in_(keys)).values(lease_until=lease))
    sender = session.config.sender.address
    return [_written(session, row, lease, sender) for row in rows]


def _release(session: Session, claimed: Sequence[Claimed], why: str | None = None) -> None:
    """Give back what was claimed and not tried, unless it is somebody else's by now; `why` the first one waits."""
    for notice in claimed:
        values = {"lease_until": None} | ({"reason": why} if why and notice is claimed[0] else {})
        session.connection.execute(update(records.notices).where(notice.ours).values(**values))


def _written(session: Session, row: Any, lease: datetime, sender: str) -> Claimed:
    """The message of a notice: written at its first attempt and kept, so that every attempt sends the same."""
    if row.message is not None:
        return Claimed(row, lease, sender, row.message)
    try:
        with session.connection.begin_nested():  # of a message that cannot be written nothing is kept
            subject, content = message.write(session, row)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others leave
        why = error if isinstance(error, (message.CannotWrite, ValueError)) else repr(error)
        return Claimed(row, lease, sender, None, f"it cannot be written: {why}")
    table = records.notices
    session.connection.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(subject=subject, message=content, shown=canonical(message.shown(session, row)))
    )
    return Claimed(row, lease, sender, content)


def _attempt(mailer: Mailer, claimed: Claimed) -> tuple[str, str | None]:
    """Try to deliver: the outcome and the reason. Raises `Unreachable` if that is not this notice's fault."""
    if claimed.content is None:
        return "failed", claimed.problem
    try:
        mailer.deliver(
            claimed.content, sender=claimed.sender, recipient=claimed.row.to, key=claimed.row.message_id
        )
    except InDoubt as error:
        return "in-doubt", str(error)
    except Unreachable:
        raise
    except PermanentFailure as error:
        return "dead", str(error)
    except (TemporaryFailure, OSError) as error:
        return "failed", str(error)
    except Exception as error:  # noqa: BLE001 - as above
        return "failed", repr(error)
    return "sent", None


def _settle(session: Session, claimed: Claimed, outcome: tuple[str, str | None], now: datetime) -> str:
    status, reason = outcome
    row, table = claimed.row, records.notices
    attempts = row.attempts + 1
    waits = session.config.procedure.mail.retry_minutes
    values: dict[str, Any] = {"attempts": attempts, "lease_until": None, "reason": reason}
    if status == "failed" and attempts > len(waits):
        status = "dead"
    if status == "failed":
        values["next_at"] = leaves_at(session.config, now + timedelta(minutes=waits[attempts - 1]))
    if status == "sent":
        values["sent_at"] = now
    done = session.connection.execute(update(table).where(claimed.ours).values(status=status, **values))
    if not done.rowcount:
        return "overtaken"
    if row.template == message.DIGEST:
        digest.follow(session, row.id, status, now, reason)
    if status in ("dead", "in-doubt") and row.template != "message-failed":
        _tell_staff(session, row, reason, attempts, now)
    return status


def _tell_staff(session: Session, row: Any, reason: str | None, attempts: int, now: datetime) -> None:
    found = message.subject_of(session, row)
    failure = {
        "recipient": row.to,
        "subject": found,
        "reason": reason or "",
        "attempts": attempts,
        "notice_id": row.id,
    }
    tell_staff(session, row.partnership, "message-failed", {"failure": failure}, now)


def tell_staff(
    session: Session,
    key: int | None,
    name: str,
    extra: dict[str, Any],
    now: datetime,
    actor: str | None = None,
) -> None:
    """Queue a notice about the system itself, or about something the `actor` did that only staff can see to.

    `key` is the partnership it is about, if one is. None is queued about a record that cannot be read, as none
    could be written.
    """
    if key is None:
        _tell_district(session, name, extra, now, actor)
        return
    table = records.partnerships
    row = session.connection.execute(select(table.c.facts, table.c.state).where(table.c.id == key)).one()
    try:
        facts = Partnership.model_validate_json(row.facts)
    except ValueError:
        return
    queue(
        session,
        [Occasion(key, State(row.state), facts, facts, name, now, extra=extra, actor=actor)],
    )


def _tell_district(
    session: Session, name: str, extra: dict[str, Any], now: datetime, actor: str | None
) -> None:
    """The same about no partnership: to those of the row's roles that are the whole district's."""
    row, today = session.config.notices.get(name), session.config.calendar.day(now)
    groups = [role for role in directory.DISTRICT_ROLES if row and role in row.to]
    for role in groups:
        for person in session.directory.people.values():
            if person.active and role in person.roles and person.email != actor:
                reached = directory.reachable(session.directory, person, today)
                away = person.email if reached.email != person.email else None
                tell(session, name, reached.email, str(role), now, extra=extra, delegate_for=away)


def retry(connection: Connection, key: int, now: datetime) -> bool:
    """Let a notice that failed, is in doubt or was set aside be tried anew, one in a digest with the whole digest.

    False if it is none of these.
    """
    table = records.notices
    whole = connection.scalar(select(table.c.within).where(table.c.id == key)) or key
    stuck = table.c.status.in_(("failed", "dead", "in-doubt")) & table.c.revoked_at.is_(None)
    done = connection.execute(
        update(table)
        .where(table.c.id == whole, stuck)
        .values(status="queued", attempts=0, next_at=now, lease_until=None, reason=None)
    )
    if done.rowcount:
        connection.execute(
            update(table).where(table.c.within == whole, stuck).values(status="queued", reason=None)
        )
    return done.rowcount == 1


def revoke(connection: Connection, keys: Sequence[int], now: datetime) -> list[int]:
    """Make links and replies of notices do nothing any more; of a digest, those of everything in it.

    What has not been sent yet is not sent. Which were revoked now, and were not before.
    """
    table = records.notices
    chosen = or_(table.c.id.in_(keys), table.c.within.in_(keys)) & table.c.revoked_at.is_(None)
    found = list(connection.scalars(select(table.c.id).where(chosen).order_by(table.c.id)))
    mine = table.c.id.in_(found)
    connection.execute(update(table).where(mine).values(revoked_at=now))
    waiting = table.c.status.in_(("queued", "failed"))
    connection.execute(
        update(table).where(mine, waiting).values(status="dead", reason="withdrawn before it was sent")
    )
    return found
