"""Makes the calendar that a person can subscribe to, with their dates from all partnerships."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from dateutil.relativedelta import relativedelta
from sqlalchemy import Row, or_, select

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, make_feed
from states.case import Meaning
from states.machine import waiting_on
from workflow.procedure.settings import DeadlineSettings
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, Snapshot
from workflow.views import capacities, visibility
from workflow.views.dates import MEETING, Date, dates, uid_of
from workflow.views.planning import Plan
from workflow.views.visibility import Viewer

BACK = relativedelta(months=12)  # how long the calendar still shows a date that has passed
_AT_ONCE = 400  # partnerships that are read at once


class _Ladder(NamedTuple):
    """A deadline that is open or has fired."""

    name: str
    due_at: datetime
    status: str


def calendar(session: Session, email: str, now: datetime) -> bytes:
    """Return a person's calendar as an iCalendar file (RFC 5545).

    It has the dates that concern the person's roles, of each partnership where they hold a role now.
    """
    entries: list[tuple[CalendarEntry, datetime]] = []
    sent = _sent(session, email)
    for records in _read_own(session, email):
        ladders = _read_ladders(session, records, now)
        for record in records:
            person = session.directory.person(email, record.facts)
            roles = session.directory.roles_of(person, record.facts) if person else []
            viewers = [Viewer(role, email) for role in roles]
            entries += [
                (_with_sequence(entry, sent.get(entry.uid)), record.entered_at)
                for entry in _entries(session, record, viewers, ladders[record.key])
            ]
    return _make_feed(session, entries)


def _read_own(session: Session, email: str) -> Iterator[list[Snapshot]]:
    """Yield some at a time the partnerships that may concern a person, by reference."""
    table, connection = tables.partnerships, session.connection
    query = select(table.c.id, table.c.ref).where(capacities.may_concern(session, email))
    # A fixed order, so that a calendar without changes has the same bytes and the same ETag.
    keys = [row.id for row in sorted(connection.execute(query), key=lambda row: row.ref)]
    for first in range(0, len(keys), _AT_ONCE):
        rows = connection.execute(select(table).where(table.c.id.in_(keys[first : first + _AT_ONCE])))
        yield [Snapshot.from_row(row) for row in sorted(rows, key=lambda row: row.ref)]


def calendar_of(session: Session, records: Sequence[Snapshot], now: datetime) -> bytes:
    """Return every date of these partnerships as an iCalendar file, for the office: deadlines and Board meetings.

    A date has the UID that it has in messages and in the calendars of people.
    """
    ladders = _read_ladders(session, records, now)
    return _make_feed(
        session,
        [
            (entry, record.entered_at)
            for record in records
            for entry in _dates_of(
                session, record, lambda row: not row.is_of_drafts, ladders[record.key], meeting=True
            )
        ],
    )


def calendar_of_plan(session: Session, ref: str, school: str, plan: Plan, now: datetime) -> bytes:
    """Return the last day of each step of a plan as an iCalendar file, with why it is that day.

    `ref` is the reference of the partnership, or the school where there is none yet.
    """
    place = session.directory.school_name(school)
    entries = [
        CalendarEntry(
            uid_of(session, f"plan-{step.key}", ref), f"At the latest: {step.label}, {place}", step.by, step.why,
            None, 0,
        )
        for step in plan.steps
        if step.by is not None and step.done is None
    ]  # fmt: skip
    return _make_feed(session, [(entry, now) for entry in entries])


def _make_feed(session: Session, entries: Sequence[tuple[CalendarEntry, datetime]]) -> bytes:
    district, office = session.config.procedure.district, session.config.sender
    organizer = Mailbox(office.name or district.office, office.address)
    return make_feed(entries, f"Partnership dates, {district.name}", organizer=organizer)


def _entries(
    session: Session, record: Snapshot, viewers: Sequence[Viewer], ladders: Sequence[_Ladder]
) -> Iterator[CalendarEntry]:
    """Yield the dates of one partnership that concern somebody in one of these roles."""
    if not viewers:
        return
    meeting = any(visibility.can_see_fact("board", viewer) for viewer in viewers)
    yield from _dates_of(
        session, record, lambda row: _concerns(record, row, viewers), ladders, meeting=meeting
    )


def _dates_of(
    session: Session,
    record: Snapshot,
    is_shown: Callable[[DeadlineSettings], bool],
    ladders: Sequence[_Ladder],
    *,
    meeting: bool,
) -> Iterator[CalendarEntry]:
    """Yield the deadlines of one partnership that run or have passed, and with `meeting` the Board's meeting."""
    current = dates(session, record)
    for name, ladder, status in ladders:
        settings = session.config.deadlines.get(name)
        if settings is None or not is_shown(settings):
            continue
        date = current.get(name)
        if date is not None and date.start == ladder:
            yield _entry(date)
        elif status == DeadlineStatus.FIRED:
            # The date has passed and may come again, so its day goes into the UID.
            local = session.config.calendar.local(ladder)
            uid = uid_of(session, f"{name}-{local:%Y%m%d}", record.ref)
            summary = f"{settings.label}: {session.directory.school_name(record.facts.school)}"
            yield CalendarEntry(uid, summary, ladder, record.facts.title, None, 0)
    if meeting and MEETING in current:
        yield _entry(current[MEETING])


