"""Finds in which partnerships a person acts, in which role, and in whose place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, or_, select, true

from states.names import Role
from workflow import directory
from workflow.directory import DISTRICT_ROLES, Person
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot
from workflow.views.visibility import Viewer

_TABLE = tables.partnerships


@dataclass(frozen=True, slots=True)
class Capacity:
    """One role of a person in one partnership. `delegate_for` is the absent person in whose place they act."""

    record: Snapshot
    role: Role
    email: str
    delegate_for: str | None

    @property
    def owner(self) -> str:
        """Return the address of the person who holds the role."""
        return self.delegate_for or self.email

    @property
    def viewer(self) -> Viewer:
        """Return the reader of what this person sees in the role."""
        return Viewer(self.role, self.owner, self.email if self.delegate_for else None)


def main_role(session: Session, email: str) -> Role | None:
    """Return the first role of a person anywhere, or None for an address that has nothing to do with us.

    People of the directory may have no partnership yet, and people in the record may not be in the directory.
    """
    person = session.directory.people.get(email)
    if person is not None and person.active:
        for role in Role:
            if role in person.roles:
                return role
    held = next((role for _, role in _held(session, email, _everything())), None)
    return held or (Role.APPLICANT if _has_saved(session, email) else None)


def _has_saved(session: Session, email: str) -> bool:
    """Return whether an address has an application that is saved, or that waits for the office."""
    queries = (
        select(table.c.email).where(table.c.email == email).limit(1)
        for table in (tables.drafts, tables.held_applications)
    )
    return any(session.connection.scalar(query) is not None for query in queries)


def own(
    session: Session, email: str, now: datetime, chosen: ColumnElement[bool] | None = None
) -> list[Capacity]:
    """Return every capacity of a person, first their own, then those of the people in whose place they act.

    `chosen` is a condition on the table of partnerships, for a person who acts in too many of them.
    """
    wanted = _everything() if chosen is None else chosen
    mine = [Capacity(record, role, email, None) for record, role in _held(session, email, wanted)]
    for absent in list_absent(session, email, now):
        theirs = _held(session, absent.email, wanted)
        mine += [Capacity(record, role, email, absent.email) for record, role in theirs]
    return mine


def list_absent(session: Session, email: str, now: datetime) -> list[Person]:
    """Return the people who are away and in whose place this person acts now."""
    people, today = session.directory, session.config.calendar.day(now)
    return [
        person
        for person in people.people.values()
        if person.active
        and person.email != email
        and person.away_until
        and directory.find_reachable(people, person, today).email == email
    ]


def acts_everywhere(session: Session, email: str, now: datetime) -> bool:
    """Return whether a person, or somebody in whose place they act, has a role in all partnerships."""
    people = [session.directory.people.get(email), *list_absent(session, email, now)]
    return any(
        person is not None and person.active and set(DISTRICT_ROLES) & set(person.roles) for person in people
    )


def _held(session: Session, email: str, chosen: ColumnElement[bool]) -> Iterator[tuple[Snapshot, Role]]:
    """Yield each partnership and role of a person, the newest partnership first."""
    query = select(_TABLE).where(chosen, may_concern(session, email)).order_by(_TABLE.c.id.desc())
    for row in session.connection.execute(query):
        record = Snapshot.from_row(row)
        person = session.directory.person(email, record.facts)
        for role in session.directory.roles_of(person, record.facts) if person else ():
            yield record, role


def may_concern(session: Session, email: str) -> ColumnElement[bool]:
    """Return a condition that all partnerships of a person meet. The directory then decides about each."""
    person = session.directory.people.get(email)
    # Reading every record would take minutes in a large district, so let the database leave out most of them.
    named = _TABLE.c.facts.contains(email, autoescape=True)
    if person is None or not person.active:
        return named
    if set(DISTRICT_ROLES) & set(person.roles):
        return true()
    schools = session.directory.with_merged(person.schools)
    # The record names only one contact of an organization. Others have their rights from the directory.
    other = person.organization if person.contact_rights else None
    return or_(
        named,
        _TABLE.c.school.in_(schools) if schools else false(),
        _TABLE.c.facts.contains(other, autoescape=True) if other else false(),
    )


def may_wait_for(session: Session, email: str, now: datetime) -> ColumnElement[bool]:
    """Return a condition that all partnerships meet that may wait for a person, also in the place of another."""
    emails = [email, *(person.email for person in list_absent(session, email, now))]
    people = filter(None, map(session.directory.people.get, emails))
    # Once the contact of an applicant has left, everybody of the organization may be waited for.
    of_organizations = (
        _TABLE.c.facts.contains(person.organization, autoescape=True)
        for person in people
        if person.organization
    )
    return or_(*(may_concern(session, each) for each in emails), *of_organizations)


def _everything() -> ColumnElement[bool]:
    return true()
