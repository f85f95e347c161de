"""Reads the calls as the public may see them, without who has applied or how many have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from states.names import State
from states.partnership import Statement
from states.selection import Question, Selection
from workflow.session import Session
from workflow.store import loading, paging, tables
from workflow.store.paging import Mark, Part
from workflow.store.rows import Snapshot

RECENT = timedelta(days=60)  # how long a closed call stays on the list
PER_PAGE = 50  # calls on a page of the list or of the feed
MOST_CLOSINGS = 100  # in the calendar, which has no pages
_REF = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_TABLE = tables.partnerships


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


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of calls, and as text the places from which the pages beside it are read; None where there is none."""

    calls: tuple[Call, ...]
    previous: str | None
    next: str | None


class Closing(NamedTuple):
    """What a calendar has of an open call."""

    ref: str
    school: str
    title: str
    closes_at: datetime
    updated_at: datetime


def list_calls(session: Session, now: datetime, *, after: str = "", before: str = "") -> Listing:
    """Return a page of the open calls, the next to close first, then of those that closed recently, the last first.

    `after` and `before` are places that a page has named. Raise `NoSuchPlace` for any other text.
    """
    at = _TABLE.c.call_ends_at
    parts = (
        Part("open", at, after=now),
        Part("closed", at, after=now - RECENT, until=now, latest_first=True),
    )
    return _read_page(session, parts, now, after, before)


def list_news(session: Session, now: datetime, *, after: str = "", before: str = "") -> Listing:
    """Return a page of the calls that `list_calls` has, the last changed first. Raise as it does."""
    at = _TABLE.c.call_changed_at
    # On PostgreSQL the rows without an instant would be the first to be looked at.
    listed = at.is_not(None) & (_TABLE.c.call_ends_at > now - RECENT)
    parts = (Part("news", at, chosen=listed, latest_first=True),)
    return _read_page(session, parts, now, after, before)


def list_closings(session: Session, now: datetime) -> list[Closing]:
    """Return the closings that come next, the first of them first, and at most `MOST_CLOSINGS`."""
    columns = (_TABLE.c.ref, _TABLE.c.school, _TABLE.c.title, _TABLE.c.call_ends_at, _TABLE.c.call_changed_at)
    query = select(*columns).where(_TABLE.c.call_ends_at > now)
    query = query.order_by(_TABLE.c.call_ends_at, _TABLE.c.id).limit(MOST_CLOSINGS)
    name = session.directory.school_name
    return [
        Closing(row.ref, name(row.school), row.title, row.call_ends_at, row.call_changed_at)
        for row in session.connection.execute(query)
    ]


def _read_page(session: Session, parts: Sequence[Part], now: datetime, after: str, before: str) -> Listing:
    page = paging.read_page(
        session.connection,
        parts,
        PER_PAGE,
        after=Mark.read(after, parts) if after else None,
        before=Mark.read(before, parts) if before else None,
    )
    return Listing(
        tuple(_read_calls(session, (row for _, row in page.rows), now)),
        str(page.previous) if page.previous else None,
        str(page.next) if page.next else None,
    )


def _read_calls(session: Session, rows: Iterable[Row[Any]], now: datetime) -> Iterator[Call]:
    """Yield the calls of these rows, without those that cannot be read: `verify` names them."""
    for row in rows:
        try:
            record = Snapshot.from_row(row)
        # One damaged record must not keep the others from the public.
        except ValueError:
            continue
        if record.facts.selection is not None:
            yield _make_call(session, record, record.facts.selection, now)


def find_call(session: Session, ref: str, now: datetime) -> tuple[Call, Snapshot] | None:
    """Return the call of a reference and its record. Return None if no such call was ever opened."""
    if not _REF.fullmatch(ref):
        # A stranger can ask for any address, so the database sees only what looks like a reference.
        return None
    record = loading.load(session.connection, [ref]).get(ref)
    if record is None or record.facts.selection is None:
        return None
    return _make_call(session, record, record.facts.selection, now), record


def _make_call(session: Session, record: Snapshot, selection: Selection, now: datetime) -> Call:
    facts = record.facts
    withdrawn = facts.ended is not None and selection.closed_at is None
    # A call closes at its date even before the event that closes it is recorded.
    closings = [selection.closes_at] if selection.closes_at <= now and not withdrawn else []
    return Call(
        ref=record.ref,
        school=session.directory.school_name(facts.school),
        title=facts.title,
        statement=facts.needs.statement,
        opened_at=selection.opened_at,
        closes_at=selection.closes_at,
        updated_at=max(record.call_changed_at or selection.opened_at, selection.opened_at, *closings),
        open=record.state is State.OPEN_SELECTION and selection.is_open(now),
        withdrawn=withdrawn,
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
