"""Cleans the files of a database after rows were destroyed, so that nothing of them can be found there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from workflow.store import tables
from workflow.store.database import StoreError, first_line

# From these tables retention takes values or rows, or their rows were deleted before: of people who left.
CLEANED = (
    tables.history, tables.changes, tables.partnerships, tables.documents, tables.notices, tables.replies,
    tables.answers, tables.deadlines, tables.drafts, tables.held_applications, tables.asked_questions,
    tables.calendar_entries, tables.sign_ins, tables.kept_forms, tables.kept_files, tables.addresses,
    tables.subscribers, tables.marks, tables.people,
)  # fmt: skip
_WAL = (
    "The write-ahead log still has old pages, since another program reads the database. Run"
    " `partnershipctl retention clean` again when that has ended."
)
_SERVER = (
    "Nothing deleted is left in the tables, which were written anew (VACUUM FULL). The server's write-ahead log"
    " and its archive, and every replica, hold what was destroyed until their files are recycled: run CHECKPOINT as"
    " a superuser, remove archived logs and base backups from before now, and make base backups anew."
)


def erase(engine: Engine) -> str:
    """Write the database anew without deleted rows. Return what may still hold them; "" if nothing does.

    On SQLite write the whole file anew and empty its log (sqlite.org/lang_vacuum.html). On PostgreSQL write the
    tables anew. Raise `StoreError` if another program is in the way: the same call then works later.
    """
    # Pooled connections may have a transaction open that would be in the way.
    engine.dispose()
    try:
        with closing(engine.raw_connection()) as connection:
            raw: Any = connection.driver_connection
            return _erase_file(raw) if engine.dialect.name == "sqlite" else _erase_server(raw)
    except (DBAPIError, sqlite3.Error) as error:
        raise _in_the_way(first_line(error)) from None
    except StoreError:
        raise
    except Exception as error:  # psycopg is imported only where there is a server
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        raise _in_the_way(first_line(error)) from None


def _in_the_way(problem: str) -> StoreError:
    return StoreError(
        f"the records are destroyed, and the files of the database could not be cleaned: {problem};"
        " run `partnershipctl retention clean`"
    )


def _erase_file(connection: Any) -> str:
    connection.execute("PRAGMA secure_delete = ON").close()
    connection.execute("VACUUM").close()
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return _WAL if busy else ""


def _erase_server(connection: Any) -> str:
    connection.rollback()
    connection.autocommit = True
    try:
        for table in CLEANED:
            connection.execute(f'VACUUM FULL "{table.name}"')
    finally:
        connection.autocommit = False
    return _SERVER
