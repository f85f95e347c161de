"""Does an event on a partnership: judges and writes it in one transaction, or gives every reason not to.

Nothing else writes a partnership. `decide` reads an intent into a case and lets the law judge it. `write` stores
the result: the partnership's row (guarded by its version), a row of its history (chained by hash), the deadlines
that change and the notices to send. The two are apart so that many partnerships can be written together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import IntegrityError

from states.case import Case, Setting
from states.chapters.correction import CorrectEntry
from states.errors import Refused, Unmet
from states.event import Event
from states.history import judge_correction
from states.inputs import as_stored, check_text, read_input
from states.machine import FIRST, Made, apply, event_named, row_of
from states.names import Role, State
from states.partnership import Partnership
from workflow import deadlines
from workflow.change import Change
from workflow.coming import Coming, find_coming
from workflow.outbox import queue
from workflow.session import Session
from workflow.setting import Situation, collect_setting, corrected_input, try_correction
from workflow.store import chain, kept_documents, loading, tables
from workflow.store.column_types import canonical
from workflow.store.commitments import new_salt
from workflow.store.errors import AnsweredAlready, Conflict, NotFound
from workflow.store.public_columns import changed_by
from workflow.store.rows import GENESIS, Channel, Snapshot
from workflow.store.saving import (
    APPENDED,
    GUARDED,
    HEAD,
    days_in_force,
    digest_of,
    facts_text,
    hash_row,
    values_of,
)
from workflow.store.writing import write as write_rows
from workflow.views import contacts, signed_copy
from workflow.views.authorization import Intent, check_actor, choose_corrector, choose_role, name_actor
from workflow.views.shown_directory import check_identifiers

# Through these channels a delegate acts, whom `ran_by` names.
_OF_PERSONS = (Channel.LINK, Channel.REPLY)

_SECOND = Unmet(
    "no-other-lead-partner", "on some of these days the school already has an active Lead Partner", "4270.4"
)


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
    answer: Mapping[str, Any] | None = None,
) -> Change:
    """Do an event on a partnership inside the session's transaction. Return the change.

    `answer` has the columns of the answer that did it. Raise `AnsweredAlready`, `BadInput`, `Refused`, `NotFound`,
    `Damaged` or `Conflict` if it cannot be done. Nothing is written then.
    """
    intent = Intent(
        ref, event, input, actor, channel, now, role, note, ran_by, expected_version, answer=answer
    )
    record = loading.load(session.connection, [ref]).get(ref) or new_record(intent)
    change = decide(session, record, intent)
    return write(session, [change])[0]


def new_record(intent: Intent) -> Snapshot:
    """Return the record before there is a partnership. Raise `NotFound` for an event that does not create one."""
    if intent.event != FIRST:
        raise NotFound(f"there is no partnership {intent.ref!r}")
    facts = Partnership(school=str(intent.input.get("school", "")), title=str(intent.input.get("title", "")))
    return Snapshot(None, intent.ref, None, 0, intent.now, facts, GENESIS)


def decide(session: Session, record: Snapshot, intent: Intent) -> Change:
    """Let the law judge an intent. Return what changes, without writing it. Raise as `advance` does.

    1. Check that the partnership is still at the version that the actor has seen.
    2. Check that the event exists in this state, and that the actor has a role that may do it.
    3. Read the input into the type that the row of the event takes, and check the identifiers in it.
    4. Choose the role in which the actor does the event, now that the input names the organization.
    5. Collect the setting, and apply the law to the case. If it was the last signature, make the signed copy.
    6. Chain the row of the history to the one before it by its hash.
    """
    # First, so that an actor who saw an older version hears of the change rather than of a mistake.
    check_version(record, intent.expected_version)
    if record.destroyed:
        raise Refused(
            [Unmet("record-kept", f"the record of {record.ref} was destroyed: {record.facts.title}")]
        )
    row = row_of(intent.event, record.state)
    # Before the input: what it lacks is of no use to somebody who may not do the event.
    check_actor(session, record, row, intent)
    check_text(intent.input)
    check_text(intent.note, "note")
    event_input = read_input(row.takes, intent.input)
    if isinstance(event_input, CorrectEntry):
        return _correct(session, record, intent, row, event_input)
    # The law cannot look into the directory, so identifiers are checked before it judges.
    check_identifiers(session, row, event_input)
    role = choose_role(session, record, row, intent, getattr(event_input, "organization", None))
    intent = replace(intent, actor=name_actor(row, intent.actor))
    # Commands name in `ran_by` the user of the machine, who writes down what somebody else did.
    through = intent.ran_by if intent.channel in _OF_PERSONS else None
    situation = Situation(session, record, event_input, intent.now, intent.actor, through, intent.channel)
    setting = collect_setting(row, situation)
    if role is Role.LEAD_PARTNER and (
        other := contacts.find_other_contact(session.directory, record.facts, intent.actor)
    ):
        setting = setting.but(other_contact=other)
    case = Case(
        state=record.state,
        facts=record.facts,
        input=event_input,
        actor=intent.actor,
        role=role,
        at=session.config.calendar.local(intent.now),
        setting=setting,
    )
    made = apply(intent.event, case)
    files: tuple[tuple[str, bytes], ...] = ()
    if row.signed_copy and row.signed_copy(made.facts) and intent.channel is not Channel.IMPORT:
        # Nobody still has to sign. The copy needs both signatures, and the facts need the digest of the copy.
        last = signed_copy.LastSignature(intent.channel, intent.ran_by)
        copy, content = signed_copy.make(session, record, made.facts, last, intent.now)
        case = replace(case, setting=case.setting.but(signed_copy=copy))
        made, files = apply(intent.event, case), ((copy.name, content),)
    return _change(record, intent, case, made, files=files)


def _change(
    record: Snapshot,
    intent: Intent,
    case: Case,
    made: Made,
    *,
    entered_at: datetime | None = None,
    files: tuple[tuple[str, bytes], ...] = (),
) -> Change:
    """Return the change that an event makes. `entered_at` is when the state was entered, if not now or before."""
    now = intent.now.astimezone(UTC)
    entry = _entry(record, intent, case, made.state, now)
    # An event that keeps the state must not restart the deadlines that count from entering it.
    kept = record.entered_at if made.state is record.state else now
    after = replace(
        record,
        state=made.state,
        version=record.version + 1,
        entered_at=entered_at or kept,
        facts=made.facts,
        call_changed_at=changed_by(intent.event, now, record.call_changed_at),
    )
    return Change(after, record, intent, case.role, entry, files)


def _correct(session: Session, record: Snapshot, intent: Intent, row: Event, values: CorrectEntry) -> Change:
    """Return the change that a correction makes: the history is folded anew. Raise as `advance` does."""
    now = session.config.calendar.local(intent.now)
    through = intent.ran_by if intent.channel in _OF_PERSONS else None
    situation = Situation(session, record, values, intent.now, intent.actor, through, intent.channel)
    trial = try_correction(situation, values)
    if trial.recorded is not None and trial.input is not None:
        check_identifiers(session, event_named(trial.recorded.event), trial.input)
    after = replace(situation, record=replace(record, facts=trial.facts))
    asked = collect_setting(row, after)
    parts: dict[str, Any] = {"corrected": trial.setting} if trial.setting and not values.void else {}
    parts |= {"asks_again": trial.asks_again} if trial.asks_again else {}
    case = Case(
        state=record.state,
        facts=record.facts,
        input=corrected_input(values, trial),
        actor=intent.actor,
        role=choose_corrector(session, record, row, intent, trial),
        at=now,
        setting=Setting.model_validate(asked.model_dump(exclude_unset=True) | parts),
        trial=trial,
    )
    state, facts = judge_correction(case)
    entered = trial.entered_at.astimezone(UTC) if trial.entered_at else None
    return _change(record, intent, case, Made(state, facts), entered_at=entered)


def check_version(record: Snapshot, expected: int | None) -> None:
    """Raise `Conflict` if the partnership is not at the version that the actor has seen."""
    if expected is not None and expected != record.version:
        raise Conflict(f"{record.ref} is at version {record.version}, not {expected}: somebody moved it")


def _entry(record: Snapshot, intent: Intent, case: Case, to: State, now: datetime) -> dict[str, Any]:
    """Return the row of the history for an event that was decided. `write` adds what comes with it."""
    return {
        "seq": record.version + 1,
        "at": now,
        "event": intent.event,
        "actor": intent.actor,
        "role": str(case.role),
        "channel": intent.channel,
        "from_state": record.state and str(record.state),
        "to_state": str(to),
        "input": canonical(as_stored(case.input)),
        # A replay needs the directory and the procedure as they were at the time.
        "setting": canonical(case.setting.model_dump(mode="json", exclude_unset=True)),
        "note": intent.note,
        "ran_by": intent.ran_by,
        "previous": record.head,
    }


def write(session: Session, changes: Sequence[Change], *, follow_up: bool = True) -> list[Change]:
    """Write what was decided, all of it or nothing. Return the changes, with the ids of new partnerships.

    `changes` holds at most one change of each partnership. Raise `Conflict` if another transaction changed one of
    them, `AnsweredAlready` if one has recorded the same answer, and `Refused` if a school would get a second Lead
    Partner in force.

    1. Insert the partnerships that are new.
    2. With `follow_up`, find what comes with each event: its deadlines by the new facts, and its notices. An import
       tells nobody, and calls `settle` after the last event of a partnership.
    3. Complete the row of each history: it commits to the facts and to all that comes with it, by its hash.
    4. Update the partnerships where the version is still the one judged, append the rows, write what comes.
    """
    connection = session.connection
    new = [change for change in changes if change.before.id is None]
    created = {change.record.ref: _create(connection, change, follow_up) for change in new}
    written = [created.get(change.record.ref, change) for change in changes]
    coming = find_coming(session, written, follow_up)
    beside = "{} {}".format(*chain.head(connection))
    # Made once, for the hash and for the row: the facts are most of what a partnership writes.
    texts = [facts_text(change.record.facts) for change in written]
    written = [_complete(*parts, beside) for parts in zip(written, coming, texts, strict=True)]
    try:
        _update(connection, written, texts, follow_up)
    # The law has looked at committed rows only. A trigger catches what others wrote at the same moment.
    except IntegrityError:
        raise Refused([_SECOND]) from None
    for change in written:
        for name, content in change.files:
            kept_documents.keep(connection, name, content, change.at)
    write_rows(
        connection,
        (APPENDED, [{"partnership": c.record.id, **c.entry} for c in written]),
        (deadlines.CHANGED, deadlines.last_of_each(u for each in coming for u in each.moves.updates)),
        (deadlines.NEW, [row for each in coming for row in each.moves.inserts]),
        (queue.PREPARED, [notice for each in coming for notice in each.notices]),
    )
    _write_answers(connection, [each.answer for each in coming if each.answer])
    return written


def _write_answers(connection: Connection, answers: Sequence[Mapping[str, Any]]) -> None:
    """Write the answers that did events. Raise `AnsweredAlready` if another transaction has recorded one."""
    if not answers:
        return
    try:
        connection.execute(insert(tables.answers), list(answers))
    except IntegrityError:
        raise AnsweredAlready from None


def _complete(change: Change, coming: Coming, facts: str, beside: str) -> Change:
    """Return a change with the whole row of its history, which commits to what comes with it, and with its hash."""
    entry = {
        **change.entry,
        "salt": new_salt(),
        "facts": digest_of(facts),
        "rows": coming.commit(),
        "beside": beside,
    }
    entry["hash"] = hash_row(change.record.ref, entry)
    return replace(change, entry=entry, record=replace(change.record, head=entry["hash"]))


def settle(session: Session, record: Snapshot) -> None:
    """Say in the row of a partnership on which days its agreement is in force, after events of the past.

    Raise `Refused` if the school would get a second Lead Partner.
    """
    table = tables.partnerships
    statement = update(table).where(table.c.id == record.id).values(**days_in_force(record.facts))
    try:
        session.connection.execute(statement)
    except IntegrityError:
        raise Refused([_SECOND]) from None


def _create(connection: Connection, change: Change, in_force: bool) -> Change:
    """Insert a new partnership. Return its change with the id. Raise `Conflict` if the reference exists."""
    text = facts_text(change.record.facts)
    values = values_of(change.record, text, in_force) | {"ref": change.record.ref}
    try:
        made = connection.execute(insert(tables.partnerships).values(**values))
    # No lock could prevent this: the row that another transaction created did not exist yet.
    except IntegrityError:
        raise Conflict(f"{change.record.ref}: somebody else created it at the same moment") from None
    key = made.inserted_primary_key
    return replace(change, record=replace(change.record, id=key[0] if key else None))


def _update(connection: Connection, changes: Sequence[Change], texts: Sequence[str], in_force: bool) -> None:
    """Update the rows of partnerships; `texts` are their facts.

    Raise `Conflict` if one is no longer at the version that was judged.
    """
    new = [change for change in changes if change.before.id is None]
    if new:
        connection.execute(HEAD, [{"key": c.record.id, "new_head": c.record.head} for c in new])
    rows = [
        {"key": change.record.id, "seen": change.before.version} | values_of(change.record, text, in_force)
        for change, text in zip(changes, texts, strict=True)
        if change.before.id is not None
    ]
    # A row that another transaction has moved no longer matches its version.
    if write_rows(connection, (GUARDED, rows)) != [len(rows)]:
        raise Conflict(", ".join(change.record.ref for change in changes) + ": somebody else moved it first")
