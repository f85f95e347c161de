"""Door 1, the clock: finds what is due and makes it happen, in order, each partnership for itself.

Due means due at or before now and still open, so nothing is lost while nobody looks. Many partnerships
share a transaction; if that fails, each is tried alone, and one that fails alone is tried again later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from states.chapters.board import DeferItem
from states.machine import row_of
from states.partnership import Role
from workflow import deadlines, engine
from workflow.engine import Change, Intent
from workflow.outbox import queue
from workflow.session import Session, System
from workflow.store import database, tables
from workflow.store.database import StoreError, StoreLocked
from workflow.store.rows import Channel, DeadlineRow, DeadlineStatus, Snapshot

GIVEN_UP = timedelta(days=1)  # how often a deadline that was set aside is still tried


@dataclass
class Tally:
    """What a run of the clock did."""

    fired: int = 0
    told: int = 0
    skipped: int = 0
    failed: int = 0
    changes: list[Change] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.fired += other.fired
        self.told += other.told
        self.skipped += other.skipped
        self.failed += other.failed
        self.changes += other.changes
        self.failures += other.failures


@dataclass(frozen=True, slots=True)
class _Work:
    """The next thing that is due of one partnership: a rung, and the earlier rungs it makes pointless."""

    rung: DeadlineRow
    passed: Sequence[DeadlineRow]


def fire_due(
    system: System,
    now: datetime,
    *,
    stop: Callable[[], bool] = lambda: False,
    done: Callable[[Tally], None] | None = None,
) -> Tally:
    """Make everything happen that is due at `now`, until nothing is. `stop` is asked between batches.

    `done` is given each batch. Then the total is without their changes, so that no backlog fills the memory.
    """
    total = Tally()
    stuck = False
    while not (stuck or stop()):
        try:
            tally = system.transact(partial(_batch, now=now))
        except Exception:  # noqa: BLE001 - whatever one partnership fails of, the others go on
            tally, stuck = _one_by_one(system, now, stop)
        if tally is None:
            return total
        if done is not None:
            done(tally)
            tally.changes = []
        total.add(tally)
    return total


def next_due(connection: Connection) -> datetime | None:
    """The instant at which the next open deadline is to be looked at."""
    table = tables.deadlines
    found: datetime | None = connection.scalar(
        select(func.min(table.c.next_at)).where(table.c.status == DeadlineStatus.OPEN.value)
    )
    return found


def _due_partnerships(session: Session, now: datetime, what: Any = tables.partnerships) -> Sequence[Any]:
    """The rows of the partnerships with something due, the longest overdue first, and none that somebody is at.

    One with several things due comes several times.
    """
    table, due = tables.partnerships, tables.deadlines
    query = (
        select(what)
        .join(due, due.c.partnership == table.c.id)
        .where(due.c.status == DeadlineStatus.OPEN.value, due.c.next_at <= now)
        .order_by(due.c.next_at, due.c.id)
        .limit(session.config.procedure.daemon.batch)
    )
    return session.connection.execute(database.locking(session.connection, query, passing=True)).all()


def _batch(session: Session, now: datetime) -> Tally | None:
    """One step of as many partnerships as are written together; None if nothing is due."""
    rows = _due_partnerships(session, now)
    return _step(session, rows, now) if rows else None


def _one_by_one(system: System, now: datetime, stop: Callable[[], bool]) -> tuple[Tally | None, bool]:
    """The same step, each partnership in a transaction of its own, so that one does not hold up the others.

    And whether something is due still that cannot even be put off: it is tried again with the next tick.
    """
    keys = [
        row.id for row in system.transact(partial(_due_partnerships, now=now, what=tables.partnerships.c.id))
    ]
    if not keys:
        return None, False
    total, stuck = Tally(), False
    for key in dict.fromkeys(keys):
        if stop():
            break
        try:
            total.add(system.transact(partial(_step_of, key=key, now=now)))
        except StoreLocked as error:  # it is not to blame for a lock that somebody holds
            reason, put_off = str(error), False
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            reason = f"{type(error).__name__}: {error}"
            put_off = _put_off(system, key, now, reason)
        else:
            continue
        total.failed += 1
        total.failures.append(reason)
        stuck = stuck or not put_off
    return total, stuck


def _put_off(system: System, key: int, now: datetime, reason: str) -> bool:
    """Put off what is due of one partnership. False if its rows are too damaged even for that."""
    try:
        system.transact(partial(_postpone_all, key=key, now=now, reason=reason))
    except StoreError:
        raise
    except Exception:  # noqa: BLE001 - as above; what it first failed of has been said
        return False
    return True


def _step_of(session: Session, key: int, now: datetime) -> Tally:
    """The next due thing of one partnership, unless somebody is at it."""
    query = select(tables.partnerships).where(tables.partnerships.c.id == key)
    found = session.connection.execute(database.locking(session.connection, query, passing=True)).all()
    return _step(session, found, now)


def _step(session: Session, rows: Sequence[Any], now: datetime) -> Tally:
    """The next due thing of each of these partnerships, which are locked, written together."""
    tally = Tally()
    known = {row.id: Snapshot.from_row(row) for row in rows}
    # Looked up again now that they are locked: another daemon may have done it in between.
    work = _work(session.connection, list(known), now)
    changes: list[Change] = []
    updates: list[dict[str, Any]] = []
    notices: list[tuple[DeadlineRow, queue.Occasion]] = []
    for key, found in work.items():
        record = known[key]
        updates += [
            deadlines.close(
                rung, DeadlineStatus.SKIPPED, now, f"overtaken: {found.rung.kind} was due as well"
            )
            for rung in found.passed
        ]
        tally.skipped += len(found.passed)
        if found.rung.fires is None:
            notices.append((found.rung, _occasion(session, record, found.rung, now)))
            continue
        try:
            changes.append(_fire(session, record, found.rung, found.rung.fires, now))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the others
            _postpone(session, key, found.rung, now, f"{type(error).__name__}: {error}")
            tally.failed += 1
            tally.failures.append(f"{record.ref} {found.rung.name}: {error}")
    if changes:
        tally.changes = engine.write(session, changes)
        tally.fired += len(changes)
    inserts = _tell(session, notices, updates, now, tally)
    deadlines.write(session.connection, inserts, updates)
    return tally


# The status is made an expression so that SQLite looks by partnership. By its index on the status it would read
# everything that is due once for every batch.
_OPEN = (
    select(*deadlines.ROW)
    .where(
        tables.deadlines.c.partnership.in_(bindparam("keys", expanding=True)),
        tables.deadlines.c.status + "" == DeadlineStatus.OPEN.value,
        tables.deadlines.c.next_at <= bindparam("now"),
    )
    .order_by(tables.deadlines.c.due_at, tables.deadlines.c.id)
)


def _work(connection: Connection, keys: Sequence[int], now: datetime) -> dict[int, _Work]:
    """By partnership, the ladder whose turn it is: the one with the earliest open rung that is due."""
    due: dict[int, list[DeadlineRow]] = {}
    for row in map(DeadlineRow._make, connection.execute(_OPEN, {"keys": keys, "now": now})):
        due.setdefault(row.partnership, []).append(row)
    return {key: _next(rows) for key, rows in due.items()}


def _next(rows: Sequence[DeadlineRow]) -> _Work:
    first = rows[0]
    ladder = [r for r in rows if (r.name, r.ladder) == (first.name, first.ladder)]
    # What makes an event happen is never passed over; of what only tells, the latest counts.
    firing = next((i for i, rung in enumerate(ladder) if rung.fires), len(ladder) - 1)
    return _Work(ladder[firing], ladder[:firing])


def _fire(session: Session, record: Snapshot, rung: DeadlineRow, event: str, now: datetime) -> Change:
    intent = Intent(
        ref=record.ref,
        event=event,
        input=_input(session, record, event, now),
        actor=str(Role.CLOCK),
        channel=Channel.CLOCK,
        now=now,
        fired=rung.id,
        rung=deadlines.rung_of(rung),
    )
    return engine.decide(session, record, intent)


def _input(session: Session, record: Snapshot, event: str, now: datetime) -> dict[str, Any]:
    """What the clock gives with an event."""
    if row_of(event, record.state).takes is not DeferItem:
        return {}
    item = record.facts.board.item
    today = session.config.calendar.day(now)
    meeting = session.directory.next_regular(
        max(item.meeting_on, today) if item and item.meeting_on else today, now
    )
    introduced = item is not None and item.meeting_on in item.introduced
    reason = "introduced; it comes back for action" if introduced else "no decision is on record"
    given: dict[str, Any] = {"reason": f"the meeting passed: {reason}"}
    return given | ({"meeting_on": meeting.on.isoformat()} if meeting else {})


def _occasion(session: Session, record: Snapshot, rung: DeadlineRow, now: datetime) -> queue.Occasion:
    row = session.config.deadlines.get(rung.name)
    return queue.Occasion(
        record=record,
        before=record.facts,
        name=rung.name,
        now=now,
        deadline=rung.id,
        rung=deadlines.rung_of(rung),
        to=deadlines.step_of(row, rung.rung) if row else (),
    )


def _tell(
    session: Session,
    notices: Sequence[tuple[DeadlineRow, queue.Occasion]],
    updates: list[dict[str, Any]],
    now: datetime,
    tally: Tally,
) -> list[dict[str, Any]]:
    """Queue the notices of rungs that only tell; the rungs that follow the last of a ladder."""
    inserts = []
    counts = queue.queue(session, [occasion for _, occasion in notices])
    for (rung, _), count in zip(notices, counts, strict=True):
        reason = None if count else "there is nobody to tell"
        status = DeadlineStatus.FIRED if count else DeadlineStatus.SKIPPED
        updates.append(deadlines.close(rung, status, now, reason))
        tally.told += 1 if count else 0
        tally.skipped += 0 if count else 1
        following = deadlines.next_repetition(session.config, deadlines.rung_of(rung), now)
        if following:
            following = deadlines.renumber(session.connection, rung.partnership, following)
            inserts.append(deadlines.new_row(rung.partnership, following, now))
    return inserts


def _postpone_all(session: Session, key: int, now: datetime, reason: str) -> None:
    """Put off what is due of a partnership that could not be read or written."""
    work = _work(session.connection, [key], now).get(key)
    if work is None:
        return
    later = _postpone(session, key, work.rung, now, reason)
    table = tables.deadlines
    passed = table.c.id.in_([rung.id for rung in work.passed])
    session.connection.execute(update(table).where(passed).values(next_at=later))


def _postpone(session: Session, key: int, rung: DeadlineRow, now: datetime, reason: str) -> datetime:
    """Try a rung again later; once the tries are used up tell staff, and go on trying daily. When."""
    waits = session.config.procedure.daemon.retry_minutes
    attempts = rung.attempts + 1
    later = now + (timedelta(minutes=waits[attempts - 1]) if attempts <= len(waits) else GIVEN_UP)
    table = tables.deadlines
    session.connection.execute(
        update(table)
        .where(table.c.id == rung.id)
        .values(attempts=attempts, next_at=later, reason=reason[:500])
    )
    if attempts == len(waits) + 1:
        failure = {
            "deadline": rung.name,
            "due_at": session.config.calendar.local(rung.ladder).isoformat(),
            "reason": reason,
            "attempts": attempts,
        }
        queue.tell_staff(session, key, "deadline-failed", {"failure": failure}, now)
    return later
