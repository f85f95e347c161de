"""Delivers queued notices: claims each for a while, writes its message once, tries it with growing waits.

A notice that cannot be delivered is set aside, and staff are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, not_, or_, select, update
from sqlalchemy.exc import DBAPIError

from notifications.mailers import InDoubt, Mailer, PermanentFailure, TemporaryFailure, Unreachable
from notifications.masking import mask
from workflow import links
from workflow.outbox import copies, digest, message, queue, writing
from workflow.outbox.throttle import Pace
from workflow.outbox.timing import next_send_time
from workflow.outbox.writing import Draft, Material, Writer
from workflow.procedure.config import Config
from workflow.session import Session, System
from workflow.store import chain, tables
from workflow.store.column_types import canonical
from workflow.store.database import StoreError
from workflow.store.rows import DESTROYED, Notice, NoticeStatus

# A lease lasts longer than any one delivery can take: the settings put a bound on `timeout_seconds` for this.
LEASE = timedelta(minutes=10)
STUCK = (NoticeStatus.IN_DOUBT, NoticeStatus.FAILED, NoticeStatus.DEAD)  # staff can have these tried again
CLAIM = 5  # the most notices to claim at once: those that the end of a turn leaves are written anew
_MAY_LEAVE = tables.notices.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED)) & ~tables.notices.c.held
TURN = timedelta(seconds=1)  # after it no further message is begun in a tick, so that deadlines do not wait


def deliver(
    system: System,
    mailer: Mailer,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
    pace: Pace | None = None,
    writer: Writer = writing.WHOLE,
) -> dict[str, int]:
    """Deliver the notices that are due, until none is left, the turn is over, or `stop` or `pace` ends it.

    Return how many notices ended in each status; "overtaken" counts those that another daemon took over meanwhile.
    `pace.more` says whether more notices are due at once, `pace.problem` why mail cannot leave.
    `writer` makes the words and the bytes.

    1. Record the outcomes that could not be recorded the last time, and release what that turn had left. If no
       notice is due, end here.
    2. Claim a few notices, in one transaction.
    3. For each: write its message if it has none yet, check that the claim still holds, and send the message. The
       words are made, and the message is sent, outside of any transaction.
    4. Record each outcome in a transaction of its own, before the next message is sent.
    5. If the server is unreachable, release the rest unharmed: no notice loses an attempt by an outage.
    """
    pace, counts = pace or Pace(), Counter[str]()
    _record_outcomes(system, pace)
    _release_rest(system, pace)
    begun = clock()
    pace.more = False
    if not has_work(system, begun):
        return {}
    with mailer.session():
        while not stop() and (room := pace.room(clock())) != 0:
            # Row locks would not be enough here: two daemons could claim two messages to one person and send
            # them in the wrong order. So one daemon claims at a time.
            claimed = system.transact(
                partial(_claim, now=clock(), most=min(CLAIM, room or CLAIM)), exclusive="outbox"
            )
            if not claimed:
                break
            for done, notice in enumerate(claimed):
                _set_rest(pace, claimed[done:])
                # A negative span means that the clock was set back: the turn ends, since nobody knows its length.
                pace.more = bool(counts) and not timedelta(0) <= clock() - begun <= TURN
                if pace.more or stop():
                    break
                # No transaction is open here either, so no template that takes long holds a lock.
                draft = _make_draft(system, notice.row, writer)
                # This daemon may have stood still since the claim,
                # and another may have taken the notice over.
                ready = system.transact(partial(_with_message, claimed=notice, draft=draft, writer=writer))
                if ready is None:
                    continue
                try:
                    # No transaction is open here, so a slow mail server holds no lock of the database.
                    outcome = _attempt(mailer, ready)
                except Unreachable as error:
                    # From now on there is no room, which ends the outer loop as well.
                    pace.note_closed(clock(), str(error))
                    _set_rest(pace, claimed[done:], str(error))
                    break
                _set_rest(pace, claimed[done + 1 :])
                pace.note_attempt(clock())
                # Keep the outcome in memory first. If the database
                # is away, the message must not be sent again.
                pace.unrecorded.append(partial(_settle, claimed=ready, outcome=outcome, now=clock()))
                counts.update(_record_outcomes(system, pace))
            _release_rest(system, pace)
            if pace.more:
                break
    return dict(counts)


def deliver_within(session: Session, mailer: Mailer, now: datetime, writer: Writer, most: int = 1000) -> int:
    """Deliver up to `most` of the notices that are due, in one transaction that is open already; return how many.

    For a copy of the record that nobody else uses, and a mailer that takes everything at once: a claim that must
    outlive a transaction, and an outcome that must not be lost, cost most of the time of `deliver`.
    """
    sender = session.config.sender.address
    due = session.connection.execute(_DUE, {"now": now, "most": most}).all()
    claimed = [Claimed(Notice.from_row(row), now + LEASE, sender) for row in due]
    # Delivery changes nothing of what messages tell.
    reading, rows = replace(session, seen={}), []
    for notice in claimed:
        row = notice.row
        draft = None if row.message else _render(session.config, row, _gather(reading, row), writer)
        ready, written = _write(session, notice, draft, writer)
        outcome = _attempt(mailer, ready)
        status, values = _columns_after(session, ready, outcome, now)
        kept = {name: getattr(row, name) for name in _DELIVERED}
        rows.append({"key": row.id, **kept, **written, **values})
        _tell_outcome(session, ready, status, outcome[1], now)
    if rows:
        session.connection.execute(_DELIVER, rows)
        chain.note(session.connection, tables.notices.name, [row["key"] for row in rows])
    return len(claimed)


_DUE = (
    select(tables.notices)
    .where(_MAY_LEAVE, tables.notices.c.next_at <= bindparam("now"))
    .order_by(tables.notices.c.next_at, tables.notices.c.id)
    .limit(bindparam("most"))
)
# What the delivery of a notice may change in its row.
_DELIVERED = (
    "subject", "message", "shown", "status", "attempts", "lease_until", "reason", "next_at", "sent_at",
)  # fmt: skip
_DELIVER = (
    update(tables.notices)
    .where(tables.notices.c.id == bindparam("key"))
    .values({name: bindparam(name) for name in _DELIVERED})
)
_DUE_NOW = (
    select(tables.notices.c.id).where(_MAY_LEAVE, tables.notices.c.next_at <= bindparam("now")).limit(1)
)


def has_work(system: System, now: datetime) -> bool:
    """Return whether any notice may leave now, or could if no daemon were delivering it.

    Return true if nobody can say: the claim meets the same error, and says what is wrong with the database.
    """
    try:
        with system.reading() as session:
            return session.connection.execute(_DUE_NOW, {"now": now}).first() is not None
    except DBAPIError:
        return True


def release_all(session: Session) -> int:
    """Release every claim and return how many there were.

    For the start of a daemon where no other can run: an earlier daemon was killed and left these claims behind.
    """
    table = tables.notices
    claims = update(table).where(table.c.lease_until.is_not(None)).values(lease_until=None)
    return session.connection.execute(claims).rowcount


def _record_outcomes(system: System, pace: Pace) -> list[str]:
    """Record the outcomes that wait in `pace` and return their statuses.

    Raise `StoreError` if the database is away. The outcomes then stay in `pace` for the next time.
    """
    statuses = []
    while pace.unrecorded:
        record_outcome = pace.unrecorded[0]
        try:
            status = system.transact(record_outcome)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - a notice that staff cannot be told of must not block all others
            status = system.transact(partial(record_outcome, tell=False))
        statuses.append(status)
        # Only now is it on record. An error above leaves it for the next time.
        del pace.unrecorded[0]
    return statuses


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


def _is_free(now: datetime) -> ColumnElement[bool]:
    """Return the condition that no daemon is delivering a notice at this moment."""
    until = tables.notices.c.lease_until
    # Ignore a lease that ends later than a lease can. It was taken before the clock was set back.
    return or_(until.is_(None), until <= now, until > now + 2 * LEASE)


def _claim(session: Session, now: datetime, most: int) -> list[Claimed]:
    """Claim the notices that are due first, at most `most` of them, and return them.

    1. Leave out every recipient who has a message on its way, so that messages to one person arrive in order.
    2. Read the notices that are queued or failed, due, not held for a digest, and under no lease.
    3. Set the end of the lease on them. The caller holds the exclusive turn, so no other daemon claims them too.
    """
    table = tables.notices
    # Another daemon is sending to these people, and a later message must not get ahead of that one.
    claimed_elsewhere = and_(table.c.lease_until.is_not(None), not_(_is_free(now)))
    busy = set(session.connection.scalars(select(table.c.to).where(claimed_elsewhere)))
    is_due = and_(~table.c.held, table.c.next_at <= now, _is_free(now))
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


def _is_still_ours(session: Session, claimed: Claimed) -> bool:
    """Return whether the claim holds: no other daemon took the notice over, and staff have not revoked it."""
    table = tables.notices
    row = session.connection.execute(select(table.c.revoked_at).where(claimed.ours)).first()
    if row is None:
        return False
    if row.revoked_at is not None:
        # Without this the recipient's other messages would wait until the lease ends.
        _release(session, [claimed])
    return row.revoked_at is None


def _release(session: Session, claimed: Sequence[Claimed], why: str | None = None) -> None:
    """Release claims that were not tried, unless another daemon holds them by now.

    `why` is the reason to keep with the first of them: the server could not be reached for it. Messages that were
    never tried are written anew the next time, with the date of that time.
    """
    for notice in claimed:
        values = {"lease_until": None} | ({"reason": why} if why and notice is claimed[0] else {})
        if not notice.row.attempts:
            values["message"] = None
        chain.execute(session.connection, update(tables.notices).where(notice.ours).values(**values))


def _set_rest(pace: Pace, rest: Sequence[Claimed], why: str | None = None) -> None:
    """Say which claims are to be released if the turn ends here, however it ends."""
    pace.release = partial(_release, claimed=rest, why=why) if rest else None


def _release_rest(system: System, pace: Pace) -> None:
    """Release what a turn left. Raise `StoreError` if the database is away; the next turn tries again."""
    if pace.release is not None:
        system.transact(pace.release)
        pace.release = None


def _make_draft(system: System, row: Notice, writer: Writer) -> Draft | None:
    """Return the words of a notice, or the problem why there are none; None if its message is written already."""
    if row.message is not None:
        return None
    with system.reading() as session:
        material = _gather(session, row)
    return _render(system.config, row, material, writer)


def _gather(session: Session, row: Notice) -> Material | Draft:
    """Return what the words of a notice are made of, or a draft with the problem."""
    try:
        return writing.gather(session, row)
    except DBAPIError:
        # This is the trouble of the database, for which the notice is not to blame.
        raise
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        return Draft(f"({error})", problem=_explain(error))


def _render(config: Config, row: Notice, material: Material | Draft, writer: Writer) -> Draft:
    """Return the words of a notice, or the problem why there are none."""
    if isinstance(material, Draft):
        return material
    try:
        return writer.render(config, row, material)
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        return Draft(f"({error})", problem=_explain(error))


def _with_message(session: Session, claimed: Claimed, draft: Draft | None, writer: Writer) -> Claimed | None:
    """Return a claimed notice with its message, written now at its first attempt; None if the claim is lost."""
    if not _is_still_ours(session, claimed):
        return None
    ready, columns = _write(session, claimed, draft, writer)
    if columns:
        session.connection.execute(update(tables.notices).where(claimed.ours).values(columns))
    return ready


def _write(
    session: Session, claimed: Claimed, draft: Draft | None, writer: Writer
) -> tuple[Claimed, dict[str, Any]]:
    """Return a claimed notice with its message, written now at its first attempt, and what its row keeps of it.

    The message is stored, so that every attempt sends the same bytes: those that are stored have no signatures, and
    each attempt signs them again.
    """
    row, lease = claimed.row, claimed.lease
    # The message of an earlier attempt is sent as it was, even if the record has changed since.
    if draft is None:
        content = links.sign_again(session.config, row.message or b"", row.to)
        content = copies.enclose(session, row, content)
        return replace(claimed, content=content, subject=row.subject or ""), {}
    try:
        content = writer.finish(session, row, draft, lease - LEASE)
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        problem = f"it cannot be written: {_explain(error)}"
        return replace(claimed, problem=problem, subject=draft.subject), {}
    values: dict[str, Any] = {"subject": draft.subject, "message": mask(content)}
    # `shown` is what an answer by mail is judged by, even if the procedure offers something else by then.
    values["shown"] = canonical(draft.material.shown if draft.material else {})
    content = copies.enclose(session, row, content)
    return replace(claimed, content=content, subject=draft.subject), values


def _explain(error: Exception) -> str:
    """Return an error in words: those of our own errors, else with its type."""
    return str(error) if isinstance(error, (writing.CannotWrite, ValueError)) else repr(error)


def _attempt(mailer: Mailer, claimed: Claimed) -> tuple[NoticeStatus, str | None]:
    """Try to deliver a message. Return its new status and the reason for it.

    Raise `Unreachable` if the server refuses everything at the moment, for which this notice is not to blame.
    """
    if claimed.content is None:
        return NoticeStatus.FAILED, claimed.problem
    try:
        mailer.deliver(
            claimed.content, sender=claimed.sender, recipient=claimed.row.to, key=claimed.row.message_id
        )
    # The server may have the message. Sending it again could deliver it twice, so staff decide.
    except InDoubt as error:
        return NoticeStatus.IN_DOUBT, str(error)
    # This is not an attempt, so the caller has to learn of it.
    except Unreachable:
        raise
    # The server has refused the message for good, so another try would get the same answer.
    except PermanentFailure as error:
        return NoticeStatus.DEAD, str(error)
    except (TemporaryFailure, OSError) as error:
        return NoticeStatus.FAILED, str(error)
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        return NoticeStatus.FAILED, repr(error)
    return NoticeStatus.SENT, None


def _settle(
    session: Session,
    claimed: Claimed,
    outcome: tuple[NoticeStatus, str | None],
    now: datetime,
    tell: bool = True,
) -> str:
    """Record the outcome of an attempt and return the status of the notice, or "overtaken".

    Write the new status only if the claim still holds, which also ends the claim.
    """
    status, values = _columns_after(session, claimed, outcome, now)
    done = chain.execute(session.connection, update(tables.notices).where(claimed.ours).values(values))
    # The daemon that took the notice over records its own outcome, which must not be overwritten.
    if not done:
        return "overtaken"
    _tell_outcome(session, claimed, status, outcome[1], now, tell)
    return status


def _columns_after(
    session: Session, claimed: Claimed, outcome: tuple[NoticeStatus, str | None], now: datetime
) -> tuple[NoticeStatus, dict[str, Any]]:
    """Return the status of a notice after an attempt, and what changes in its row.

    The attempt counts. A failure after the last wait of `retry_minutes` sets the notice aside.
    """
    status, reason = outcome
    attempts = claimed.row.attempts + 1
    waits = session.config.procedure.mail.retry_minutes
    values: dict[str, Any] = {"attempts": attempts, "lease_until": None, "reason": reason}
    # No wait is left, so more tries would go on forever without anybody knowing.
    if status == NoticeStatus.FAILED and attempts > len(waits):
        status = NoticeStatus.DEAD
    if status == NoticeStatus.FAILED:
        values["next_at"] = next_send_time(session.config, now + timedelta(minutes=waits[attempts - 1]))
    if status == NoticeStatus.SENT:
        values["sent_at"] = now
    return status, values | {"status": status}


def _tell_outcome(
    session: Session,
    claimed: Claimed,
    status: NoticeStatus,
    reason: str | None,
    now: datetime,
    tell: bool = True,
) -> None:
    """Give the notices of a digest its outcome, and tell staff of a notice that is dead or in doubt."""
    row = claimed.row
    if row.template == message.DIGEST:
        digest.share_outcome(session, row.id, status, now, reason)
    # A report that fails must not cause a report about itself, and so on without end.
    if tell and status in (NoticeStatus.DEAD, NoticeStatus.IN_DOUBT) and row.template != "message-failed":
        _tell_staff(session, claimed, reason, row.attempts + 1, now)


def _tell_staff(session: Session, claimed: Claimed, reason: str | None, attempts: int, now: datetime) -> None:
    """Queue a report to staff that a notice could not be delivered, or may not have been."""
    row = claimed.row
    failure = {
        "recipient": row.to,
        "subject": claimed.subject,
        "reason": reason or "",
        "attempts": attempts,
        "notice_id": row.id,
    }
    queue.tell_staff(session, row.partnership, "message-failed", {"failure": failure}, now)


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
        .where(table.c.id == whole, is_stuck, _is_free(now))
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
