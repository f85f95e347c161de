"""Who is being waited for: of the open deadlines, who can do now what comes next, since when and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.event import Event
from states.machine import COLLECTED
from states.partnership import Role
from workflow import directory
from workflow.directory import Person
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, Snapshot
from workflow.views import documents


@dataclass(frozen=True, slots=True)
class Wait:
    """One person who is waited for with one event; `delegate` stands in while the person is away."""

    person: Person
    role: Role
    event: str
    since: datetime
    deadline: str | None
    by: datetime | None
    delegate: Person | None


def waiting(session: Session, record: Snapshot, now: datetime) -> list[Wait]:
    """Return everybody who is waited for on a partnership, the most urgent first."""
    possible = {
        each.row.name: each.row for each in documents.possibilities(session, record, now) if each.possible
    }
    today = session.config.calendar.day(now)
    waits: dict[tuple[str, str], Wait] = {}
    for row, roles, deadline, by in _asked(session, record, possible):
        since = _since(record, row)
        for role in roles:
            for person in _people(session, record, row, role):
                reached = directory.find_reachable(session.directory, person, today)
                delegate = reached if reached.email != person.email else None
                wait = Wait(person, role, row.name, since, deadline, by, delegate)
                waits.setdefault((person.email, row.name), wait)
    return list(waits.values())


def _asked(
    session: Session, record: Snapshot, possible: Mapping[str, Event]
) -> Iterator[tuple[Event, list[Role], str | None, datetime | None]]:
    """Find what comes next and for which roles: of each open deadline the first of its offers that can be done now.

    What several have to do, such as signatures, scores and findings, is waited for whether or not a deadline offers
    it.
    """
    running = _running(session, record)
    seen = set()
    for name, by in running.items():
        settings = session.config.deadlines.get(name)
        row = _next_of(record, settings.offers if settings else (), possible)
        if row is not None:
            seen.add(row.name)
            yield row, _roles(record, row, settings.to if settings else ()), name, by
    first = next(iter(running.items()), (None, None))
    for name in COLLECTED:
        if name in possible and name not in seen and possible[name].waiting(record.facts):
            yield possible[name], _roles(record, possible[name], ()), *first


def _running(session: Session, record: Snapshot) -> Mapping[str, datetime]:
    """Return when each deadline that runs is due or was, by name; the earliest first."""
    table = tables.deadlines
    query = select(table.c.name, table.c.ladder).where(
        table.c.partnership == record.id, table.c.status == DeadlineStatus.OPEN.value
    )
    rows = session.connection.execute(query.distinct())
    return {row.name: row.ladder for row in sorted(rows, key=lambda row: (row.ladder, row.name))}


def _next_of(record: Snapshot, offers: Iterable[str], possible: Mapping[str, Event]) -> Event | None:
    """Return the first of the offers that is waited for. What can be done again is not, once it has been done."""
    for name in offers:
        row = possible.get(name)
        if row is None or row.optional or (row.done_once and row.done_once in record.moments):
            continue
        return row
    return None


def _roles(record: Snapshot, row: Event, to: Collection[str]) -> list[Role]:
    """Return in which roles it is waited for: those who still have to, or of those who may those reminded."""
    if row.collected:
        return list(dict.fromkeys(each.role for each in row.waiting(record.facts)))
    able: list[Role] = [role for role in Role if role in row.who and role is not Role.CLOCK]
    return [role for role in able if role in to] or able


def _people(session: Session, record: Snapshot, row: Event, role: Role) -> list[Person]:
    named = [each.email for each in row.waiting(record.facts) if each.role is role and each.email]
    if named:
        return [session.directory.someone(email) for email in named]
    return session.directory.holders(role, record.facts)


def _since(record: Snapshot, row: Event) -> datetime:
    moment = record.moments.get(row.awaited_since or "")
    return moment if isinstance(moment, datetime) else record.entered_at


def document(session: Session, wait: Wait, now: datetime) -> dict[str, Any]:
    """Return what commands show of somebody who is waited for."""
    return {
        "person": wait.person.email,
        "name": wait.person.name,
        "role": str(wait.role),
        "event": wait.event,
        "label": session.config.label(wait.event),
        "since": session.local(wait.since),
        "by": session.local(wait.by),
        "deadline": wait.deadline,
        "overdue": wait.by is not None and wait.by <= now,
        "delegate": wait.delegate.email if wait.delegate else None,
    }
