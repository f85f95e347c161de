"""Begins a partnership: finds a free reference for it, and says who may begin one where."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from states.machine import FIRST, event_named
from states.names import Role
from states.partnership import Partnership
from workflow.directory import School
from workflow.session import Session
from workflow.store import tables


def free_ref(session: Session, school: str, now: datetime) -> str:
    """Return a reference that no partnership has: the school and the year, with a number if they are taken."""
    stem = f"{school or 'partnership'}-{session.config.calendar.day(now).year}"
    table = tables.partnerships
    taken = set(
        # Not LIKE: the school is not checked yet, and a percent
        # sign or an underscore in it would match anything.
        session.connection.scalars(select(table.c.ref).where(func.substr(table.c.ref, 1, len(stem)) == stem))
    )
    numbers = iter(range(2, len(taken) + 3))
    ref = stem
    while ref in taken:
        ref = f"{stem}-{next(numbers)}"
    return ref


def schools_to_begin(session: Session, email: str) -> dict[str, Role]:
    """Return the schools for which a person may begin a partnership, by identifier, each with the role for it."""
    person = session.directory.people.get(email)
    allowed: dict[str, Role] = {}
    for school in sorted(session.directory.schools.values(), key=_name) if person else ():
        if school.closed_on is not None:
            continue
        roles = session.directory.roles_of(person, Partnership(school=school.id, title="")) if person else []
        role = next((role for role in event_named(FIRST).who if role in roles), None)
        if role is not None:
            allowed[school.id] = role
    return allowed


def _name(school: School) -> str:
    return school.name
