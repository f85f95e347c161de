"""Measures how long people took for each event, in the record of this district, and samples from it.

A duration ends with the event. It begins when the partnership began to wait for it: at the moment that its row in
the law names, at the entry into the state, or at the meeting that the Board office records. For a duty that recurs
it begins when the duty was done last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import func, select

from states import history
from states.chapters.board import HeldAtMeeting
from states.event import Event
from states.machine import event_named
from states.moments import moments
from states.names import HELD_BY_NOBODY, Role
from states.partnership import Partnership
from workflow.procedure.calendar import Calendar
from workflow.rehearsal.assumed import OnTime
from workflow.rehearsal.usual import USUAL
from workflow.session import Session
from workflow.store import past, tables
from workflow.store.rows import Snapshot
from workflow.views.pending import Wait

Durations = Mapping[tuple[str, str], Sequence[timedelta]]  # by role and event
_RECURRING = frozenset(name for name in USUAL if name.startswith("record-"))


def read_durations(session: Session) -> Durations:
    """Return how long each role took for each event that a rehearsal assumes, over the whole record."""
    durations: dict[tuple[str, str], list[timedelta]] = defaultdict(list)
    for key in session.connection.scalars(select(tables.partnerships.c.id)).all():
        if not past.is_destroyed(session.connection, key):
            _measure(session, key, durations)
    return durations


def _measure(session: Session, key: int, durations: dict[tuple[str, str], list[timedelta]]) -> None:
    """Add the durations of one partnership's history."""
    entries = past.read_entries(session.connection, key, session.config.calendar.local)
    counts = history.effective(entries)
    facts: Partnership | None = None
    entered, state = None, None
    last: dict[str, datetime] = {}
    for entry, (to, after) in zip(entries, history.walk(entries), strict=True):
        counted = counts.get(entry.seq, entry) is not None
        if counted and facts is not None and entry.event in USUAL and entry.role not in HELD_BY_NOBODY:
            since = find_since(event_named(entry.event), facts, entered or entry.at, last.get(entry.event))
            durations[str(entry.role), entry.event].append(max(entry.at - since, timedelta()))
        last[entry.event] = entry.at
        if to is not state:
            entered, state = entry.at, to
        facts = after


def find_since(row: Event, facts: Partnership, entered: datetime, last: datetime | None) -> datetime:
    """Return since when an event is waited for. `last` is when it was done before."""
    moment = moments(facts, entered).get(row.awaited_since or "")
    since = moment if isinstance(moment, datetime) else entered
    item = facts.board.item
    if issubclass(row.takes, HeldAtMeeting) and item is not None and item.meeting_at is not None:
        since = max(since, item.meeting_at)
    return max(since, last) if last is not None and row.name in _RECURRING else since


@dataclass
class AsBefore:
    """Each role takes as long for an event as it took once before in this record, sampled for each time.

    What a role never did takes as long as something else that it did. A role without a past acts on the last day.
    """

    durations: Durations
    rng: Random
    _sampled: dict[tuple[str, str, str, datetime], timedelta | None] = field(default_factory=dict)

    def instant(self, session: Session, record: Snapshot, wait: Wait) -> datetime:
        """Return when somebody does what they are waited for with."""
        row, last = event_named(wait.event), _last_done(session, record, wait.event)
        since = find_since(row, record.facts, record.entered_at, last)
        email = wait.person.email if wait.person else ""
        key = (record.ref, wait.event, email, since)
        if key not in self._sampled:
            self._sampled[key] = self._sample(wait.role, wait.event)
        span = self._sampled[key]
        return since + span if span is not None else OnTime().instant(session, record, wait)

    def instant_before(self, calendar: Calendar, due: datetime) -> datetime:
        """Return the last minute, when somebody looks whether something has become possible."""
        return due - timedelta(minutes=1)

    def _sample(self, role: Role, event: str) -> timedelta | None:
        same = self.durations.get((str(role), event))
        others = [span for (who, _), spans in sorted(self.durations.items()) if who == role for span in spans]
        return self.rng.choice(same or others) if same or others else None


def _last_done(session: Session, record: Snapshot, event: str) -> datetime | None:
    if event not in _RECURRING:
        return None
    table = tables.history
    query = select(func.max(table.c.at)).where(table.c.partnership == record.id, table.c.event == event)
    last: datetime | None = session.connection.scalar(query)
    return last
