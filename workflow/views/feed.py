"""A person's dates over all partnerships, as one calendar to subscribe to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import or_, select

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, feed
from states.case import Meaning
from states.machine import waiting_on
from states.partnership import Role
from workflow.outbox import invitations
from workflow.procedure.settings import DeadlineSettings
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot

BACK = relativedelta(months=12)  # how long a date that has passed is still shown


def calendar(session: Session, email: str, now: datetime) -> bytes:
    """The calendar of somebody: of each partnership where they hold a role now, the dates that concern it."""
    found: list[tuple[CalendarEntry, datetime]] = []
    table = tables.partnerships
    told = _sequences(session, email)
    for row in sorted(session.connection.execute(select(table)), key=lambda row: row.ref):
        record = Snapshot.from_row(row)
        person = session.directory.person(email, record.facts)
        roles = session.directory.roles_of(person, record.facts) if person else []
        if roles:
            found += [
                (_with_sequence(entry, told), stamp)
                for entry, stamp in _of(session, record, email, roles, now)
            ]
    district = session.config.procedure.district
    office = session.config.sender
    organizer = Mailbox(office.name or district.office, office.address)
    return feed(found, f"Partnership dates, {district.name}", organizer=organizer)


def _of(
    session: Session, record: Snapshot, email: str, roles: list[Role], now: datetime
) -> Iterator[tuple[CalendarEntry, datetime]]:
    """The dates of one partnership: what runs, what has passed, and the Board's meeting."""
    current = invitations.dates(session, record)
    stamp = record.entered_at
    for row in _ladders(session, record, now):
        known = session.config.deadlines.get(row.name)
        if not _concerns(record, known, email, roles):
            continue
        date = current.get(row.name)
        if date is not None and date.start == row.ladder:
            yield _entry(date), stamp
        elif row.status == "fired":  # as it was; the UID says which of several it is
            local = session.config.calendar.local(row.ladder)
            uid = invitations.uid_of(session, f"{row.name}-{local:%Y%m%d}", record.ref)
            summary = f"{known.label if known else row.name}: {_place(session, record)}"
            yield CalendarEntry(uid, summary, row.ladder, record.facts.title, None, 0), stamp
    if invitations.MEETING in current:
        yield _entry(current[invitations.MEETING]), stamp


def _entry(date: invitations.Date) -> CalendarEntry:
    return CalendarEntry(date.uid, date.summary, date.start, date.description, None, 0)


def _place(session: Session, record: Snapshot) -> str:
    return session.directory.school_name(record.facts.school)


def _ladders(session: Session, record: Snapshot, now: datetime) -> Any:
    """The due rungs of a partnership that are open or have fired, of the last twelve months."""
    table = tables.deadlines
    query = select(table.c.name, table.c.ladder, table.c.status).where(
        table.c.partnership == record.id,
        table.c.rung == 0,
        or_(table.c.status == "open", (table.c.status == "fired") & (table.c.ladder >= now - BACK)),
    )
    return sorted(session.connection.execute(query), key=lambda row: (row.ladder, row.name))


def _concerns(record: Snapshot, row: DeadlineSettings | None, email: str, roles: list[Role]) -> bool:
    """Whether a deadline is offered to somebody in one of these roles, or reminds them."""
    if row is None:
        return False
    if row.means is Meaning.CALL_CLOSES:
        return True  # of interest to everybody who has to do with a call
    if set(row.to) & set(roles):
        return True
    waiting = waiting_on(record.facts, row.offers[0]) if "waiting" in row.to else ()
    return any(one.role in roles and one.email in (None, email) for one in waiting)


def _sequences(session: Session, email: str) -> dict[str, Any]:
    table = tables.calendar_entries
    rows = session.connection.execute(select(table).where(table.c.email == email))
    return {row.uid: row for row in rows}


def _with_sequence(entry: CalendarEntry, told: dict[str, Any]) -> CalendarEntry:
    """The sequence that goes with the messages, so that a calendar with both has the later one."""
    before = told.get(entry.uid)
    if before is None:
        return entry
    moved = before.cancelled or before.start != entry.start
    return CalendarEntry(
        entry.uid, entry.summary, entry.start, entry.description, entry.url, before.sequence + moved
    )
