"""Copies a database into memory, from SQLite or from PostgreSQL, so that a future can be lived on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from notifications.links import Unsigned
from workflow.procedure.config import Config
from workflow.record import backup
from workflow.session import System
from workflow.store import chain, database, dialects, tables, triggers
from workflow.store.database import StoreError, first_line


@contextmanager
def copied(system: System, settings: Config | None = None, *, signs: bool = False) -> Iterator[System]:
    """Yield a system on a copy of the database in memory, with its own or with other settings.

    `signs` says whether its messages have links that are signed, for somebody who reads them.

    Nothing that happens in it leaves the memory: its settings name neither a folder for checkpoints nor a server
    of time stamps. Raise `StoreError` if the database cannot be read.
    """
    memory = _open_memory()
    try:
        _copy(system.engine, memory)
        yield System(_keep_inside(settings or system.config, signs), memory)
    except (sqlite3.Error, DBAPIError) as error:
        raise StoreError(f"the database cannot be copied: {first_line(error)}") from None
    finally:
        memory.dispose()


def _open_memory() -> Engine:
    """Open an empty database in memory. All its users share one connection, since each other would get its own."""
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, hide_parameters=True, execution_options={chain.UNPROVED: True}
    )
    dialects.configure_sqlite(engine)
    chain.watch(engine)
    return engine


def _copy(source: Engine, memory: Engine) -> None:
    """Copy every table, as it is at one moment. The source is only read."""
    if source.dialect.name == "sqlite":
        with _reading_pages(source) as old, closing(memory.raw_connection()) as new:
            # All pages in one step: between two steps a writer could make the copy start again and again.
            old.backup(_driver(new), pages=-1)
        return
    # A table of a copy may refer to a later one, as in a backup.
    _set_foreign_keys(memory, "OFF")
    with database.reading(source) as origin, memory.begin() as target:
        tables.METADATA.create_all(target)
        triggers.restore_triggers(target)
        backup.copy(origin, target)
    _set_foreign_keys(memory, "ON")


def _set_foreign_keys(memory: Engine, state: str) -> None:
    """Let SQLite check foreign keys, or not. It takes that only outside of a transaction, so ask the driver."""
    with closing(memory.raw_connection()) as connection:
        _driver(connection).execute(f"PRAGMA foreign_keys={state}").close()


@contextmanager
def _reading_pages(source: Engine) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a SQLite database, which may itself be a copy in memory."""
    path = source.url.database
    if path is None:
        with closing(source.raw_connection()) as connection:
            yield _driver(connection)
        return
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield connection


def _driver(connection: Any) -> sqlite3.Connection:
    plain: sqlite3.Connection = connection.driver_connection
    return plain


def _keep_inside(settings: Config, signs: bool) -> Config:
    """Return the settings with nothing through which a rehearsal would reach a file or another machine."""
    record = settings.procedure.record.model_copy(update={"checkpoint_folder": "", "timestamp_url": ""})
    procedure = settings.procedure.model_copy(update={"record": record})
    return replace(settings, procedure=procedure, signer=None if signs else Unsigned())
