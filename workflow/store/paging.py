"""Reads a page of a long list of partnerships: from where the page before it ended, in the order of an index.

A page costs as much as it shows, however long the list is. Nobody misses a row or reads it twice because another
row came or went meanwhile, as would happen with numbers of pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

from sqlalchemy import Column, ColumnElement, Connection, Row, select, tuple_

from workflow.store import tables

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Sixteen digits of microseconds reach to the year 2286, and more could be no date.
_MARK = re.compile(r"([a-z]+)\.([0-9]{1,16})\.([0-9]{1,18})")


class NoSuchPlace(ValueError):
    """A text names no place in a list."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list: the rows whose instant lies after one and is not later than another, in its order.

    Of these it has only the `chosen`. Rows of one instant stand in the order of their numbers, since databases do
    not all order text alike.
    """

    name: str
    by: Column[Any]
    after: datetime | None = None
    until: datetime | None = None
    chosen: ColumnElement[bool] | None = None
    latest_first: bool = False


class Mark(NamedTuple):
    """A place in a list: the part, the instant and the number of a row. As text it stands in an address."""

    part: str
    at: datetime
    key: int

    def __str__(self) -> str:
        return f"{self.part}.{(self.at - _EPOCH) // _MICROSECOND}.{self.key}"

    @classmethod
    def read(cls, text: str, parts: Sequence[Part]) -> Self:
        """Return the place that a text names. Raise `NoSuchPlace` if it is none in these parts."""
        parsed = _MARK.fullmatch(text)
        if parsed is None or parsed[1] not in {part.name for part in parts}:
            raise NoSuchPlace(text)
        return cls(parsed[1], _EPOCH + int(parsed[2]) * _MICROSECOND, int(parsed[3]))


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, each with the name of its part, and the places from which its neighbors are read.

    `previous` is the place before which the page before it ends, `next` the one after which the next page begins.
    """

    rows: tuple[tuple[str, Row[Any]], ...]
    previous: Mark | None = None
    next: Mark | None = None


def read_page(
    connection: Connection,
    parts: Sequence[Part],
    size: int,
    *,
    after: Mark | None = None,
    before: Mark | None = None,
) -> Page:
    """Return a page of at most `size` rows: the first, or the one after or before a place."""
    if before is not None:
        rows = _read(connection, parts, size + 1, before, backwards=True)
        # Less than a page is left there, so this is the first page.
        if len(rows) <= size:
            return read_page(connection, parts, size)
        shown = rows[size - 1 :: -1]
        return Page(tuple(shown), _mark(parts, shown[0]), _mark(parts, shown[-1]))
    rows = _read(connection, parts, size + 1, after)
    shown = rows[:size]
    return Page(
        tuple(shown),
        (_mark(parts, shown[0]) if shown else after) if after else None,
        _mark(parts, shown[-1]) if len(rows) > size else None,
    )


def _read(
    connection: Connection, parts: Sequence[Part], limit: int, mark: Mark | None, *, backwards: bool = False
) -> list[tuple[str, Row[Any]]]:
    """Return the rows beyond a place, the nearest first: those of its own part, then of the parts beyond."""
    table = tables.partnerships
    order = list(reversed(parts)) if backwards else list(parts)
    first = next((n for n, part in enumerate(order) if mark and part.name == mark.part), 0)
    rows: list[tuple[str, Row[Any]]] = []
    for part in order[first:]:
        descends = part.latest_first is not backwards
        query = select(table).where(*_bounds(part, mark, descends))
        columns = (part.by, table.c.id)
        query = query.order_by(*(column.desc() if descends else column.asc() for column in columns))
        rows += [(part.name, row) for row in connection.execute(query.limit(limit - len(rows)))]
        if len(rows) == limit:
            break
    return rows


def _bounds(part: Part, mark: Mark | None, descends: bool) -> list[ColumnElement[bool]]:
    """Return the conditions for the rows of a part, or for those of them beyond a place in it."""
    chosen = [] if part.chosen is None else [part.chosen]
    low = [] if part.after is None else [part.by > part.after]
    high = [] if part.until is None else [part.by <= part.until]
    if mark is None or mark.part != part.name:
        return [*chosen, *low, *high]
    here, there = tuple_(part.by, tables.partnerships.c.id), tuple_(mark.at, mark.key)
    # One bound for each side: of two, SQLite could begin at the farther one and pass over the rows up to the place.
    if descends:
        return [*chosen, *low, *(high if part.until and mark.at > part.until else [here < there])]
    return [*chosen, *high, *(low if part.after and mark.at <= part.after else [here > there])]


def _mark(parts: Sequence[Part], shown: tuple[str, Row[Any]]) -> Mark:
    name, row = shown
    (by,) = (part.by.name for part in parts if part.name == name)
    return Mark(name, row._mapping[by], row.id)
