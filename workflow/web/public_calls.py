"""Reads the calls as the public may see them, without who has applied or how many have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from states.machine import EVENTS, event_named
from states.names import State
from states.partnership import Statement
from states.selection import Question
from workflow.session import Session
from workflow.store import loading, tables
from workflow.store.rows import Snapshot

RECENT = timedelta(days=60)  # how long a closed call stays on the list
_REF = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_CHANGES = tuple(name for name in EVENTS if event_named(name).public)


@dataclass(frozen=True, slots=True)
class Call:
    """The public part of a call. `updated_at` is when it was last opened, extended, closed or withdrawn."""

    ref: str
    school: str
    title: str
    statement: Statement | None
    opened_at: datetime
    closes_at: datetime
    updated_at: datetime
    open: bool
    withdrawn: bool
    questions: tuple[dict[str, Any], ...]  # in their order, as everybody may read them

    @property
    def stands(self) -> str:
        """Return the words to put before the closing date: whether the call is open, closed or withdrawn."""
        if self.withdrawn:
            return "Withdrawn by the District; it would have closed"
        return "Applications close" if self.open else "Applications closed"


def list_calls(session: Session, now: datetime) -> list[Call]:
    """Return the open calls, the next to close first, then the recently closed, the last updated first."""
    table = tables.partnerships
    # Every call that counts as recent is in this state, or has left it within `RECENT`.
    may_be_listed = or_(table.c.state == str(State.OPEN_SELECTION), table.c.entered_at > now - RECENT)
    rows = session.connection.execute(select(table).where(may_be_listed)).all()
    calls = _read_calls(session, map(Snapshot.from_row, rows), now)
    opened = sorted((call for call in calls if call.open), key=lambda call: (call.closes_at, call.ref))
    closed = [call for call in calls if not call.open and call.updated_at > now - RECENT]
    return opened + sorted(closed, key=lambda call: (call.updated_at, call.ref), reverse=True)


def find_call(session: Session, ref: str, now: datetime) -> tuple[Call, Snapshot] | None:
    """Return the call of a reference and its record. Return None if no such call was ever opened."""
    if not _REF.fullmatch(ref):
        # A stranger can ask for any address, so the database sees only what looks like a reference.
        return None
    record = loading.load(session.connection, [ref]).get(ref)
    calls = _read_calls(session, [record] if record else [], now)
    return (calls[0], record) if calls and record else None


def _read_calls(session: Session, records: Iterable[Snapshot], now: datetime) -> list[Call]:
    with_call = [record for record in records if record.facts.selection is not None]
    changed = _read_last_changes(session, [record.id or 0 for record in with_call])
    return [_make_call(session, record, changed.get(record.id or 0), now) for record in with_call]


def _make_call(session: Session, record: Snapshot, changed: datetime | None, now: datetime) -> Call:
    facts = record.facts
    selection = facts.selection
    assert selection is not None
    # A call closes at its date even before the event that closes it is recorded.
    closings = [selection.closes_at] if selection.closes_at <= now else []
    return Call(
        ref=record.ref,
        school=session.directory.school_name(facts.school),
        title=facts.title,
        statement=facts.needs.statement,
        opened_at=selection.opened_at,
        closes_at=selection.closes_at,
        updated_at=max(changed or selection.opened_at, selection.opened_at, *closings),
        open=record.state is State.OPEN_SELECTION and selection.is_open(now),
        withdrawn=facts.ended is not None and selection.closed_at is None,
        questions=tuple(_describe(session, question) for question in selection.questions),
    )


def _describe(session: Session, question: Question) -> dict[str, Any]:
    """Return a question as its page shows it, without the text of one that staff keep off the page."""
    return {
        "text": "" if question.withheld else question.text,
        "at": session.local(question.at),
        "answer": question.answer,
        "answered_at": session.local(question.answered_at),
        "withheld": question.withheld,
    }


def _read_last_changes(session: Session, keys: list[int]) -> dict[int, datetime]:
    """Return when each partnership's call last changed in a public way, by the partnership's number."""
    table = tables.history
    query = (
        # Only events that are public: the time of any other would tell when somebody applied (4270.8).
        select(table.c.partnership, func.max(table.c.seq))
        .where(table.c.partnership.in_(keys), table.c.event.in_(_CHANGES))
        .group_by(table.c.partnership)
    )
    times = {}
    for key, seq in session.connection.execute(query).all():
        at = select(table.c.at).where(table.c.partnership == key, table.c.seq == seq)
        times[key] = session.connection.execute(at).scalar_one()
    return times
