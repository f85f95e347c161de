"""Shows the office all partnerships at a glance, with their deadlines and whom they wait for.

Only staff, the Superintendent and the Board office have a desk. It shows what every office role may see
(`visibility`): nothing that an applicant wrote, and nobody who withdrew an application.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Row, Select, func, select

from states.names import HELD_BY_NOBODY, Role, State
from workflow.directory import DISTRICT_ROLES
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, Snapshot
from workflow.views import pending
from workflow.views.pending import Wait
from workflow.views.reading_ahead import read_ahead

READERS: tuple[Role, ...] = DISTRICT_ROLES  # the roles that have a desk
PAGE = 50  # partnerships on one page of the desk
_AT_ONCE = 51  # partnerships that are judged at once: a page, and the one that says whether there is a next
_AWAITED = tuple(role for role in Role if role not in HELD_BY_NOBODY)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which partnerships the desk shows. Empty values filter nothing.

    `ignored` says in words which values of the address were ignored, and why.
    """

    state: str = ""
    school: str = ""  # the id of a school
    overdue: bool = False
    waiting_on: str = ""  # a role
    page: int = 1
    ignored: tuple[str, ...] = ()

    def query(self, **changes: Any) -> str:
        """Return the part of an address after its question mark for these filters with some `changes`."""
        values = {
            "state": self.state,
            "school": self.school,
            "overdue": "yes" if self.overdue else "",
            "waiting": self.waiting_on,
            "page": self.page if self.page > 1 else "",
        }
        # Another filter shows another list, which begins at its first page.
        values |= {"page": ""} | changes
        return urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter as a link: its words, the query of its address, and whether it is the present one."""

    label: str
    query: str
    current: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline of a partnership that is still open."""

    label: str
    at: datetime
    overdue: bool


@dataclass(frozen=True, slots=True)
class Awaited:
    """Somebody whom a partnership waits for. `name` is a sentence if nobody holds the role."""

    name: str
    role: str
    label: str  # what they have to do
    delegate: str | None  # the name of the person who stands in


