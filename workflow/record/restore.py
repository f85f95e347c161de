"""Restores a backup into the empty database, SQLite or PostgreSQL, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, Integer, delete, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from notifications.disk import sync_folder
from notifications.errors import ServiceError
from workflow import directory
from workflow.procedure.config import Config
from workflow.record import changes, verify
from workflow.record.backup import MARK, Summary, copy, find_damage, finish_file, open_file, temporary_sibling
from workflow.session import Session
from workflow.store import database, tables, upgrade
from workflow.store.database import StoreError, first_line
from workflow.store.files import private_mode

# The application_id of a database in use, which is no backup any more.
_NO_MARK = 0
_START = b"SQLite format 3\0"  # how every SQLite file begins


class NoBackup(ServiceError):
    """The file cannot be restored as a backup; the message says why."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The backup that is restored, by whom and when."""

    file: Path
    by: str
    now: datetime


def restore(settings: Config, engine: Engine, file: Path, *, by: str, now: datetime) -> Summary:
    """Restore a backup into a database that is absent or empty, and return the summary of the backup.

    1. Copy the backup into a temporary file, and check that `partnershipctl backup` wrote it and it is sound.
    2. Upgrade the copy if an earlier version of this program wrote it.
    3. Verify every record in it against its history.
    4. Record in the copy who restores it and when, and tell the Board office and the Superintendent.
    5. Make it the database: rename it for SQLite, copy its rows in one transaction for PostgreSQL.

    Raises `NoBackup` if the file fails a check; `StoreError` if the database has rows or a daemon runs on it.
    """
    source = _Source(file, by, now)
    try:
        if engine.dialect.name == "sqlite":
            # Open connections would stay with the file that the restored one replaces.
            engine.dispose()
            target = Path(engine.url.database or "")
            with database.exclusive(engine, f"a partnershipd runs on {target}; stop it first"):
                return _replace_file(settings, target, source)
        with tempfile.TemporaryDirectory() as folder:
            copied = Path(folder) / "restored.db"
            summary = _read_backup(settings, source, copied)
            _replace_rows(settings, engine, copied)
    except DBAPIError as error:
        raise StoreError(f"the backup cannot be restored: {first_line(error)}") from None
    except OSError as error:
        raise StoreError(f"the backup cannot be restored: {error.strerror}") from None
    return summary


def _replace_file(settings: Config, target: Path, source: _Source) -> Summary:
    """Put the database in a backup in the place of an absent or empty SQLite file."""
    _refuse_unless_empty(target)
    with temporary_sibling(target) as copied:
        summary = _read_backup(settings, source, copied)
        # The temporary file is for this user only, but the daemon may run as another member of the group.
        copied.chmod(private_mode(target.parent))
        copied.replace(target)
    sync_folder(target.parent)
    return summary


def _read_backup(settings: Config, source: _Source, copied: Path) -> Summary:
    """Copy a backup to `copied`, check it, upgrade it to this version, and record the restore in it.

    Return the summary of the backup itself. Raises `NoBackup`.
    """
    try:
        original = source.file.open("rb")
    except OSError as error:
        raise NoBackup(f"it cannot be read: {error.strerror}") from None
    # Work on a copy, since the upgrade below must not change the backup.
    with original, copied.open("wb") as target:
        # SQLite opens an empty file without an error, so look at the first bytes. A device may have no end.
        if (start := original.read(len(_START))) != _START:
            raise NoBackup("it is not a backup")
        target.write(start)
        shutil.copyfileobj(original, target)
    try:
        _check_backup(copied)
        with copied.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        with open_file(copied) as connection:
            upgrade.upgrade_on(connection)
            # After the upgrade, since only then do the tables have the columns that this program reads.
            _refuse_faults(settings, connection)
        summary = finish_file(copied, _NO_MARK)
        with open_file(copied) as connection:
            session = Session(connection, settings, directory.read(connection, settings))
            _record_restore(session, source, digest)
    except (sqlite3.DatabaseError, DBAPIError) as error:
        raise NoBackup(f"it is damaged: {first_line(error)}") from None
    with copied.open("rb") as content:
        os.fsync(content.fileno())
    return summary


