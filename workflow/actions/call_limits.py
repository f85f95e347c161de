"""Tells staff, once a day, that strangers have reached a limit of a call."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from workflow.outbox import queue
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, Snapshot

LINKS, APPLICATIONS, QUESTIONS = "links", "applications", "questions"  # what a call gets too many of
_NAME = "call-limit"
_AGAIN = timedelta(days=1)


def tell_staff(session: Session, record: Snapshot, what: str, most: int, now: datetime) -> None:
    """Tell staff that a call has got more than `most` of `LINKS`, `APPLICATIONS` or `QUESTIONS`.

    Do nothing if they were told within a day. Nobody is named, since applications are sealed (4270.8).
    """
    table = tables.notices
    recent = select(table).where(
        table.c.template == _NAME, table.c.partnership == record.id, table.c.queued_at > now - _AGAIN
    )
    told = map(Notice.from_row, session.connection.execute(recent))
    if all(notice.more["failure"]["what"] != what for notice in told):
        queue.tell_staff(session, record.id, _NAME, {"failure": {"what": what, "most": most}}, now)
