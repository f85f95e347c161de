"""The dates of a partnership that belong in a calendar, and what of them goes with a message.

A date has one UID for everybody: NAME.REF@domain, with the number of its round from the second on (a call after a
restart, the next annual review, the next item before the Board), and for a duty that recurs which occurrence it
is. So a date that is moved is the same date, and next year's is another.

What each address was sent is kept. The sequence starts at 0 and rises when the date has moved since, or has fallen
away: then the next message to that address about that partnership says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, CalendarFile, Method, invitation
from states.machine import event_named
from states.moments import done_on
from states.partnership import State
from workflow.deadlines import due_instants
from workflow.procedure.settings import DeadlineSettings
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, Snapshot

MEETING = "board-meeting"
MEETING_CHANGED = "meeting-changed"  # the message that tells of a meeting that is not when it was
_ORDER: tuple[Method, ...] = ("REQUEST", "CANCEL", "PUBLISH")  # the first one is what a mail reader offers


@dataclass(frozen=True, slots=True)
class Date:
    """A date to keep: `name` is its deadline or MEETING, `offers` what is to be done by then."""

    uid: str
    name: str
    start: datetime
    summary: str
    description: str
    offers: tuple[str, ...] = ()


def dates(session: Session, record: Snapshot) -> dict[str, Date]:
    """By name, every date that a partnership has now, also one that has passed."""
    place = session.directory.school_name(record.facts.school)
    found = {}
    for name, due in due_instants(session.config, record).items():
        row = session.config.deadlines[name]
        key = f"{name}{_occurrence(session, row, record)}"
        summary = f"{row.label}: {place}"
        found[name] = Date(
            uid_of(session, key, record.ref), name, due, summary, record.facts.title, row.offers
        )
    if (meeting := _meeting(session, record, place)) is not None:
        found[MEETING] = meeting
    return found


def uid_of(session: Session, key: str, ref: str) -> str:
    """The UID of a date of a partnership (RFC 7986: unique in the world, and says nothing of the machine)."""
    return f"{key}.{ref}@{session.config.sender.address.rpartition('@')[2]}"


def _meeting(session: Session, record: Snapshot, place: str) -> Date | None:
    """The meeting of the Board that has the partnership on its agenda, as the Board's calendar has it now."""
    item = record.facts.board.item
    meeting = session.directory.meeting(item.meeting_on) if item else None
    if item is None or meeting is None or record.state is not State.BOARD_REVIEW:
        return None
    what = "new agreement" if item.purpose == "new" else f"{item.purpose} of the agreement"
    key = MEETING + _numbered(len(record.facts.board.decisions))
    about = f"On the agenda: {what}. {record.facts.title}"
    return Date(uid_of(session, key, record.ref), MEETING, meeting.at, f"Board meeting: {place}", about)


def _occurrence(session: Session, row: DeadlineSettings, record: Snapshot) -> str:
    """What tells a date from the one before it of the same name."""
    if not row.due.recurring:
        return _numbered(_round(row.due.anchors[0], record))
    calendar, moments = session.config.calendar, record.moments
    in_force = moments.get("agreement.in_force")
    since = calendar.day(in_force) if isinstance(in_force, datetime) else None
    done = done_on(record.facts, row.done, calendar.day) if row.done else ()
    return "-" + row.due.occurrence(calendar=calendar, moments=moments, since=since, done=done)


def _numbered(earlier: int) -> str:
    return f"-{earlier + 1}" if earlier else ""


def _round(anchor: str, record: Snapshot) -> int:
    """How often there was already what a deadline is counted from: a date of an earlier round is another date."""
    facts, state = record.facts, record.state
    calls, reviews, items = (
        len(facts.earlier_selections),
        len(facts.earlier_reviews),
        len(facts.board.decisions),
    )
    if anchor == "entering":
        before: dict[State | None, int] = {
            State.ACTIVE: reviews + items,
            State.ANNUAL_REVIEW: reviews,
            State.BOARD_REVIEW: items,
        }
        return before.get(state, calls)
    if anchor in ("agreement.awaits_signature", "agreement.amendment_waits"):
        return len(facts.agreement.changes) if facts.agreement else 0
    heads = {"needs": calls, "selection": calls, "review": reviews, "board": items}
    return heads.get(anchor.partition(".")[0], 0)


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