@dataclass(frozen=True, slots=True)
class Line:
    """One partnership on the desk. `problem` says in a sentence if its record cannot be read."""

    ref: str
    title: str
    school: str  # its name
    state: str
    since: datetime
    begins_on: date | None  # of an agreement that is in force only from a later day
    overdue: tuple[Due, ...]
    next: Due | None
    awaited: tuple[Awaited, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of partnerships, and the filters as links. `previous` and `next` are queries of addresses, or None."""

    lines: tuple[Line, ...]
    filters: Filters
    choices: Mapping[str, tuple[Choice, ...]]
    previous: str | None
    next: str | None


def read_filters(session: Session, values: Mapping[str, str]) -> Filters:
    """Return the filters that the query of an address asks for. Say of each unknown value that it is ignored."""
    ignored = []

    def known(name: str, words: str, allowed: Iterable[str]) -> str:
        value = values.get(name, "")
        if value and value not in allowed:
            ignored.append(f"There is no {words} {value[:60]!r}, so this filter is not applied.")
            return ""
        return value

    state = known("state", "state", tuple(State))
    school = known("school", "school", session.directory.schools)
    overdue = known("overdue", "value of overdue", ("yes",))
    waiting_on = known("waiting", "role", _AWAITED)
    page = values.get("page", "")
    # A page number with more digits than this is nobody's, and no database would take it as an offset.
    is_number = page.isascii() and page.isdigit() and len(page) < 6 and int(page) > 0
    if page and not is_number:
        ignored.append(f"There is no page {page[:60]!r}, so you see the first.")
    return Filters(state, school, bool(overdue), waiting_on, int(page) if is_number else 1, tuple(ignored))


def partnerships(session: Session, viewer_role: Role, now: datetime, filters: Filters) -> Listing:
    """Return a page of partnerships as the office sees them, the longest overdue first.

    1. One query orders all partnerships by their first open deadline, and filters them by state, school and
       deadline. A partnership without a deadline comes last.
    2. Find whom each of them waits for. That takes a look at its law, so only those on the page are looked at; a
       filter by role looks at as many as it needs to fill the page.
    3. One query reads the open deadlines of those on the page.

    Raise `LookupError` for a role that has no desk.
    """
    if viewer_role not in READERS:
        raise LookupError(f"{viewer_role} has no desk")
    query, skipped = _order(filters, now), (filters.page - 1) * PAGE
    # One more than the page holds, since that says whether there is a next page.
    wanted = PAGE + 1
    if filters.waiting_on:
        records = _judge(session, query, viewer_role, now)
        waiting = (each for each in records if filters.waiting_on in {wait.role for wait in each[1]})
        page = list(islice(waiting, skipped, skipped + wanted))
    else:
        page = list(_judge(session, query.offset(skipped).limit(wanted), viewer_role, now))
    today = session.config.calendar.day(now)
    running = _read_deadlines(session, [row.id for row, *_ in page[:PAGE]], now)
    lines = tuple(
        Line(
            row.ref,
            row.title,
            session.directory.school_name(row.school),
            row.state,
            row.entered_at,
            row.first_day if row.first_day and row.first_day > today else None,
            tuple(due for due in running.get(row.id, ()) if due.overdue),
            next((due for due in running.get(row.id, ()) if not due.overdue), None),
            awaited,
            problem,
        )
        for row, awaited, problem in page[:PAGE]
    )
    return Listing(
        lines,
        filters,
        _list_choices(session, filters),
        filters.query(page=filters.page - 1) if filters.page > 1 else None,
        filters.query(page=filters.page + 1) if len(page) > PAGE else None,
    )


def _order(filters: Filters, now: datetime) -> Select[Any]:
    """Return the query for the partnerships of a filter, the one whose first open deadline is due first on top."""
    table, due = tables.partnerships, tables.deadlines
    first = (
        select(due.c.partnership, func.min(due.c.ladder).label("first"))
        .where(due.c.status == DeadlineStatus.OPEN.value)
        .group_by(due.c.partnership)
        .subquery()
    )
    query = select(table).join(first, first.c.partnership == table.c.id, isouter=True)
    if filters.state:
        query = query.where(table.c.state == filters.state)
    if filters.school:
        query = query.where(table.c.school == filters.school)
    if filters.overdue:
        query = query.where(first.c.first <= now)
    return query.order_by(first.c.first.nulls_last(), table.c.id)


Judged = tuple[Row[Any], tuple[Awaited, ...], str | None]


def _judge(session: Session, query: Select[Any], reader: Role, now: datetime) -> Iterator[Judged]:
    """Yield each partnership with whom it waits for, and with a problem if its record cannot be read."""
    table = tables.partnerships
    keys = session.connection.scalars(query.with_only_columns(table.c.id)).all()
    for first in range(0, len(keys), _AT_ONCE):
        chunk = keys[first : first + _AT_ONCE]
        by_key = {
            row.id: row for row in session.connection.execute(select(table).where(table.c.id.in_(chunk)))
        }
        yield from _judge_chunk(session, [by_key[key] for key in chunk], reader, now)


def _judge_chunk(session: Session, rows: Sequence[Row[Any]], reader: Role, now: datetime) -> Iterator[Judged]:
    records: dict[int, Snapshot] = {}
    for row in rows:
        # One damaged record must not keep the others from the desk.
        with suppress(ValueError):
            records[row.id] = Snapshot.from_row(row)
    ahead = read_ahead(session, list(records.values()))
    for row in rows:
        try:
            waits = _waits_of(session, ahead, records[row.id], now) if row.id in records else None
        except ValueError:
            waits = None
        if waits is None:
            yield row, (), "Its record cannot be read. Run partnershipctl verify."
        else:
            yield row, tuple(_describe(session, wait, reader) for wait in waits), None


def _waits_of(session: Session, ahead: Session, record: Snapshot, now: datetime) -> list[Wait]:
    # The summaries of one morning go to several roles.
    return session.once(("waits", record.id, now), lambda: pending.list_waits(ahead, record, now))


def _describe(session: Session, wait: Wait, reader: Role) -> Awaited:
    """Return a wait as the desk shows it."""
    name = wait.person.name if wait.person else "Nobody holds this role."
    # The same rule as in messages: only they can find somebody, and the sentence may name who has left.
    if wait.problem and reader in (Role.STAFF, Role.SUPERINTENDENT):
        name = wait.problem
    delegate = wait.delegate.name if wait.delegate else None
    return Awaited(name, str(wait.role), session.config.label(wait.event), delegate)


def _read_deadlines(session: Session, keys: Sequence[int], now: datetime) -> dict[int, list[Due]]:
    """Return the open deadlines of these partnerships by id, the earliest first."""
    table = tables.deadlines
    query = (
        select(table.c.partnership, table.c.name, table.c.ladder)
        .where(table.c.partnership.in_(keys), table.c.status == DeadlineStatus.OPEN.value)
        .distinct()
    )
    running: dict[int, list[Due]] = {}
    for row in sorted(session.connection.execute(query), key=lambda row: (row.ladder, row.name)):
        settings = session.config.deadlines.get(row.name)
        # A deadline may outlive its row in the settings, if the procedure was changed meanwhile.
        due = Due(settings.label if settings else row.name, row.ladder, row.ladder <= now)
        running.setdefault(row.partnership, []).append(due)
    return running


def _list_choices(session: Session, filters: Filters) -> dict[str, tuple[Choice, ...]]:
    """Return the values of each filter as links; the first of each shows all."""

    def choices(name: str, current: str, labels: Mapping[str, str]) -> tuple[Choice, ...]:
        return tuple(
            Choice(label, filters.query(**{name: value}), value == current)
            for value, label in {"": "All", **labels}.items()
        )

    table = tables.partnerships
    schools = session.connection.scalars(select(table.c.school).distinct())
    by_name = sorted((session.directory.school_name(school), school) for school in schools)
    return {
        "state": choices("state", filters.state, {state: _words(state) for state in State}),
        "overdue": choices("overdue", "yes" if filters.overdue else "", {"yes": "Overdue"}),
        "waiting": choices("waiting", filters.waiting_on, {role: _words(role) for role in _AWAITED}),
        "school": choices("school", filters.school, {school: name for name, school in by_name}),
    }


def _words(name: str) -> str:
    return name.replace("-", " ").capitalize()
