"""Lets people act in a rehearsal as somebody assumes that they will: on the last day, later, or as they did before.

Who acts with what, the law says: everybody whom a partnership waits for. When they act, a `Pace` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

from sqlalchemy import select

from notifications.errors import ServiceError
from states.errors import LawError
from states.names import Role, State
from workflow import engine
from workflow.procedure.calendar import Calendar
from workflow.rehearsal.refusals import Refusal, reasons_of
from workflow.rehearsal.usual import USUAL, Scene, assumable, receive_application
from workflow.session import Session, System
from workflow.store import loading, tables
from workflow.store.rows import Channel, DeadlineStatus, Snapshot
from workflow.views import pending
from workflow.views.pending import Wait

MORNING = time(9)  # the hour at which people act in a rehearsal
_MINUTE, _WEEK = timedelta(minutes=1), timedelta(weeks=1)
_APPLY = "receive-application"
_MOST = 1000  # acts of one partnership at one instant; more would be a circle


class Timing(Protocol):
    """Says when people do what a partnership waits for."""

    def instant(self, session: Session, record: Snapshot, wait: Wait) -> datetime:
        """Return when somebody does what they are waited for with. It may have passed."""

    def instant_before(self, calendar: Calendar, due: datetime) -> datetime:
        """Return when somebody acts who is waited for by an instant, whatever they do."""


@dataclass(frozen=True, slots=True)
class OnTime:
    """Everybody acts on the last day, or some calendar days after it."""

    late: int = 0

    def instant(self, session: Session, record: Snapshot, wait: Wait) -> datetime:
        """Return the morning of the last day. What has no last day is done a week after it was asked for."""
        return self.instant_before(session.config.calendar, wait.by or wait.since + _WEEK)

    def instant_before(self, calendar: Calendar, due: datetime) -> datetime:
        """Return the morning of the last day, or the last minute if it is due before the morning."""
        morning = calendar.instant(calendar.day(due) + timedelta(days=self.late), MORNING)
        return min(morning, due + timedelta(days=self.late) - _MINUTE)


@dataclass(frozen=True, slots=True)
class _Act:
    """An event that somebody does, with its input."""

    event: str
    values: Mapping[str, Any]
    actor: str
    role: Role


_Version = tuple[int, str]  # of a partnership and of the directory: what is possible depends on both


class Assumed:
    """People who do what they are waited for, with its usual input, when a timing says so."""

    def __init__(self, timing: Timing, refs: Collection[str] = ()) -> None:
        self._timing = timing
        self._refs = frozenset(refs)
        self._plan: dict[str, datetime] = {}  # by reference: when to look at a partnership again
        self._seen: dict[str, _Version] = {}  # by reference: for what it was planned
        # What the law refused, or nobody has an input for: reference, versions, event, actor.
        self._tried: set[tuple[str, _Version, str, str]] = set()
        self.refusals: list[Refusal] = []

    def act(self, system: System, now: datetime) -> None:
        """Do everything for which it is time in the partnerships that are planned for this instant."""
        for ref in sorted(ref for ref, instant in self._plan.items() if instant <= now):
            del self._plan[ref]
            for _ in range(_MOST):
                if not self._do_next(system, ref, now):
                    break
            # Plan it anew, also where nothing could be done.
            self._seen.pop(ref, None)

    def next_instant(self, session: Session, now: datetime) -> datetime | None:
        """Return when somebody means to act next. Plan first what has changed since the last look."""
        table = tables.partnerships
        for ref, number in session.connection.execute(select(table.c.ref, table.c.version)).all():
            version = (number, session.directory.version)
            if self._seen.get(ref) != version and (not self._refs or ref in self._refs):
                self._seen[ref] = version
                self._plan.pop(ref, None)
                # Whatever happens at the first of these instants, the others are found again after it.
                if instants := list(self._instants(session, ref, now)):
                    self._plan[ref] = min(instants)
        return min(self._plan.values(), default=None)

    def _instants(self, session: Session, ref: str, now: datetime) -> Iterator[datetime]:
        """Yield when to look at a partnership again: when its people act, and when others may be waited for."""
        record = loading.load(session.connection, [ref])[ref]
        calendar = session.config.calendar
        for wait in self._waits(session, record, now):
            instant = self._timing.instant(session, record, wait)
            yield instant if instant > now else _next_morning(calendar, now)
        # What is not possible yet may be by the time that its deadline is due.
        for due in _due_instants(session, record):
            instant = self._timing.instant_before(calendar, due)
            if instant > now:
                yield instant
        call = record.facts.selection
        if record.state is State.OPEN_SELECTION and call is not None and call.closes_at > now:
            morning = calendar.instant(calendar.day(call.closes_at), MORNING)
            if morning > now:
                yield morning
            # The call was opened later on its last day.
            elif self._apply(session, record, now) is not None:
                yield now + _MINUTE

    def _waits(self, session: Session, record: Snapshot, now: datetime) -> list[Wait]:
        """Return who is waited for with something that a rehearsal assumes and that was not refused yet."""
        version = (record.version, session.directory.version)
        waits = pending.list_waits(session, record, now, events=assumable(record))
        return [
            wait
            for wait in waits
            if wait.person is not None
            and (record.ref, version, wait.event, wait.person.email) not in self._tried
        ]

    def _do_next(self, system: System, ref: str, now: datetime) -> bool:
        """Do the next thing in a partnership for which it is time; return whether there was one."""
        with system.reading() as session:
            record = loading.load(session.connection, [ref])[ref]
            act = self._choose(session, record, now)
            version = (record.version, session.directory.version)
        if act is None:
            return False
        try:
            system.transact(
                lambda session: engine.advance(
                    session, ref, act.event, act.values, act.actor, Channel.CLI, now, role=act.role
                )
            )
        except (LawError, ServiceError) as error:
            self._tried.add((ref, version, act.event, act.actor))
            self.refusals.append(Refusal(now, ref, act.event, act.actor, tuple(reasons_of(error))))
        return True

    def _choose(self, session: Session, record: Snapshot, now: datetime) -> _Act | None:
        """Return what is done next in a partnership, if it is time for anything."""
        for wait in self._waits(session, record, now):
            instant = self._timing.instant(session, record, wait)
            if wait.person is None or instant > now:
                continue
            scene = Scene(session, record, now, wait.person.email)
            values = USUAL[wait.event](scene)
            if values is not None:
                return _Act(wait.event, values, wait.person.email, wait.role)
            # Time alone does not change that.
            version = (record.version, session.directory.version)
            self._tried.add((record.ref, version, wait.event, wait.person.email))
        return self._apply(session, record, now)

    def _apply(self, session: Session, record: Snapshot, now: datetime) -> _Act | None:
        """Return an application on the last day of a call that has none, so that there is something to choose."""
        call = record.facts.selection
        if record.state is not State.OPEN_SELECTION or call is None or call.applications:
            return None
        calendar = session.config.calendar
        if now >= call.closes_at or calendar.day(now) != calendar.day(call.closes_at):
            return None
        values = receive_application(Scene(session, record, now, ""))
        version = (record.version, session.directory.version)
        if values is None or (record.ref, version, _APPLY, values["contact_email"]) in self._tried:
            return None
        return _Act(_APPLY, values, values["contact_email"], Role.APPLICANT)


def _due_instants(session: Session, record: Snapshot) -> list[datetime]:
    """Return the due instants of the open deadlines of a partnership."""
    table = tables.deadlines
    is_open = (table.c.partnership == record.id) & (table.c.status == DeadlineStatus.OPEN.value)
    return list(session.connection.scalars(select(table.c.ladder).where(is_open).distinct()))


def _next_morning(calendar: Calendar, now: datetime) -> datetime:
    """Return the next morning of a business day."""
    day: date = calendar.day(now)
    while calendar.instant(day, MORNING) <= now or not calendar.is_business_day(day):
        day += timedelta(days=1)
    return calendar.instant(day, MORNING)
