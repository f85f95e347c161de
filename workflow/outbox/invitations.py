"""What of a partnership's dates goes with a message, as calendar files (RFC 5545, RFC 5546).

What each address was sent is kept. The sequence starts at 0 and rises when the date has moved since, or no longer
exists: then the next message to that address about that partnership says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select, update

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, CalendarFile, Method, invitation
from states.machine import event_named
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, Snapshot
from workflow.views.dates import MEETING, Date, dates

MEETING_CHANGED = "meeting-changed"  # the message that tells of a meeting that is not when it was


_ORDER: tuple[Method, ...] = ("REQUEST", "CANCEL", "PUBLISH")  # the first one is what a mail reader offers


def files(
    session: Session,
    row: Notice,
    record: Snapshot,
    *,
    person: Mailbox,
    deadline: str | None,
    asked: set[str],
) -> list[CalendarFile]:
    """The calendar files that go with a notice, the one to be offered first; keeps what was sent.

    `deadline` is the one the notice speaks of, `asked` the events that it asks its reader for. Dates that have
    moved since this address was told of them come again, and those that fell away are cancelled.
    """
    now = row.queued_at
    current = {date.uid: date for date in dates(session, record).values() if date.start >= now}
    told = _told(session, row.to, record.key)
    wanted: list[tuple[Method, str, CalendarEntry, bool]] = []
    for date in current.values():
        before = told.get(date.uid)
        if not (_is_about(session, row, date, deadline) or _has_moved(before, date)):
            continue
        request = date.name == MEETING or bool(asked & set(date.offers)) or _was_asked(before)
        sequence = _sequence(
            before, moved=before is not None and (before.cancelled or before.start != date.start)
        )
        entry = CalendarEntry(date.uid, date.summary, date.start, date.description, None, sequence)
        wanted.append(("REQUEST" if request else "PUBLISH", date.name, entry, before is None))
    for before in told.values():
        if not before.cancelled and before.start >= now and before.uid not in current:
            entry = CalendarEntry(
                before.uid, before.summary, before.start, record.facts.title, None, before.sequence + 1
            )
            wanted.append(("CANCEL", before.name, entry, False))
    office = session.config.sender
    organizer = Mailbox(office.name or session.config.procedure.district.office, office.address)
    made = []
    for method, name, entry, new in wanted:
        made.append(invitation(entry, method, now, organizer=organizer, attendee=person))
        _keep(session, row, method, name, entry, new=new)
    return in_order(made)


def in_order(files: Iterable[CalendarFile]) -> list[CalendarFile]:
    """Calendar files with the one to be offered first."""
    return sorted(files, key=lambda file: _ORDER.index(file.method))


def _is_about(session: Session, row: Notice, date: Date, deadline: str | None) -> bool:
    return date.name == deadline or (date.name == MEETING and _says_when_the_board_meets(session, row))


def _says_when_the_board_meets(session: Session, row: Notice) -> bool:
    """Return whether a message is about a meeting: of its date, of an event about it, or of one that has moved."""
    if row.deadline is not None:
        about = session.config.deadlines.get(row.template)
        return about is not None and "board.meeting" in about.due.anchors
    if row.seq is not None:
        return event_named(row.template).about_meeting
    return bool(row.template == MEETING_CHANGED)


def _has_moved(before: Any, date: Date) -> bool:
    return before is not None and not before.cancelled and before.start != date.start


def _was_asked(before: Any) -> bool:
    return before is not None and not before.cancelled and before.method == "REQUEST"


def _sequence(before: Any, *, moved: bool) -> int:
    return 0 if before is None else int(before.sequence) + moved


def _told(session: Session, email: str, partnership: int) -> dict[str, Any]:
    table = tables.calendar_entries
    query = select(table).where(table.c.email == email, table.c.partnership == partnership)
    return {row.uid: row for row in sorted(session.connection.execute(query), key=lambda row: row.uid)}


def _keep(
    session: Session, row: Notice, method: Method, name: str, entry: CalendarEntry, *, new: bool
) -> None:
    table = tables.calendar_entries
    values = {
        "partnership": row.partnership,
        "name": name,
        "sequence": entry.sequence,
        "start": entry.start,
        "summary": entry.summary,
        "cancelled": method == "CANCEL",
    } | ({} if method == "CANCEL" else {"method": method})
    if new:
        session.connection.execute(insert(table).values(email=row.to, uid=entry.uid, **values))
        return
    mine = (table.c.email == row.to) & (table.c.uid == entry.uid)
    session.connection.execute(update(table).where(mine).values(**values))
