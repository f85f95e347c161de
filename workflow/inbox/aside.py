"""Sets aside what arrived and cannot be read or judged: records each once, with the reason, and tells staff."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, func, insert, select

from notifications.incoming.letterboxes import Letter
from notifications.incoming.replies import Incoming
from workflow.inbox import begun
from workflow.inbox.message import MOST_TOLD, WITHIN, Judged, Reply, say_last_told, tell_staff
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.rows import Verdict

READ_BEFORE = "it has been read before"


def digest_of(letter: Letter) -> str:
    """Return the SHA-256 of a message, in hexadecimal: a message with the same bytes is judged once.

    What cannot be read has no bytes. Its problem, which names its place, stands for them.
    """
    return hashlib.sha256(letter.content or (letter.problem or "").encode()).hexdigest()


def is_recorded(session: Session, digest: str) -> bool:
    """Return whether a message with the same bytes was judged before."""
    table = tables.replies
    return session.connection.scalar(select(table.c.id).where(table.c.digest == digest)) is not None


def key_of(inserted: CursorResult[Any]) -> int:
    """Return the primary key of the row that was just inserted."""
    key = inserted.inserted_primary_key
    assert key is not None
    return int(key[0])


def set_aside(session: Session, letter: Letter, digest: str, now: datetime, reason: str) -> Judged:
    """Record a message that cannot be judged, unread. Tell staff of the first `MOST_TOLD` in an hour."""
    begun.end(session, digest)
    # Another daemon may have judged the message since the first try.
    if is_recorded(session, digest):
        return Judged(Verdict.REPEATED, READ_BEFORE, recorded=False)
    earlier = _count_set_aside(session, now)
    table = tables.replies
    values = {"digest": digest, "received_at": now, "message": letter.content, "verdict": Verdict.REFUSED}
    (key,) = chain.execute(session.connection, insert(table).values(**values, reason=reason))
    # The content may be what made it fail, so the report to staff is made without it.
    unread = Reply(key, digest, Incoming(), letter.whole)
    if earlier < MOST_TOLD:
        last = [say_last_told(MOST_TOLD)] if earlier == MOST_TOLD - 1 else []
        tell_staff(session, "reply-doubtful", unread, now, [reason, *last])
    return Judged(Verdict.REFUSED, reason)


def _count_set_aside(session: Session, now: datetime) -> int:
    """Return how many messages were set aside within an hour.

    Nothing is known of them. One that was read and refused has a sender, or came to the address of a notice.
    """
    table = tables.replies
    nothing = [table.c[name].is_(None) for name in ("sender", "message_id", "notice")]
    query = select(func.count()).where(
        *nothing, table.c.verdict == Verdict.REFUSED, table.c.received_at > now - WITHIN
    )
    return session.connection.scalar(query) or 0


def report_unreadable(session: Session, letter: Letter, now: datetime) -> Judged:
    """Record what lies in the mailbox and cannot be read at all, such as a symbolic link, and tell staff once.

    It stays where it is, so the record also keeps a daemon that starts anew from telling staff again.
    """
    assert letter.problem is not None
    return replace(set_aside(session, letter, digest_of(letter), now, letter.problem), recorded=False)
