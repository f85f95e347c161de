"""Delivery: what is queued and may leave is claimed for a while, written once, kept, and tried with growing waits.

What cannot be delivered is set aside and staff are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, select, update

from notifications.mailers import InDoubt, Mailer, PermanentFailure, TemporaryFailure, Unreachable
from workflow.outbox import digest, message, queue
from workflow.outbox.throttle import Pace
from workflow.outbox.timing import next_send_time
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.database import StoreError
from workflow.store.rows import Notice, NoticeStatus
from workflow.store.tables import canonical

LEASE = timedelta(minutes=10)  # longer than any one delivery can take: `timeout_seconds` is bounded for it
STUCK = (NoticeStatus.IN_DOUBT, NoticeStatus.FAILED, NoticeStatus.DEAD)  # what can be tried anew
CLAIM = 20  # notices taken at once
TURN = timedelta(seconds=30)  # so long mail leaves while deadlines and replies wait


def deliver(
    system: System,
    mailer: Mailer,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
    pace: Pace | None = None,
) -> dict[str, int]:
    """Deliver what may leave now, until nothing may, a turn is over, or `stop` or `pace` says so.

    How many by status. `pace.more` says whether more may leave at once. While the way out is closed nothing is
    tried, so that all keep their turn; `pace.problem` says why. What somebody else has taken over meanwhile counts
    as "overtaken".
    """
    pace, counts = pace or Pace(), Counter[str]()
    _note(system, pace)
    begun = clock()
    pace.more = False
    with mailer.session():
        while not stop() and (room := pace.room(clock())) != 0:
            claimed = system.transact(
                partial(_claim, now=clock(), most=min(CLAIM, room or CLAIM)), exclusive="outbox"
            )
            if not claimed:
                break
            for done, notice in enumerate(claimed):
                pace.more = bool(counts) and not timedelta(0) <= clock() - begun <= TURN
                if pace.more or stop():
                    system.transact(partial(_release, claimed=claimed[done:]))
                    return dict(counts)
                if not system.transact(partial(_still_ours, claimed=notice)):
                    continue
                try:
                    outcome = _attempt(mailer, notice)
                except Unreachable as error:
                    pace.closed(clock(), str(error))
                    system.transact(partial(_release, claimed=claimed[done:], why=str(error)))
                    break
                pace.one_left(clock())
                pace.unnoted.append(partial(_settle, claimed=notice, outcome=outcome, now=clock()))
                counts.update(_note(system, pace))
    return dict(counts)


def take_back(session: Session) -> int:
    """Take back what a daemon had claimed before it was killed, where no other can run. How many notices."""
    table = tables.notices
    held = update(table).where(table.c.lease_until.is_not(None)).values(lease_until=None)
    return session.connection.execute(held).rowcount


def _note(system: System, pace: Pace) -> list[str]:
    """Note how it ended with what has been tried; where the database is away that is done the next time."""
    statuses = []
    while pace.unnoted:
        note = pace.unnoted[0]
        try:
            status = system.transact(note)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - if staff cannot be told of one, all others would wait for it
            status = system.transact(partial(note, tell=False))
        statuses.append(status)
        del pace.unnoted[0]
    return statuses


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that is being delivered: its row, until when it is ours, and its message or why there is none."""

    row: Notice
    lease: datetime
    sender: str
    content: bytes | None
    problem: str | None = None

    @property
    def ours(self) -> ColumnElement[bool]:
        """That nobody else has taken it over since: a lease is given only once."""
        return and_(tables.notices.c.id == self.row.id, tables.notices.c.lease_until == self.lease)


def free(now: datetime) -> ColumnElement[bool]:
    """That nobody is delivering a notice just now."""
    until = tables.notices.c.lease_until
    # None honest lies further ahead than a lease: it was given before the clock was set back.
    return or_(until.is_(None), until <= now, until > now + 2 * LEASE)


def _claim(session: Session, now: datetime, most: int = CLAIM) -> list[Claimed]:
    table = tables.notices
    # While a message to somebody is on its way their later ones wait, so that they arrive in order.
    taken = and_(table.c.lease_until.is_not(None), not_(free(now)))
    busy = set(session.connection.scalars(select(table.c.to).where(taken)))
    may = and_(~table.c.held, table.c.next_at <= now, free(now))
    if busy:
        may = and_(may, table.c.to.not_in(busy))
    rows: list[Notice] = []
    # A look for each status: the index gives its notices in order, so no backlog is sorted for every few.
    for status in (NoticeStatus.QUEUED, NoticeStatus.FAILED):
        query = select(table).where(table.c.status == status, may)
        query = query.order_by(table.c.next_at, table.c.id).limit(most)
        rows += map(Notice.from_row, session.connection.execute(query))
    if not rows:
        return []
    rows = sorted(rows, key=lambda row: (row.next_at, row.id))[:most]
    keys, lease = [row.id for row in rows], now.astimezone(UTC) + LEASE
    session.connection.execute(update(table).where(table.c.id.in_(keys)).values(lease_until=lease))
    sender = session.config.sender.address
    return [_written(session, row, lease, sender) for row in rows]