def _entry(date: Date) -> CalendarEntry:
    return CalendarEntry(date.uid, date.summary, date.start, date.description, None, 0)


def _read_ladders(session: Session, records: Sequence[Snapshot], now: datetime) -> dict[int, list[_Ladder]]:
    """Return the deadlines of these partnerships that are open or fired in the last twelve months, by id."""
    ladders: dict[int, list[_Ladder]] = {record.key: [] for record in records}
    table, keys = tables.deadlines, list(ladders)
    recent = (table.c.status == DeadlineStatus.FIRED.value) & (table.c.ladder >= now - BACK)
    query = select(table.c.partnership, table.c.name, table.c.ladder, table.c.status).where(
        # All rungs of a deadline have the same due instant, and the calendar shows it once.
        table.c.rung == 0,
        or_(table.c.status == DeadlineStatus.OPEN.value, recent),
    )
    for first in range(0, len(keys), _AT_ONCE):
        some = table.c.partnership.in_(keys[first : first + _AT_ONCE])
        for row in session.connection.execute(query.where(some)):
            ladders[row.partnership].append(_Ladder(row.name, row.ladder, row.status))
    return {key: sorted(of, key=lambda each: (each.due_at, each.name)) for key, of in ladders.items()}


def _concerns(record: Snapshot, settings: DeadlineSettings, viewers: Sequence[Viewer]) -> bool:
    """Return whether a deadline belongs in the calendar of somebody in one of these roles."""
    # The end of a call is public, and everybody in the call needs it.
    if settings.means is Meaning.CALL_CLOSES:
        return True
    waiting = waiting_on(record.facts, settings.offers[0]) if "waiting" in settings.to else ()
    return any(
        visibility.can_see_deadline(viewer, settings)
        and (
            viewer.role in settings.to
            or any(each.role is viewer.role and each.email in (None, viewer.email) for each in waiting)
        )
        for viewer in viewers
    )


def _sent(session: Session, email: str) -> dict[str, Row[Any]]:
    """Return what an address was sent of each date, by UID."""
    table = tables.calendar_entries
    rows = session.connection.execute(select(table).where(table.c.email == email))
    return {row.uid: row for row in rows}


def _with_sequence(entry: CalendarEntry, before: Row[Any] | None) -> CalendarEntry:
    """Return an entry with the sequence of the message that had it, one higher if the date has moved since.

    A calendar program that has the entry from the message and from the feed then keeps the newer one.
    """
    if before is None:
        return entry
    moved = before.cancelled or before.start != entry.start
    return replace(entry, sequence=before.sequence + moved)
