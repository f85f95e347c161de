"""The calls as anybody may see them: never who has applied, nor how many."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from states.machine import EVENTS, event_named
from states.partnership import Partnership, State, Statement
from workflow import engine
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot

RECENT = timedelta(days=60)  # how long a call that is over still stands on the list
_REF = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_CHANGES = tuple(name for name in EVENTS if event_named(name).public)


@dataclass(frozen=True, slots=True)
class Call:
    """What is public of a call. `updated_at` is when it was opened, extended, closed or withdrawn."""

    ref: str
    school: str
    title: str
    statement: Statement | None
    opened_at: datetime
    closes_at: datetime
    updated_at: datetime
    open: bool
    withdrawn: bool

    @property
    def stands(self) -> str:
        """How it stands, before the closing date."""
        if self.withdrawn:
            return "Withdrawn by the District; it would have closed"
        return "Applications close" if self.open else "Applications closed"


def listed(session: Session, now: datetime) -> list[Call]:
    """The open calls, the first to close first; then those that have closed lately, the last one first."""
    table = tables.partnerships
    # A call that has left the state since has done so no longer ago than it counts as recent.
    near = or_(table.c.state == str(State.OPEN_SELECTION), table.c.entered_at > now - RECENT)
    query = select(table).where(near)
    found = _calls(session, map(Snapshot.from_row, session.connection.execute(query).all()), now)
    opened = sorted((call for call in found if call.open), key=lambda call: (call.closes_at, call.ref))
    closed = [call for call in found if not call.open and call.updated_at > now - RECENT]
    return opened + sorted(closed, key=lambda call: (call.updated_at, call.ref), reverse=True)


def one(session: Session, ref: str, now: datetime) -> tuple[Call, Snapshot] | None:
    """The call of a reference, and its record; None where none was ever opened."""
    if not _REF.fullmatch(ref):  # what no reference looks like does not reach the database
        return None
    record = engine.load(session.connection, [ref]).get(ref)
    found = _calls(session, [record] if record else [], now)
    return (found[0], record) if found and record else None


def _calls(session: Session, of: Iterable[Snapshot], now: datetime) -> list[Call]:
    found = [record for record in of if record.facts.selection is not None]
    changed = _changed(session, [record.id or 0 for record in found])
    return [
        _call(session, record, record.facts, changed.get(record.id or 0), now) for record in found
    ]  # fmt: skip


def _call(
    session: Session, record: Snapshot, of: Partnership, changed: datetime | None, now: datetime
) -> Call:
    call = of.selection
    assert call is not None
    withdrawn = of.ended is not None and call.closed_at is None
    return Call(
        ref=record.ref,
        school=session.directory.school_name(of.school),
        title=of.title,
        statement=of.needs.statement,
        opened_at=call.opened_at,
        closes_at=call.closes_at,
        updated_at=max(changed or call.opened_at, call.opened_at, *_over(call.closes_at, now)),
        open=record.state is State.OPEN_SELECTION and now < call.closes_at,
        withdrawn=withdrawn,
    )


def _over(closes_at: datetime, now: datetime) -> list[datetime]:
    return [closes_at] if closes_at <= now else []


def _changed(session: Session, keys: list[int]) -> dict[int, datetime]:
    table = tables.history
    query = (
        select(table.c.partnership, func.max(table.c.seq))
        .where(table.c.partnership.in_(keys), table.c.event.in_(_CHANGES))
        .group_by(table.c.partnership)
    )
    last = session.connection.execute(query).all()
    found = {}
    for key, seq in last:
        at = select(table.c.at).where(table.c.partnership == key, table.c.seq == seq)
        found[key] = session.connection.execute(at).scalar_one()
    return found
