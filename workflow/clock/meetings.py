"""A meeting of the Board that was moved or taken off the calendar: whoever has it in theirs is told at once.

However the Board's calendar was changed (a command, a file, the configuration), what a partnership's people were
told last is compared with what the calendar says now.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from states.partnership import State
from workflow.outbox import queue
from workflow.outbox.queue import Occasion
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot

CHANGED = "meeting-changed"


def tell_changed(session: Session, now: datetime) -> list[str]:
    """Queue notices where a meeting to come is not when people were told. The partnerships concerned.

    The calendar that was last looked at is remembered, so that without a change nothing is read.
    """
    meta = tables.meta
    mark = f"{session.directory.version} {session.config.procedure.board!r}"
    before = session.connection.scalar(select(meta.c.value).where(meta.c.key == "meetings"))
    if before == mark:
        return []
    table = tables.partnerships
    query = select(table).where(table.c.state == State.BOARD_REVIEW).order_by(table.c.id)
    rows = session.connection.execute(query).all()
    told = [record.ref for record in map(Snapshot.from_row, rows) if _tell(session, record, now)]
    if before is None:
        session.connection.execute(insert(meta).values(key="meetings", value=mark))
    else:
        session.connection.execute(update(meta).where(meta.c.key == "meetings").values(value=mark))
    return told


def _tell(session: Session, record: Snapshot, now: datetime) -> bool:
    item = record.facts.board.item
    if item is None or item.meeting_on is None or item.meeting_at is None:
        return False
    meeting = session.directory.meeting(item.meeting_on)
    begins = meeting.at if meeting else None
    known = _last_told(session, record, item.meeting_at)
    if begins == known or max(filter(None, (begins, known))) <= now:
        return False
    local = session.config.calendar.local
    said = {
        "was": local(known).isoformat() if known else None,
        "now": local(begins).isoformat() if begins else None,
    }
    _queue(session, record, {"meeting": said}, now)
    return True


def _last_told(session: Session, record: Snapshot, scheduled: datetime) -> datetime | None:
    """When people were told last that the meeting begins; None if that it is off."""
    item = record.facts.board.item
    since = item.scheduled_at if item and item.scheduled_at else record.entered_at
    table = tables.notices
    query = select(table.c.extra).where(
        table.c.partnership == record.id, table.c.template == CHANGED, table.c.queued_at >= since
    )
    last = session.connection.scalar(query.order_by(table.c.id.desc()).limit(1))
    if last is None:
        return scheduled
    said = json.loads(last)["meeting"]["now"]
    return datetime.fromisoformat(said).astimezone(UTC) if said else None


def _queue(session: Session, record: Snapshot, extra: dict[str, Any], now: datetime) -> None:
    """Tell those whom the procedure names, and whoever else has the meeting in their calendar."""
    key = record.key
    queue.queue(session, [Occasion(record, record.facts, CHANGED, now, extra=extra)])
    notices, entries = tables.notices, tables.calendar_entries
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
