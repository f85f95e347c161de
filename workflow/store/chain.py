"""Keeps the second chain: the table `changes`, on record beside the histories of the partnerships.

Two kinds of things come into it. Somebody changes or looks at something that staff answer for: the directory, the
meetings, the procedure, rights, an import, a restore. And the program writes rows that no event of a partnership
commits to: a message that left, a reminder that fired, a draft. A row of the chain holds a digest of each such row,
so that `verify` finds one that somebody changed, removed or added by hand.

Both are collected while a transaction runs and are appended when it commits, so that the chain is locked only for
a moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Delete,
    Engine,
    Insert,
    Row,
    Table,
    Update,
    event,
    insert,
    select,
    tuple_,
)

from workflow.store import tables
from workflow.store.column_types import canonical, canonical_text, utc_text
from workflow.store.commitments import Salts, commitments, hash_of, new_salt
from workflow.store.locks import one_at_a_time
from workflow.store.rows import GENESIS, NoticeStatus

FORMAT = 2  # the first number that a row's hash covers; `docs/record.md` has the forms
ROWS = "rows"  # the `what` of an entry that tells of nothing but rows that the program wrote
HISTORY = "history"  # names a history in the rows of an entry, with the number and the hash of its last row
_PENDING = "pending changes"
_WAITING = (NoticeStatus.QUEUED, NoticeStatus.FAILED)
_AT_ONCE = 400  # rows read by their keys in one statement
_MOST = 2000  # digests in one entry


class Protected(NamedTuple):
    """A table whose rows the chains commit to: by which columns they name a row, and which ones they cover.

    Each covered column has its default value, in the order of canonical JSON. A digest leaves defaults out, so that
    it stays the same when a later version of the tables adds a column. Columns of `once_sent` count only when a
    message has left: before, every attempt may write it anew.
    """

    table: Table
    key: tuple[str, ...]
    covered: Mapping[str, Any]
    once_sent: frozenset[str] = frozenset()


def _protect(
    table: Table, *key: str, without: Sequence[str] = (), once_sent: Sequence[str] = ()
) -> Protected:
    key = key or tuple(column.name for column in table.primary_key)
    left = {*key, *without}
    columns = sorted(table.columns, key=attrgetter("name"))
    covered = {column.name: _default(column) for column in columns if column.name not in left}
    return Protected(table, key, covered, frozenset(once_sent))


def _default(column: Column[Any]) -> Any:
    """Return the value that a column gets on the server where a statement gives none."""
    if column.server_default is None:
        return None
    text = str(column.server_default.arg)  # type: ignore[attr-defined]
    return {"true": True, "false": False, "0": 0, "[]": "[]"}[text]


# By name, in the order in which they are verified. A lease ends by itself, and says only who is sending.
PROTECTED: Mapping[str, Protected] = {
    each.table.name: each
    for each in (
        _protect(tables.meta),
        _protect(tables.schools),
        _protect(tables.organizations),
        _protect(tables.people),
        _protect(tables.meetings),
        _protect(tables.calendar_versions),
        _protect(tables.deadlines, "partnership", "name", "ladder", "rung", without=("id",)),
        _protect(
            tables.notices,
            "message_id",
            without=("id", "lease_until"),
            once_sent=("subject", "message", "shown"),
        ),
        _protect(tables.documents),
        _protect(tables.answers, "form", without=("id",)),
        _protect(tables.replies, "digest", without=("id",)),
        _protect(tables.addresses),
        _protect(tables.drafts),
        _protect(tables.held_applications),
        _protect(tables.asked_questions),
        _protect(tables.subscribers),
        _protect(tables.holds),
        _protect(tables.checkpoints),
        _protect(tables.records_requests),
        _protect(tables.marks),
    )
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A change to append: by whom and when, of what, with JSON of how it was before and after."""

    at: datetime
    by: str
    what: str
    before: str | None = None
    after: str | None = None


@dataclass(slots=True)
class _Pending:
    """What a transaction appends when it commits: entries, and the primary keys of rows by table."""

    entries: list[Entry] = field(default_factory=list)
    rows: dict[str, dict[tuple[Any, ...], None]] = field(default_factory=dict)
    digests: list[list[str]] = field(default_factory=list)  # that are known already: table, key and digest


UNPROVED = "unproved"  # the execution option of a copy whose rows nobody will verify


def watch(engine: Engine) -> None:
    """Append what each transaction of an engine has collected when it commits; forget it when it is undone."""

    def forget(connection: Connection) -> None:
        # What a lost connection has collected is lost with it.
        if not connection.invalidated:
            connection.info.pop(_PENDING, None)

    event.listen(engine, "begin", forget)
    event.listen(engine, "rollback", forget)
    event.listen(engine, "commit", append)


