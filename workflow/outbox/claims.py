"""Claims notices for one daemon for a while, so that each leaves once and those to one person in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, select, update

from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.rows import DESTROYED, Notice, NoticeStatus

# A lease lasts longer than any one delivery can take: the settings put a bound on `timeout_seconds` for this.
LEASE = timedelta(minutes=10)
STUCK = (NoticeStatus.IN_DOUBT, NoticeStatus.FAILED, NoticeStatus.DEAD)  # staff can have these tried again
CLAIM = 5  # the most notices to claim at once: those that the end of a turn leaves are written anew


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that this daemon has claimed; later with its message or the problem that left it without one."""

    row: Notice
    lease: datetime  # the end of our lease, which also tells our claim from a later one
    sender: str
    content: bytes | None = None
    problem: str | None = None
    subject: str = ""

    @property
    def ours(self) -> ColumnElement[bool]:
        """Return the condition that the notice is still under this claim.

        Each claim has an end of its own, so another daemon that took the notice over has changed it.
        """
        return and_(tables.notices.c.id == self.row.id, tables.notices.c.lease_until == self.lease)


def is_free(now: datetime) -> ColumnElement[bool]:
    """Return the condition that no daemon is delivering a notice at this moment."""
    until = tables.notices.c.lease_until
    # Ignore a lease that ends later than a lease can. It was taken before the clock was set back.
    return or_(until.is_(None), until <= now, until > now + 2 * LEASE)


def claim(session: Session, now: datetime, most: int) -> list[Claimed]:
    """Claim the notices that are due first, at most `most` of them, and return them.

    1. Leave out every recipient who has a message on its way, so that messages to one person arrive in order.
    2. Read the notices that are queued or failed, due, not held for a digest, and under no lease.
    3. Set the end of the lease on them. The caller holds the exclusive turn, so no other daemon claims them too.
    """
    table = tables.notices
    # Another daemon is sending to these people, and a later message must not get ahead of that one.
    claimed_elsewhere = and_(table.c.lease_until.is_not(None), not_(is_free(now)))
    busy = set(session.connection.scalars(select(table.c.to).where(claimed_elsewhere)))
    is_due = and_(~table.c.held, table.c.next_at <= now, is_free(now))
    if busy:
        is_due = and_(is_due, table.c.to.not_in(busy))
    rows: list[Notice] = []
    # One query for each status: the index returns them in order, so a long backlog is never sorted.
    for status in (NoticeStatus.QUEUED, NoticeStatus.FAILED):
        query = select(table).where(table.c.status == status, is_due)
        query = query.order_by(table.c.next_at, table.c.id).limit(most)
        rows += map(Notice.from_row, session.connection.execute(query))
    if not rows:
        return []
    # Both queries may return `most` rows. Take the first of them together and leave the rest unclaimed.
    rows = sorted(rows, key=lambda row: (row.next_at, row.id))[:most]
    keys, lease = [row.id for row in rows], now.astimezone(UTC) + LEASE
    session.connection.execute(update(table).where(table.c.id.in_(keys)).values(lease_until=lease))
    sender = session.config.sender.address
    return [Claimed(row, lease, sender) for row in rows]


def is_still_ours(session: Session, claimed: Claimed) -> bool:
    """Return whether the claim holds: no other daemon took the notice over, and staff have not revoked it."""
    table = tables.notices
    row = session.connection.execute(select(table.c.revoked_at).where(claimed.ours)).first()
    if row is None:
        return False
    if row.revoked_at is not None:
        # Without this the recipient's other messages would wait until the lease ends.
        release(session, [claimed])
    return row.revoked_at is None


def release(session: Session, claimed: Sequence[Claimed], why: str | None = None) -> None:
    """Release claims that were not tried, unless another daemon holds them by now.

    `why` is the reason to keep with the first of them: the server could not be reached for it. Messages that were
    never tried are written anew the next time, with the date of that time.
    """
    for notice in claimed:
        values = {"lease_until": None} | ({"reason": why} if why and notice is claimed[0] else {})
        if not notice.row.attempts:
            values["message"] = None
        chain.execute(session.connection, update(tables.notices).where(notice.ours).values(**values))


def release_all(session: Session) -> int:
    """Release every claim and return how many there were.

    For the start of a daemon where no other can run: an earlier daemon was killed and left these claims behind.
    """
    table = tables.notices
    claims = update(table).where(table.c.lease_until.is_not(None)).values(lease_until=None)
    return session.connection.execute(claims).rowcount


def retry(connection: Connection, key: int, now: datetime) -> bool:
    """Queue a notice again that failed, is in doubt or was set aside. Return whether it could be queued.

    A notice in a digest is queued with its whole digest. A notice that is being delivered is left alone.
    """
    table = tables.notices
    # `whole` is the digest of the notice, or the notice where it leaves alone.
    whole = connection.scalar(select(table.c.within).where(table.c.id == key)) or key
    is_stuck = table.c.status.in_(STUCK) & table.c.revoked_at.is_(None) & (table.c.to != DESTROYED)
    queued = chain.execute(
        connection,
        update(table)
        .where(table.c.id == whole, is_stuck, is_free(now))
        # Staff have removed the cause by now, so the notice gets all its tries again.
        .values(status=NoticeStatus.QUEUED, attempts=0, next_at=now, lease_until=None, reason=None),
    )
    if queued:
        chain.execute(
            connection,
            update(table)
            .where(table.c.within == whole, is_stuck)
            .values(status=NoticeStatus.QUEUED, reason=None),
        )
    return len(queued) == 1
