"""Changes the rows of the directory. Every change is on record with its author, and counts up a version.

By the version programs notice that they have to read the directory again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from states.inputs import check_range
from workflow.store import chain, database, tables
from workflow.store.locks import one_at_a_time

KEY = "directory"  # under which the version is remembered
FIRST = "0"  # the version of a directory that was never changed


def version_of(connection: Connection) -> str:
    """Return the version of the directory, which changes whenever the directory does."""
    return database.remembered(connection, KEY) or FIRST


def version_in(meta: Mapping[str, str]) -> str:
    """Return the version of the directory out of everything that is remembered."""
    return meta.get(KEY, FIRST)


def put(
    connection: Connection, table: Table, values: Mapping[str, Any], *, by: str, now: datetime
) -> str | None:
    """Add a row to the directory or change it. Return "added", "changed", or None if nothing is different.

    Raise `ValueError` for a meeting on a day that is out of reach.
    """
    # One change at a time, so that each is recorded with the values that it really replaced.
    one_at_a_time(connection, "directory")
    key = next(iter(table.primary_key.columns))
    row = connection.execute(select(table).where(key == values[key.name])).mappings().first()
    before = dict(row) if row else None
    # An equal row gets no entry and no new version, so that importing the same file again changes nothing.
    if before is not None and all(before[name] == value for name, value in values.items()):
        return None
    if table is tables.meetings:
        check_range(values["on"])
        # A special meeting that becomes a regular one can decide what it could not, and one that becomes earlier
        # can decide before it was to begin: it counts as new.
        if before is None or before["kind"] != values["kind"] or values["at"] < before["at"]:
            values = {"known_at": now, **values}
    if before is None:
        connection.execute(insert(table).values(**values))
    else:
        connection.execute(update(table).where(key == values[key.name]).values(**values))
    # The values may leave columns out. These keep what they had.
    after = {**(before or {}), **values}
    _record_entry(connection, table, values[key.name], before, after, by, now)
    return "added" if before is None else "changed"


def remove(connection: Connection, table: Table, key: object, *, by: str, now: datetime) -> bool:
    """Remove a row from the directory. Return whether it was there."""
    # As in `put`, the entry must show the row that was really removed.
    one_at_a_time(connection, "directory")
    column = next(iter(table.primary_key.columns))
    row = connection.execute(select(table).where(column == key)).mappings().first()
    if row is None:
        return False
    connection.execute(delete(table).where(column == key))
    _record_entry(connection, table, key, dict(row), None, by, now)
    return True


def _record_entry(
    connection: Connection,
    table: Table,
    key: object,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    by: str,
    now: datetime,
) -> None:
    """Record a change of the directory and count up its version."""
    what = f"{table.name} {key}"
    chain.record(connection, what, _values(after), before=_values(before), by=by, now=now)
    chain.note(connection, table.name, [key])
    database.remember(connection, KEY, str(int(version_of(connection)) + 1))


def _values(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the values of a row as JSON takes them, with dates as ISO 8601 text."""
    if values is None:
        return None
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in values.items()}
