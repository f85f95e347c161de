"""Reads the directory: schools, organizations, people with their roles, the Board's meetings."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from states.addresses import workplace
from states.case import Meeting, Organization
from states.contacts import Right, lead_partner
from states.event import Waiting
from states.names import Role
from states.partnership import Partnership
from states.selection import Application
from workflow import directory_changes
from workflow.procedure.config import Config
from workflow.procedure.meetings import read_meetings, read_moves
from workflow.store import tables
from workflow.store.leavers import read_leavers

DISTRICT_ROLES = (Role.STAFF, Role.SUPERINTENDENT, Role.BOARD_OFFICE)  # held for the whole district


@dataclass(frozen=True, slots=True)
class School:
    """A school of the district."""

    id: str
    name: str
    invited_on: date | None = None  # when the Board invited a Lead Partner at this school
    closed_on: date | None = None
    merged_into: str | None = None  # the id of the school that has its partnerships since it closed


@dataclass(frozen=True, slots=True)
class Person:
    """A person. Their e-mail address identifies them."""

    email: str
    name: str
    roles: tuple[str, ...] = ()
    schools: tuple[str, ...] = ()  # the ids of the schools whose principal they are
    organization: str | None = None  # the id of the organization for which they may act
    away_until: date | None = None
    delegate: str | None = None  # the address of the person who stands in while they are away
    active: bool = True
    digest: bool = False  # they want one message a day
    dates: str | None = None  # the language in which they want each day besides English
    contact_rights: tuple[Right, ...] = ()  # as a contact of their organization


# It has no slots, since `cached_property` stores its value in the dictionary of the instance.
@dataclass(frozen=True)
class Directory:
    """The directory at one moment. It is immutable, so that all can share one copy until the directory changes."""

    version: str
    schools: Mapping[str, School]
    organizations: Mapping[str, Organization]
    people: Mapping[str, Person]
    meetings: tuple[Meeting, ...]
    left: Mapping[str, datetime]  # when people were removed or made inactive, by address
    former: Mapping[str, str]  # the names of people who were removed, by address
    # Where meetings were moved, by their earlier days.
    moved: Mapping[date, date] = field(default_factory=dict)

    @cached_property
    def regular(self) -> tuple[Meeting, ...]:
        """Return the regular meetings, earliest first."""
        return tuple(meeting for meeting in self.meetings if meeting.kind == "regular")

    @cached_property
    def home_domains(self) -> frozenset[str]:
        """Return the mail domains of the people who work for the district, which show no other workplace."""
        home = {Role.STAFF, Role.PRINCIPAL, Role.SUPERINTENDENT, Role.BOARD_OFFICE}
        addresses = (person.email for person in self.people.values() if home & set(person.roles))
        return frozenset(domain for each in addresses if (domain := workplace(each)))

    @cached_property
    def _by_role(self) -> dict[str, tuple[Person, ...]]:
        """Return the active people by role."""
        holders: dict[str, list[Person]] = {}
        for person in self.people.values():
            for role in person.roles if person.active else ():
                holders.setdefault(role, []).append(person)
        return {role: tuple(people) for role, people in holders.items()}

    @cached_property
    def held_roles(self) -> frozenset[str]:
        """Return the roles that active people have in the directory."""
        return frozenset(self._by_role)

    @cached_property
    def _principals(self) -> dict[str, tuple[Person, ...]]:
        """Return the active principals by school."""
        principals: dict[str, list[Person]] = {}
        for person in self._by_role.get(Role.PRINCIPAL, ()):
            for school in dict.fromkeys(person.schools):
                principals.setdefault(school, []).append(person)
        return {school: tuple(people) for school, people in principals.items()}

    @cached_property
    def _merged(self) -> dict[str, list[str]]:
        """Return by school the schools whose partnerships it has: itself, and those that merged into it."""
        merged: dict[str, list[str]] = {}
        for school in self.schools:
            merged.setdefault(self.present_school(school), []).append(school)
        return merged

    @cached_property
    def _contacts(self) -> dict[str, tuple[Person, ...]]:
        """Return the active people who have rights as contacts, by organization."""
        contacts: dict[str, list[Person]] = {}
        for person in self.people.values():
            if person.active and person.organization and person.contact_rights:
                contacts.setdefault(person.organization, []).append(person)
        return {organization: tuple(people) for organization, people in contacts.items()}

    def meeting(self, day: date | None) -> Meeting | None:
        """Return the meeting on a day, if there is one."""
        return next((meeting for meeting in self.meetings if meeting.on == day), None)

    def successor(self, day: date) -> Meeting | None:
        """Return the regular meeting that deals with the agenda of a day: that day, or where it was moved."""
        days = (day, self.moved.get(day))
        return next((m for m in map(self.meeting, days) if m is not None and m.kind == "regular"), None)

    def next_regular(self, after: date, now: datetime) -> Meeting | None:
        """Return the first regular meeting later than the day `after` that has not begun."""
        return next((m for m in self.regular if m.on > after and m.at > now), None)

    def next_for_action(self, first: date, now: datetime) -> Meeting | None:
        """Return the meeting at which the Board can act on what it introduced at the meeting on the day `first`.

        It is the next regular one that has not begun and whose agenda did not close before that meeting.
        """
        reading = self.meeting(first)
        if reading is None:
            return None
        return next((m for m in self.regular if m.at > now and m.can_follow(reading)), None)

    def person(self, email: str, facts: Partnership | None = None) -> Person | None:
        """Return the person with an address: from the directory, or else a contact or applicant in the facts."""
        # Applicants and contact persons need no row in the directory, since the record itself names them.
        person = self.people.get(email)
        if person is not None or facts is None:
            return person
        if facts.contact and facts.contact.email == email:
            return Person(email, facts.contact.name)
        if facts.next_contact and facts.next_contact.email == email:
            return Person(email, facts.next_contact.name)
        for selection in facts.selections:
            for application in selection.applications.values():
                if application.contact_email == email:
                    return Person(email, application.contact_name, organization=application.organization)
        return None

    def roles_of(self, person: Person, facts: Partnership, organization: str | None = None) -> list[Role]:
        """Return the roles in which a person can act on a partnership.

        `organization` is the id of the one that the event is about. A person who was removed or made inactive has
        no role, also where the facts still name the address.
        """
        roles: list[Role] = []
        if person.active:
            roles += [role for role in DISTRICT_ROLES if role in person.roles]
            if Role.PRINCIPAL in person.roles and self.present_school(facts.school) in person.schools:
                roles.append(Role.PRINCIPAL)
        if facts.selection and person.email in facts.selection.reviewers and person.email not in self.left:
            roles.append(Role.REVIEWER)
        has_left = self.has_left(person.email, facts)
        if self.rights_of(person.email, facts):
            roles.append(Role.LEAD_PARTNER)
        if facts.next_contact and facts.next_contact.email == person.email and not has_left:
            roles.append(Role.NEXT_CONTACT)
        if not has_left and self._is_applicant(person, facts, organization):
            roles.append(Role.APPLICANT)
        return roles

    def rights_of(self, email: str, facts: Partnership) -> frozenset[Right]:
        """Return the rights of a contact of the Lead Partner; the one whom the record names may do everything."""
        if facts.contact and facts.contact.email == email and not self.has_left(email, facts):
            return frozenset({Right.LEAD})
        rights = (p.contact_rights for p in self.other_contacts(facts) if p.email == email)
        return frozenset(next(rights, ()))

    def other_contacts(self, facts: Partnership) -> list[Person]:
        """Return who may act for the Lead Partner besides the contact whom the record names."""
        contacts = self._contacts.get(lead_partner(facts) or "", ())
        return [person for person in contacts if facts.contact and person.email != facts.contact.email]

    def speakers(self, application: Application, facts: Partnership) -> list[Person]:
        """Return the contact of an application, or once they have left everybody of the organization."""
        if self.has_left(application.contact_email, facts):
            own = application.organization
            return [person for person in self.people.values() if person.active and person.organization == own]
        return [self.someone(application.contact_email, application.contact_name)]

    def _is_applicant(self, person: Person, facts: Partnership, organization: str | None) -> bool:
        """Return whether a person acts for an applicant: for `organization`, or without it for any."""
        applications = facts.selection.applications if facts.selection else {}
        if organization is None:
            named = any(a.contact_email == person.email for a in applications.values())
            return named or any(person in self.speakers(a, facts) for a in applications.values())
        application = applications.get(organization)
        # The contact may act for the application also where the directory has no such person.
        if application is not None and application.contact_email == person.email:
            return True
        return person.active and person.organization == organization

    def has_left(self, email: str, facts: Partnership) -> bool:
        """Return whether a person was removed or made inactive, and has not applied from this address since."""
        left_at = self.left.get(email)
        sent = (a for selection in facts.selections for a in selection.applications.values())
        # Anybody may answer an open call, also somebody who once worked for the district.
        return left_at is not None and not any(
            a.contact_email == email and a.received_at > left_at for a in sent
        )

    def principals_of(self, school: str) -> tuple[Person, ...]:
        """Return the principals of a school, or of the one that it merged into."""
        return self._principals.get(self.present_school(school), ())

    def awaited(self, waiting: Waiting, facts: Partnership) -> list[Person]:
        """Return the people who can do what is waited for: the one named, or else all holders of the role."""
        if waiting.email is None:
            return self.holders(waiting.role, facts)
        return [person for person in self.holders(waiting.role, facts) if person.email == waiting.email]

    def holders(self, role: str, facts: Partnership, organization: str | None = None) -> list[Person]:
        """Return the people who hold a role in a partnership, without those who have left.

        The role "this-applicant" is held by the contact of `organization` alone, that of the Lead Partner by the
        contact whom the record names, or once they have left by those with the right `lead`.
        """
        if role == Role.PRINCIPAL:
            return list(self.principals_of(facts.school))
        if role == Role.REVIEWER:
            reviewers = facts.selection.reviewers if facts.selection else ()
            return [self.someone(email) for email in reviewers if email not in self.left]
        if role in (Role.LEAD_PARTNER, Role.NEXT_CONTACT):
            contact = facts.contact if role == Role.LEAD_PARTNER else facts.next_contact
            if contact and not self.has_left(contact.email, facts):
                return [self.someone(contact.email, contact.name)]
            leads = (p for p in self.other_contacts(facts) if Right.LEAD in p.contact_rights)
            return list(leads) if role == Role.LEAD_PARTNER else []
        if role in (Role.APPLICANT, "this-applicant"):
            applications = facts.selection.applications if facts.selection else {}
            return [
                person
                for a in applications.values()
                if role == Role.APPLICANT or a.organization == organization
                for person in self.speakers(a, facts)
            ]
        return list(self._by_role.get(role, ()))

    def someone(self, email: str, name: str | None = None) -> Person:
        """Return the person with an address; one made of the address if the directory does not have them."""
        return self.people.get(email) or Person(email, name or self.former.get(email, email))

    def school_name(self, school: str) -> str:
        """Return the name of a school or of the one it merged into; its id if the directory does not have it."""
        entry = self.schools.get(self.present_school(school))
        return entry.name if entry else school

    def present_school(self, school: str) -> str:
        """Return the id of the school that has the partnerships of a school: itself, unless it closed."""
        # A school that merges into another may have taken over from a third one before.
        while (entry := self.schools.get(school)) and entry.merged_into in self.schools:
            school = str(entry.merged_into)
        return school

    def with_merged(self, schools: Collection[str]) -> list[str]:
        """Return the ids of schools, with those that merged into them."""
        return [school for present in dict.fromkeys(schools) for school in self._merged.get(present, ())]

    @cached_property
    def names(self) -> dict[str, str]:
        """Return names: of organizations by id, of people by address, also of those who were removed."""
        organizations = {key: value.name for key, value in self.organizations.items()}
        return organizations | dict(self.former) | {key: value.name for key, value in self.people.items()}


def read(connection: Connection, config: Config) -> Directory:
    """Return the whole directory."""
    # Read the version first. If somebody changes the directory meanwhile, this copy has new rows under an old
    # version and is read again. The other way round it would keep old rows under the new version.
    version = directory_changes.version_of(connection)
    schools = {
        row.id: School(row.id, row.name, row.invited_on, row.closed_on, row.merged_into)
        for row in _rows(connection, tables.schools)
    }
    organizations = {
        row.id: Organization(id=row.id, name=row.name, kind=row.kind)
        for row in _rows(connection, tables.organizations)
    }
    people = {row.email: _person(row) for row in _rows(connection, tables.people)}
    left, former = read_leavers(connection, {email: person.active for email, person in people.items()})
    meetings, moves = read_meetings(connection, config), read_moves(connection)
    return Directory(version, schools, organizations, people, meetings, left, former, moves)


def _rows(connection: Connection, table: Table) -> Iterable[Row[Any]]:
    """Return the rows of a table, sorted by its key."""
    # Sort here and not in the query, since SQLite and PostgreSQL order text differently.
    key = next(iter(table.primary_key.columns)).name
    return sorted(connection.execute(select(table)), key=lambda row: row._mapping[key])


def _person(row: Row[Any]) -> Person:
    """Return the person in a row of the table of people."""
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
        row.dates,
        tuple(map(Right, json.loads(row.contact_rights))),
    )


def find_reachable(directory: Directory, person: Person, today: date) -> Person:
    """Return the person, or while they are away their delegate, who may be away and have a delegate too.

    If a delegate is inactive, unknown or was passed already, return the person before.
    """
    # Delegates who are away have delegates of their own, so a chain may lead back to its start.
    seen = {person.email}
    while person.away_until and today <= person.away_until and person.delegate:
        following = directory.people.get(person.delegate)
        if following is None or not following.active or following.email in seen:
            break
        seen.add(following.email)
        person = following
    return person