def _pending(connection: Connection) -> _Pending:
    pending: _Pending = connection.info.setdefault(_PENDING, _Pending())
    return pending


def record(
    connection: Connection, what: str, after: object, *, by: str, now: datetime, before: object = None
) -> None:
    """Put on record that somebody changed or looked at something that staff answer for."""
    texts = [None if value is None else canonical(value) for value in (before, after)]
    _pending(connection).entries.append(Entry(now, by, what, *texts))


def entries_of(connection: Connection) -> Sequence[Entry]:
    """Return what this transaction has put on record so far."""
    return tuple(_pending(connection).entries)


def execute(
    connection: Connection,
    statement: Insert | Update | Delete,
    rows: Sequence[Mapping[str, Any]] | None = None,
) -> list[Any]:
    """Write rows of a protected table. Return their primary keys; tuples, where a key has several columns."""
    table = statement.table
    assert isinstance(table, Table)
    keys = tuple(table.primary_key)
    # What names a row in the chain is read only where it is gone afterwards: another column may be unreadable.
    named = PROTECTED[table.name].key if isinstance(statement, Delete) else ()
    returning = statement.returning(*keys, *(table.c[name].label(f"named_{name}") for name in named))
    result = connection.execute(returning, list(rows)) if rows is not None else connection.execute(returning)
    written = result.all()
    if isinstance(statement, Delete):
        # Nothing can be read of these rows any more when the transaction commits.
        gone = (text_of(row[len(keys) :]) for row in written)
        repeat(connection, ([table.name, key, ""] for key in gone))
    else:
        note(connection, table.name, [tuple(row[: len(keys)]) for row in written])
    return [tuple(row[: len(keys)]) if len(keys) > 1 else row[0] for row in written]


def note(connection: Connection, table: str, keys: Iterable[Any]) -> None:
    """Have the chain commit to the rows of a protected table with these primary keys."""
    if table not in PROTECTED:
        raise LookupError(f"the chain does not commit to rows of {table}")
    if noted := [key if isinstance(key, tuple) else (key,) for key in keys]:
        _pending(connection).rows.setdefault(table, {}).update(dict.fromkeys(noted))


def head(connection: Connection) -> tuple[int, str]:
    """Return the number and the hash of the last row of the chain."""
    row = connection.execute(_LAST).first()
    return (0, GENESIS) if row is None else (row.id, row.hash)


_LAST = select(tables.changes.c.id, tables.changes.c.hash).order_by(tables.changes.c.id.desc()).limit(1)
_INSERT = insert(tables.changes)


def append(connection: Connection) -> None:
    """Append what this transaction has collected, after every transaction that appends before it."""
    pending: _Pending | None = connection.info.pop(_PENDING, None)
    if pending is None:
        return
    if connection.get_execution_options().get(UNPROVED, False):
        pending.rows, pending.digests = {}, []
    if not (pending.entries or pending.rows or pending.digests):
        return
    one_at_a_time(connection, "changes")
    digests = list(pending.digests)
    for table, keys in sorted(pending.rows.items()):
        digests.extend(_digest(connection, table, keys))
    # Of rows that are gone again or cannot be read, there may be nothing to say.
    if not (digests or pending.entries):
        return
    parts = [digests[start : start + _MOST] for start in range(0, len(digests), _MOST)]
    # The rows that an entry changed stand with it. An entry of the program alone has its own time.
    entries = list(pending.entries)
    entries += [Entry(datetime.now(UTC), "", ROWS)] * max(len(parts) - len(entries), 0)
    parts = [[]] * (len(entries) - len(parts)) + parts
    key, previous = head(connection)
    values = []
    for entry, rows in zip(entries, parts, strict=True):
        key += 1
        row = row_of(key, entry, rows, previous)
        previous = row["hash"]
        values.append(row)
    connection.execute(_INSERT, values)


def row_of(key: int, entry: Entry, rows: Sequence[Sequence[str]], previous: str) -> dict[str, Any]:
    """Return the row of the chain with this number, with its hash."""
    row = {
        "id": key,
        "at": entry.at,
        "by": entry.by,
        "what": entry.what,
        "before": entry.before,
        "after": entry.after,
        "rows": list_of(rows) if rows else None,
        "salt": new_salt(),
        "previous": previous,
    }
    return row | {"hash": hash_change(row)}


def hash_change(row: Mapping[str, Any]) -> str:
    """Return the hash of a row of this chain. Raise `ValueError` or `LookupError` if its salt cannot be read."""
    at = utc_text(row["at"])
    columns = (FORMAT, "changes", at, row["id"], row["previous"])
    return hash_of(columns, commitments(parts_of(row), Salts(row["salt"])))


