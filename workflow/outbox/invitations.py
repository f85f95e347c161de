"""Makes the calendar files that go with a message, and records them as sent (RFC 5545, RFC 5546).

The table `calendar_entries` keeps what each address was sent. If a date has moved since, or no longer exists, the
next message to that address about that partnership says so, with a sequence that is one higher.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, insert, select, update

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, CalendarFile, Method, make_invitation
from states.machine import event_named
from states.names import Role
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, Snapshot
from workflow.views.dates import MEETING, Date, dates

MEETING_CHANGED = "meeting-changed"  # the template of the message that tells of a moved meeting

# Mail programs offer only the first calendar file, so the file that asks for an answer comes first.
_ORDER: tuple[Method, ...] = ("REQUEST", "CANCEL", "PUBLISH")

Sent = Row[Any] | None  # what an address was sent of a date: a row of `calendar_entries`, or None for nothing


def make_files(
    session: Session,
    row: Notice,
    record: Snapshot,
    *,
    person: Mailbox,
    deadline: str | None,
    asked: set[str],
) -> list[CalendarFile]:
    """Return the calendar files that go with a notice, and record them as sent.

    `deadline` is the name of the deadline that the notice is about, `asked` the events that it asks for.

    1. Take each date to come that the notice is about, or that has moved since this address was told of it.
    2. Invite to it (REQUEST) if the reader has to act by then, or was invited before; else inform (PUBLISH).
    3. Cancel each date that this address was told of and that no longer exists.
    4. Record what is sent, and put the file first that mail programs should offer.
    """
    now = row.queued_at
    # A date that has passed is left as it is: nobody needs news of it.
    current = {date.uid: date for date in dates(session, record).values() if date.start >= now}
    # Somebody who has left the panel or is no longer the contact has nothing to keep there any more.
    if _has_lost_role(session, row, record):
        current = {}
    sent = _sent(session, row.to, record.key)
    wanted: list[tuple[Method, str, CalendarEntry, bool]] = []
    for date in current.values():
        before = sent.get(date.uid)
        # A move is told with any next message to this address, even if that message is about something else.
        if not (_is_about(session, row, date, deadline) or _has_moved(before, date)):
            continue
        # An invitation is moved by another one (RFC 5546, 3.2.2.1), even if there is nothing more to do.
        request = date.name == MEETING or bool(asked & set(date.tasks)) or _was_asked(before)
        # A date that is back after it was cancelled needs a higher sequence than its cancellation.
        sequence = _sequence(
            before, moved=before is not None and (before.cancelled or before.start != date.start)
        )
        entry = CalendarEntry(date.uid, date.summary, date.start, date.description, None, sequence)
        wanted.append(("REQUEST" if request else "PUBLISH", date.name, entry, before is None))
    for before in sent.values():
        if not before.cancelled and before.start >= now and before.uid not in current:
            # The record no longer has the date, so the entry is made from what was sent.
            entry = CalendarEntry(
                before.uid, before.summary, before.start, record.facts.title, None, before.sequence + 1
            )
            wanted.append(("CANCEL", before.name, entry, False))
    office = session.config.sender
    organizer = Mailbox(office.name or session.config.procedure.district.office, office.address)
    made = []
    for method, name, entry, new in wanted:
        made.append(make_invitation(entry, method, now, organizer=organizer, attendee=person))
        _record_sent(session, row, method, name, entry, new=new)
    return sort_files(made)


def _has_lost_role(session: Session, row: Notice, record: Snapshot) -> bool:
    """Return whether the notice tells a reviewer or a contact that they no longer are one."""
    people = session.directory
    owner = people.person(row.owner, record.facts) or people.someone(row.owner)
    named = row.capacity in (Role.REVIEWER, Role.LEAD_PARTNER)
    return named and row.capacity not in people.roles_of(owner, record.facts)


def sort_files(files: Iterable[CalendarFile]) -> list[CalendarFile]:
    """Return calendar files sorted so that the one that mail programs should offer comes first."""
    return sorted(files, key=lambda file: _ORDER.index(file.method))


def _is_about(session: Session, row: Notice, date: Date, deadline: str | None) -> bool:
    return date.name == deadline or (date.name == MEETING and _is_about_meeting(session, row))


def _is_about_meeting(session: Session, row: Notice) -> bool:
    """Return whether a notice is about the Board's meeting: a deadline, an event, or a moved meeting."""
    if row.deadline is not None:
        about = session.config.deadlines.get(row.template)
        return about is not None and "board.meeting" in about.due.anchors
    if row.seq is not None:
        return event_named(row.template).about_meeting
    return bool(row.template == MEETING_CHANGED)


def _has_moved(before: Sent, date: Date) -> bool:
    return before is not None and not before.cancelled and before.start != date.start


def _was_asked(before: Sent) -> bool:
    return before is not None and not before.cancelled and before.method == "REQUEST"


def _sequence(before: Sent, *, moved: bool) -> int:
    """Return the sequence of an entry: 0 at first, one higher each time that it has changed (RFC 5546, 2.1.4)."""
    return 0 if before is None else int(before.sequence) + moved


def _sent(session: Session, email: str, partnership: int) -> dict[str, Row[Any]]:
    """Return what an address was sent of a partnership's dates, by UID."""
    table = tables.calendar_entries
    query = select(table).where(table.c.email == email, table.c.partnership == partnership)
    # Sort here, since SQLite and PostgreSQL order text differently.
    return {row.uid: row for row in sorted(session.connection.execute(query), key=lambda row: row.uid)}


def _record_sent(
    session: Session, row: Notice, method: Method, name: str, entry: CalendarEntry, *, new: bool
) -> None:
    """Record what this address is sent of a date. `new` says that it was never sent the date before."""
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
