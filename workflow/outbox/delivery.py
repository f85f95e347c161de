"""Delivers queued notices: claims some, has each written and sent, and records what became of it.

A notice that cannot be delivered is set aside, and staff are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import DBAPIError

from notifications.mailers import Mailer, Unreachable
from workflow.outbox import attempts, writing
from workflow.outbox.claims import CLAIM, LEASE, Claimed, claim, release
from workflow.outbox.throttle import Pace
from workflow.outbox.writing import Writer
from workflow.session import Session, System
from workflow.store import chain, tables
from workflow.store.database import StoreError
from workflow.store.rows import Notice, NoticeStatus

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
                partial(claim, now=clock(), most=min(CLAIM, room or CLAIM)), exclusive="outbox"
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
                draft = attempts.make_draft(system, notice.row, writer)
                # This daemon may have stood still since the claim,
                # and another may have taken the notice over.
                ready = system.transact(
                    partial(attempts.with_message, claimed=notice, draft=draft, writer=writer)
                )
                if ready is None:
                    continue
                try:
                    # No transaction is open here, so a slow mail server holds no lock of the database.
                    outcome = attempts.send(mailer, ready)
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
        draft = (
            None
            if row.message
            else attempts.render(session.config, row, attempts.gather(reading, row), writer)
        )
        ready, written = attempts.write(session, notice, draft, writer)
        outcome = attempts.send(mailer, ready)
        status, values = attempts.columns_after(session, ready, outcome, now)
        kept = {name: getattr(row, name) for name in _DELIVERED}
        rows.append({"key": row.id, **kept, **written, **values})
        attempts.tell_outcome(session, ready, status, outcome[1], now)
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


def _set_rest(pace: Pace, rest: Sequence[Claimed], why: str | None = None) -> None:
    """Say which claims are to be released if the turn ends here, however it ends."""
    pace.release = partial(release, claimed=rest, why=why) if rest else None


def _release_rest(system: System, pace: Pace) -> None:
    """Release what a turn left. Raise `StoreError` if the database is away; the next turn tries again."""
    if pace.release is not None:
        system.transact(pace.release)
        pace.release = None


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
    status, values = attempts.columns_after(session, claimed, outcome, now)
    done = chain.execute(session.connection, update(tables.notices).where(claimed.ours).values(values))
    # The daemon that took the notice over records its own outcome, which must not be overwritten.
    if not done:
        return "overtaken"
    attempts.tell_outcome(session, claimed, status, outcome[1], now, tell)
    return status
