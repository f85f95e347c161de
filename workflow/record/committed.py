"""Compares the rows that the program wrote with the digests of them in both chains.

Any number of rows of the chains may tell of one row: the last one counts. They are collected in a temporary file,
so that the memory stays the same however long the record is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, select

from workflow.store import chain
from workflow.store.chain import HISTORY, PROTECTED, Protected
from workflow.store.rows import GENESIS

_BATCH = 200
# Tables whose keys name people. Only these people themselves may know that they are there.
_UNNAMED = ("answers", "drafts", "held_applications", "asked_questions", "subscribers", "addresses")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in the record of a partnership, at a row of its history or (`seq` is None) in another row."""

    ref: str
    seq: int | None
    problem: str

    def __str__(self) -> str:
        place = f"{self.ref}, row {self.seq}" if self.seq else self.ref
        return f"{place}: {self.problem}"


class Ledger:
    """The last digest of each row, and the hash of each row of the second chain, in a temporary file."""

    def __init__(self) -> None:
        self.certificates: dict[str, Mapping[str, Any]] = {}  # what was destroyed last, by partnership
        self.forgotten = 0  # rows of both chains of which values were destroyed
        # An empty name is a file that SQLite deletes when it is closed, and keeps in memory while it is small.
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(
            """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;
            CREATE TABLE changes (id INTEGER PRIMARY KEY, hash TEXT);
            CREATE TABLE latest (name TEXT, key TEXT, digest TEXT, position INT, seq INT, seen INT DEFAULT 0,
                PRIMARY KEY (name, key)) WITHOUT ROWID;"""
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add_change(self, number: int, digest: str) -> None:
        """Remember the hash of a row of the second chain."""
        self._file.execute("INSERT OR REPLACE INTO changes VALUES (?, ?)", (number, digest))

    def change(self, number: int) -> str | None:
        """Return the hash of a row of the second chain; 64 zeros before the first row, None if there is none."""
        if number == 0:
            return GENESIS
        row = self._file.execute("SELECT hash FROM changes WHERE id = ?", (number,)).fetchone()
        return None if row is None else row[0]

    def note(self, rows: Iterable[Sequence[str]], position: int, seq: int = 0) -> None:
        """Note digests of rows. `position` is the row of the second chain that tells of them, or stands beside.

        A row of the history (`seq`) that stands beside a row of the second chain was written after it.
        """
        self._file.executemany(
            """INSERT INTO latest (name, key, digest, position, seq) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (name, key) DO UPDATE SET digest = excluded.digest, position = excluded.position,
            seq = excluded.seq WHERE (excluded.position, excluded.seq) >= (position, seq)""",
            ((name, key, digest, position, seq) for name, key, digest in rows),
        )

    def began(self, ref: str) -> tuple[int, str]:
        """Return how many rows of a history were there when the second chain began, and the hash of the last."""
        row = self._file.execute(
            "SELECT digest FROM latest WHERE name = ? AND key = ?", (HISTORY, ref)
        ).fetchone()
        number, _, digest = (row[0] if row else f"0 {GENESIS}").partition(" ")
        return int(number), digest

    def last_digests(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the last digest of each of these rows that a chain knows and that are still there."""
        marks = ",".join("?" * len(keys))
        query = f"SELECT key, digest FROM latest WHERE name = ? AND digest <> '' AND key IN ({marks})"
        return dict(self._file.execute(query, (name, *keys)))

    def see(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the last digest of each of these rows that a chain knows, and note that they are there."""
        marks = ",".join("?" * len(keys))
        where = f"name = ? AND key IN ({marks})"  # only marks are put together here, no values
        self._file.execute(f"UPDATE latest SET seen = 1 WHERE {where}", (name, *keys))
        return dict(self._file.execute(f"SELECT key, digest FROM latest WHERE {where}", (name, *keys)))

    def unseen(self, name: str) -> Iterator[str]:
        """Yield the keys of rows that a chain knows and that were not there."""
        query = "SELECT key FROM latest WHERE name = ? AND seen = 0 AND digest <> '' ORDER BY key"
        return (key for (key,) in self._file.execute(query, (name,)))


def find_changed_rows(
    connection: Connection, ledger: Ledger, refs: Mapping[int, str], *, only: bool
) -> Iterator[Fault]:
    """Yield a fault for each row that is not as the program wrote it, is gone, or was not written by it.

    `refs` has the references of partnerships by id. With `only` look at the rows of these partnerships alone.
    """
    for name, protected in PROTECTED.items():
        if only and "partnership" not in protected.table.c:
            continue
        try:
            yield from _compare_table(connection, ledger, protected, refs, only=only)
        # The error does not name the row, and none of those after it was read.
        except ValueError as error:
            yield Fault("the database", None, f"the rows of {name} cannot be read: {error}")
            continue
        # Whose row it was can be told only where the key says it.
        for key in ledger.unseen(name) if not only else ():
            yield Fault(_place(protected, key, None, refs), None, f"{_called(name, key)} is gone")


def _compare_table(
    connection: Connection, ledger: Ledger, protected: Protected, refs: Mapping[int, str], *, only: bool
) -> Iterator[Fault]:
    table = protected.table
    query = select(table).execution_options(yield_per=_BATCH)
    if only:
        query = query.where(table.c.partnership.in_(list(refs)))
    for batch in connection.execute(query).mappings().partitions():
        found = {chain.key_of(protected, dict(row)): dict(row) for row in batch}
        known = ledger.see(table.name, list(found))
        for key, row in found.items():
            place = _place(protected, key, row, refs)
            if not known.get(key):
                yield Fault(place, None, f"{_called(table.name, key)} was not written by this program")
            elif known[key] != chain.digest_of(protected, row):
                yield Fault(place, None, f"{_called(table.name, key)} is not as this program wrote it")


def _place(protected: Protected, key: str, row: Mapping[str, Any] | None, refs: Mapping[int, str]) -> str:
    """Return the reference of the partnership that a row belongs to, or "the database"."""
    number = row.get("partnership") if row is not None else None
    if row is None and protected.key[0] == "partnership":
        with suppress(ValueError):
            number = int(key.strip("[]").partition(",")[0])
    return refs.get(number, "the database") if isinstance(number, int) else "the database"


def _called(name: str, key: str) -> str:
    """Return how a fault names a row."""
    return f"a row of {name}" if name in _UNNAMED else f"the row {key} of {name}"
