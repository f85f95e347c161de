"""Takes a district file in: the directory first, then each partnership's events through the same door as any.

All or nothing, and the same file twice changes nothing: events that are on record already are compared.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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

from states.errors import BadInput, LawError, Problem, Refused, UnknownEvent
from states.inputs import Day, Email, Identifier, Name, as_stored, read_input
from states.machine import FIRST, row_of
from states.mistakes import problems_of
from states.partnership import Kind, Role, State
from workflow import deadlines, directory, engine
from workflow.engine import Intent
from workflow.procedure.config import UNREADABLE, explain_unreadable
from workflow.procedure.settings import Clock
from workflow.record import verify
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.rows import Channel, HistoryEntry, Snapshot
from workflow.store.tables import canonical

GivenRole = Literal["principal", "staff", "superintendent", "board-office", "reviewer", "lead-partner"]


class Given(BaseModel):
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


def _within_reach(value: datetime) -> datetime:
    if not 1900 < value.year < 2199:  # further off no zone can say which day it is
        raise ValueError(f"{value.isoformat()} is out of reach; give a time of the years 1901 to 2198")
    return value


def _readable(value: str) -> str:
    if "\x00" in value:  # which no text in PostgreSQL can have
        raise ValueError("it has a character that nobody can read (U+0000); take it out")
    return value


class GivenEvent(Given):
    event: Name
    at: Annotated[AwareDatetime, AfterValidator(_within_reach)]
    actor: Name = Field(validation_alias=AliasChoices("as", "actor"))
    role: Role | None = None
    input: dict[str, Any] = {}
    note: Annotated[str, AfterValidator(_readable)] | None = None


class GivenPartnership(Given):
    ref: Identifier
    school: Identifier
    title: Name
    event: tuple[GivenEvent, ...] = ()


class DistrictFile(Given):
    """A district file, as TOML has it: a list of tables of each kind."""

    school: tuple[GivenSchool, ...] = ()
    organization: tuple[GivenOrganization, ...] = ()
    person: tuple[GivenPerson, ...] = ()
    meeting: tuple[GivenMeeting, ...] = ()
    partnership: tuple[GivenPartnership, ...] = ()


@dataclass
class Counts:
    """What an import did."""

    added: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)

    def count(self, kind: str, what: str | None) -> None:
        table = {"added": self.added, "changed": self.changed, None: self.unchanged}[what]
        table[kind] = table.get(kind, 0) + 1


class _DryRun(Exception):
    """Ends the transaction of a dry run."""


def read_file(path: Path) -> DistrictFile:
    """A district file. Raises `BadInput` with every mistake in its form."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        problem = f"it cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(str(path), problem, "a district file in TOML")]) from None
    try:
        return DistrictFile.model_validate(data)
    except ValidationError as error:
        raise BadInput(problems_of(error, DistrictFile)) from None


