"""Sets up the connections to SQLite and PostgreSQL: locks, time limits, and what an error may quote."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import DisconnectionError

from workflow.store.files import open_private
from workflow.store.tables import METADATA

_BUSY_MILLISECONDS = 10_000
# How long a transaction that does nothing may keep its locks, on PostgreSQL. Then the server ends it.
HOLDER_SECONDS = 30
_IDLE_SECONDS = 1.0  # after which a connection is tried before it is used
_USED = "used"  # under which a connection has the time of its last use
POSTGRESQL: dict[str, Any] = {
    "connect_args": {
        # Behind a pooler, a statement that the server has prepared may belong to another client.
        "prepare_threshold": None,
        "connect_timeout": 10,  # seconds
        # A server that loses its power or its network closes no connection. Without these a tick waits for
        # hours.
        "keepalives": 1,
        "keepalives_idle": 15,  # seconds
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,  # milliseconds
    },
}


def choose_journal_mode(version: tuple[int, int, int]) -> str:
    """Return "wal" for releases of SQLite in which it is safe with several connections, else "truncate".

    Earlier releases could corrupt a file in WAL mode.
    """
    # The bug was fixed in 3.51.3, and in the later releases of two older lines.
    safe = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)
    return "wal" if safe else "truncate"


def configure_sqlite(engine: Engine) -> None:
    """Let each connection wait for locks and write durably, and each writer take its lock before it reads."""
    mode = choose_journal_mode(sqlite3.sqlite_version_info)

    @event.listens_for(engine, "do_connect")
    def make(_dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
        # SQLite would create the file with the rights that the umask leaves. Its journal gets the rights of
        # the file.
        path = Path(str(arguments[0]))
        if str(path) != ":memory:" and not path.exists():
            with suppress(OSError):  # SQLite reports the error when it opens the file
                os.close(open_private(path))

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # `begin` below starts transactions, not the driver
        # The time to wait comes first, since a change of the journal mode may
        # have to wait as well. SQLite checks foreign keys only where a connection
        # asks for it, and only FULL keeps every commit through a loss of power.
        for pragma in (
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "foreign_keys=ON",
            f"journal_mode={mode}",
            "synchronous=FULL",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock before it reads. If it took the lock later, two could read the same state
        # and both act.
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def configure_postgresql(engine: Engine) -> None:
    """Limit how long a transaction may wait or be idle, and keep rows out of error messages."""
    _limit_indexes()

    # These settings end with the transaction, so that a pooler may give the connection to another client
    # afterwards. They go to the server together with the BEGIN: each journey there takes as long as a short query.
    writes = (
        f"BEGIN; SELECT set_config('lock_timeout', '{_BUSY_MILLISECONDS}', true),"
        f" set_config('idle_in_transaction_session_timeout', '{HOLDER_SECONDS}s', true)"
    )

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True  # `begin` below starts transactions, not the driver
        # The server, the database or the role may have other defaults, and the driver reads only ISO dates.
        # Poolers keep these two settings for each client, but may refuse them as options of the connection.
        connection.execute(
            "SELECT set_config('datestyle', 'ISO', false), set_config('timezone', 'UTC', false)"
        )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # By default each statement sees the database anew. One who only reads sees one moment.
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if reads else writes)

    @event.listens_for(engine, "checkin")
    def checkin(_connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def checkout(connection: Any, record: Any, _proxy: Any) -> None:
        # A connection that was lost while it was idle is replaced. One in constant use is not asked each time.
        if time.monotonic() - record.info.get(_USED, 0.0) > _IDLE_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as lost:
                raise DisconnectionError from lost

    # Many rows in one INSERT need no pipeline, which the next function avoids.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    @event.listens_for(engine, "do_executemany")
    def execute_one_by_one(cursor: Any, statement: str, rows: Sequence[Any], context: Any) -> bool:
        # psycopg would send these statements in a pipeline. To the server, a program that hangs inside a
        # pipeline is not idle, so the time limit above would not end its transaction. Many new rows go in one
        # statement instead.
        count = 0
        for row in rows:
            cursor.execute(statement, row)
            count += cursor.rowcount
        context._rowcount = count  # SQLAlchemy's own dialects report it the same way
        return True

    @event.listens_for(engine, "handle_error")
    def handle_error(context: ExceptionContext) -> None:
        # The second and later lines of an error quote the row, which may be a sealed application.
        error = context.sqlalchemy_exception
        if error is not None and error.orig is not None:
            error.args = (str(error.args[0]).partition("\n")[0],)
            error.orig.args = (str(error.orig).partition("\n")[0],)


def _limit_indexes() -> None:
    """Let the indexes of some rows have the same rows on PostgreSQL as on SQLite."""
    # SQLAlchemy imports its whole support for a database as soon as a table names an option of it. The tables
    # name those of SQLite only, so that a program on SQLite does not wait for PostgreSQL.
    for table in METADATA.tables.values():
        for index in table.indexes:
            rows = index.dialect_options["sqlite"]["where"]
            if rows is not None:
                index.dialect_options["postgresql"]["where"] = rows
