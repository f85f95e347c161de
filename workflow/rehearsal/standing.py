"""Finds the deadlines that stand in a rehearsal: when they are due, whether or not they are met."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """A deadline of a partnership that stands in a rehearsal, with its due instant."""

    ref: str
    deadline: str
    due_at: datetime


def read_standing(session: Session, begin: datetime, refs: Collection[str] = ()) -> tuple[Standing, ...]:
    """Return each deadline that stood at some instant after `begin`, in order; of these partnerships, if any.

    What a changed procedure cancels at once, at `begin`, does not stand. What the clock fires then does. The dates
    of applications that were saved and not sent are left out: they are nobody's but their authors'.
    """
    table = tables.deadlines
    fired = (table.c.status == DeadlineStatus.FIRED) & (table.c.done_at >= begin)
    stood = (table.c.status == DeadlineStatus.OPEN) | fired | (table.c.done_at > begin)
    query = select(tables.partnerships.c.ref, table.c.name, table.c.ladder).join(tables.partnerships)
    drafts = {name for name, row in session.config.deadlines.items() if row.is_of_drafts}
    return tuple(
        sorted(
            Standing(row.ref, row.name, row.ladder)
            for row in session.connection.execute(query.where(stood).distinct())
            if row.name not in drafts and (not refs or row.ref in refs)
        )
    )
