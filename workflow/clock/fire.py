"""Fires the deadlines that are due: makes their events happen and queues their reminders, in order.

A deadline is due if its time is at or before now and its row is still open, so a daemon that was down misses none.
Many partnerships share a transaction. If that fails, each is tried alone, and one that fails alone is tried again
later, so that a damaged record cannot hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from states.chapters.board import DeferItem
from states.machine import row_of
from states.names import Role
from workflow import deadlines, engine
from workflow.change import Change
from workflow.outbox import queue
from workflow.outbox.recipients import Occasion
from workflow.procedure import ladders
from workflow.session import Session, System
from workflow.store import chain, database, loading, tables
from workflow.store.database import StoreError, StoreLocked
from workflow.store.rows import Channel, DeadlineRow, DeadlineStatus, Snapshot
from workflow.views.authorization import Intent

# A deadline that has used up its tries is still tried this often: somebody may have repaired its record.
GIVEN_UP = timedelta(days=1)


@dataclass
class Tally:
    """What a run of the clock did."""

    fired: int = 0  # deadlines that made an event happen
    told: int = 0  # deadlines that queued notices
    skipped: int = 0
    failed: int = 0  # tries that failed; a deadline may be counted several times
    changes: list[Change] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # what went wrong, a line for each

    def add(self, other: Tally) -> None:
        """Add what another run did."""
        self.fired += other.fired
        self.told += other.told
        self.skipped += other.skipped
        self.failed += other.failed
        self.changes += other.changes
        self.failures += other.failures


@dataclass(frozen=True, slots=True)
class _Work:
    """The next due rung of one partnership, and the earlier rungs that it makes pointless."""

    rung: DeadlineRow
    passed: Sequence[DeadlineRow]


def fire_due(
    system: System,
    now: datetime,
    *,
    stop: Callable[[], bool] = lambda: False,
    done: Callable[[Tally], None] | None = None,
) -> Tally:
    """Fire everything that is due at `now`, and return what was done.

    1. Lock a batch of partnerships that have something due, the longest overdue first. Pass over those that another
       daemon has locked.
    2. Take one step of each: the next due rung of its earliest ladder. Commit all steps together.
    3. If the batch fails, take the same step of each partnership in a transaction of its own. Put off the deadlines
       of a partnership that fails alone, with a reason, so that the next batch begins with another one.
    4. Repeat until nothing is due, `stop` returns true, or a failing partnership cannot even be put off.

    Each batch is passed to `done`, if there is one. The total is then without their changes, so that a backlog
    cannot fill the memory. Raise `StoreError` if the database cannot be used.
    """
    total = Tally()
    stuck = False
    while not (stuck or stop()):
        try:
            tally = system.transact(partial(_step_batch, now=now))
        except Exception:  # noqa: BLE001 - an error of any kind in one partnership must not stop the others
            tally, stuck = _step_one_by_one(system, now, stop)
        if tally is None:
            return total
        if done is not None:
            done(tally)
            tally.changes = []
        total.add(tally)
    return total


def next_due(connection: Connection) -> datetime | None:
    """Return when the next open deadline has to be tried; None if no deadline is open."""
    next_at: datetime | None = connection.scalar(_NEXT)
    return next_at


_NEXT = select(func.min(tables.deadlines.c.next_at)).where(
    tables.deadlines.c.status == DeadlineStatus.OPEN.value
)


def _due_partnerships(
    session: Session, now: datetime, what: Select[Any] = loading.WITH_COMMITTED
) -> Sequence[Row[Any]]:
    """Lock and return the rows of partnerships with something due, the longest overdue first.

    Rows that another transaction has locked are passed over. A partnership with several due deadlines is returned
    several times.
    """
    table, due = tables.partnerships, tables.deadlines
    query = (
        what.join(due, due.c.partnership == table.c.id)
        .where(due.c.status == DeadlineStatus.OPEN.value, due.c.next_at <= now)
        # `next_at` rather than `due_at`: a deadline that failed goes behind those that were not tried yet.
        .order_by(due.c.next_at, due.c.id)
        .limit(session.config.procedure.daemon.batch)
    )
    # Another daemon is at work on a locked partnership, so waiting for it would only slow down both.
    query = database.locking(session.connection, query, skip_locked=True, of=(table, due))
    return session.connection.execute(query).all()


def _step_batch(session: Session, now: datetime) -> Tally | None:
    """Take one step of each partnership of a batch; return None if nothing is due."""
    rows = _due_partnerships(session, now)
    return _step(session, rows, now) if rows else None


def _step_one_by_one(system: System, now: datetime, stop: Callable[[], bool]) -> tuple[Tally | None, bool]:
    """Take the step of each partnership in a transaction of its own, so that one cannot hold up the others.

    Return what was done (None if nothing is due), and whether something due could not even be put off. The next
    tick tries that again.
    """
    # Read only the ids, since the rows themselves may be what cannot be read.
    keys = [
        row.id
        for row in system.transact(partial(_due_partnerships, now=now, what=select(tables.partnerships.c.id)))
    ]
    if not keys:
        return None, False
    total, stuck = Tally(), False
    # A partnership with several due deadlines is among the keys several times.
    for key in dict.fromkeys(keys):
        if stop():
            break
        try:
            total.add(system.transact(partial(_step_of, key=key, now=now)))
        except StoreLocked as error:
            # The partnership is not to blame for a lock, so no try of its deadline is used up.
            reason, put_off = str(error), False
        # The database is away or cannot be used, so every other partnership would fail in the same way.
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - an error of any kind must not stop the others
            reason = f"{type(error).__name__}: {error}"
            put_off = _try_postpone(system, key, now, reason)
        else:
            continue
        total.failed += 1
        total.failures.append(reason)
        # A partnership that stays due is first in the next batch too. Without this the loop would never end.
        stuck = stuck or not put_off
    return total, stuck


def _try_postpone(system: System, key: int, now: datetime, reason: str) -> bool:
    """Put off what is due of one partnership; return False if its rows are too damaged even for that."""
    for postpone in (_postpone_all, _postpone_unread):
        try:
            system.transact(partial(postpone, key=key, now=now, reason=reason))
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - the caller reports the first error of this partnership
            continue
        return True
    return False


def _step_of(session: Session, key: int, now: datetime) -> Tally:
    """Take the next due step of one partnership, unless another transaction has locked it."""
    query = loading.WITH_COMMITTED.where(tables.partnerships.c.id == key)
    query = database.locking(session.connection, query, skip_locked=True, of=tables.partnerships)
    rows = session.connection.execute(query).all()
    return _step(session, rows, now)


def _step(session: Session, rows: Sequence[Row[Any]], now: datetime) -> Tally:
    """Take the next due step of each of these locked partnerships, and write all of them together.

    1. Read the due rungs again. Another daemon may have fired them before this transaction got its locks.
    2. Close the rungs that a later rung makes pointless.
    3. Decide the event of a rung that fires one. If the law refuses it, put the rung off.
    4. Queue the notices of the rungs that only tell.
    5. Write events, notices and deadlines, each kind in one statement.
    """
    tally = Tally()
    # The query returns a partnership once for each of its due deadlines, so collect them by id.
    records = {row.id: loading.snapshot_of(session.connection, row) for row in rows}
    work_by_key = _find_work(session.connection, list(records), now)
    changes: list[Change] = []
    updates: list[dict[str, Any]] = []
    notices: list[tuple[DeadlineRow, Occasion]] = []
    for key, work in work_by_key.items():
        record, due = records[key], work.rung
        updates += [
            deadlines.close(rung, DeadlineStatus.SKIPPED, now, f"overtaken: {due.kind} was due as well")
            for rung in work.passed
        ]
        tally.skipped += len(work.passed)
        if due.fires is None:
            notices.append((due, _make_occasion(session, record, due, now)))
            continue
        try:
            changes.append(_decide(session, record, due, due.fires, now))
        except Exception as error:  # noqa: BLE001 - an error of any kind must not stop the others
            _postpone(session, key, due, now, f"{type(error).__name__}: {error}")
            tally.failed += 1
            tally.failures.append(f"{record.ref} {due.name}: {error}")
    # This also closes the rungs that fired, so `updates` holds only the other ones.
    if changes:
        tally.changes = engine.write(session, changes)
        tally.fired += len(changes)
    inserts = _queue_notices(session, notices, updates, now, tally)
    deadlines.write_beside(session.connection, inserts, updates)
    return tally


# The status is an expression here, so that SQLite searches by partnership. With its index on the status it would
# read everything that is due once for every batch.
_OPEN = (
    select(*deadlines.ROW)
    .where(
        tables.deadlines.c.partnership.in_(bindparam("keys", expanding=True)),
        tables.deadlines.c.status + "" == DeadlineStatus.OPEN.value,
        tables.deadlines.c.next_at <= bindparam("now"),
    )
    # `due_at` rather than `next_at`: of one partnership, what should have happened first happens first.
    .order_by(tables.deadlines.c.due_at, tables.deadlines.c.id)
)


def _find_work(connection: Connection, keys: Sequence[int], now: datetime) -> dict[int, _Work]:
    """Return the next due rung of each partnership: one of the ladder that has the earliest open rung."""
    due: dict[int, list[DeadlineRow]] = {}
    for row in map(DeadlineRow._make, connection.execute(_OPEN, {"keys": keys, "now": now})):
        due.setdefault(row.partnership, []).append(row)
    return {key: _choose_rung(rows) for key, rows in due.items()}


def _choose_rung(rows: Sequence[DeadlineRow]) -> _Work:
    """Return the next rung to fire of the earliest ladder, from the due rungs in order of time."""
    first = rows[0]
    ladder = [rung for rung in rows if (rung.name, rung.ladder) == (first.name, first.ladder)]
    # A rung that fires an event is never passed over. Of rungs that only tell, people need just the latest.
    firing = next((i for i, rung in enumerate(ladder) if rung.fires), len(ladder) - 1)
    return _Work(ladder[firing], ladder[:firing])


def _decide(session: Session, record: Snapshot, rung: DeadlineRow, event: str, now: datetime) -> Change:
    """Decide the event of a rung in the name of the clock. Raise `Refused` if the law does not allow it."""
    intent = Intent(
        ref=record.ref,
        event=event,
        input=_make_input(session, record, event, now),
        actor=str(Role.CLOCK),
        channel=Channel.CLOCK,
        now=now,
        fired=rung.id,
        rung=deadlines.rung_of(rung),
    )
    return engine.decide(session, record, intent)


def _make_input(session: Session, record: Snapshot, event: str, now: datetime) -> dict[str, Any]:
    """Return the input of an event that the clock fires: empty, except for a Board item that is deferred."""
    if row_of(event, record.state).takes is not DeferItem:
        return {}
    item = record.facts.board.item
    today = session.config.calendar.day(now)
    # After a downtime over several meetings, take the first that is still to come.
    meeting = session.directory.next_regular(
        max(item.meeting_on, today) if item and item.meeting_on else today, now
    )
    # Where the Board reads twice, the first reading only introduces the item, so no decision is missing.
    introduced = item is not None and item.meeting_on in item.introduced
    goes_on = f"introduced on {item.meeting_on if item else ''}; it goes on to the next meeting for action"
    reason = goes_on if introduced else "the meeting passed: no decision is on record"
    values: dict[str, Any] = {"reason": reason}
    # Without a coming regular meeting the item is left unscheduled rather than put on a special one.
    return values | ({"meeting_on": meeting.on.isoformat()} if meeting else {})


def _make_occasion(session: Session, record: Snapshot, rung: DeadlineRow, now: datetime) -> Occasion:
    """Return what the outbox needs to know of a rung that tells people."""
    # The row may have left the configuration since the rung was planned. Then nobody is told.
    row = session.config.deadlines.get(rung.name)
    return Occasion(
        record=record,
        before=record.facts,
        name=rung.name,
        now=now,
        deadline=rung.id,
        rung=deadlines.rung_of(rung),
        to=ladders.roles_told(row, rung.rung) if row else (),
    )


def _queue_notices(
    session: Session,
    notices: Sequence[tuple[DeadlineRow, Occasion]],
    updates: list[dict[str, Any]],
    now: datetime,
    tally: Tally,
) -> list[dict[str, Any]]:
    """Queue the notices of rungs that only tell, and add to `updates` how each rung was closed.

    Return the rows to insert: a ladder that goes on after its last rung gets the next one.
    """
    inserts = []
    counts = queue.queue(session, [occasion for _, occasion in notices])
    for (rung, _), count in zip(notices, counts, strict=True):
        reason = None if count else "there is nobody to tell"
        status = DeadlineStatus.FIRED if count else DeadlineStatus.SKIPPED
        updates.append(deadlines.close(rung, status, now, reason))
        tally.told += 1 if count else 0
        tally.skipped += 0 if count else 1
        # Repetitions have no end, so only the next one is planned each time.
        following = ladders.next_repetition(session.config, deadlines.rung_of(rung), now)
        if following:
            following = deadlines.renumber(session.connection, rung.partnership, following)
            inserts.append(deadlines.new_row(rung.partnership, following, now))
    return inserts


def _postpone_all(session: Session, key: int, now: datetime, reason: str) -> None:
    """Put off everything that is due of a partnership whose record could not be read or written."""
    work = _find_work(session.connection, [key], now).get(key)
    if work is None:
        return
    later = _postpone(session, key, work.rung, now, reason)
    table = tables.deadlines
    # If these stayed due, the next batch would begin with this partnership again.
    passed = table.c.id.in_([rung.id for rung in work.passed])
    chain.execute(session.connection, update(table).where(passed).values(next_at=later))


def _postpone_unread(session: Session, key: int, now: datetime, reason: str) -> None:
    """Put off the deadlines of a partnership whose rungs cannot be read, by the first wait and without a try."""
    waits = session.config.procedure.daemon.retry_minutes
    wait = timedelta(minutes=waits[0]) if waits else GIVEN_UP
    table = tables.deadlines
    # Left due, they would end the tick while other partnerships still have steps to take.
    chain.execute(
        session.connection,
        update(table)
        .where(
            table.c.partnership == key,
            table.c.status == DeadlineStatus.OPEN.value,
            table.c.next_at <= now,
        )
        .values(next_at=now + wait, reason=reason[:500]),
    )


def _postpone(session: Session, key: int, rung: DeadlineRow, now: datetime, reason: str) -> datetime:
    """Put off one rung, and return when it is tried again.

    The configuration gives the minutes to wait after each failure. When these tries are used up, tell staff once
    and try daily from then on.
    """
    waits = session.config.procedure.daemon.retry_minutes
    attempts = rung.attempts + 1
    later = now + (timedelta(minutes=waits[attempts - 1]) if attempts <= len(waits) else GIVEN_UP)
    table = tables.deadlines
    chain.execute(
        session.connection,
        update(table)
        .where(table.c.id == rung.id)
        .values(attempts=attempts, next_at=later, reason=reason[:500]),
    )
    # At this number alone, or staff would get the same report every day.
    if attempts == len(waits) + 1:
        failure = {
            "deadline": rung.name,
            "due_at": session.config.calendar.local(rung.ladder).isoformat(),
            "reason": reason,
            "attempts": attempts,
        }
        queue.tell_staff(session, key, "deadline-failed", {"failure": failure}, now)
    return later
