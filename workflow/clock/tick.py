"""Does what is due at one instant, in the order of a tick, and finds the next instant at which something is due.

The daemon calls it as time passes. A rehearsal calls it on a copy, ahead of time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import bindparam, func, select

from workflow.clock import meetings, procedure, replan, starts
from workflow.clock.fire import Tally, fire_due, next_due
from workflow.outbox import digest, summary
from workflow.record import checkpoint
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.rows import NoticeStatus

T = TypeVar("T")


class RunPart(Protocol):
    """Runs one part of a tick by its name; returns what it returns, or None if it failed."""

    def __call__(self, name: str, work: Callable[[], T], /) -> T | None: ...


class Work(Enum):
    """What a tick has to do."""

    NONE = auto()
    DUE = auto()  # something is due
    ALL = auto()  # the procedure or the calendar has changed, from which more may follow


def run(
    system: System,
    now: datetime,
    run_part: RunPart,
    *,
    stop: Callable[[], bool] = lambda: False,
    moved: Callable[[Sequence[Mapping[str, str]]], None] = lambda _: None,
    done: Callable[[Tally], None] | None = None,
    checkpoints: bool = True,
) -> Tally:
    """Do everything that is due at `now` but the mail itself, and return what the clock fired.

    `stop` and `done` are as for `fire_due`; `moved` is told of the deadlines that moved with the procedure. Without
    `checkpoints` none is taken.

    1. Look, in one transaction that only reads, which parts have something to do. Most ticks end here.
    2. Move deadlines if the procedure has changed, tell people if it or the Board's calendar has, and plan wanted
       first days anew.
    3. Fire the deadlines that are due.
    4. Gather digests, after everything that may still add to one, the weekly summary, and the daily checkpoint.
    """
    work = _try_look(system, now, checkpoints)

    def run_exclusive(name: str, work: Callable[..., T]) -> T | None:
        # Only one daemon may do it at a time, even where several share a database.
        return run_part(name, partial(system.transact, partial(work, now=now), exclusive=name))

    if work is Work.NONE:
        return Tally()
    if work is not Work.DUE:
        moved(run_exclusive("procedure", replan.replan) or [])
        run_exclusive("settings", procedure.tell_procedure)
        run_exclusive("meetings", meetings.tell_changed)
        run_exclusive("starts", starts.follow_plans)
    tally = run_part("deadlines", partial(fire_due, system, now, stop=stop, done=done))
    late = _try_list_late(system, now, checkpoints)
    # What the clock fired may be a step of a plan.
    if "starts" in late:
        run_exclusive("starts", starts.follow_plans)
    if "digests" in late:
        run_exclusive("digests", digest.gather)
    if "summary" in late:
        run_exclusive("summary", summary.gather)
    if "checkpoint" in late:
        run_part("checkpoint", partial(checkpoint.take, system, now, by="", daily=True))
    return tally or Tally()


_LATE = ("starts", "digests", "summary", "checkpoint")  # the parts that come after the deadlines


def _try_list_late(system: System, now: datetime, checkpoints: bool) -> Collection[str]:
    """Return which of the parts after the deadlines have something to do; all, if nobody can say."""
    try:
        with system.reading() as session:
            return _list_late(session, now, checkpoints)
    except Exception:  # noqa: BLE001 - the parts meet the same error, and each is told of by its name
        return _LATE


def _list_late(session: Session, now: datetime, checkpoints: bool) -> Collection[str]:
    is_due = (
        starts.has_changed(session),
        digest.is_waiting(session),
        summary.is_due(session, now),
        checkpoints and checkpoint.is_due(session, now),
    )
    return [name for name, due in zip(_LATE, is_due, strict=True) if due]


def _try_look(system: System, now: datetime, checkpoints: bool) -> Work:
    """Look what there is to do. If that fails, every part has to look itself, and says what is wrong."""
    try:
        return _look(system, now, checkpoints)
    except Exception:  # noqa: BLE001 - the parts meet the same error, and each is told of by its name
        return Work.ALL


def _look(system: System, now: datetime, checkpoints: bool) -> Work:
    with system.reading() as session:
        if any(part.has_changed(session) for part in (replan, procedure, meetings, starts)):
            return Work.ALL
        due = next_due(session.connection)
        is_due = (due is not None and due <= now) or _list_late(session, now, checkpoints)
        return Work.DUE if is_due else Work.NONE


def next_instant(session: Session, now: datetime, *, checkpoints: bool = True) -> datetime:
    """Return the next instant, after `now`, at which a tick finds something to do if nobody acts until then."""
    return min(instant for instant in _instants(session, now, checkpoints) if instant > now)


_NEXT_MAIL = select(func.min(tables.notices.c.next_at)).where(
    tables.notices.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED)),
    tables.notices.c.within.is_(None),
    tables.notices.c.next_at > bindparam("now"),
)


def _instants(session: Session, now: datetime, checkpoints: bool) -> Iterator[datetime]:
    """Yield when each part of a tick has to run next. Some may have passed: they are left to a later try."""
    if (due := next_due(session.connection)) is not None:
        yield due
    leaves: datetime | None = session.connection.scalar(_NEXT_MAIL, {"now": now})
    if leaves is not None:
        yield leaves
    yield summary.next_instant(session.config, now)
    if checkpoints:
        yield checkpoint.next_instant(session.config, now)
