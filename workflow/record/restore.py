"""The way back: a backup becomes the database of the configuration, SQLite or PostgreSQL, whole or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, Integer, delete, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from notifications.disk import sync_folder
from notifications.errors import ServiceError
from workflow.procedure.config import Config
from workflow.record import verify
from workflow.record.backup import MARK, Summary, copy, opened, sealed_up, temporary_sibling, unsound
from workflow.store import database, tables, upgrade
from workflow.store.database import StoreError, first_line
from workflow.store.files import private_mode

_NO_MARK = 0  # the application_id of a database


class NoBackup(ServiceError):
    """The file is no backup that can be restored; says why."""


def restore(settings: Config, engine: Engine, file: Path) -> Summary:
    """Put a backup into a database that is absent or empty; one of an earlier version is brought up to date.

    What is restored has passed the checks of `verify`. Raises `NoBackup` for a file that will not do, and
    `StoreError` for a database that will not: it has rows already, or a daemon runs on it.
    """
    try:
        if engine.dialect.name == "sqlite":
            engine.dispose()  # what it has open is not the file that takes its place
            target = Path(engine.url.database or "")
            with database.exclusive(engine, f"a partnershipd runs on {target}; stop it first"):
                return _into_file(settings, target, file)
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "restored.db"
            found = _read(settings, file, made)
            _into_server(settings, engine, made)
    except DBAPIError as error:
        raise StoreError(f"the backup cannot be restored: {first_line(error)}") from None
    except OSError as error:
        raise StoreError(f"the backup cannot be restored: {error.strerror}") from None
    return found


def _into_file(settings: Config, target: Path, file: Path) -> Summary:
    _refuse_unless_empty(target)
    with temporary_sibling(target) as made:
        found = _read(settings, file, made)
        made.chmod(private_mode(target.parent))
        made.replace(target)
    sync_folder(target.parent)
    return found


def _read(settings: Config, file: Path, made: Path) -> Summary:
    """Make a file the database that a backup holds, of the version of this program. Raises `NoBackup`."""
    try:
        source = file.open("rb")
    except OSError as error:
        raise NoBackup(f"it cannot be read: {error.strerror}") from None
    with source, made.open("wb") as target:
        shutil.copyfileobj(source, target)
    try:
        _check(made)
        with opened(made) as connection:
            upgrade.upgrade_on(connection)
            _refuse_faults(settings, connection)
    except (sqlite3.DatabaseError, DBAPIError) as error:
        raise NoBackup(f"it is damaged: {first_line(error)}") from None
    return sealed_up(made, _NO_MARK)


def _check(made: Path) -> None:
    """Refuse what `partnershipctl backup` did not write, or what became of it."""
    with made.open("rb") as start:
        if start.read(16) != b"SQLite format 3\0":
            raise NoBackup("it is no backup")
    with closing(sqlite3.connect(made)) as connection:
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        if mark != MARK:
            raise NoBackup("it is a SQLite database and no backup that `partnershipctl backup` wrote")
        if (fault := unsound(connection)) is not None:
            raise NoBackup(f"it is damaged: {fault}")
    try:
        with opened(made) as checked:
            upgrade.read_versions(checked)
    except StoreError as error:
        raise NoBackup(str(error)) from None


def _refuse_faults(settings: Config, connection: Connection) -> None:
    faults = [fault for _, found in verify.verify(connection, settings) for fault in found]
    if faults:
        named = "; ".join(str(fault) for fault in faults[:3])
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise NoBackup(f"its record does not hold: {named}{more}")


def _refuse_unless_empty(target: Path) -> None:
    """Refuse a SQLite file that has anything in it, or that somebody is at."""
    if target.exists() and target.stat().st_size:
        try:
            with closing(sqlite3.connect(target, timeout=1)) as connection:
                _refuse_rows(str(target), _rows_in(connection), "move that file away first")
        except sqlite3.Error as error:
            raise StoreError(f"{target} cannot be read, so it is not overwritten: {error}") from None
    for name in ("-journal", "-wal"):
        beside_it = Path(f"{target}{name}")
        if beside_it.exists() and beside_it.stat().st_size:
            raise StoreError(f"{beside_it} belongs to another database, or to one in use; move it away first")


def _rows_in(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    for (name,) in connection.execute(query).fetchall():
        yield name, connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]


def _refuse_rows(where: str, rows: Iterator[tuple[str, int]], what: str) -> None:
    # An empty database has notes of its own, such as which version it is of.
    found = {name: number for name, number in rows if number and name not in ("alembic_version", "meta")}
    if found:
        has = ", ".join(f"{number} in {name}" for name, number in sorted(found.items()))
        raise StoreError(f"{where} is not empty (rows: {has}); nothing is restored over it; {what}")


def _into_server(settings: Config, engine: Engine, made: Path) -> None:
    """Copy the database in a file into PostgreSQL, in one transaction."""
    with opened(made) as source, engine.begin() as target:
        upgrade.upgrade_on(target)
        names = ", ".join(f'"{table.name}"' for table in tables.METADATA.sorted_tables)
        target.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        rows = (
            (table.name, target.scalar(select(func.count()).select_from(table)) or 0)
            for table in tables.METADATA.sorted_tables
        )
        _refuse_rows("the database", rows, "make a new one first")
        target.execute(delete(tables.meta))
        copy(source, target)
        count_on(target)
        _refuse_faults(settings, target)


def count_on(target: Connection) -> None:
    """Let the numbers that PostgreSQL gives go on after the highest that there is."""
    there = inspect(target).get_table_names()
    for table in tables.METADATA.sorted_tables:
        keys = list(table.primary_key)
        if table.name in there and len(keys) == 1 and isinstance(keys[0].type, Integer):
            following = (target.scalar(select(func.max(keys[0]))) or 0) + 1
            sequence = func.pg_get_serial_sequence(f'"{table.name}"', keys[0].name)
            target.execute(select(func.setval(sequence, following, False)))
