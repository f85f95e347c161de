"""Imports a district file: first the directory, then the events of each partnership, judged like any event.

An import happens whole or not at all. The same file twice changes nothing: an event that is on record already is
compared with the file, never written again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from states.errors import BadInput, LawError, Problem, Refused, UnknownEvent, Unmet
from states.inputs import as_stored, read_input
from states.machine import FIRST, row_of
from states.names import Role, State
from workflow import deadlines, directory, engine
from workflow.change import Change, occasion
from workflow.outbox import queue
from workflow.outbox.recipients import Occasion
from workflow.procedure.checks import BEFORE_THE_BOARD
from workflow.record import changes, histories
from workflow.record.directory_import import FREELY, Counts, Options, import_directory, is_first
from workflow.record.district_file import (
    DistrictFile,
    GivenEvent,
    GivenPartnership,
)
from workflow.session import Session, System
from workflow.store import chain, errors, loading
from workflow.store.column_types import canonical
from workflow.store.rows import Channel, HistoryEntry, Snapshot
from workflow.views.authorization import Intent

_ABOUT_THE_END = ("terminate", "expire", "withdraw-termination")


def take_in(
    system: System,
    file: DistrictFile,
    *,
    by: str,
    now: datetime,
    ran_by: str | None = None,
    dry_run: bool = False,
    progress: Callable[[], None] = lambda: None,
    options: Options = FREELY,
) -> Counts:
    """Import a district file, whole or not at all, and return what it did.

    1. Check the directory of the file, and add or change its rows.
    2. For each partnership compare its first events with the history on record. Write the others of all
       partnerships in order of time.
    3. Set the deadlines of each partnership that has new events. Tell people of events that were appended to a
       partnership on record. Call `progress`.
    4. Record the import, and tell the Board office and the Superintendent what it changed.

    A `dry_run` does the same and undoes it. Raises `BadInput` for mistakes in the file, each with its place, and
    `Refused` for an event that the law does not allow, with its partnership, its name and its time.
    """

    def work(session: Session) -> Counts:
        counts, mark = Counts(), changes.last_entry(session)
        first = is_first(session)
        import_directory(session, file, counts, by, now, options)
        # The session still has the directory as it was before the file.
        fresh = replace(session, directory=directory.read(session.connection, session.config))
        _import_partnerships(fresh, file, counts, now, ran_by, options, progress)
        # The first import brings the past of a district, so nobody is told of its events. People who already hold
        # roles are told of new roles.
        if first and session.directory.people:
            changes.tell_since(session, mark, by=by, now=now)
        _record_import(session, file, counts, by, now, options)
        if not first:
            changes.tell_since(session, mark, by=by, now=now)
        return counts

    return system.transact(work, dry_run=dry_run)


def _record_import(
    session: Session, file: DistrictFile, counts: Counts, by: str, now: datetime, options: Options
) -> None:
    """Record that somebody imported a file, if it changed anything."""
    if not (counts.added or counts.changed):
        return
    refs = [partnership.ref for partnership in file.partnership]
    after: dict[str, Any] = {"added": counts.added, "changed": counts.changed, "partnerships": refs}
    after |= {"append": options.append, "because": options.because}
    # The events of a new partnership are told to nobody one by one, and those of the Board must not go untold.
    after |= {"board": counts.board} if counts.board else {}
    chain.record(session.connection, f"import {options.name}", after, by=by, now=now)


@dataclass
class _Coming:
    """A partnership of the file: its record so far, and its events that are not on record yet."""

    given: GivenPartnership
    record: Snapshot | None
    known: int  # how many of its events are on record
    events: Sequence[tuple[str, GivenEvent]]  # each with its place in the file, in order of time
    occasions: list[Occasion] = field(default_factory=list)


def _import_partnerships(
    session: Session,
    file: DistrictFile,
    counts: Counts,
    now: datetime,
    ran_by: str | None,
    options: Options,
    progress: Callable[[], None],
) -> None:
    """Compare what is on record with the file, write all other events in order of time, and set the deadlines.

    The order of time holds over all partnerships: whether a school had another Lead Partner is judged at the
    time of each event, wherever in the file the other partnership stands.
    """
    coming = []
    for number, partnership in enumerate(file.partnership):
        coming.append(_compare_known(session, partnership, f"partnership.{number}", counts, now, options))
    steps = [(event.at, each, place, event) for each in coming for place, event in each.events]
    # The sort is stable, so events of one time keep the order of the file.
    for _, each, place, event in sorted(steps, key=lambda step: step[0]):
        change = _write_event(session, each.given, event, place, ran_by)
        each.record = change.record
        each.occasions.append(replace(occasion(change), now=now))
        counts.count("events", "added")
        if event.event in BEFORE_THE_BOARD:
            counts.board.append(f"{each.given.ref} {event.event} {event.at:%Y-%m-%d} by {event.actor}")
    for each in coming:
        what = "added" if not each.known else "changed" if each.events else None
        counts.count("partnerships", what)
        if each.record is not None and each.events:
            engine.settle(session, each.record)
            _set_deadlines(session, each.record, now)
            # Nobody waits for news of a partnership that only now comes on record. Those of a live one are told.
            if each.known:
                queue.queue(session, each.occasions)
        progress()


def _compare_known(
    session: Session, partnership: GivenPartnership, at: str, counts: Counts, now: datetime, options: Options
) -> _Coming:
    """Compare the events of a partnership that are on record with the file. Return what is new in the file.

    `at` is the place of the partnership in the file, whose events may stand in any order. The file may leave out
    the first event: then the second event of the history is the earliest in the file.
    """
    record = loading.load(session.connection, [partnership.ref]).get(partnership.ref)
    history = histories.read_history(session.connection, record.id or 0) if record else []
    placed = [(f"{at}.event.{number}", event) for number, event in enumerate(partnership.event)]
    _check_times(placed, now)
    placed.sort(key=lambda pair: pair[1].at)
    if not any(event.event == FIRST for _, event in placed):
        earliest = placed[0][1] if placed else None
        first = _imply_first_event(session, partnership, earliest, history, now)
        placed.insert(0, (f"{at}.event.0", first))
    _imply_ends(session, placed, history)
    _check_new(partnership, [event for _, event in placed], len(history), at, options)
    for (place, event), entry in zip(placed, history, strict=False):
        _compare(partnership, event, entry, place)
        counts.count("events", None)
    return _Coming(partnership, record, len(history), placed[len(history) :])


def _check_new(
    partnership: GivenPartnership, events: Sequence[GivenEvent], known: int, at: str, options: Options
) -> None:
    """Raise `Refused` for new events that the user may not import: in others' names, or on a partnership on record.

    The first `known` events are on record.
    """
    new = events[known:]
    if known and new and not options.append:
        reason = f"{partnership.ref} has {known} events on record, and the file {len(new)} more: --append adds them"
        raise Refused([Unmet("append", reason)])
    if options.rights is not None:
        options.rights.require_acting((f"{at}, {event.event}", event.actor) for event in new)


def _imply_first_event(
    session: Session,
    partnership: GivenPartnership,
    first: GivenEvent | None,
    history: Sequence[HistoryEntry],
    now: datetime,
) -> GivenEvent:
    """Return the event that creates the partnership, for a file that leaves it out.

    Its actor and its time are those on record, else those of the earliest event in the file, `first`, else a staff
    person and now. Raises `BadInput` if there is no staff person.
    """
    values = {"school": partnership.school, "title": partnership.title}
    if history:
        # The record decides, since the file may have got an earlier event since the last import.
        began = history[0]
        return GivenEvent(event=FIRST, at=began.at, actor=began.actor, input=values)
    if first is not None:
        return GivenEvent(event=FIRST, at=first.at, actor=first.actor, input=values)
    staff = [person for person in session.directory.people.values() if Role.STAFF in person.roles]
    if not staff:
        problem = f"{partnership.ref} has no events, and there is no staff person to begin it"
        raise BadInput([Problem("partnership", problem, "an event, or a person with the role staff")])
    return GivenEvent(event=FIRST, at=now, actor=staff[0].email, input=values)


def _imply_ends(
    session: Session, placed: list[tuple[str, GivenEvent]], history: Sequence[HistoryEntry]
) -> None:
    """Put the end by the clock behind each termination whose day has come before a later event of the file.

    `placed` is in order of time. A file may leave these ends out. Terminations that are on record from before they
    waited for their day ended at once.
    """
    for number in reversed(range(len(placed))):
        place, event = placed[number]
        at_once = number < len(history) and history[number].to_state == State.TERMINATED
        at = None if at_once or event.event != "terminate" else _effective(session, event)
        later = [(after, following) for after, (_, following) in enumerate(placed) if after > number]
        # Another event about the end says itself what becomes of this one.
        if at is None or any(each.event in _ABOUT_THE_END for _, each in later):
            continue
        after = next((after for after, following in later if following.at >= at), None)
        if after is not None:
            placed.insert(after, (place, GivenEvent(event="expire", at=at, actor=Role.CLOCK)))


def _effective(session: Session, termination: GivenEvent) -> datetime | None:
    """Return when a termination of a later day takes effect; None for one of the same day, or without a day."""
    try:
        day = date.fromisoformat(str(termination.input.get("effective_on")))
    except ValueError:
        return None
    at = session.config.instant(day, time.min)
    return at if at > termination.at else None


def _check_times(placed: Sequence[tuple[str, GivenEvent]], now: datetime) -> None:
    """Raise `BadInput` with every event that is still to come. Each event is given with its place in the file."""
    mistakes = [
        Problem(f"{place}.at", f"{event.at.isoformat()} is still to come", "a time that has passed")
        for place, event in placed
        if event.at > now
    ]
    if mistakes:
        raise BadInput(mistakes)


def _compare(partnership: GivenPartnership, event: GivenEvent, entry: HistoryEntry, place: str) -> None:
    """Raise `BadInput` if an event is not the one on record: an import never rewrites a history."""
    state = State(entry.from_state) if entry.from_state else None
    takes = row_of(event.event, state).takes if event.event == entry.event else None
    try:
        text = canonical(as_stored(read_input(takes, _complete_input(partnership, event)))) if takes else None
    except BadInput as bad:
        raise _place_input(place, bad) from None
    same = (
        event.event == entry.event
        and event.at.astimezone(UTC) == entry.at
        # The record does not say which of the public asked, and a file may.
        and (event.actor == entry.actor or entry.role == Role.PUBLIC)
        and text == canonical(entry.input_values)
    )
    if not same:
        on_record = f"{entry.event} by {entry.actor} at {entry.at.isoformat()}"
        raise BadInput([Problem(place, "another event is on record here", f"{on_record}, with its input")])


def _write_event(
    session: Session, partnership: GivenPartnership, event: GivenEvent, place: str, ran_by: str | None
) -> Change:
    """Judge and write one event, and return the change. Raises errors that name its place in the file."""
    intent = Intent(
        ref=partnership.ref,
        event=event.event,
        input=_complete_input(partnership, event),
        actor=event.actor,
        channel=Channel.IMPORT,
        # An event of the past is judged by the time in the file, but by the directory of today.
        now=event.at,
        role=event.role,
        note=event.note,
        ran_by=ran_by,
    )
    where = f"{partnership.ref}, {event.event} at {event.at.isoformat()}"
    try:
        record = loading.load(session.connection, [intent.ref]).get(intent.ref) or engine.new_record(intent)
        # Deadlines are set after the last event: those of the states in between are over.
        return engine.write(session, [engine.decide(session, record, intent)], follow_up=False)[0]
    except Refused as refused:
        raise Refused(
            [Unmet(u.requirement, f"{where}: {u.reason}", u.clause) for u in refused.unmet]
        ) from None
    except UnknownEvent as unknown:
        raise BadInput([Problem(f"{place}.event", p.problem, p.expected) for p in unknown.problems]) from None
    except BadInput as bad:
        raise _place_input(place, bad) from None
    except errors.NotFound as missing:
        expected = "somebody the file or the directory names"
        raise BadInput([Problem(f"{place}.as", str(missing), expected)]) from None
    except LawError as error:
        raise BadInput([Problem(place, str(error))]) from None


def _complete_input(partnership: GivenPartnership, event: GivenEvent) -> dict[str, Any]:
    """Return the input of an event; the first event takes school and title from the partnership."""
    if event.event != FIRST:
        return event.input
    return {"school": partnership.school, "title": partnership.title} | event.input


def _place_input(place: str, bad: BadInput) -> BadInput:
    """Return the same problems with their place in the file."""
    return BadInput(
        [Problem(f"{place}.input.{p.at}".rstrip("."), p.problem, p.expected) for p in bad.problems]
    )


def _set_deadlines(session: Session, record: Snapshot, now: datetime) -> None:
    """Set the deadlines after the last event; those that fell due before the import are skipped."""
    key = record.key
    rows = deadlines.rows_of(session.connection, [key]).get(key, [])
    moves = deadlines.plan_moves(session.config, record, rows, now, imported=True)
    deadlines.write_beside(session.connection, moves.inserts, moves.updates)
