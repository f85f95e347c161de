"""Imports a district file: first the directory, then the events of each partnership, judged like any event.

An import happens whole or not at all. The same file twice changes nothing: an event that is on record already is
compared with the file, never written again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

from states.errors import BadInput, LawError, Problem, Refused, UnknownEvent, Unmet
from states.inputs import Day, Email, Identifier, Name, as_stored, read_input
from states.machine import FIRST, row_of
from states.mistakes import problems_of
from states.partnership import Kind, Role, State
from workflow import deadlines, directory, engine
from workflow.engine import Intent
from workflow.procedure.reading import UNREADABLE, explain_unreadable, read_toml
from workflow.procedure.settings import Clock
from workflow.record import verify
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.rows import Channel, HistoryEntry, Snapshot
from workflow.store.tables import canonical

GivenRole = Literal["principal", "staff", "superintendent", "board-office", "reviewer", "lead-partner"]


class Given(BaseModel):
    """A table of a district file: immutable, and without keys that it does not define."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class GivenSchool(Given):
    id: Identifier
    name: Name
    invited_on: Day | None = None


class GivenOrganization(Given):
    id: Identifier
    name: Name
    kind: Kind


class GivenPerson(Given):
    email: Email
    name: Name
    roles: tuple[GivenRole, ...] = ()
    schools: tuple[Identifier, ...] = ()
    organization: Identifier | None = None
    away_until: Day | None = None
    delegate: Email | None = None
    digest: bool = False


class GivenMeeting(Given):
    on: Day
    at: Clock
    kind: Literal["regular", "special"] = "regular"


def _check_year(value: datetime) -> datetime:
    # Near the first and the last year of Python's calendar a conversion to another zone overflows.
    if not 1900 < value.year < 2199:
        raise ValueError(f"{value.isoformat()} is out of reach; give a time of the years 1901 to 2198")
    return value


def _check_text(value: str) -> str:
    # PostgreSQL stores no text with this character.
    if "\x00" in value:
        raise ValueError("it has a character that nobody can read (U+0000); take it out")
    return value


class GivenEvent(Given):
    event: Name
    at: Annotated[AwareDatetime, AfterValidator(_check_year)]
    actor: Name = Field(validation_alias=AliasChoices("as", "actor"))
    role: Role | None = None
    input: dict[str, Any] = {}
    note: Annotated[str, AfterValidator(_check_text)] | None = None


class GivenPartnership(Given):
    ref: Identifier
    school: Identifier
    title: Name
    event: tuple[GivenEvent, ...] = ()


class DistrictFile(Given):
    """A district file: for each kind of table, the list that TOML has of it."""

    school: tuple[GivenSchool, ...] = ()
    organization: tuple[GivenOrganization, ...] = ()
    person: tuple[GivenPerson, ...] = ()
    meeting: tuple[GivenMeeting, ...] = ()
    partnership: tuple[GivenPartnership, ...] = ()


@dataclass
class Counts:
    """The numbers of rows that an import added, changed or left unchanged, by kind."""

    added: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)

    def count(self, kind: str, done: str | None) -> None:
        """Count one row of a kind; `done` is "added", "changed" or None for unchanged."""
        table = {"added": self.added, "changed": self.changed, None: self.unchanged}[done]
        table[kind] = table.get(kind, 0) + 1


def read_file(path: Path) -> DistrictFile:
    """Read a district file. Raises `BadInput` with every mistake in its form."""
    try:
        data = read_toml(path)
    except UNREADABLE as error:
        problem = f"it cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(str(path), problem, "a district file in TOML")]) from None
    try:
        return DistrictFile.model_validate(data)
    except ValidationError as error:
        raise BadInput(problems_of(error, DistrictFile)) from None


