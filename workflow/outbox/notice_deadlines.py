"""Finds the deadline that a message names: that of the notice, or of what the notice asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from workflow.procedure.settings import DeadlineSettings
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, Notice, RungKind
from workflow.views import visibility


def deadline_of(session: Session, row: Notice, events: Sequence[str], now: datetime) -> dict[str, Any] | None:
    """Return the deadline of what a notice asks for, as it is `now`; None if there is none.

    1. A notice about a deadline has that one, if the row of the deadline offers one of the `events`. A date that
       is past, and by which nobody had to do anything, is the deadline of nothing.
    2. Otherwise take the first of the `events` that is the task of an open deadline. Of several deadlines take
       the one with the fewest tasks, since it is about this one most, and then the earliest.
    """
    own = own_deadline(session, row, now)
    settings = session.config.deadlines.get(own["name"]) if own else None
    if own and settings and not own["over"] and not set(events).isdisjoint(settings.offers):
        return own
    candidates = _open_deadlines(session, row)
    for event in events:
        mine = [(len(each.owed), due, name) for name, due, each in candidates if event in each.owed]
        if mine:
            _, due, name = min(mine)
            return _deadline_context(session, name, due, RungKind.REMIND, now)
    return None


_RUNG = select(tables.deadlines).where(tables.deadlines.c.id == bindparam("key"))
# All rungs of a deadline have its due instant, and one that is overdue has only escalations left.
_OPEN = (
    select(tables.deadlines.c.name, tables.deadlines.c.ladder)
    .where(
        tables.deadlines.c.partnership == bindparam("key"), tables.deadlines.c.status == bindparam("status")
    )
    .distinct()
)


def own_deadline(session: Session, row: Notice, now: datetime) -> dict[str, Any] | None:
    """Return the deadline that a notice is about, as it is `now`; None for a notice of an event."""
    if row.deadline is None:
        return None
    key = {"key": row.deadline}
    rung = session.once(("rung", row.deadline), lambda: session.connection.execute(_RUNG, key).one())
    return _deadline_context(session, rung.name, rung.ladder, rung.kind, now)


def _open_deadlines(session: Session, row: Notice) -> list[tuple[str, datetime, DeadlineSettings]]:
    """Return the open deadlines of a notice's partnership that its reader may know of: name, due instant, row."""
    viewer, values = visibility.viewer_of(row), {"key": row.partnership, "status": DeadlineStatus.OPEN.value}
    rungs = session.once(
        ("open deadlines", row.partnership), lambda: session.connection.execute(_OPEN, values).all()
    )
    found = [(rung.name, rung.ladder, session.config.deadlines.get(rung.name)) for rung in rungs]
    return [
        (name, due, settings)
        for name, due, settings in found
        if settings is not None and visibility.can_see_deadline(viewer, settings)
    ]


def _deadline_context(session: Session, name: str, due: datetime, kind: str, now: datetime) -> dict[str, Any]:
    settings, calendar = session.config.deadlines.get(name), session.config.calendar
    # The message that says that it is due leaves a moment later, and calls it overdue from the next day on.
    past = calendar.day(due) < calendar.day(now) if kind == RungKind.DUE else due <= now
    is_gate = settings is not None and not settings.owed and not settings.overdue
    return {
        "name": name,
        "label": settings.label if settings else name,
        "due_at": calendar.local(due).isoformat(),
        "kind": kind,
        "overdue": (past and not is_gate) or kind == RungKind.ESCALATE,
        # Nobody is late for a date by which nobody had to do anything, such as the end of a window.
        "over": is_gate and due <= now,
        "late_days": max((now - due).days, 0),
    }