def _still_ours(session: Session, claimed: Claimed) -> bool:
    """Whether nobody has taken it over or revoked it since it was claimed."""
    table = tables.notices
    found = session.connection.execute(select(table.c.revoked_at).where(claimed.ours)).first()
    if found is None:
        return False
    if found.revoked_at is not None:
        _release(session, [claimed])  # else their other messages would wait for it
    return found.revoked_at is None


def _release(session: Session, claimed: Sequence[Claimed], why: str | None = None) -> None:
    """Give back what was claimed and not tried, unless it is somebody else's by now; `why` the first one waits."""
    for notice in claimed:
        values = {"lease_until": None} | ({"reason": why} if why and notice is claimed[0] else {})
        session.connection.execute(update(tables.notices).where(notice.ours).values(**values))


def _written(session: Session, row: Notice, lease: datetime, sender: str) -> Claimed:
    """The message of a notice: written at its first attempt and kept, so that every attempt sends the same."""
    if row.message is not None:
        return Claimed(row, lease, sender, row.message)
    try:
        with session.connection.begin_nested():  # of a message that cannot be written nothing is kept
            subject, content = message.write(session, row)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others leave
        why = error if isinstance(error, (message.CannotWrite, ValueError)) else repr(error)
        return Claimed(row, lease, sender, None, f"it cannot be written: {why}")
    table = tables.notices
    session.connection.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(subject=subject, message=content, shown=canonical(message.shown(session, row)))
    )
    return Claimed(row, lease, sender, content)


def _attempt(mailer: Mailer, claimed: Claimed) -> tuple[NoticeStatus, str | None]:
    """Try to deliver: the outcome and the reason. Raises `Unreachable` if that is not this notice's fault."""
    if claimed.content is None:
        return NoticeStatus.FAILED, claimed.problem
    try:
        mailer.deliver(
            claimed.content, sender=claimed.sender, recipient=claimed.row.to, key=claimed.row.message_id
        )
    except InDoubt as error:
        return NoticeStatus.IN_DOUBT, str(error)
    except Unreachable:
        raise
    except PermanentFailure as error:
        return NoticeStatus.DEAD, str(error)
    except (TemporaryFailure, OSError) as error:
        return NoticeStatus.FAILED, str(error)
    except Exception as error:  # noqa: BLE001 - as above
        return NoticeStatus.FAILED, repr(error)
    return NoticeStatus.SENT, None


def _settle(
    session: Session,
    claimed: Claimed,
    outcome: tuple[NoticeStatus, str | None],
    now: datetime,
    tell: bool = True,
) -> str:
    status, reason = outcome
    row, table = claimed.row, tables.notices
    attempts = row.attempts + 1
    waits = session.config.procedure.mail.retry_minutes
    values: dict[str, Any] = {"attempts": attempts, "lease_until": None, "reason": reason}
    if status == NoticeStatus.FAILED and attempts > len(waits):
        status = NoticeStatus.DEAD
    if status == NoticeStatus.FAILED:
        values["next_at"] = next_send_time(session.config, now + timedelta(minutes=waits[attempts - 1]))
    if status == NoticeStatus.SENT:
        values["sent_at"] = now
    done = session.connection.execute(update(table).where(claimed.ours).values(status=status, **values))
    if not done.rowcount:
        return "overtaken"
    if row.template == message.DIGEST:
        digest.follow(session, row.id, status, now, reason)
    if tell and status in (NoticeStatus.DEAD, NoticeStatus.IN_DOUBT) and row.template != "message-failed":
        _tell_staff(session, row, reason, attempts, now)
    return status


def _tell_staff(session: Session, row: Notice, reason: str | None, attempts: int, now: datetime) -> None:
    found = message.subject_of(session, row)
    failure = {
        "recipient": row.to,
        "subject": found,
        "reason": reason or "",
        "attempts": attempts,
        "notice_id": row.id,
    }
    queue.tell_staff(session, row.partnership, "message-failed", {"failure": failure}, now)


def retry(connection: Connection, key: int, now: datetime) -> bool:
    """Let a notice that failed, is in doubt or was set aside be tried anew, one in a digest with the whole digest.

    False if it is none of these, or on its way just now.
    """
    table = tables.notices
    whole = connection.scalar(select(table.c.within).where(table.c.id == key)) or key
    stuck = table.c.status.in_(STUCK) & table.c.revoked_at.is_(None)
    done = connection.execute(
        update(table)
        .where(table.c.id == whole, stuck, free(now))
        .values(status=NoticeStatus.QUEUED, attempts=0, next_at=now, lease_until=None, reason=None)
    )
    if done.rowcount:
        connection.execute(
            update(table)
            .where(table.c.within == whole, stuck)
            .values(status=NoticeStatus.QUEUED, reason=None)
        )
    return done.rowcount == 1