def take_in(
    system: System,
    given: DistrictFile,
    *,
    by: str,
    now: datetime,
    ran_by: str | None = None,
    dry_run: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Counts:
    """Take a district file in, whole or not at all. `progress` is called after each partnership.

    Raises `BadInput`, or `Refused` with the place of every event that the law does not allow.
    """
    counts = Counts()

    def work(session: Session) -> None:
        counts.__init__()  # type: ignore[misc]
        _directory(session, given, counts, by, now)
        fresh = Session(
            session.connection, session.config, directory.read(session.connection, session.config)
        )
        for number, partnership in enumerate(given.partnership):
            _partnership(fresh, partnership, f"partnership.{number}", counts, now, ran_by)
            progress()
        if dry_run:
            raise _DryRun

    with suppress(_DryRun):
        system.transact(work)
    return counts


def _directory(session: Session, given: DistrictFile, counts: Counts, by: str, now: datetime) -> None:
    found = _twice(given)
    known = {school.id for school in given.school} | session.directory.schools.keys()
    people = {person.email for person in given.person} | session.directory.people.keys()
    organizations = {o.id for o in given.organization} | session.directory.organizations.keys()
    for number, person in enumerate(given.person):
        found += [
            Problem(f"person.{number}.schools", f"there is no school {school!r}", _some(known))
            for school in person.schools
            if school not in known
        ]
        if person.organization and person.organization not in organizations:
            at = f"person.{number}.organization"
            found.append(
                Problem(at, f"there is no organization {person.organization!r}", _some(organizations))
            )
        if person.delegate and person.delegate not in people:
            at, expected = f"person.{number}.delegate", "somebody the file or the directory has"
            found.append(Problem(at, f"there is no person {person.delegate!r}", expected))
    for number, partnership in enumerate(given.partnership):
        if partnership.school not in known:
            at = f"partnership.{number}.school"
            found.append(Problem(at, f"there is no school {partnership.school!r}", _some(known)))
    if found:
        raise BadInput(found)
    rows = (
        [(tables.schools, "schools", school.model_dump()) for school in given.school]
        + [(tables.organizations, "organizations", o.model_dump()) for o in given.organization]
        + [(tables.people, "people", _person(person)) for person in given.person]
        + [
            (tables.meetings, "meetings", {"on": m.on, "at": m.at.strftime("%H:%M"), "kind": m.kind})
            for m in given.meeting
        ]
    )
    for table, kind, values in rows:
        counts.count(kind, directory.put(session.connection, table, values, by=by, now=now))


def _twice(given: DistrictFile) -> list[Problem]:
    """What stands twice in the file: the second would replace the first, whenever the file is taken in."""
    kinds: dict[str, list[Any]] = {
        "school": [school.id for school in given.school],
        "organization": [organization.id for organization in given.organization],
        "person": [person.email for person in given.person],
        "meeting": [meeting.on for meeting in given.meeting],
        "partnership": [partnership.ref for partnership in given.partnership],
    }
    found = []
    for kind, keys in kinds.items():
        first = dict(reversed([(key, number) for number, key in enumerate(keys)]))
        found += [
            Problem(f"{kind}.{number}", f"{key} stands there twice", f"each {kind} once")
            for number, key in enumerate(keys)
            if first[key] != number
        ]
    return found


def _some(known: Any) -> str:
    return "one of " + ", ".join(sorted(known)) if known else "one that the file or the directory has"


def _person(person: GivenPerson) -> dict[str, Any]:
    values = person.model_dump(exclude_unset=True)
    return values | {"roles": canonical(person.roles), "schools": canonical(person.schools)}


def _partnership(
    session: Session, given: GivenPartnership, at: str, counts: Counts, now: datetime, ran_by: str | None
) -> None:
    record = engine.load(session.connection, [given.ref]).get(given.ref)
    history = verify.entries(session.connection, record.id or 0) if record else []
    first = [] if _starts(given) else [_identify(session, given, history, now)]
    wanted = [*first, *given.event]
    _check_times(wanted, at, len(first), now)
    for number, event in enumerate(wanted):
        place = f"{at}.event.{max(number - len(first), 0)}"
        if number < len(history):
            _compare(given, event, history[number], place)
            counts.count("events", None)
            continue
        record = _do(session, given, event, place, ran_by)
        counts.count("events", "added")
    counts.count(
        "partnerships", "added" if not history else "changed" if len(wanted) > len(history) else None
    )
    if record is not None and len(wanted) > len(history):
        _arm(session, record, now)


def _starts(given: GivenPartnership) -> bool:
    return bool(given.event) and given.event[0].event == FIRST


def _identify(
    session: Session, given: GivenPartnership, history: Sequence[HistoryEntry], now: datetime
) -> GivenEvent:
    """The event that creates the partnership, where the file leaves it to be understood."""
    values = {"school": given.school, "title": given.title}
    if history:
        began = history[0]  # who began it and when is settled, whatever the file was extended by
        return GivenEvent(event=FIRST, at=began.at, actor=began.actor, input=values)
    if given.event:
        first = given.event[0]
        return GivenEvent(event=FIRST, at=first.at, actor=first.actor, input=values)
    staff = [person for person in session.directory.people.values() if Role.STAFF in person.roles]
    if not staff:
        problem = f"{given.ref} has no events, and there is no staff person to begin it"
        raise BadInput([Problem("partnership", problem, "an event, or a person with the role staff")])
    return GivenEvent(event=FIRST, at=now, actor=staff[0].email, input=values)


def _check_times(events: Sequence[GivenEvent], at: str, implied: int, now: datetime) -> None:
    found, before = [], None
    for number, event in enumerate(events):
        place = f"{at}.event.{max(number - implied, 0)}.at"
        if event.at > now and number >= implied:  # what the file does not say is not its mistake
            found.append(Problem(place, f"{event.at.isoformat()} is still to come", "a time that has passed"))
        if before is not None and event.at < before:
            found.append(
                Problem(place, f"{event.at.isoformat()} is before the event before it", "events in order")
            )
        before = event.at
    if found:
        raise BadInput(found)


def _compare(partnership: GivenPartnership, event: GivenEvent, entry: HistoryEntry, place: str) -> None:
    """Refuse an event that is not the one on record: a history is not rewritten by an import."""
    state = State(entry.from_state) if entry.from_state else None
    takes = row_of(event.event, state).takes if event.event == entry.event else None
    try:
        given = canonical(as_stored(read_input(takes, _input(partnership, event)))) if takes else None
    except BadInput as bad:
        raise _inside(place, bad) from None
    same = (
        event.event == entry.event
        and event.at.astimezone(UTC) == entry.at
        and event.actor == entry.actor
        and given == canonical(entry.input_values)
    )
    if not same:
        on_record = f"{entry.event} by {entry.actor} at {entry.at.isoformat()}"
        raise BadInput([Problem(place, "another event is on record here", f"{on_record}, with its input")])


def _do(
    session: Session, given: GivenPartnership, event: GivenEvent, place: str, ran_by: str | None
) -> Snapshot:
    intent = Intent(
        ref=given.ref,
        event=event.event,
        input=_input(given, event),
        actor=event.actor,
        channel=Channel.IMPORT,
        now=event.at,
        role=event.role,
        note=event.note,
        ran_by=ran_by,
    )
    where = f"{given.ref}, {event.event} at {event.at.isoformat()}"
    try:
        known = engine.load(session.connection, [given.ref]).get(given.ref) or engine.new_record(intent)
        return engine.write(session, [engine.decide(session, known, intent)], arm=False)[0].record
    except Refused as refused:
        raise Refused([_placed(unmet, where) for unmet in refused.unmet]) from None
    except UnknownEvent as unknown:
        raise BadInput([Problem(f"{place}.event", p.problem, p.expected) for p in unknown.problems]) from None
    except BadInput as bad:
        raise _inside(place, bad) from None
    except engine.NotFound as missing:
        raise BadInput(
            [Problem(f"{place}.as", str(missing), "somebody the file or the directory names")]
        ) from None
    except LawError as error:
        raise BadInput([Problem(place, str(error))]) from None


def _input(given: GivenPartnership, event: GivenEvent) -> dict[str, Any]:
    """The input of an event; school and title of the partnership need not be said twice."""
    if event.event != FIRST:
        return event.input
    return {"school": given.school, "title": given.title} | event.input


def _inside(place: str, bad: BadInput) -> BadInput:
    return BadInput(
        [Problem(f"{place}.input.{p.at}".rstrip("."), p.problem, p.expected) for p in bad.problems]
    )


def _placed(unmet: Any, where: str) -> Any:
    return type(unmet)(unmet.requirement, f"{where}: {unmet.reason}", unmet.clause)


def _arm(session: Session, record: Snapshot, now: datetime) -> None:
    """Set the deadlines after the last event; what fell before the import is passed over."""
    key = record.key
    rows = deadlines.rows_of(session.connection, [key]).get(key, [])
    found = deadlines.plan_moves(session.config, record, rows, now, imported=True)
    deadlines.write(session.connection, found.inserts, found.updates)
