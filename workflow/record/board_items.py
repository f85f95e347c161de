"""Lets the items before the Board follow its calendar, and tells everybody concerned.

A command, an imported file or the configuration can change the Board's calendar. However it was changed, each item
is compared with what the calendar says now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.agreement import Item
from states.case import Meeting
from states.names import Role, State
from workflow import engine
from workflow.outbox import queue
from workflow.outbox.recipients import Occasion
from workflow.procedure import ladders
from workflow.session import Session
from workflow.store import database, tables
from workflow.store.rows import Channel, Snapshot
from workflow.views import planning

CHANGED = "meeting-changed"
MOVE = "move-item"


@dataclass(frozen=True, slots=True)
class Moved:
    """An item whose meeting changed: the partnership, and what people are told of it."""

    ref: str
    meeting: Mapping[str, Any]


def follow_calendar(session: Session, now: datetime) -> list[Moved]:
    """Move or free each item whose meeting is not held as it was on record; return what was done.

    1. Lock the partnerships before the Board, in the order in which everybody locks them.
    2. Compare the meeting of each item with the calendar.
    3. Record the change as an event of the clock, which moves the deadlines too.
    4. Tell those whom the procedure names, and everybody else who has the meeting in their calendar.
    """
    table = tables.partnerships
    query = select(table).where(table.c.state == State.BOARD_REVIEW).order_by(table.c.id)
    rows = session.connection.execute(database.locking(session.connection, query)).all()
    moved = []
    for row in rows:
        try:
            record = Snapshot.from_row(row)
        # The list of partnerships says which record is damaged. It must not keep the calendar from the others.
        except ValueError:
            continue
        item = record.facts.board.item
        if item is not None and (change := _find_change(session, item, now)) is not None:
            moved.append(_move(session, record, item, *change, now))
    return moved


def _find_change(session: Session, item: Item, now: datetime) -> tuple[Meeting | None, str] | None:
    """Return the meeting to which an item goes, None if it has none any more, and why; None if nothing changed."""
    directory = session.directory
    day = item.meeting_on or item.freed_on
    if day is None:
        return None
    held = directory.successor(day)
    if item.meeting_on is None:
        is_back = held is not None and held.at > now
        return (held, f"the meeting of {day} is in the Board's calendar again") if is_back else None
    if held is not None:
        was = item.meeting_at
        # Early histories do not know the hour, and a meeting that is over by both accounts does not move any more.
        if was is None or held.at == was or max(was, held.at) <= now:
            return None
        return held, f"the meeting of {day} was moved"
    # Also on its evening: of a meeting that was not held nobody can record a decision.
    entry = directory.meeting(day)
    why = f"is now a {entry.kind} one, at which the Board decides on no item" if entry else "is cancelled"
    return None, f"the meeting of {day} {why}"


def _move(
    session: Session, record: Snapshot, item: Item, meeting: Meeting | None, why: str, now: datetime
) -> Moved:
    """Record that an item follows the calendar, and tell of it."""
    values = {"reason": why} | ({"meeting_on": meeting.on.isoformat()} if meeting else {})
    change = engine.advance(session, record.ref, MOVE, values, str(Role.CLOCK), Channel.CLOCK, now)
    entry = session.directory.meeting(item.meeting_on)
    told = {
        "was": session.local(item.meeting_at),
        "now": session.local(meeting.at) if meeting else None,
        "special": meeting is None and entry is not None,
        "dates": _compare_dates(session, record, change.record),
        "outlook": _look_ahead(session, change.record, now),
    }
    _tell(session, change.record, {"meeting": told}, now)
    return Moved(record.ref, told)


def _compare_dates(session: Session, before: Snapshot, after: Snapshot) -> list[dict[str, str | None]]:
    """Return each deadline that moved, with its label and its local due time before and after; None for none."""
    config = session.config
    was, is_now = ladders.due_instants(config, before), ladders.due_instants(config, after)
    names = [name for name in config.deadlines if was.get(name) != is_now.get(name)]
    return [
        {
            "label": config.deadlines[name].label,
            "was": session.local(was.get(name)),
            "now": session.local(is_now.get(name)),
        }
        for name in names
    ]


def _look_ahead(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    """Return when the Board can act now at the earliest, and whether the agreement can still keep its days."""
    acts = planning.find_earliest_action(session, record.facts, now)
    agreement, item = record.facts.agreement, record.facts.board.item
    day = None
    if agreement is not None and item is not None and item.purpose != "termination":
        day = agreement.starts_on if item.purpose == "new" else agreement.ends_on
    return {
        "acts": session.local(acts.at) if acts else None,
        "day": day.isoformat() if day else None,
        "begins": item is not None and item.purpose == "new",
        "possible": acts is not None and day is not None and acts.on <= day,
    }


def _tell(session: Session, record: Snapshot, extra: dict[str, Any], now: datetime) -> None:
    """Tell the people whom the procedure names, and everybody else who has the meeting in their calendar."""
    key = record.key
    queue.queue(session, [Occasion(record, record.facts, CHANGED, now, extra=extra)])
    notices, entries = tables.notices, tables.calendar_entries
    # `queue` returns only how many were told, so find out who by the instant.
    reached = set(
        session.connection.scalars(
            select(notices.c.to).where(
                notices.c.partnership == key, notices.c.template == CHANGED, notices.c.queued_at == now
            )
        )
    )
    holders = session.connection.scalars(
        select(entries.c.email).where(
            entries.c.partnership == key, entries.c.name == "board-meeting", entries.c.cancelled.is_(False)
        )
    )
    for email in sorted(set(holders) - reached):
        # Somebody who no longer has a role is told in the role in which they were written to last.
        last = session.connection.execute(
            select(notices.c.role, notices.c.delegate_for)
            .where(notices.c.to == email, notices.c.partnership == key)
            .order_by(notices.c.id.desc())
            .limit(1)
        ).first()
        if last is not None:
            queue.tell(
                session, CHANGED, email, last.role, now,
                extra=extra, partnership=key, delegate_for=last.delegate_for,
            )  # fmt: skip


def document(moved: Sequence[Moved]) -> list[dict[str, Any]]:
    """Return the items that followed the calendar as JSON has them."""
    return [{"ref": each.ref, **each.meeting} for each in moved]


def describe(moved: Sequence[Moved]) -> list[str]:
    """Return in lines what a change of the calendar did to the items before the Board, and to their dates."""
    lines = []
    for each in moved:
        meeting, outlook = each.meeting, each.meeting["outlook"]
        is_now = f"is now on {_minute(meeting['now'])}" if meeting["now"] else "has no meeting now"
        lines.append(f"{each.ref}: its item before the Board {is_now}. Everybody concerned is told.")
        lines += [f"  {date['label']}: {_minute(date['now'])}" for date in meeting["dates"]]
        acts = outlook["acts"]
        lines.append(
            f"  The Board can act at the earliest: {_minute(acts) if acts else 'no meeting is known'}"
        )
        if outlook["day"] and not outlook["possible"]:
            what = "begin on" if outlook["begins"] else "stay in force after"
            lines.append(f"  The agreement can no longer {what} {outlook['day']} with the Board's approval.")
    return lines


def _minute(text: str | None) -> str:
    return text[:16].replace("T", " ") if text else "no date now"
