"""Adds and changes the rows of the directory and the calendar that a district file has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.errors import BadInput, Problem, list_few, suggest
from workflow import directory_changes
from workflow.record import changes
from workflow.record.district_file import DistrictFile, GivenMeeting, GivenPerson, find_lacking
from workflow.record.rights import Rights
from workflow.session import Session
from workflow.store import tables
from workflow.store.column_types import canonical
from workflow.views.shown_directory import find_unnamed


@dataclass(frozen=True, slots=True)
class Options:
    """What an import may do, besides adding to the record."""

    rights: Rights | None = None  # of the user who imports; None for a program that has all of them
    append: bool = False  # to add events to partnerships on record, and tell people
    because: str | None = None  # why meetings of the past are added to a record that is in use
    name: str = "file"


FREELY = Options()


@dataclass
class Counts:
    """The numbers of rows that an import added, changed or left unchanged, by kind."""

    added: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    board: list[str] = field(default_factory=list)  # what it added of items before the Board, in words

    def count(self, kind: str, done: str | None) -> None:
        """Count one row of a kind; `done` is "added", "changed" or None for unchanged."""
        table = {"added": self.added, "changed": self.changed, None: self.unchanged}[done]
        table[kind] = table.get(kind, 0) + 1


def import_directory(
    session: Session, file: DistrictFile, counts: Counts, by: str, now: datetime, options: Options
) -> None:
    """Add or change the rows of the directory.

    Raises `BadInput` with every mistake in them, and `Refused` for what the user may not grant and for meetings of
    the past.
    """
    if mistakes := [*_find_repeated(file), *_find_unknown(session, file)]:
        raise BadInput(mistakes)
    people = [(person.email, _person_values(person)) for person in file.person]
    if options.rights is not None:
        options.rights.require_grants(session.directory, people, session.config.calendar.day(now))
    known = _check_meetings(session, file, now, options)
    rows = (
        [(tables.schools, "schools", school.model_dump()) for school in file.school]
        + [(tables.organizations, "organizations", o.model_dump()) for o in file.organization]
        + [(tables.people, "people", values) for _, values in people]
        + [(tables.meetings, "meetings", _meeting_values(m) | known) for m in file.meeting]
    )
    for table, kind, values in rows:
        counts.count(kind, directory_changes.put(session.connection, table, values, by=by, now=now))


def is_first(session: Session) -> bool:
    """Return whether no partnership is on record yet."""
    return session.connection.scalar(select(tables.partnerships.c.id).limit(1)) is None


def _meeting_values(meeting: GivenMeeting) -> dict[str, Any]:
    return {"on": meeting.on, "at": meeting.at.strftime("%H:%M"), "kind": meeting.kind}


def _check_meetings(session: Session, file: DistrictFile, now: datetime, options: Options) -> dict[str, None]:
    """Return what rows of new meetings say besides their day: in the first import, that they were always known.

    A district that moves to this program brings its past, and its meetings with it. Once there is a partnership, a
    meeting of the past needs a reason (`because`). Raises `Refused` without one.
    """
    if is_first(session):
        return {"known_at": None}
    if not options.because:
        rows = session.connection.execute(select(tables.meetings))
        on_record = {(row.on, row.at, row.kind) for row in rows}
        days = [
            (f"meeting.{number}.on", meeting.on)
            for number, meeting in enumerate(file.meeting)
            if tuple(_meeting_values(meeting).values()) not in on_record
        ]
        changes.require_to_come(session, days, now)
    return {}


def _find_unknown(session: Session, file: DistrictFile) -> list[Problem]:
    """Return a problem for each reference to a row that neither the file nor the directory has."""
    mistakes = []
    schools = {school.id for school in file.school} | session.directory.schools.keys()
    people = {person.email for person in file.person} | session.directory.people.keys()
    organizations = {o.id for o in file.organization} | session.directory.organizations.keys()
    for number, person in enumerate(file.person):
        for school in person.schools:
            mistakes += _find_wrong(f"person.{number}.schools", "school", school, schools)
        known = session.directory.people.get(person.email)
        # A key that the file leaves out keeps what the directory has.
        given = person.model_fields_set
        kept = known.organization if known and "organization" not in given else None
        rights = known.contact_rights if known and "contact_rights" not in given else person.contact_rights
        places = [f"person.{number}.{name}" for name in ("schools", "organization", "contact_rights")]
        mistakes += find_lacking(
            (places[0], places[1], places[2]),
            person.roles,
            person.schools,
            person.organization or kept,
            rights,
        )
        if person.organization and person.organization not in organizations:
            shown = organizations - find_unnamed(session).organizations
            at = f"person.{number}.organization"
            mistakes += _find_wrong(at, "organization", person.organization, shown)
        if person.delegate and person.delegate not in people:
            at, expected = f"person.{number}.delegate", "somebody the file or the directory has"
            mistakes.append(Problem(at, f"there is no person {person.delegate!r}", expected))
    for number, partnership in enumerate(file.partnership):
        mistakes += _find_wrong(f"partnership.{number}.school", "school", partnership.school, schools)
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


def _find_wrong(at: str, kind: str, key: str, known: Collection[str]) -> list[Problem]:
    """Return a problem if a key is not among those that the file or the directory has."""
    if key in known:
        return []
    few = list_few(known, "")
    right = f"one of {few}" if few else "one that the file or the directory has"
    return [Problem(at, f"there is no {kind} {key!r}{suggest(key, known)}", right)]


def _person_values(person: GivenPerson) -> dict[str, Any]:
    """Return the columns of a person that the file gives; the others stay as they are."""
    values = person.model_dump(exclude_unset=True)
    if "contact_rights" in values:
        values["contact_rights"] = canonical(person.contact_rights)
    return values | {"roles": canonical(person.roles), "schools": canonical(person.schools)}
