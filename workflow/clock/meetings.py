"""Tells people at once when the Board moves or cancels a meeting that they were told of.

A command, an imported file or the configuration can change the Board's calendar. However it was changed, the clock
compares what a partnership's people were told last with what the calendar says now.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from states.partnership import State
from workflow.outbox import queue
from workflow.outbox.recipients import Occasion
from workflow.session import Session
from workflow.store import database, tables
from workflow.store.rows import Snapshot

CHANGED = "meeting-changed"


def tell_changed(session: Session, now: datetime) -> list[str]:
    """Queue notices for each coming meeting that is not when people were told; return the partnerships concerned.

    The version of the calendar is remembered, so that without a change no partnership is read.
    """
    # Meetings come from two places, the directory and the configuration. Either may have changed.
    mark = f"{session.directory.version} {session.config.procedure.board!r}"
    if database.remembered(session.connection, "meetings") == mark:
        return []
    table = tables.partnerships
    query = select(table).where(table.c.state == State.BOARD_REVIEW).order_by(table.c.id)
    # No row is locked, since only notices are written here, and one daemon does this at a time.
    rows = session.connection.execute(query).all()
    refs = [record.ref for record in map(Snapshot.from_row, rows) if _tell(session, record, now)]
    # In the same transaction as the notices: after a crash
    # the next tick begins again, and tells nobody twice.
    database.remember(session.connection, "meetings", mark)
    return refs


def _tell(session: Session, record: Snapshot, now: datetime) -> bool:
    """Tell the people of one partnership if its meeting moved; return whether there was anything to tell."""
    item = record.facts.board.item
    if item is None or item.meeting_on is None or item.meeting_at is None:
        return False
    meeting = session.directory.meeting(item.meeting_on)
    begins = meeting.at if meeting else None
    # Compare with what people were told, not with the record: the meeting may have moved more than once.
    last_told = _find_last_told(session, record, item.meeting_at)
    # A meeting that is over by both accounts concerns nobody any more.
    if begins == last_told or max(filter(None, (begins, last_told))) <= now:
        return False
    local = session.config.calendar.local
    change = {
        "was": local(last_told).isoformat() if last_told else None,
        "now": local(begins).isoformat() if begins else None,
    }
    _queue(session, record, {"meeting": change}, now)
    return True


def _find_last_told(session: Session, record: Snapshot, scheduled: datetime) -> datetime | None:
    """Return the time of the meeting that people were told last; None if they were told that it is cancelled."""
    item = record.facts.board.item
    # What was told about an earlier date of the same item says nothing about this one.
    since = item.scheduled_at if item and item.scheduled_at else record.entered_at
    table = tables.notices
    query = select(table.c.extra).where(
        table.c.partnership == record.id, table.c.template == CHANGED, table.c.queued_at >= since
    )
    extra = session.connection.scalar(query.order_by(table.c.id.desc()).limit(1))
    if extra is None:
        return scheduled
    begins = json.loads(extra)["meeting"]["now"]
    return datetime.fromisoformat(begins).astimezone(UTC) if begins else None


def _queue(session: Session, record: Snapshot, extra: dict[str, Any], now: datetime) -> None:
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
