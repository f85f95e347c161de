"""Gathers the notices that wait for a person's daily digest into one message.

A held notice names the digest that it leaves in (`within`) and shares its outcome. Both are written in one
transaction, so that each notice leaves exactly once: alone, or in one digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from workflow.outbox.message import DIGEST
from workflow.outbox.timing import new_notice, next_send_time
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.rows import Notice, NoticeStatus


def is_waiting(session: Session) -> bool:
    """Return whether any notice waits for a digest."""
    return session.connection.execute(_WAITING).first() is not None


_WAITING = (
    select(tables.notices.c.id)
    .where(
        tables.notices.c.status == NoticeStatus.QUEUED,
        tables.notices.c.held,
        tables.notices.c.within.is_(None),
    )
    .limit(1)
)


def gather(session: Session, now: datetime) -> int:
    """Put the held notices that are due into digests. Return the number of new digests.

    A notice leaves alone if its recipient no longer wants a digest, or if the digest would hold nothing else.
    """
    table = tables.notices
    query = select(table).where(
        table.c.status == NoticeStatus.QUEUED.value, table.c.held, table.c.within.is_(None)
    )
    held: dict[str, list[Notice]] = {}
    for row in map(Notice.from_row, session.connection.execute(query.order_by(table.c.id))):
        held.setdefault(row.to, []).append(row)
    made = 0
    for to, rows in held.items():
        person = session.directory.people.get(to)
        due = [row for row in rows if row.next_at <= now]
        # These wait for nothing any more, so the ones that are not due leave too.
        if person is None or not person.digest:
            _release(session, rows, now)
        # A digest of one notice would only hide its subject.
        elif len(due) == 1:
            _release(session, due, now)
        elif due:
            _bind(session, to, due, now)
            made += 1
    return made


def _release(session: Session, rows: Sequence[Notice], now: datetime) -> None:
    """Let each of these notices leave as a message of its own."""
    table = tables.notices
    chain.execute(
        session.connection,
        update(table)
        .where(table.c.id.in_([row.id for row in rows]))
        .values(held=False, next_at=next_send_time(session.config, now)),
    )


def _bind(session: Session, to: str, rows: Sequence[Notice], now: datetime) -> None:
    """Queue a digest to this address and put these notices into it."""
    table = tables.notices
    values = new_notice(session.config, DIGEST, to, rows[0].role, now)
    # The digest is a notice like any other, so delivery,
    # retries and leases need no rules of their own for it.
    (key,) = chain.execute(session.connection, insert(table).values(**values))
    chain.execute(
        session.connection,
        update(table).where(table.c.id.in_([row.id for row in rows])).values(within=key),
    )


def share_outcome(session: Session, key: int, status: str, now: datetime, reason: str | None) -> None:
    """Give the notices of a digest its outcome. They stay queued while the digest is tried again."""
    if status == NoticeStatus.FAILED:
        return
    table = tables.notices
    values: dict[str, Any] = {"status": status, "reason": reason, "attempts": table.c.attempts + 1}
    if status == NoticeStatus.SENT:
        values["sent_at"] = now
    # A notice that was revoked in the meantime is dead already. The digest left without it.
    waiting = table.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED))
    chain.execute(session.connection, update(table).where(table.c.within == key, waiting).values(**values))
