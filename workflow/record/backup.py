"""Writes a backup: one SQLite file with every table as it was at one moment, from SQLite or from PostgreSQL.

The daemon may run meanwhile. SQLite is copied in one step of its backup interface (sqlite.org/backup.html),
PostgreSQL in one transaction. `workflow.record.restore` reads the file again.
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
from workflow.store import chain, database, upgrade
from workflow.store.database import StoreError, first_line
from workflow.store.tables import METADATA

MARK = 0x4C435042  # "LCPB", the application_id of a backup (sqlite.org/fileformat2.html, 1.3.17)
# Rows copied at once. A batch of documents is small because each of them may have megabytes.
_BATCH, _BATCH_OF_BLOBS = 1000, 20


@dataclass(frozen=True, slots=True)
class Summary:
    """The content of a backup: the version of its tables, the number of rows of each, and its size in bytes."""

    version: str
    tables: Mapping[str, int]
    size: int
    sha256: str

    @property
    def partnerships(self) -> int:
        """Return the number of partnerships."""
        return self.tables.get("partnerships", 0)


def write(engine: Engine, target: Path, *, force: bool = False) -> Summary:
    """Write a backup of a database to `target`, whole or not at all, and return its summary.

    1. Copy everything into a temporary file in the folder of `target`.
    2. Check the copy, force it to the disk, and compute its digest.
    3. Rename it to `target`, and force the folder to the disk.

    Raises `FileExistsError` if `target` exists, unless `force`; `OSError` if it cannot be written; `StoreError` if
    the database cannot be read or the copy is damaged.
    """
    if not force and target.exists():
        raise FileExistsError(target)
    with temporary_sibling(target) as copied:
        try:
            if engine.dialect.name == "sqlite":
                _copy_file(Path(engine.url.database or ""), copied)
            else:
                _copy_server(engine, copied)
            summary = finish_file(copied, MARK)
        except (sqlite3.Error, DBAPIError) as error:
            raise StoreError(f"the backup cannot be made: {first_line(error)}") from None
        # Another program may have written the file while this one copied.
        if not force and target.exists():
            raise FileExistsError(target)
        # A rename is whole or not at all, so nobody ever sees half a backup under this name.
        copied.replace(target)
    sync_folder(target.parent)
    return summary


@contextmanager
def temporary_sibling(target: Path) -> Iterator[Path]:
    """Yield a new, empty file in the folder of `target`; delete it at the end unless it was moved."""
    # mkstemp gives the file the mode 0600: a backup holds sealed applications, so only this user may read it.
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(handle)
    sibling = Path(name)
    try:
        yield sibling
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{sibling}{suffix}").unlink(missing_ok=True)


def _copy_file(source: Path, file: Path) -> None:
    """Copy a SQLite database into a file, as it is at one moment. The copy and any writer wait for each other."""
    with closing(sqlite3.connect(source, timeout=60)) as old, closing(sqlite3.connect(file)) as new:
        # A backup must never change what it copies.
        old.execute("PRAGMA query_only = ON")
        # All pages in one step: between two steps a writer could make the copy start again and again.
        old.backup(new, pages=-1)


def _copy_server(engine: Engine, file: Path) -> None:
    """Copy every table of a PostgreSQL database, as it is at one moment, into a SQLite file."""
    with database.reading(engine) as source, open_file(file) as target:
        # The copy gets the tables of the version of the source,
        # since a backup is also taken before an upgrade.
        upgrade.upgrade_on(target, upgrade.read_versions(source)[0] or "head")
        copy(source, target)


@contextmanager
def open_file(path: Path) -> Iterator[Connection]:
    """Yield a transaction on a SQLite file that no other program uses.

    It trades safety for speed: after a crash the file may be damaged, and the caller has to make it again.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver would begin a transaction only at the first change. The listener below begins it at once.
        connection.isolation_level = None
        # A migration may make a table anew, and foreign keys would refuse
        # to drop the old one. `find_damage` checks them at the end.
        for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    chain.watch(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def copy(source: Connection, target: Connection) -> dict[str, int]:
    """Copy every row of the tables and columns that both databases have; return the number of rows by table."""
    old, new = (_read_columns(connection) for connection in (source, target))
    return {
        table.name: _copy_table(source, target, table, old[table.name] & new[table.name])
        # This order puts each table after those that its rows refer to.
        for table in METADATA.sorted_tables
        if table.name in old and table.name in new
    }


def _read_columns(connection: Connection) -> dict[str, set[str]]:
    """Return the names of the columns, by table."""
    schema = inspect(connection)
    return {name: {str(c["name"]) for c in schema.get_columns(name)} for name in schema.get_table_names()}


def _copy_table(source: Connection, target: Connection, table: Table, shared: Container[str]) -> int:
    """Copy the `shared` columns of one table, batch by batch, and return the number of rows.

    A row may refer to a later row of its own table. So every row is inserted without such references first, and
    they are filled in at the end.
    """
    columns = [column for column in table.columns if column.name in shared]
    blobs = any(isinstance(column.type, LargeBinary) for column in columns)
    # In batches, since all documents together may not fit into memory.
    options = {"yield_per": _BATCH_OF_BLOBS if blobs else _BATCH}
    query = select(*columns).order_by(*table.primary_key.columns).execution_options(**options)
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
        is_row = [column == key for column, key in zip(table.primary_key, keys, strict=True)]
        target.execute(update(table).where(*is_row).values(values))
    return count


def finish_file(path: Path, mark: int) -> Summary:
    """Finish a SQLite file that no other program uses: mark it, check it, force it to the disk, summarize it.

    Raises `StoreError` if it is damaged.
    """
    with closing(sqlite3.connect(path)) as connection:
        # A copy inherits the journal mode. In WAL mode a second file would belong to it.
        connection.execute("PRAGMA journal_mode = DELETE").close()
        connection.execute(f"PRAGMA application_id = {mark}").close()
        if (damage := find_damage(connection)) is not None:
            raise StoreError(f"the copy of the database is not sound: {damage}")
        version, rows = _count_rows(connection)
    # The rows may have been written without waiting for the disk (`open_file`).
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Summary(version, rows, path.stat().st_size, digest)


def find_damage(connection: sqlite3.Connection) -> str | None:
    """Return the first damage that SQLite finds in a database, or None if it is sound."""
    (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if result != "ok":
        return str(result).splitlines()[-1]
    # The check of SQLite above does not look at foreign keys.
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken is None:
        return None
    return f"row {broken[1]} of {broken[0]} refers to a row of {broken[2]} that is not there"


def _count_rows(connection: sqlite3.Connection) -> tuple[str, dict[str, int]]:
    """Return the version of the tables, and the number of rows by table."""
    (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    rows = {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
        for (name,) in names
        if name != "alembic_version"
    }
    return str(version), rows
