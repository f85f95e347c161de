"""Reads what happened in a span of time from a database: events, deadlines and notices, in order.

It reads the copy on which a future was lived as well as the record itself, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from states.names import Role
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Channel, DeadlineRow, DeadlineStatus, HistoryEntry, Notice, NoticeStatus


class Kind(StrEnum):
    """What kind of thing happened. Of one instant, an event comes before the deadline and the notices of it."""

    EVENT = "event"
    DEADLINE = "deadline"
    NOTICE = "notice"


_ORDER = list(Kind)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened.

    `name` is an event, a deadline, or the template of a notice. `who` acted or got the notice. `detail` is the
    subject of a notice; of an event the state that it led to, if that is another one; of a deadline what it was:
    "remind", "due" or "escalate".
    """

    at: datetime
    kind: Kind
    ref: str
    name: str
    who: str
    detail: str
    role: str = ""
    by_clock: bool = False
    number: int = 0  # keeps the order of two at one instant
    message_id: str = ""
    due_at: datetime | None = None  # of a deadline: its due instant, which a reminder comes before
    seq: int | None = None  # of a notice: the row of the history that it is about
    hidden: bool = False  # `who` is left out, since even the office may not know them

    @property
    def place(self) -> tuple[Any, ...]:
        """Return what names it in its database: no two have the same."""
        return (self.kind, self.ref, self.number)

    @property
    def key(self) -> tuple[Any, ...]:
        """Return what two databases that lived the same days have in common."""
        return (self.at, self.kind, self.ref, self.name, self.who, self.detail)


def read_happenings(
    session: Session, after: datetime, until: datetime, refs: Collection[str] = ()
) -> list[Happening]:
    """Return what happened after an instant and not after another, in order; of these partnerships, if any."""
    every = [
        *_read_events(session, after, until),
        *_read_deadlines(session, after, until),
        *_read_notices(session, after, until),
    ]
    # A digest and a summary are about no partnership.
    chosen = [each for each in every if not refs or each.ref in refs]
    return sorted(chosen, key=lambda each: (each.at, _ORDER.index(each.kind), each.ref, each.number))


def _read_events(session: Session, after: datetime, until: datetime) -> Iterator[Happening]:
    table = tables.history
    query = select(table, tables.partnerships.c.ref).join(tables.partnerships)
    for row in session.connection.execute(query.where(table.c.at > after, table.c.at <= until)):
        entry = HistoryEntry.from_row(row)
        moved = entry.to_state if entry.to_state != entry.from_state else ""
        by_clock = entry.channel == Channel.CLOCK
        yield Happening(
            entry.at, Kind.EVENT, row.ref, entry.event, entry.actor, moved, entry.role, by_clock, entry.seq
        )


def _read_deadlines(session: Session, after: datetime, until: datetime) -> Iterator[Happening]:
    table = tables.deadlines
    query = select(table, tables.partnerships.c.ref).join(tables.partnerships)
    fired = table.c.status == DeadlineStatus.FIRED
    for row in session.connection.execute(
        query.where(fired, table.c.done_at > after, table.c.done_at <= until)
    ):
        rung = DeadlineRow.from_row(row)
        at = rung.done_at or rung.due_at
        who, due_at = str(Role.CLOCK), rung.ladder
        yield Happening(at, Kind.DEADLINE, row.ref, rung.name, who, rung.kind, number=rung.id, due_at=due_at)


def _read_notices(session: Session, after: datetime, until: datetime) -> Iterator[Happening]:
    table = tables.notices
    query = select(table, tables.partnerships.c.ref).join(tables.partnerships, isouter=True)
    # One that left in a digest is in the message of the digest.
    sent = (table.c.status == NoticeStatus.SENT) & table.c.within.is_(None)
    for row in session.connection.execute(
        query.where(sent, table.c.sent_at > after, table.c.sent_at <= until)
    ):
        notice = Notice.from_row(row)
        yield Happening(
            notice.sent_at or notice.queued_at,
            Kind.NOTICE,
            row.ref or "",
            notice.template,
            notice.to,
            notice.subject or "",
            notice.role,
            number=notice.id,
            message_id=notice.message_id,
            seq=notice.seq,
        )
