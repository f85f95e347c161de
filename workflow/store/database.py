"""Opens the database, SQLite or PostgreSQL, and gives transactions that either happen whole or not at all.

On SQLite one writes at a time. On PostgreSQL many do: whoever writes a partnership locks its row first (`locking`),
and what is nobody's row but must be done by one at a time says so (`one_at_a_time`). Locks end with their
transaction, and the server ends the transaction of a program that stands still, so nobody waits for the dead.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    Select,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError

from notifications.errors import ServiceError
from workflow.store import files
from workflow.store.files import open_private

T = TypeVar("T")

_ATTEMPTS = 5
_BUSY_MILLISECONDS = 10_000
HOLDER_SECONDS = 30  # how long a program that stands still may hold what others wait for, on PostgreSQL
# Another transaction was in the way, or the server ended this one: done again from its start it may go through.
_AGAIN = ("40001", "40P01", "55P03", "25P03", "57P01", "57P02", "57P03")
# A file system on another machine does not keep SQLite's locks (sqlite.org/faq.html, question 5).
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "ceph", "glusterfs")
_VERSIONS = Path(__file__).parent / "migrations" / "versions"
# The newest version of the tables, by the names of the files: Alembic would take longer to import than all else.
VERSION = max(file.name[1:5] for file in _VERSIONS.glob("v[0-9]*.py"))


class StoreError(ServiceError):
    """The database cannot be used; the message says why and what to do."""

    exit_status = 5


class StoreAway(StoreError):
    """The database cannot be used now, since its server is away or another program has it; later it may be."""


class StoreHeld(StoreAway):
    """Somebody held what was to be written for longer than it was waited for; other things may be free."""


def open_store(url: str, *, create: bool = False) -> Engine:
    """The database at a SQLAlchemy address. Raises `StoreError` if it cannot be used."""
    engine = engine_of(url)
    if engine.dialect.name == "sqlite":
        path = engine.url.database
        if path and path != ":memory:":
            _check_file(Path(path), create=create)
        _configure_sqlite(engine)
    else:
        _configure_postgresql(engine)
    if not create:
        try:
            _check_tables(engine)
        except StoreError:
            engine.dispose()
            raise
    return engine


def engine_of(url: str) -> Engine:
    """What speaks to a database of this kind; opens nothing. Raises `StoreError` for an address that is none."""
    try:
        kind = _address(url).get_backend_name()
        options = {} if kind == "sqlite" else _POSTGRESQL
        # What people wrote stands in no error message: it would be logged, sealed applications too.
        engine = create_engine(url, hide_parameters=True, **options)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise StoreError(f"database.url cannot be used: {error}") from None
    if kind not in ("sqlite", "postgresql"):
        raise StoreError(f"database.url cannot be used: {kind} is neither sqlite nor postgresql+psycopg")
    return engine


def shown(engine: Engine) -> str:
    """Where a database is, for people: no password, and nothing of what follows the name, where one may be too."""
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    return engine.url.set(query={}).render_as_string()


@contextmanager
def exclusive(engine: Engine, otherwise: str) -> Iterator[bool]:
    """Hold a database that is a file for this program, until the end of the block; whether it is one.

    Raises `StoreError`, which says `otherwise` if another program holds it.
    """
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file or file == ":memory:":
        yield False
        return
    try:
        with files.holding(Path(file)):
            yield True
    except files.Held:
        raise StoreError(otherwise) from None
    except files.Unwritable as error:
        raise StoreError(str(error)) from None


def _address(url: str) -> URL:
    """The parts of an address. Raises `StoreError` that quotes nothing of it, as a part may be of the password."""
    try:
        found = make_url(url)
    except ValueError:
        raise StoreError("database.url cannot be used: the port in it is no number") from None
    if "@" in (found.host or ""):
        raise StoreError("database.url cannot be used: an @ in its password is written %40") from None
    return found


_POSTGRESQL: dict[str, Any] = {
    "pool_pre_ping": True,  # a connection that was lost while nobody used it is replaced unseen
    "connect_args": {
        "prepare_threshold": None,  # statements that the server keeps would be another's behind a pooler
        "connect_timeout": 10,
        # A server that lost its power, or its network, says no word: without these a tick waits for hours.
        "keepalives": 1,
        "keepalives_idle": 15,  # seconds
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,  # milliseconds
    },
}


def _check_file(path: Path, *, create: bool) -> None:
    if create:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {path.parent} cannot be made: {error.strerror}") from None
    elif not path.is_file():
        raise StoreError(f"there is no database at {path}; run `partnershipctl init` to create it")
    kind = _file_system(path.parent.resolve())
    if kind in _NETWORK:
        raise StoreError(
            f"{path} lies on a network file system ({kind}), where SQLite can lose data;"
            " put it on a local disk, or use PostgreSQL"
        )


def _file_system(folder: Path) -> str:
    """The type of the file system that holds a folder, or "" where that cannot be told."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, found, *_ = line.split(" ")
        inside = point == "/" or folder == Path(point) or Path(point) in folder.parents
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind


def _check_tables(engine: Engine) -> None:
    with looking(engine) as connection:
        known = inspect(connection).get_table_names()
        numbered = "alembic_version" in known
        found = connection.scalar(text("SELECT version_num FROM alembic_version")) if numbered else None
    if "partnerships" not in known:
        raise StoreError("the database has no tables yet; run `partnershipctl init`")
    _check_version(found)


@contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """A connection for a first look at a database, which waits for nobody who only writes.

    Raises `StoreAway` if that cannot be now, `StoreError` if it cannot be.
    """
    try:
        with reading(engine) as connection:
            yield connection
    except DBAPIError as error:
        server = engine.dialect.name == "postgresql" and isinstance(error, OperationalError)
        kind = StoreAway if server or _transient(error) else StoreError
        raise kind(f"the database cannot be opened: {first_line(error)}") from None


def _check_version(found: str | None) -> None:
    if found != VERSION:
        what = "run `partnershipctl init`" if str(found or 0) < VERSION else "install the newer program"
        raise StoreError(f"the tables are of version {found}, this program's of version {VERSION}; {what}")


def keep_version(connection: Connection) -> None:
    """Refuse to write where the tables have become another program's, and keep them as they are until the end.

    An upgrade on a server waits for whoever looked before it, and they for it. A SQLite file needs none of this: it
    is upgraded while no daemon has it.
    """
    if connection.dialect.name == "postgresql":
        _check_version(connection.scalar(text("SELECT version_num FROM alembic_version")))


def check_sound(engine: Engine) -> None:
    """Refuse a SQLite file that is damaged, rather than write on in it (sqlite.org/pragma.html, quick_check).

    A server looks after its own files.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        with reading(engine) as connection:
            said = str(connection.scalar(text("PRAGMA quick_check(1)")))
    except DBAPIError as error:
        said = first_line(error)
        if _transient(error):
            raise StoreAway(f"the database cannot be checked: {said}") from None
    if said != "ok":
        raise StoreError(
            f"{engine.url.database} is damaged: {said.splitlines()[-1]}; keep a copy of it, and restore a backup"
        )


def journal_mode(version: tuple[int, int, int]) -> str:
    """WAL where it is safe with several connections; before these releases it could corrupt the file."""
    safe = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)
    return "wal" if safe else "truncate"


def _configure_sqlite(engine: Engine) -> None:
    mode = journal_mode(sqlite3.sqlite_version_info)

    @event.listens_for(engine, "do_connect")
    def make(_dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
        # SQLite would make the file with the rights that the umask leaves; its journal has those of the file.
        path = Path(str(arguments[0]))
        if str(path) != ":memory:" and not path.exists():
            with suppress(OSError):  # SQLite says what is wrong
                os.close(open_private(path))

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by us, below
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
        # A writer takes its lock at once: taking it later lets two read the same state and both act on it.
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _configure_postgresql(engine: Engine) -> None:
    # For one transaction only, so that a pooler may lend the connection to somebody else afterwards.
    patience = (
        f"SELECT set_config('lock_timeout', '{_BUSY_MILLISECONDS}', true),"
        f" set_config('idle_in_transaction_session_timeout', '{HOLDER_SECONDS}s', true)"
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("reads", False):
            connection.exec_driver_sql(patience)

    engine.dialect.use_insertmanyvalues_wo_returning = True

    @event.listens_for(engine, "do_executemany")
    def one_by_one(cursor: Any, statement: str, rows: Sequence[Any], context: Any) -> bool:
        # psycopg would send them in a pipeline. Who stands still amid one is not idle to the server, which waits
        # for the rest without limit. New rows come many in one statement instead.
        count = 0
        for row in rows:
            cursor.execute(statement, row)
            count += cursor.rowcount
        context._rowcount = count  # as SQLAlchemy's own dialects say it
        return True

    @event.listens_for(engine, "handle_error")
    def handle_error(context: ExceptionContext) -> None:
        # Its further lines quote the row that was to be written.
        known = context.sqlalchemy_exception
        if known is not None and known.orig is not None:
            known.args = (str(known.args[0]).partition("\n")[0],)
            known.orig.args = (str(known.orig).partition("\n")[0],)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading: one moment's view of everything."""
    with engine.connect() as plain:
        options: dict[str, Any] = {"reads": True}
        if engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        connection = plain.execution_options(**options)
        with connection.begin():
            yield connection


def locking(connection: Connection, query: Select[Any], *, passing: bool = False) -> Select[Any]:
    """A query whose rows nobody else writes until this transaction ends; `passing` over those somebody holds.

    In a transaction that only reads it is the query as it is.
    """
    if connection.get_execution_options().get("reads", False):
        return query
    # Not FOR UPDATE: that would keep others from adding rows that refer to these.
    return query.with_for_update(key_share=True, skip_locked=passing)


def one_at_a_time(connection: Connection, what: str) -> None:
    """Wait until no other transaction is at this. What is read afterwards is as the one before has left it."""
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(4270, hashtext(:what))")
        connection.execute(lock, {"what": what})


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction, whole or not at all; again from its start if another was in the way.

    Raises `StoreError` if the database stays locked or away, cannot be written, or was lost while it committed.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(0.05 * 2 ** (attempt - 1))
        done = False
        try:
            with engine.begin() as connection:
                result = work(connection)
                done = True
        except (IntegrityError, DataError):
            raise
        except DBAPIError as error:
            if done and error.connection_invalidated:
                raise StoreError(
                    "the connection to the database was lost while it committed, so nobody knows yet whether this"
                    " was written; look before you do it again"
                ) from error
            if not _transient(error):
                raise StoreError(f"the database cannot be written: {first_line(error)}") from error
            failed = error
        else:
            return result
    if failed.connection_invalidated:
        raise StoreAway(f"the database is away: {first_line(failed)}") from failed
    raise StoreHeld("the database is locked by another program; try again") from failed


def first_line(error: BaseException) -> str:
    """What an error of a database says, without the statement and on one line."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def _transient(error: DBAPIError) -> bool:
    words = str(error.orig).lower()
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or "locked" in words or "busy" in words or state in _AGAIN
