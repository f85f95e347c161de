"""What is counted while the daemon runs (Prometheus text format)."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import func, select

from states.partnership import State
from workflow.clock.fire import Tally
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, NoticeStatus


class Metrics:
    """The counters and gauges of one daemon."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.fired = self._counter("deadlines_fired", "Deadlines that made an event happen")
        self.reminded = self._counter("deadlines_told", "Deadlines that told people")
        self.skipped = self._counter("deadlines_skipped", "Deadlines passed over")
        self.failed = self._counter("deadlines_failed", "Tries of a deadline that failed")
        self.notices = Counter(
            "partnerships_notices", "Tries to deliver a notice", ["status"], registry=self.registry
        )
        self.replies = Counter(
            "partnerships_replies", "Messages that came back", ["verdict"], registry=self.registry
        )
        self.letterbox_failures = self._counter("letterbox_failures", "Looks for replies that failed")
        self.ticks = Histogram("partnerships_tick_seconds", "Length of a tick", registry=self.registry)
        self.last_tick = Gauge(
            "partnerships_last_tick_timestamp_seconds", "End of the last tick", registry=self.registry
        )
        self.by_state = Gauge("partnerships", "Partnerships by state", ["state"], registry=self.registry)
        self.overdue = Gauge(
            "partnerships_deadlines_due", "Open deadlines that are due", registry=self.registry
        )
        self.waiting = Gauge(
            "partnerships_notices_waiting", "Notices by status", ["status"], registry=self.registry
        )

    def _counter(self, name: str, words: str) -> Counter:
        return Counter(f"partnerships_{name}", words, registry=self.registry)

    def count(self, tally: Tally) -> None:
        """Add what a run of the clock did."""
        self.fired.inc(tally.fired)
        self.reminded.inc(tally.told)
        self.skipped.inc(tally.skipped)
        self.failed.inc(tally.failed)

    def measure(self, session: Session, now: float) -> None:
        """Read the gauges from the database at the end of a tick; `now` in seconds since the epoch."""
        about, due, notices = tables.partnerships, tables.deadlines, tables.notices
        states = dict(_pairs(session, select(about.c.state, func.count()).group_by(about.c.state)))
        for state in State:
            self.by_state.labels(state).set(states.get(state, 0))
        waiting = dict(_pairs(session, select(notices.c.status, func.count()).group_by(notices.c.status)))
        for status in NoticeStatus:  # also those that no notice has any more
            self.waiting.labels(status).set(waiting.get(status, 0))
        late = select(func.count()).where(
            due.c.status == DeadlineStatus.OPEN.value, due.c.next_at <= datetime.fromtimestamp(now, UTC)
        )
        self.overdue.set(session.connection.scalar(late) or 0)
        self.last_tick.set(now)


def _pairs(session: Session, query: object) -> list[tuple[str, int]]:
    return [(str(key), int(number)) for key, number in session.connection.execute(query)]  # type: ignore[call-overload]
