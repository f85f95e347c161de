"""Writes the rows of an event: on PostgreSQL those of several tables in one statement.

PostgreSQL gets the rows of a table as one JSON text, and takes it apart itself (`json_to_recordset`, PostgreSQL
manual, 9.16). A statement then reads the same for one row and for a thousand, and its sender cannot stop in the
middle of it. A SQLite file is no journey away, so there each table has a statement of its own. Statements are
compiled once, since compiling one takes longer than running it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    CompoundSelect,
    Connection,
    Insert,
    Select,
    Table,
    TableValuedAlias,
    Text,
    Update,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.engine import Dialect

from workflow.store.column_types import utc_text

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Writing:
    """A way to write rows to a table: which columns get a value.

    With `found_by` the rows are on record, and change. It has pairs of a column and the name under which a given
    row holds the value that the column has so far.
    """

    table: Table
    columns: tuple[str, ...]
    found_by: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names under which a given row holds its values."""
        return self.columns + tuple(name for _, name in self.found_by)

    def check(self, rows: Sequence[Row]) -> None:
        """Raise `LookupError` for a row with more or fewer values than are written, so that none is lost."""
        if odd := next((row for row in rows if len(row) != len(self.names)), None):
            differ = sorted(odd.keys() ^ set(self.names))
            raise LookupError(
                f"a row of {self.table.name} differs from what is written in {', '.join(differ)}"
            )


def write(connection: Connection, *parts: tuple[Writing, Sequence[Row]]) -> list[int]:
    """Write the rows of each part, all or none. Return how many rows each part added or changed.

    A part must not need what another one writes, since PostgreSQL writes them all at the same time. Raise
    `LookupError` for a row with other values than its way writes, `ValueError` for an instant without a
    zone, and what the database refuses as SQLAlchemy raises it.
    """
    given = [(writing, rows) for writing, rows in parts if rows]
    for writing, rows in given:
        writing.check(rows)
    if not given:
        return [0] * len(parts)
    if connection.dialect.name == "sqlite":
        counts = iter([_write_by_driver(connection, writing, rows) for writing, rows in given])
    else:
        counts = iter(_write_as_json(connection, given))
    return [next(counts) if rows else 0 for _, rows in parts]


def _write_by_driver(connection: Connection, writing: Writing, rows: Sequence[Row]) -> int:
    text, take = _for_driver(writing, connection.dialect)
    return connection.exec_driver_sql(text, [take(row) for row in rows]).rowcount


@lru_cache
def _for_driver(writing: Writing, dialect: Dialect) -> tuple[str, Callable[[Row], tuple[Any, ...]]]:
    """Return a statement as the driver takes it, and what makes its parameters from a row."""
    values: dict[str, Any] = {name: bindparam(name) for name in writing.columns}
    statement: Insert | Update = insert(writing.table).values(values)
    if writing.found_by:
        statement = update(writing.table).values(values)
        statement = statement.where(
            *(writing.table.c[of] == bindparam(name) for of, name in writing.found_by)
        )
    compiled: Any = statement.compile(dialect=dialect)
    types = {name: writing.table.c[name].type for name in writing.columns}
    types |= {name: writing.table.c[of].type for of, name in writing.found_by}
    stored = [
        (name, types[name].dialect_impl(dialect).bind_processor(dialect)) for name in compiled.positiontup
    ]

    def take(row: Row) -> tuple[Any, ...]:
        return tuple([row[name] if of is None else of(row[name]) for name, of in stored])

    return str(compiled), take


def _write_as_json(connection: Connection, given: Sequence[tuple[Writing, Sequence[Row]]]) -> list[int]:
    text = _for_json(tuple(writing for writing, _ in given), connection.dialect)
    values = {
        f"rows_{n}": _encode([{name: row[name] for name in writing.names} for row in rows])
        for n, (writing, rows) in enumerate(given)
    }
    return [count for (count,) in connection.exec_driver_sql(text, values)]


@lru_cache
def _for_json(writings: tuple[Writing, ...], dialect: Dialect) -> str:
    """Return one statement that writes the rows of all these, and returns how many it wrote of each."""
    written = [
        _statement(writing, n).returning(literal_column("1").label("one")).cte(f"written_{n}")
        for n, writing in enumerate(writings)
    ]
    counts: list[Select[Any]] = [select(func.count()).select_from(each) for each in written]
    query: Select[Any] | CompoundSelect[Any] = counts[0] if len(counts) == 1 else union_all(*counts)
    return str(query.compile(dialect=dialect))


def _statement(writing: Writing, number: int) -> Insert | Update:
    given = _given(writing, number)
    if not writing.found_by:
        values = select(*(given.c[name] for name in writing.columns))
        return insert(writing.table).from_select(list(writing.columns), values)
    changed = update(writing.table).values({name: given.c[name] for name in writing.columns})
    return changed.where(*(writing.table.c[of] == given.c[name] for of, name in writing.found_by))


def _given(writing: Writing, number: int) -> TableValuedAlias:
    """Return the rows of a JSON text as a table."""
    columns = [column(name, writing.table.c[name].type) for name in writing.columns]
    columns += [column(name, writing.table.c[of].type) for of, name in writing.found_by]
    text = cast(bindparam(f"rows_{number}", type_=Text), JSON)
    table = func.json_to_recordset(text).table_valued(*columns)
    return table.render_derived(name=f"given_{number}", with_types=True)


def _as_json(value: object) -> str:
    """Return an instant or a day as PostgreSQL reads it from JSON. Raise `ValueError` for a naive instant."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{value} has no time zone")
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_as_json).encode
