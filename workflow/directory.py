"""Who is who: schools, organizations, people with their roles, and the Board's calendar of meetings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from states.case import Meaning, Meeting, Organization
from states.partnership import Partnership, Role
from workflow.procedure.config import Config
from workflow.store import database, tables
from workflow.store.tables import canonical

# Roles that the directory itself gives, for the whole district or for a school.
DISTRICT_ROLES = (Role.STAFF, Role.SUPERINTENDENT, Role.BOARD_OFFICE)


@dataclass(frozen=True, slots=True)
class School:
    id: str
    name: str
    invited_on: date | None = None


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    name: str
    roles: tuple[str, ...] = ()
    schools: tuple[str, ...] = ()
    organization: str | None = None
    away_until: date | None = None
    delegate: str | None = None
    active: bool = True
    digest: bool = False


@dataclass(frozen=True)
class Directory:
    """The directory at one moment. Immutable, so it is read once and shared until it changes."""

    version: str
    schools: Mapping[str, School]
    organizations: Mapping[str, Organization]
    people: Mapping[str, Person]
    meetings: tuple[Meeting, ...]

    @cached_property
    def regular(self) -> tuple[Meeting, ...]:
        return tuple(meeting for meeting in self.meetings if meeting.kind == "regular")

    @cached_property
    def _by_role(self) -> dict[str, tuple[Person, ...]]:
        found: dict[str, list[Person]] = {}
        for person in self.people.values():
            for role in person.roles if person.active else ():
                found.setdefault(role, []).append(person)
        return {role: tuple(people) for role, people in found.items()}

    def meeting(self, day: date | None) -> Meeting | None:
        """The meeting of a day, if there is one."""
        return next((meeting for meeting in self.meetings if meeting.on == day), None)

    def next_regular(self, after: date, now: datetime) -> Meeting | None:
        """The first regular meeting later than the day `after` that has not begun."""
        return next((m for m in self.regular if m.on > after and m.at > now), None)

    def person(self, email: str, facts: Partnership | None = None) -> Person | None:
        """Somebody by address: from the directory, or a contact named in the facts."""
        known = self.people.get(email)
        if known is not None or facts is None:
            return known
        if facts.contact and facts.contact.email == email:
            return Person(email, facts.contact.name)
        selections = (*facts.earlier_selections, *((facts.selection,) if facts.selection else ()))
        for selection in selections:
            for application in selection.applications.values():
                if application.contact_email == email:
                    return Person(email, application.contact_name, organization=application.organization)
        return None

    def roles_of(self, person: Person, facts: Partnership, organization: str | None = None) -> list[Role]:
        """In which roles somebody can act on a partnership; `organization` is the one an event is about."""
        found: list[Role] = []
        if person.active:
            found += [role for role in DISTRICT_ROLES if role in person.roles]
            if Role.PRINCIPAL in person.roles and facts.school in person.schools:
                found.append(Role.PRINCIPAL)
        if facts.selection and person.email in facts.selection.reviewers:
            found.append(Role.REVIEWER)
        if facts.contact and facts.contact.email == person.email:
            found.append(Role.LEAD_PARTNER)
        if self._applies(person, facts, organization):
            found.append(Role.APPLICANT)
        return found

    def _applies(self, person: Person, facts: Partnership, organization: str | None) -> bool:
        applications = facts.selection.applications if facts.selection else {}
        if organization is None:
            return any(a.contact_email == person.email for a in applications.values())
        mine = applications.get(organization)
        if mine is not None and mine.contact_email == person.email:
            return True
        return person.active and person.organization == organization

    def holders(self, role: str, facts: Partnership, organization: str | None = None) -> list[Person]:
        """The people who hold a role in a partnership; "this-applicant" is the one of `organization`."""
        if role == Role.PRINCIPAL:
            return [p for p in self._by_role.get(role, ()) if facts.school in p.schools]
        if role == Role.REVIEWER:
            return [self.someone(email) for email in (facts.selection.reviewers if facts.selection else ())]
        if role == Role.LEAD_PARTNER:
            return [self.someone(facts.contact.email, facts.contact.name)] if facts.contact else []
        if role in (Role.APPLICANT, "this-applicant"):
            applications = facts.selection.applications if facts.selection else {}
            return [
                self.someone(a.contact_email, a.contact_name)
                for a in applications.values()
                if role == Role.APPLICANT or a.organization == organization
            ]
        return list(self._by_role.get(role, ()))

    def someone(self, email: str, name: str | None = None) -> Person:
        """The person of an address, known to the directory or not."""
        return self.people.get(email) or Person(email, name or email)

    def school_name(self, school: str) -> str:
        """Return the name of a school, or its identifier where the directory does not know it."""
        known = self.schools.get(school)
        return known.name if known else school

    def names(self) -> dict[str, str]:
        """Names by identifier of an organization and by address of a person."""
        organizations = {key: value.name for key, value in self.organizations.items()}
        return organizations | {key: value.name for key, value in self.people.items()}


_VERSION = select(tables.meta.c.value).where(tables.meta.c.key == "directory")


def version_of(connection: Connection) -> str:
    """A text that changes whenever the directory does."""
    found = connection.scalar(_VERSION)
    return str(found or "0")


def read(connection: Connection, config: Config) -> Directory:
    """The whole directory."""
    # First: of what others change meanwhile a newer part under an older number is read again, the opposite never.
    version = version_of(connection)
    schools = {row.id: School(row.id, row.name, row.invited_on) for row in _rows(connection, tables.schools)}
    organizations = {
        row.id: Organization(id=row.id, name=row.name, kind=row.kind)
        for row in _rows(connection, tables.organizations)
    }
    people = {row.email: _person(row) for row in _rows(connection, tables.people)}
    return Directory(version, schools, organizations, people, _meetings(connection, config))


def _rows(connection: Connection, table: Table) -> Iterable[Any]:
    # Sorted here: who comes first is told first, and each database has an order of its own for text.
    key = next(iter(table.primary_key.columns)).name
    return sorted(connection.execute(select(table)), key=lambda row: row._mapping[key])


def _person(row: Any) -> Person:
    return Person(
        row.email,
        row.name,
        tuple(json.loads(row.roles)),
        tuple(json.loads(row.schools)),
        row.organization,
        row.away_until,
        row.delegate,
        row.active,
        row.digest,
    )


def _meetings(connection: Connection, config: Config) -> tuple[Meeting, ...]:
    """The meetings of the configuration, and those of the table, which count where both know a day."""
    board = config.procedure.board
    known = dict.fromkeys(board.meetings, (board.meeting_at, "regular"))
    for row in _rows(connection, tables.meetings):
        known[row.on] = (time.fromisoformat(row.at), row.kind)
    return tuple(_meeting(config, day, at, kind) for day, (at, kind) in sorted(known.items()))


def _meeting(config: Config, day: date, at: time, kind: str) -> Meeting:
    _, packet = config.meaning(Meaning.AGENDA)
    closes = packet.due.resolve(
        {"board.meeting": day},
        at=config.clock(packet),
        roll=packet.roll,
        calendar=config.calendar,
        since=None,
        done=(),
    )
    return Meeting(
        on=day,
        at=config.instant(day, at),
        kind=kind,
        agenda_closes_at=closes and config.calendar.local(closes),
    )


def put(
    connection: Connection,
    table: Table,
    values: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    dry: bool = False,
) -> str | None:
    """Add a row of the directory or change it. Tells "added" or "changed", or None if it was so already."""
    database.one_at_a_time(connection, "directory")
    key = next(iter(table.primary_key.columns))
    same = select(table).where(key == values[key.name])
    found = connection.execute(same).mappings().first()
    before = dict(found) if found else None
    if before is not None and all(before[name] == value for name, value in values.items()):
        return None
    if before is None:
        connection.execute(insert(table).values(**values))
    else:
        connection.execute(update(table).where(key == values[key.name]).values(**values))
    after = {**(before or {}), **values}
    _note(connection, f"{table.name} {values[key.name]}", before, after, by, now)
    return "added" if before is None else "changed"


def remove(connection: Connection, table: Table, key: object, *, by: str, now: datetime) -> bool:
    """Take a row out of the directory; False if it is not there."""
    database.one_at_a_time(connection, "directory")
    column = next(iter(table.primary_key.columns))
    found = connection.execute(select(table).where(column == key)).mappings().first()
    if found is None:
        return False
    connection.execute(delete(table).where(column == key))
    _note(connection, f"{table.name} {key}", dict(found), None, by, now)
    return True


def record_change(connection: Connection, what: str, after: object, *, by: str, now: datetime) -> None:
    """Keep on record that somebody changed something besides the directory itself."""
    table = tables.directory_changes
    connection.execute(insert(table).values(at=now, by=by, what=what, before=None, after=canonical(after)))


def _note(
    connection: Connection, what: str, before: Mapping[str, Any] | None, after: Any, by: str, now: datetime
) -> None:
    connection.execute(
        insert(tables.directory_changes).values(
            at=now, by=by, what=what, before=_text(before), after=_text(after)
        )
    )
    new = str(int(version_of(connection)) + 1)
    changed = connection.execute(
        update(tables.meta).where(tables.meta.c.key == "directory").values(value=new)
    )
    if changed.rowcount == 0:
        connection.execute(insert(tables.meta).values(key="directory", value=new))


def _text(values: Mapping[str, Any] | None) -> str | None:
    if values is None:
        return None
    return canonical({k: v.isoformat() if isinstance(v, date) else v for k, v in values.items()})


def feed_generation(connection: Connection, email: str) -> int:
    """Which of the addresses of somebody's calendar feed works: it counts up as a new one is made."""
    table = tables.addresses
    return connection.scalar(select(table.c.feed).where(table.c.email == email)) or 0


def renew_feed(connection: Connection, email: str) -> int:
    """End the earlier addresses of somebody's calendar feed. The new generation."""
    table = tables.addresses
    mine = table.c.email == email
    if not connection.execute(update(table).where(mine).values(feed=table.c.feed + 1)).rowcount:
        connection.execute(insert(table).values(email=email, feed=1))
    return feed_generation(connection, email)


def find_reachable(directory: Directory, person: Person, today: date) -> Person:
    """The person, or while away the delegate he or she named, and while that one is away that one's.

    Where that leads nowhere, to somebody who has left or in a circle, the last one who can be reached.
    """
    seen = {person.email}
    while person.away_until and today <= person.away_until and person.delegate:
        following = directory.people.get(person.delegate)
        if following is None or not following.active or following.email in seen:
            break
        seen.add(following.email)
        person = following
    return person
