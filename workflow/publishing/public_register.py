"""Reads the public register: the partnerships of which a call was ever opened, each as its public entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, select

from workflow.session import Session
from workflow.store import loading, tables
from workflow.store.errors import Damaged
from workflow.store.rows import Snapshot
from workflow.views.public_entry import Entry, make_entry

PER_PAGE = 50
_AT_ONCE = 400  # partnerships of the whole list that are in memory at once
_TABLE = tables.partnerships


class Filter(NamedTuple):
    """What a list keeps: the partnerships of a school, by its id, and those in a state. Empty keeps all."""

    school: str = ""
    state: str = ""


ALL = Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the register: its entries with their records, and the schools to choose from, by id and name."""

    entries: tuple[tuple[Entry, Snapshot], ...]
    number: int
    last: int
    total: int
    schools: tuple[tuple[str, str], ...]


class _Group(NamedTuple):
    """The partnerships of the schools that have one name now: the ids of these schools, and how many there are."""

    schools: tuple[str, ...]
    number: int


def read_page(session: Session, now: datetime, wanted: Filter = ALL, number: int = 1) -> Page:
    """Return a page of the partnerships, by the name of the school, the latest first.

    A page beyond the last has no entries. Three queries read it, however many partnerships there are: one counts
    them by an index, one finds those of the page, and one reads these alone.
    """
    groups, schools = _count(session, wanted)
    total = sum(group.number for group in groups)
    keys = _find_keys(session, wanted, groups, (number - 1) * PER_PAGE)
    entries = _read_entries(session, keys, now)
    return Page(tuple(entries), number, max(1, -(-total // PER_PAGE)), total, schools)


def count_all(session: Session, wanted: Filter = ALL) -> int:
    """Return how many partnerships a list has."""
    return sum(group.number for group in _count(session, wanted)[0])


def read_all(
    reading: Callable[[], AbstractContextManager[Session]], now: datetime, wanted: Filter = ALL
) -> Iterator[Entry]:
    """Yield every entry in the order of the pages, with only some of them in memory at once.

    `reading` opens a session. Each reads some entries, so that a slow reader holds no transaction open.
    """
    with reading() as session:
        groups, _ = _count(session, wanted)
    last: int | None = None
    while groups:
        run = _take_run(groups, _AT_ONCE)
        with reading() as session:
            rows = session.connection.execute(_order(run, wanted, last).limit(_AT_ONCE)).all()
            entries = [entry for entry, _ in _read_entries(session, [row.id for row in rows], now)]
        yield from entries
        if len(rows) < _AT_ONCE:
            groups, last = groups[len(run) :], None
        else:
            # Go on within the group of the last one.
            place = next(n for n, group in enumerate(run) if rows[-1].school in group.schools)
            groups, last = groups[place:], rows[-1].id


def find_entry(session: Session, ref: str, now: datetime) -> tuple[Entry, Snapshot] | None:
    """Return the entry of a reference, and its record. Return None if the public knows of no such partnership."""
    for record in _read(session, _TABLE.c.ref == ref):
        if entry := make_entry(session, record, now):
            return entry, record
    return None


def _count(session: Session, wanted: Filter) -> tuple[list[_Group], tuple[tuple[str, str], ...]]:
    """Return how many partnerships are asked for by the name of the school, and every school that has one."""
    directory = session.directory
    query = (
        select(_TABLE.c.school, _TABLE.c.public_state, func.count())
        .where(_TABLE.c.public_state.is_not(None))
        .group_by(_TABLE.c.school, _TABLE.c.public_state)
    )
    numbers: dict[str, dict[str, int]] = {}
    schools = set()
    for school, state, number in session.connection.execute(query):
        present, name = directory.present_school(school), directory.school_name(school)
        schools.add((present, name))
        if wanted.school in ("", present) and wanted.state in ("", state):
            group = numbers.setdefault(name, {})
            group[school] = group.get(school, 0) + number
    groups = [_Group(tuple(group), sum(group.values())) for _, group in sorted(numbers.items())]
    return groups, tuple(sorted(schools, key=lambda each: each[::-1]))


def _find_keys(session: Session, wanted: Filter, groups: Sequence[_Group], start: int) -> list[int]:
    """Return the numbers of the partnerships of a page that begins at a place in the list."""
    first = 0
    while first < len(groups) and start >= groups[first].number:
        start -= groups[first].number
        first += 1
    run = _take_run(groups[first:], start + PER_PAGE)
    if not run:
        return []
    return list(session.connection.scalars(_order(run, wanted).offset(start).limit(PER_PAGE)))


def _take_run(groups: Sequence[_Group], number: int) -> list[_Group]:
    """Return the first groups, as many as it takes for a number of partnerships."""
    run: list[_Group] = []
    for group in groups:
        if sum(each.number for each in run) >= number:
            break
        run.append(group)
    return run


def _order(run: Sequence[_Group], wanted: Filter, last: int | None = None) -> Select[Any]:
    """Return the query for the partnerships of these groups, in the first only those after the number `last`."""
    query = select(_TABLE.c.id, _TABLE.c.school).where(*_conditions(wanted))
    mine: ColumnElement[bool] = _TABLE.c.school.in_(run[0].schools)
    if last is not None:
        mine &= _TABLE.c.id < last
    if len(run) > 1:
        others = [school for group in run[1:] for school in group.schools]
        rank = {school: place for place, group in enumerate(run) for school in group.schools}
        place = case(rank, value=_TABLE.c.school)
        query = query.order_by(place)
        mine |= _TABLE.c.school.in_(others)
    return query.where(mine).order_by(_TABLE.c.id.desc())


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return what the state of a partnership in the list must be."""
    shown = _TABLE.c.public_state
    return [shown == wanted.state] if wanted.state else [shown.is_not(None)]


def _read_entries(session: Session, keys: Sequence[int], now: datetime) -> Iterator[tuple[Entry, Snapshot]]:
    """Yield the entry and the record of each of these partnerships, in one query."""
    found = {record.id: record for record in _read(session, _TABLE.c.id.in_(keys))}
    for record in (found[key] for key in keys if key in found):
        if entry := make_entry(session, record, now):
            yield entry, record


def _read(session: Session, wanted: ColumnElement[bool]) -> list[Snapshot]:
    """Return records without those that are damaged, which nobody may take for the record, or destroyed."""
    records = []
    for row in session.connection.execute(loading.WITH_COMMITTED.where(wanted)):
        try:
            records.append(loading.snapshot_of(session.connection, row))
        except (ValueError, Damaged):
            continue
    return [record for record in records if not record.destroyed]
