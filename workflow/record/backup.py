"""A backup: one SQLite file with every table as it was at one moment, whatever the database is.

It is taken while the daemon runs: from SQLite in one step of its backup interface (sqlite.org/backup.html), from
PostgreSQL in one transaction. `workflow.record.restore` takes it in again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Container, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    LargeBinary,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from notifications.disk import sync_folder
from workflow.store import database, upgrade
from workflow.store.database import StoreError, first_line
from workflow.store.tables import METADATA

MARK = 0x4C435042  # "LCPB", the application_id of a backup (sqlite.org/fileformat2.html, 1.3.17)
_BATCH, _BATCH_OF_BLOBS = 1000, 20  # rows copied at once; a document may have megabytes


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in a backup: the version of its tables, and how many rows each has."""

    version: str
    tables: Mapping[str, int]
    size: int  # bytes
    sha256: str

    @property
    def partnerships(self) -> int:
        return self.tables.get("partnerships", 0)


def write(engine: Engine, target: Path, *, force: bool = False) -> Summary:
    """Write a backup of a database to a file that is there whole or not at all.

    Raises `FileExistsError` if there is one already, unless `force`; `OSError` if it cannot be written;
    `StoreError` if the database cannot be read or what was written is not sound.
    """
    if not force and target.exists():
        raise FileExistsError(target)
    with temporary_sibling(target) as made:
        try:
            if engine.dialect.name == "sqlite":
                _copy_file(Path(engine.url.database or ""), made)
            else:
                _copy_rows(engine, made)
            found = sealed_up(made, MARK)
        except (sqlite3.Error, DBAPIError) as error:
            raise StoreError(f"the backup cannot be made: {first_line(error)}") from None
        if not force and target.exists():
            raise FileExistsError(target)
        made.replace(target)
    sync_folder(target.parent)
    return found


@contextmanager
def temporary_sibling(target: Path) -> Iterator[Path]:
    """Yield a new, empty file beside another, for this user alone; delete it at the end unless it was moved."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)  # 0600
    os.close(handle)
    made = Path(name)
    try:
        yield made
    finally:
        for path in (made, Path(f"{made}-journal"), Path(f"{made}-wal"), Path(f"{made}-shm")):
            path.unlink(missing_ok=True)


def _copy_file(source: Path, made: Path) -> None:
    """Copy a SQLite database as it is at one moment. Who writes to it meanwhile waits, or is waited for."""
    with closing(sqlite3.connect(source, timeout=60)) as old, closing(sqlite3.connect(made)) as new:
        old.execute("PRAGMA query_only = ON")
        old.backup(new, pages=-1)  # in several steps a writer could make it start again and again


def _copy_rows(engine: Engine, made: Path) -> None:
    """Copy every table of another database, as they are at one moment, into a SQLite file."""
    with database.reading(engine) as source, opened(made) as target:
        upgrade.upgrade_on(target, upgrade.read_versions(source)[0] or "head")
        copy(source, target)


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A transaction on a SQLite file that nobody else has, and that could be made again."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def copy(source: Connection, target: Connection) -> dict[str, int]:
    """Copy every row of every table that both have, as far as both have its columns. How many of each table."""
    old, new = (_columns(connection) for connection in (source, target))
    return {
        table.name: _copy_table(source, target, table, old[table.name] & new[table.name])
        for table in METADATA.sorted_tables
        if table.name in old and table.name in new
    }


def _columns(connection: Connection) -> dict[str, set[str]]:
    there = inspect(connection)
    return {name: {str(c["name"]) for c in there.get_columns(name)} for name in there.get_table_names()}


def _copy_table(source: Connection, target: Connection, table: Table, there: Container[str]) -> int:
    columns = [column for column in table.columns if column.name in there]
    blobs = any(isinstance(column.type, LargeBinary) for column in columns)
    options = {"yield_per": _BATCH_OF_BLOBS if blobs else _BATCH}
    query = select(*columns).order_by(*table.primary_key.columns).execution_options(**options)
    # What refers to its own table may come before that which it refers to.
    inner = [c.name for c in columns if any(key.column.table is table for key in c.foreign_keys)]
    count, later = 0, []
    for batch in source.execute(query).mappings().partitions():
        rows = [dict(row) for row in batch]
        later += [
            ([row[c.name] for c in table.primary_key], {name: row[name] for name in inner})
            for row in rows
            if any(row[name] is not None for name in inner)
        ]
        target.execute(insert(table), [row | dict.fromkeys(inner) for row in rows])
        count += len(rows)
    for keys, values in later:
        mine = [column == key for column, key in zip(table.primary_key, keys, strict=True)]
        target.execute(update(table).where(*mine).values(values))
    return count


def sealed_up(made: Path, mark: int) -> Summary:
    """Make one sound file on the disk of a SQLite database that nobody else has. Raises `StoreError`."""
    with closing(sqlite3.connect(made)) as connection:
        connection.execute(
            "PRAGMA journal_mode = DELETE"
        ).close()  # else what was copied may want a second file
        connection.execute(f"PRAGMA application_id = {mark}").close()
        if (fault := unsound(connection)) is not None:
            raise StoreError(f"the copy of the database is not sound: {fault}")
        version, rows = _content(connection)
    with made.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Summary(version, rows, made.stat().st_size, digest)


def unsound(connection: sqlite3.Connection) -> str | None:
    """What is wrong with a SQLite database, in its own words."""
    (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        return str(said).splitlines()[-1]
    found = connection.execute("PRAGMA foreign_key_check").fetchone()
    return f"row {found[1]} of {found[0]} refers to a row of {found[2]} that is not there" if found else None


def _content(connection: sqlite3.Connection) -> tuple[str, dict[str, int]]:
    """The version of the tables, and how many rows each has."""
    (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    rows = {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
        for (name,) in names
        if name != "alembic_version"
    }
    return str(version), rows
