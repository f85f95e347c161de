"""Collects what a person finds on their own page: what waits for them, what else they may do, and their dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from states import moments
from states.event import Event
from states.machine import COLLECTED, waiting_on
from states.names import Role, State
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, HistoryEntry, RungKind, Snapshot
from workflow.views import contacts, documents, pending, visibility
from workflow.views.capacities import Capacity

MOST_OPENED = 100  # the most partnerships that are judged for one page of what waits, the most urgent first
_LATELY = 10  # the most acts of the past on a page
_DATES = 12  # the most dates to come on a page


@dataclass(frozen=True, slots=True)
class OwnWait:
    """An event that waits for the reader in one capacity, with the deadline that asks for it."""

    capacity: Capacity
    event: str
    since: datetime
    by: datetime | None
    deadline: str | None  # the label of the deadline
    overdue: bool


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person did lately."""

    ref: str
    title: str
    school: str
    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class Coming:
    """A date of one partnership that a person has to know."""

    capacity: Capacity
    label: str
    at: str  # in the district's zone, ISO 8601


def count_pages(session: Session) -> int:
    """Return on how many pages everything is that waits for a person who acts in all partnerships; at least 1."""
    waiting = select(func.count()).select_from(_by_urgency().subquery())
    return max(1, -(-(session.connection.scalar(waiting) or 0) // MOST_OPENED))


def most_urgent(page: int) -> ColumnElement[bool]:
    """Return the condition for the `MOST_OPENED` partnerships of a page, counted from 1, the most urgent first."""
    urgent = _by_urgency().limit(MOST_OPENED).offset((page - 1) * MOST_OPENED)
    return tables.partnerships.c.id.in_(urgent)


def _by_urgency() -> Select[tuple[int]]:
    """Return the query for the partnerships with a deadline, the one that falls due first at the head."""
    # A partnership without an open deadline is over, and waits for nobody.
    table = tables.deadlines
    return (
        select(table.c.partnership)
        .where(table.c.status == DeadlineStatus.OPEN.value, table.c.kind != RungKind.REMIND.value)
        .group_by(table.c.partnership)
        .order_by(func.min(table.c.ladder), table.c.partnership)
    )


def list_own_waits(session: Session, capacities: Iterable[Capacity], now: datetime) -> list[OwnWait]:
    """Return what waits for a person in these capacities, the most urgent first."""
    found = []
    waits: dict[int, list[pending.Wait]] = {}
    for capacity in capacities:
        record = capacity.record
        if record.key not in waits:
            waits[record.key] = pending.list_waits(session, record, now)
        for wait in waits[record.key]:
            if not _is_own(wait, capacity):
                continue
            settings = session.config.deadlines.get(wait.deadline or "")
            # Nobody has to do what the clock does on that day.
            if settings and settings.fires == wait.event:
                continue
            label = settings.label if settings and wait.event in settings.owed else None
            by = wait.by if label else None
            found.append(OwnWait(capacity, wait.event, wait.since, by, label, by is not None and by <= now))
    # What has no date comes after everything that has one.
    return sorted(found, key=lambda wait: (wait.by is None, wait.by or wait.since))


def _is_own(wait: pending.Wait, capacity: Capacity) -> bool:
    """Return whether somebody is waited for in a capacity: by name, or as another contact of the Lead Partner."""
    is_named = wait.person is not None and wait.person.email == capacity.owner
    return wait.role is capacity.role and (is_named or capacity.owner in wait.others)


def begins_on(session: Session, capacity: Capacity, now: datetime) -> date | None:
    """Return the first day of an agreement that has not begun, for who may see the agreement; else None."""
    if not visibility.can_see_fact("agreement", capacity.viewer):
        return None
    return moments.begins_on(capacity.record.facts, session.config.calendar.day(now))


def list_possible(session: Session, capacity: Capacity, now: datetime) -> list[Event]:
    """Return the events that a person can do now in a capacity, the likeliest first and final ones last.

    What a deadline or another person waits for comes first, then what adds to the record, then the rest.
    """
    record, role = capacity.record, capacity.role
    if record.state is None:
        return []
    able = contacts.askable_by(session, record, role, capacity.owner)
    rows = [
        possibility.row
        for possibility in documents.possibilities(session, record, now, capacity.owner, role)
        if possibility.possible and possibility.row.name in able and is_theirs(possibility.row, capacity)
    ]
    due = _offered_when(session, capacity, now)
    return sorted(rows, key=lambda row: (row.final, row.optional, due.get(row.name, "9")))


def is_theirs(row: Event, capacity: Capacity) -> bool:
    """Return whether an event that is possible is this person's to do.

    A delegate may not write what is sealed. A reviewer scores only while scores are awaited from them.
    """
    if row.sealed and capacity.delegate_for is not None:
        return False
    if capacity.role is Role.REVIEWER and row.name in COLLECTED:
        return any(waiting.email == capacity.owner for waiting in waiting_on(capacity.record.facts, row.name))
    return True


def _offered_when(session: Session, capacity: Capacity, now: datetime) -> dict[str, str]:
    """Return when each event is due that an open deadline asks for, as ISO 8601 text."""
    due: dict[str, str] = {}
    for line in visibility.deadlines_for(session, capacity.record, capacity.viewer, now):
        for event in line["offers"]:
            due.setdefault(event, line["due_at"])
    return due


def list_deeds(session: Session, email: str, seen: Sequence[Capacity]) -> list[Deed]:
    """Return what a person did lately, also in the place of somebody else, the latest first."""
    table = tables.history
    query = select(table).where(or_(table.c.actor == email, table.c.ran_by == email))
    records = {capacity.record.key: capacity.record for capacity in seen}
    deeds = []
    for row in session.connection.execute(query.order_by(table.c.at.desc()).limit(_LATELY)):
        entry = HistoryEntry.from_row(row)
        record = records.get(entry.partnership)
        if record is None:
            continue
        school = session.directory.school_name(record.facts.school)
        done = session.config.events[entry.event]["done"]
        deeds.append(Deed(record.ref, record.facts.title, school, entry.at, f"You {done}."))
    return deeds


def list_dates(session: Session, capacities: Iterable[Capacity], now: datetime) -> list[Coming]:
    """Return the dates to come in these capacities, the nearest first."""
    dates: dict[tuple[Any, ...], Coming] = {}
    for capacity in capacities:
        for line in visibility.deadlines_for(session, capacity.record, capacity.viewer, now):
            if not line["overdue"]:
                key = (capacity.record.ref, line["name"], line["due_at"])
                dates.setdefault(key, Coming(capacity, line["label"], line["due_at"]))
    return sorted(dates.values(), key=lambda coming: coming.at)[:_DATES]


def list_drafts(session: Session, email: str) -> list[tuple[Snapshot, datetime]]:
    """Return the open calls for which a person has saved an application and not sent it, with when it was saved."""
    table, records = tables.drafts, tables.partnerships
    query = (
        select(records, table.c.saved_at)
        .join(table, table.c.partnership == records.c.id)
        .where(table.c.email == email, records.c.state == State.OPEN_SELECTION.value)
        .order_by(table.c.saved_at.desc())
    )
    drafts = [(Snapshot.from_row(row), row.saved_at) for row in session.connection.execute(query)]
    return [
        (record, at)
        for record, at in drafts
        if record.facts.selection and not record.facts.selection.closed_at
    ]