def take_in(
    system: System,
    file: DistrictFile,
    *,
    by: str,
    now: datetime,
    ran_by: str | None = None,
    dry_run: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Counts:
    """Import a district file, whole or not at all, and return what it did.

    1. Check the directory of the file, and add or change its rows.
    2. For each partnership compare its first events with the history on record, and write the others.
    3. Set the deadlines of each partnership that has new events. Call `progress`.

    A `dry_run` does the same and undoes it. Raises `BadInput` for mistakes in the file, each with its place, and
    `Refused` for an event that the law does not allow, with its partnership, its name and its time.
    """

    def work(session: Session) -> Counts:
        counts = Counts()
        _import_directory(session, file, counts, by, now)
        # The session still has the directory as it was before the file.
        fresh = replace(session, directory=directory.read(session.connection, session.config))
        for number, partnership in enumerate(file.partnership):
            _import_partnership(fresh, partnership, f"partnership.{number}", counts, now, ran_by)
            progress()
        return counts

    return system.transact(work, dry_run=dry_run)


def _import_directory(session: Session, file: DistrictFile, counts: Counts, by: str, now: datetime) -> None:
    """Add or change the rows of the directory. Raises `BadInput` with every mistake in them."""
    if mistakes := [*_find_repeated(file), *_find_unknown(session, file)]:
        raise BadInput(mistakes)
    rows = (
        [(tables.schools, "schools", school.model_dump()) for school in file.school]
        + [(tables.organizations, "organizations", o.model_dump()) for o in file.organization]
        + [(tables.people, "people", _person_values(person)) for person in file.person]
        + [
            (tables.meetings, "meetings", {"on": m.on, "at": m.at.strftime("%H:%M"), "kind": m.kind})
            for m in file.meeting
        ]
    )
    for table, kind, values in rows:
        counts.count(kind, directory.put(session.connection, table, values, by=by, now=now))


def _find_unknown(session: Session, file: DistrictFile) -> list[Problem]:
    """Return a problem for each reference to a row that neither the file nor the directory has."""
    mistakes = []
    schools = {school.id for school in file.school} | session.directory.schools.keys()
    people = {person.email for person in file.person} | session.directory.people.keys()
    organizations = {o.id for o in file.organization} | session.directory.organizations.keys()
    for number, person in enumerate(file.person):
        mistakes += [
            Problem(f"person.{number}.schools", f"there is no school {school!r}", _one_of(schools))
            for school in person.schools
            if school not in schools
        ]
        if person.organization and person.organization not in organizations:
            at, expected = f"person.{number}.organization", _one_of(organizations)
            mistakes.append(Problem(at, f"there is no organization {person.organization!r}", expected))
        if person.delegate and person.delegate not in people:
            at, expected = f"person.{number}.delegate", "somebody the file or the directory has"
            mistakes.append(Problem(at, f"there is no person {person.delegate!r}", expected))
    for number, partnership in enumerate(file.partnership):
        if partnership.school not in schools:
            at = f"partnership.{number}.school"
            mistakes.append(Problem(at, f"there is no school {partnership.school!r}", _one_of(schools)))
    return mistakes


def _find_repeated(file: DistrictFile) -> list[Problem]:
    """Return a problem for each row that the file has twice: at every import the second would replace the first."""
    kinds: dict[str, list[Any]] = {
        "school": [school.id for school in file.school],
        "organization": [organization.id for organization in file.organization],
        "person": [person.email for person in file.person],
        "meeting": [meeting.on for meeting in file.meeting],
        "partnership": [partnership.ref for partnership in file.partnership],
    }
    mistakes = []
    for kind, keys in kinds.items():
        # Reversed, so that the first of several equal keys remains.
        first = dict(reversed([(key, number) for number, key in enumerate(keys)]))
        mistakes += [
            Problem(f"{kind}.{number}", f"{key} stands there twice", f"each {kind} once")
            for number, key in enumerate(keys)
            if first[key] != number
        ]
    return mistakes


def _one_of(keys: Collection[str]) -> str:
    return "one of " + ", ".join(sorted(keys)) if keys else "one that the file or the directory has"


def _person_values(person: GivenPerson) -> dict[str, Any]:
    """Return the columns of a person that the file gives; the others stay as they are."""
    values = person.model_dump(exclude_unset=True)
    return values | {"roles": canonical(person.roles), "schools": canonical(person.schools)}


def _import_partnership(
    session: Session,
    partnership: GivenPartnership,
    at: str,
    counts: Counts,
    now: datetime,
    ran_by: str | None,
) -> None:
    """Compare the events that are on record with the file, write those that follow, and set the deadlines.

    `at` is the place of the partnership in the file. The file may leave out the first event: then the second event
    of the history stands first in the file.
    """
    record = engine.load(session.connection, [partnership.ref]).get(partnership.ref)
    history = verify.read_history(session.connection, record.id or 0) if record else []
    has_first = bool(partnership.event) and partnership.event[0].event == FIRST
    implied = [] if has_first else [_imply_first_event(session, partnership, history, now)]
    events = [*implied, *partnership.event]
    _check_times(events, at, len(implied), now)
    for number, event in enumerate(events):
        place = f"{at}.event.{max(number - len(implied), 0)}"
        if number < len(history):
            _compare(partnership, event, history[number], place)
            counts.count("events", None)
            continue
        record = _write_event(session, partnership, event, place, ran_by)
        counts.count("events", "added")
    counts.count(
        "partnerships", "added" if not history else "changed" if len(events) > len(history) else None
    )
    if record is not None and len(events) > len(history):
        _set_deadlines(session, record, now)


def _imply_first_event(
    session: Session, partnership: GivenPartnership, history: Sequence[HistoryEntry], now: datetime
) -> GivenEvent:
    """Return the event that creates the partnership, for a file that leaves it out.

    Its actor and its time are those on record, else those of the first event in the file, else a staff person and
    now. Raises `BadInput` if there is no staff person.
    """
    values = {"school": partnership.school, "title": partnership.title}
    if history:
        # The record decides, since the file may have got an earlier event since the last import.
        began = history[0]
        return GivenEvent(event=FIRST, at=began.at, actor=began.actor, input=values)
    if partnership.event:
        first = partnership.event[0]
        return GivenEvent(event=FIRST, at=first.at, actor=first.actor, input=values)
    staff = [person for person in session.directory.people.values() if Role.STAFF in person.roles]
    if not staff:
        problem = f"{partnership.ref} has no events, and there is no staff person to begin it"
        raise BadInput([Problem("partnership", problem, "an event, or a person with the role staff")])
    return GivenEvent(event=FIRST, at=now, actor=staff[0].email, input=values)


def _check_times(events: Sequence[GivenEvent], at: str, implied: int, now: datetime) -> None:
    """Raise `BadInput` with every event that is still to come or is before the one above it.

    The first `implied` events are not in the file, so the file cannot be wrong about their time.
    """
    mistakes, before = [], None
    for number, event in enumerate(events):
        place, time = f"{at}.event.{max(number - implied, 0)}.at", event.at.isoformat()
        if event.at > now and number >= implied:
            mistakes.append(Problem(place, f"{time} is still to come", "a time that has passed"))
        if before is not None and event.at < before:
            mistakes.append(Problem(place, f"{time} is before the event before it", "events in order"))
        before = event.at
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
        and event.actor == entry.actor
        and text == canonical(entry.input_values)
    )
    if not same:
        on_record = f"{entry.event} by {entry.actor} at {entry.at.isoformat()}"
        raise BadInput([Problem(place, "another event is on record here", f"{on_record}, with its input")])


def _write_event(
    session: Session, partnership: GivenPartnership, event: GivenEvent, place: str, ran_by: str | None
) -> Snapshot:
    """Judge and write one event, and return the record after it. Raises errors that name its place in the file."""
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
        record = engine.load(session.connection, [intent.ref]).get(intent.ref) or engine.new_record(intent)
        # Deadlines are set after the last event: those of the states in between are over.
        return engine.write(session, [engine.decide(session, record, intent)], follow_up=False)[0].record
    except Refused as refused:
        raise Refused(
            [Unmet(u.requirement, f"{where}: {u.reason}", u.clause) for u in refused.unmet]
        ) from None
    except UnknownEvent as unknown:
        raise BadInput([Problem(f"{place}.event", p.problem, p.expected) for p in unknown.problems]) from None
    except BadInput as bad:
        raise _place_input(place, bad) from None
    except engine.NotFound as missing:
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
    deadlines.write(session.connection, moves.inserts, moves.updates)