def _record_restore(session: Session, source: _Source, digest: str) -> None:
    """Record the restore of a backup with its SHA-256, and have it told: it brings back earlier roles and meetings.

    The last event says from when on the record lacks what happened.
    """
    last = session.connection.scalar(select(func.max(tables.history.c.at)))
    after = {"sha256": digest, "last_event": session.local(last)}
    changes.record(session, f"restore {source.file.name}", after, by=source.by, now=source.now)


def _check_backup(file: Path) -> None:
    """Raise `NoBackup` if `partnershipctl backup` did not write a SQLite file, or if it was damaged since."""
    with closing(sqlite3.connect(file)) as connection:
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        if mark != MARK:
            raise NoBackup("it is a SQLite database and no backup that `partnershipctl backup` wrote")
        if (damage := find_damage(connection)) is not None:
            raise NoBackup(f"it is damaged: {damage}")
    try:
        # An unknown version is a fault of the file. The upgrade
        # that follows would report it as one of the database.
        with open_file(file) as checked:
            upgrade.read_versions(checked)
    except StoreError as error:
        raise NoBackup(str(error)) from None


def _refuse_faults(settings: Config, connection: Connection) -> None:
    """Raise `NoBackup` if a record does not agree with its history; name the first three faults.

    Messages and deadlines are not compared: a small change of long ago must not keep the whole record away.
    `partnershipctl verify` names it afterwards.
    """
    found = verify.verify(connection, settings, rows=False)
    faults = [fault for _, of_record in found for fault in of_record]
    if faults:
        named = "; ".join(str(fault) for fault in faults[:3])
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise NoBackup(f"its record does not hold: {named}{more}")


def _refuse_unless_empty(target: Path) -> None:
    """Raise `StoreError` if a SQLite file has rows, or a journal that an open transaction may still need."""
    if target.exists() and target.stat().st_size:
        try:
            with closing(sqlite3.connect(target, timeout=1)) as connection:
                _refuse_rows(str(target), _count_rows(connection), "move that file away first")
        except sqlite3.Error as error:
            raise StoreError(f"{target} cannot be read, so it is not overwritten: {error}") from None
    # SQLite would apply a journal of this name to the restored file.
    for name in ("-journal", "-wal"):
        journal = Path(f"{target}{name}")
        if journal.exists() and journal.stat().st_size:
            raise StoreError(f"{journal} belongs to another database, or to one in use; move it away first")


def _count_rows(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """Yield each table with its number of rows."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    for (name,) in connection.execute(query).fetchall():
        yield name, connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]


def _refuse_rows(where: str, rows: Iterator[tuple[str, int]], advice: str) -> None:
    """Raise `StoreError` with `advice` if any table has rows."""
    # Even an empty database has rows about itself, such as the version of its tables.
    filled = {name: number for name, number in rows if number and name not in ("alembic_version", "meta")}
    if filled:
        numbers = ", ".join(f"{number} in {name}" for name, number in sorted(filled.items()))
        raise StoreError(f"{where} is not empty (rows: {numbers}); nothing is restored over it; {advice}")


def _replace_rows(settings: Config, engine: Engine, file: Path) -> None:
    """Copy the database in a file into PostgreSQL, in one transaction.

    The lock on every table comes before the count of rows, so that no daemon can write between the two.
    """
    with open_file(file) as source, engine.begin() as target:
        upgrade.upgrade_on(target)
        names = ", ".join(f'"{table.name}"' for table in tables.METADATA.sorted_tables)
        target.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        rows = (
            (table.name, target.scalar(select(func.count()).select_from(table)) or 0)
            for table in tables.METADATA.sorted_tables
        )
        _refuse_rows("the database", rows, "make a new one first")
        # A new database has rows about itself, which those of the backup replace.
        target.execute(delete(tables.meta))
        copy(source, target)
        # The rows came with their ids, of which the sequences know nothing.
        advance_sequences(target)
        # Check what PostgreSQL has really stored, while all of it can still be undone.
        _refuse_faults(settings, target)


def advance_sequences(target: Connection) -> None:
    """Set the sequences of PostgreSQL so that the next number follows the highest one in each table."""
    existing = inspect(target).get_table_names()
    for table in tables.METADATA.sorted_tables:
        keys = list(table.primary_key)
        if table.name in existing and len(keys) == 1 and isinstance(keys[0].type, Integer):
            following = (target.scalar(select(func.max(keys[0]))) or 0) + 1
            sequence = func.pg_get_serial_sequence(f'"{table.name}"', keys[0].name)
            target.execute(select(func.setval(sequence, following, False)))
