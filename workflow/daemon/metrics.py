"""Counts and measures the work of the daemon for Prometheus."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import Column, func, select

from states.names import State
from workflow.clock.fire import Tally
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, NoticeStatus


class Metrics:
    """The counters and gauges of one daemon."""

    def __init__(self) -> None:
        # The library's own registry is global, and would refuse the second daemon of a process, as in tests.
        self.registry = CollectorRegistry()
        self.fired = self._make_counter("deadlines_fired", "Deadlines that made an event happen")
        self.reminded = self._make_counter("deadlines_told", "Deadlines that told people")
        self.skipped = self._make_counter("deadlines_skipped", "Deadlines passed over")
        self.failed = self._make_counter("deadlines_failed", "Tries of a deadline that failed")
        self.notices = Counter(
            "partnerships_notices", "Tries to deliver a notice", ["status"], registry=self.registry
        )
        self.replies = Counter(
            "partnerships_replies", "Messages that came back", ["verdict"], registry=self.registry
        )
        self.letterbox_failures = self._make_counter("letterbox_failures", "Looks for replies that failed")
        self.ticks = Histogram("partnerships_tick_seconds", "Length of a tick", registry=self.registry)
        self.last_tick = Gauge(
            "partnerships_last_tick_timestamp_seconds", "End of the last tick", registry=self.registry
        )
        self.by_state = Gauge("partnerships", "Partnerships by state", ["state"], registry=self.registry)
        self.overdue = Gauge(
            "partnerships_deadlines_due", "Open deadlines that are due", registry=self.registry
        )
        self.refused = Gauge(
            "partnerships_configuration_refused",
            "1 if the configuration on disk was refused at the last reload",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "partnerships_notices_waiting", "Notices by status", ["status"], registry=self.registry
        )

    def _make_counter(self, name: str, words: str) -> Counter:
        return Counter(f"partnerships_{name}", words, registry=self.registry)

    def count(self, tally: Tally) -> None:
        """Add what one run of the clock did."""
        self.fired.inc(tally.fired)
        self.reminded.inc(tally.told)
        self.skipped.inc(tally.skipped)
        self.failed.inc(tally.failed)

    def measure(self, session: Session, now: float) -> None:
        """Set the gauges from the database at the end of a tick; `now` is in seconds since the epoch."""
        states = _count_by(session, tables.partnerships.c.state)
        # A gauge keeps its last value. Set those that nothing counts towards any more back to 0.
        for state in State:
            self.by_state.labels(state).set(states.get(state, 0))
        statuses = _count_by(session, tables.notices.c.status)
        for status in NoticeStatus:
            self.waiting.labels(status).set(statuses.get(status, 0))
        table = tables.deadlines
        due = select(func.count()).where(
            table.c.status == DeadlineStatus.OPEN.value, table.c.next_at <= datetime.fromtimestamp(now, UTC)
        )
        self.overdue.set(session.connection.scalar(due) or 0)
        # Last of all, so that it is set only if everything before it has worked.
        self.last_tick.set(now)


def _count_by(session: Session, column: Column[str]) -> dict[str, int]:
    """Return how many rows of a table have each value of a column."""
    query = select(column, func.count()).group_by(column)
    return {str(value): count for value, count in session.connection.execute(query)}