def parts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a row of this chain to which it commits one by one, as JSON values."""
    return {name: _open(row[name]) for name in ("by", "what", "before", "after", "rows")}


def _open(text: str | None) -> Any:
    """Return a column as it is committed to: as text, or what stands in its place after it was destroyed."""
    return json.loads(text) if text is not None and text.startswith('{"forgotten":') else text


def _digest(connection: Connection, name: str, keys: Iterable[tuple[Any, ...]]) -> Iterator[list[str]]:
    """Yield the table, the key and the digest of each of these rows; "" for the digest of a row that is gone.

    A row that cannot be read keeps the digest that it had: somebody changed it by hand, and `verify` says so.
    """
    wanted = list(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        try:
            yield from _digest_some(connection, PROTECTED[name], some)
        # The error does not name the row.
        except ValueError:
            for key in some:
                with suppress(ValueError):
                    yield from _digest_some(connection, PROTECTED[name], [key])


def _digest_some(
    connection: Connection, protected: Protected, keys: Sequence[tuple[Any, ...]]
) -> list[list[str]]:
    """Return the same of rows that are read at once. Raise `ValueError` if one of them cannot be read."""
    name, primary = protected.table.name, [column.name for column in protected.table.primary_key]
    found = {
        tuple(getattr(row, column) for column in primary): row
        for row in read_rows(connection, protected, keys)
    }
    digests = [commitment_of(name, row._asdict()) for row in found.values()]
    # A row that the transaction made and took back leaves only its primary key, which names it where that is the
    # key of the chain as well.
    if primary == list(protected.key):
        digests += [[name, text_of(key), ""] for key in keys if key not in found]
    return digests


def read_rows(
    connection: Connection, protected: Protected, keys: Sequence[tuple[Any, ...]]
) -> Iterable[Row[Any]]:
    """Return the rows with these primary keys."""
    primary = list(protected.table.primary_key.columns)
    query = select(protected.table)
    if len(primary) == 1:
        return connection.execute(query.where(primary[0].in_([key for (key,) in keys])))
    return connection.execute(query.where(tuple_(*primary).in_(keys)))


def commitment_of(name: str, row: Mapping[str, Any]) -> list[str]:
    """Return what a row of the history says of a row of a protected table: the table, the key and the digest."""
    protected = PROTECTED[name]
    return [name, key_of(protected, row), digest_of(protected, row)]


def key_of(protected: Protected, row: Mapping[str, Any]) -> str:
    """Return the key by which the chains name a row."""
    return text_of([row[name] for name in protected.key])


def digest_of(protected: Protected, row: Mapping[str, Any]) -> str:
    """Return the digest of the columns of a row that the chains cover, without those that have their default.

    A row that is about to be inserted may lack columns: they get their default.
    """
    left_out = protected.once_sent if row.get("status") in _WAITING else ()
    # Written here rather than by an encoder, since most that an event writes are such rows.
    members = []
    for name, default in protected.covered.items():
        value = row.get(name, default)
        if value != default and name not in left_out:
            members.append(f'"{name}":{_json(value)}')
    return hashlib.sha256(f"{{{','.join(members)}}}".encode()).hexdigest()


def text_of(values: Iterable[Any]) -> str:
    """Return the text by which a row is named, from the values of its key."""
    return f"[{','.join([_json(value) for value in values])}]"


def _json(value: Any) -> str:
    """Return a value of a column as canonical JSON: instants in UTC, content by its SHA-256."""
    if isinstance(value, str):
        return canonical_text(value)
    if isinstance(value, datetime):
        return f'"{utc_text(value)}"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if isinstance(value, (bytes, memoryview)):
        return f'"{hashlib.sha256(value).hexdigest()}"'
    return canonical(value)


def list_of(committed: Iterable[Sequence[str]]) -> str:
    """Return the canonical JSON of what a row says of others: table, key and digest of each."""
    return f"[{','.join([text_of(each) for each in committed])}]"


def begin(connection: Connection) -> None:
    """Commit to every row that is there when the chain begins, and to the head of each history."""
    for name, protected in PROTECTED.items():
        keys = connection.execute(select(*protected.table.primary_key.columns))
        note(connection, name, [tuple(row) for row in keys])
    table = tables.partnerships
    heads = connection.execute(select(table.c.ref, table.c.version, table.c.head).order_by(table.c.id))
    repeat(connection, ([HISTORY, row.ref, f"{row.version} {row.head}"] for row in heads))
    append(connection)


def repeat(connection: Connection, digests: Iterable[list[str]]) -> None:
    """Have the chain commit to rows whose table, key and digest are known already."""
    _pending(connection).digests.extend(digests)
