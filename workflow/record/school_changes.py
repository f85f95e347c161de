"""Closes a school and hands its partnerships over to another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import product

from sqlalchemy import select

from states.errors import BadInput, Problem, Refused, Unmet, suggest
from states.names import Role
from workflow import directory
from workflow.outbox import queue
from workflow.record import changes, histories
from workflow.session import Session
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import Snapshot

CLOSED = "school-closed"  # the template of the message to those concerned


@dataclass(frozen=True, slots=True)
class Closing:
    """A school that closes: the day, the school that takes over, why, and the user who records it."""

    school: str
    on: date
    into: str | None
    reason: str
    user: str
    now: datetime


def close(session: Session, closing: Closing) -> list[str]:
    """Close a school, tell those concerned, and return the references of the partnerships that go over.

    The record of a partnership keeps the school that began it. The directory says which school has it now. Raise
    `BadInput`, `NotFound`, and `Refused` where nobody would take the partnerships over, or where the other school
    would get a second Lead Partner (4270.4).
    """
    _check(session, closing)
    going = list(_unfinished(session, closing.school))
    if going and closing.into is None:
        refs = ", ".join(record.ref for record in going)
        reason = (
            f"{closing.school} has partnerships: {refs}. Say with --into which school takes them, or end them"
        )
        raise Refused([Unmet("taken-over", reason)])
    there = list(_unfinished(session, closing.into)) if closing.into else []
    for one, other in product(going, there):
        if one.facts.overlaps(other.facts):
            reason = f"{closing.into} would have two Lead Partners: {one.ref} and {other.ref}; end one first"
            raise Refused([Unmet("no-other-lead-partner", reason, "4270.4")])
    row = {"id": closing.school, "closed_on": closing.on, "merged_into": closing.into}
    changes.put(session, tables.schools, row, by=closing.user, now=closing.now)
    why = {"on": closing.on.isoformat(), "into": closing.into, "reason": closing.reason}
    changes.record(session, f"closed the school {closing.school}", why, by=closing.user, now=closing.now)
    _tell(session, closing, going)
    return [record.ref for record in going]


def _check(session: Session, closing: Closing) -> None:
    schools = session.directory.schools
    for place, school in (("ID", closing.school), ("--into", closing.into)):
        if school is not None and school not in schools:
            raise NotFound(f"there is no school {school!r}{suggest(school, schools)}")
        if school is not None and schools[school].closed_on is not None:
            problem = f"{schools[school].name} closed on {schools[school].closed_on}"
            raise BadInput([Problem(place, problem, "a school that is open")])
    if closing.into == closing.school:
        raise BadInput([Problem("--into", "it is the same school", "another school")])
    if not closing.reason:
        raise BadInput([Problem("--reason", "it is empty", "why the school closes")])


def _unfinished(session: Session, school: str) -> Iterator[Snapshot]:
    """Return the partnerships that a school has now and in which something may still have to be done."""
    query = select(tables.partnerships).where(
        tables.partnerships.c.school.in_(session.directory.with_merged([school]))
    )
    return histories.read_unfinished(session.connection, query)


def _tell(session: Session, closing: Closing, going: list[Snapshot]) -> None:
    """Queue a message about each partnership to its people before and after the change."""
    after = replace(session, directory=directory.read(session.connection, session.config))
    names = [
        session.directory.school_name(school) for school in (closing.school, closing.into or closing.school)
    ]
    extra = {"changes": {"by": closing.user, "lines": names, "more": 0, "reason": closing.reason}}
    for record in going:
        told: dict[str, str] = {}
        for role in (Role.PRINCIPAL, Role.STAFF, Role.LEAD_PARTNER):
            for each in (after, session):
                for person in each.directory.holders(role, record.facts):
                    told.setdefault(person.email, str(role))
        for email, told_as in told.items():
            queue.tell(session, CLOSED, email, told_as, closing.now, extra=extra, partnership=record.key)
