"""Opens the database, SQLite or PostgreSQL, and runs transactions that happen whole or not at all.

On SQLite one transaction writes at a time. On PostgreSQL several do. A transaction that writes a partnership
locks its row first (`locking`). Work that has no row to lock, but that only one transaction may do at a time,
takes a named lock (`one_at_a_time`). Locks end with their transaction, and the server ends the transaction of
a program that hangs, so that a hung process cannot block the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    column,
    create_engine,
    insert,
    inspect,
    make_url,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError

from notifications.errors import ServiceError
from workflow.store import chain, dialects, files, tables

T = TypeVar("T")

_ATTEMPTS = 5
# The SQLSTATE codes of failures that may not happen again: another transaction was in the way, or the server
# ended this one. The whole transaction is tried again.
_AGAIN = ("40001", "40P01", "55P03", "25P03", "57P01", "57P02", "57P03")
# A file system on another machine does not keep SQLite's locks (sqlite.org/faq.html, question 5).
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "ceph", "glusterfs")
_VERSIONS = Path(__file__).parent / "migrations" / "versions"
# The newest version of the tables, read from the names of the files, since importing Alembic takes longer
# than everything else at the start.
VERSION = max(file.name[1:5] for file in _VERSIONS.glob("v[0-9]*.py"))


class StoreError(ServiceError):
    """The database cannot be used; the message says why and what to do."""

    exit_status = 5


class StoreUnavailable(StoreError):
    """The database cannot be used now. A later try may succeed."""


class StoreLocked(StoreUnavailable):
    """Another transaction kept its lock for longer than this one waited. Other rows may be free."""


def open_store(url: str, *, create: bool = False) -> Engine:
    """Open the database at a SQLAlchemy address. Raise `StoreError` if it cannot be used.

    With `create` a SQLite file and its folder may be missing, and the tables are not checked.
    """
    engine = make_engine(url)
    if engine.dialect.name == "sqlite":
        path = engine.url.database
        if path and path != ":memory:":
            _check_file(Path(path), create=create)
        dialects.configure_sqlite(engine)
    else:
        dialects.configure_postgresql(engine)
    chain.watch(engine)
    if not create:
        try:
            _check_tables(engine)
        except StoreError:
            # The connection of the check would stay open in the pool, for a database that nobody will use.
            engine.dispose()
            raise
    return engine


def make_engine(url: str) -> Engine:
    """Make an engine for a database address; open nothing. Raise `StoreError` if the address is not valid."""
    try:
        kind = _parse_address(url).get_backend_name()
        options = {} if kind == "sqlite" else dialects.POSTGRESQL
        # Error messages must not quote the values of a statement. They are logged, and sealed applications
        # with them.
        engine = create_engine(url, hide_parameters=True, **options)
    # SQLAlchemy imports the driver that the address names, and it may not be installed.
    except (ArgumentError, ModuleNotFoundError) as error:
        raise StoreError(f"database.url cannot be used: {error}") from None
    if kind not in ("sqlite", "postgresql"):
        raise StoreError(f"database.url cannot be used: {kind} is neither sqlite nor postgresql+psycopg")
    return engine


def readable_address(engine: Engine) -> str:
    """Return the address of a database for people to read: without the password and without the query."""
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    # The query of an address may hold a password as well.
    return engine.url.set(query={}).render_as_string()


@contextmanager
def exclusive(engine: Engine, otherwise: str) -> Iterator[bool]:
    """Lock a database file for this program until the end of the block. Yield whether the database is a file.

    Raise `StoreError` with the text `otherwise` if another program holds the lock.
    """
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file or file == ":memory:":
        yield False
        return
    try:
        with files.holding(Path(file)):
            yield True
    except files.LockTaken:
        raise StoreError(otherwise) from None
    except files.Unwritable as error:
        raise StoreError(str(error)) from None


def _parse_address(url: str) -> URL:
    """Return the parts of an address. Raise `StoreError` if it is not valid.

    The error quotes nothing of the address: in a malformed one, any part may be a piece of the password.
    """
    try:
        address = make_url(url)
    except ValueError:
        raise StoreError("database.url cannot be used: the port in it is not a number") from None
    if "@" in (address.host or ""):
        raise StoreError("database.url cannot be used: an @ in its password is written %40") from None
    return address


def _check_file(path: Path, *, create: bool) -> None:
    """Raise `StoreError` if the file is missing or lies where SQLite cannot lock it."""
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
    """Return the type of the file system that holds a folder, or "" where the system does not say it."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, type_, *_ = line.split(" ")
        inside = point == "/" or folder == Path(point) or Path(point) in folder.parents
        # The longest mount point that holds the folder is the innermost one.
        if inside and len(point) >= len(best):
            best, kind = point, type_
    return kind


def _check_tables(engine: Engine) -> None:
    """Raise `StoreError` unless the database has tables of this program's version."""
    with inspecting(engine) as connection:
        tables = inspect(connection).get_table_names()
        numbered = "alembic_version" in tables
        version = connection.scalar(text("SELECT version_num FROM alembic_version")) if numbered else None
    # Without tables there is no version either, and this message says more.
    if "partnerships" not in tables:
        raise StoreError("the database has no tables yet; run `partnershipctl init`")
    _check_version(version)


@contextmanager
def inspecting(engine: Engine) -> Iterator[Connection]:
    """Yield a connection for a first look at a database. It does not wait for transactions that write.

    Raise `StoreUnavailable` if the database may be readable later, `StoreError` if not.
    """
    try:
        with reading(engine) as connection:
            yield connection
    except DBAPIError as error:
        # A server may only be starting, so a later try may succeed.
        server = engine.dialect.name == "postgresql" and isinstance(error, OperationalError)
        kind = StoreUnavailable if server or _is_transient(error) else StoreError
        raise kind(f"the database cannot be opened: {first_line(error)}") from None


def _check_version(version: str | None) -> None:
    if version != VERSION:
        # Versions have four digits each, so that they compare as text like numbers.
        what = "run `partnershipctl init`" if str(version or 0) < VERSION else "install the newer program"
        raise StoreError(f"the tables are of version {version}, this program's of version {VERSION}; {what}")


def lock_version(connection: Connection, key: str) -> str | None:
    """Return what is remembered under a key, once it is certain that the tables stay as they are until the end.

    Raise `StoreError` if they were upgraded. On PostgreSQL reading the version takes a lock that an upgrade has to
    wait for, and the value comes with it. A SQLite file needs no such lock: it is upgraded only while no daemon
    holds it.
    """
    if connection.dialect.name != "postgresql":
        return remembered(connection, key)
    found = connection.execute(_VERSION_AND_REMEMBERED, {"key": key}).one_or_none()
    _check_version(found.version_num if found else None)
    return found.value if found else None


def check_sound(engine: Engine) -> None:
    """Raise `StoreError` if a SQLite file is damaged, before anything more is written to it.

    The check is SQLite's `quick_check` (sqlite.org/pragma.html). A server checks its own files.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        with reading(engine) as connection:
            result = str(connection.scalar(text("PRAGMA quick_check(1)")))
    except DBAPIError as error:
        result = first_line(error)
        if _is_transient(error):
            raise StoreUnavailable(f"the database cannot be checked: {result}") from None
    if result != "ok":
        raise StoreError(
            f"{engine.url.database} is damaged: {result.splitlines()[-1]}; keep a copy of it, and restore a backup"
        )


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection for reading. All its queries see the database as of one moment."""
    with engine.connect() as plain:
        connection = plain.execution_options(reads=True)
        with connection.begin():
            yield connection


def only_reads(connection: Connection) -> bool:
    """Return whether a transaction was begun to read and not to write."""
    return bool(connection.get_execution_options().get("reads", False))


def locking(
    connection: Connection,
    query: Select[Any],
    *,
    skip_locked: bool = False,
    of: Table | tuple[Table, ...] | None = None,
) -> Select[Any]:
    """Return the query with a lock on its rows: no other transaction writes them until this one ends.

    With `skip_locked` the query leaves out rows that another transaction has locked. In a transaction that only
    reads the query is returned unchanged. On SQLite the lock has no effect, since a writer there has the
    whole file. Of a query over several tables only the rows of `of` are locked.
    """
    return query if only_reads(connection) else lock(query, skip_locked=skip_locked, of=of)


def lock(
    query: Select[Any], *, skip_locked: bool = False, of: Table | tuple[Table, ...] | None = None
) -> Select[Any]:
    """Return the query with the lock of `locking`, for a transaction that writes."""
    # FOR UPDATE would also keep others from adding rows that refer to these, so take the weaker lock.
    return query.with_for_update(key_share=True, skip_locked=skip_locked, of=of)


# Written once, since every transaction asks.
_REMEMBERED = select(tables.meta.c.value).where(tables.meta.c.key == bindparam("key"))


def remembered(connection: Connection, key: str) -> str | None:
    """Return what the table `meta` holds under a key; None if nothing has been remembered under it."""
    value: str | None = connection.scalar(_REMEMBERED, {"key": key})
    return value


_VERSION_AND_REMEMBERED = select(
    table("alembic_version", column("version_num")).c.version_num,
    _REMEMBERED.scalar_subquery().label("value"),
)


def remember_all(connection: Connection) -> dict[str, str]:
    """Return everything that is remembered, by its key: a few values, most of them short."""
    return {row.key: row.value for row in connection.execute(_ALL_REMEMBERED)}


_ALL_REMEMBERED = select(tables.meta)


def remember(connection: Connection, key: str, value: str) -> None:
    """Write a value under a key of the table `meta`, in place of the one that was there."""
    meta = tables.meta
    # SQLAlchemy has no upsert that both databases share.
    changed = connection.execute(update(meta).where(meta.c.key == key).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(meta).values(key=key, value=value))
    chain.note(connection, meta.name, [key])


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction, whole or not at all, and return its result.

    1. Run `work` and commit.
    2. If another transaction was in the way, or the connection was lost before the commit, wait a little
       longer each time and start over, for five attempts in all. So `work` must change nothing outside the
       database.
    3. If the connection was lost during the commit, raise `StoreError`: the rows may or may not be written,
       so running `work` again could write them twice.
    4. After the last attempt raise `StoreUnavailable` if the connection was lost, `StoreLocked` if not.

    Raise `StoreError` for every other failure; a violated constraint (`IntegrityError`) or a value that does
    not fit (`DataError`) passes through unchanged.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            # Growing waits let the transactions that were in the way finish first.
            time.sleep(0.05 * 2 ** (attempt - 1))
        done = False
        try:
            with engine.begin() as connection:
                result = work(connection)
                # The commit would append it as well. Here an error of it undoes the transaction for certain.
                chain.append(connection)
                # An error from here on comes from the commit itself.
                done = True
        # Callers turn these into errors of their own, such as a conflict, so they pass unchanged.
        except (IntegrityError, DataError):
            raise
        except DBAPIError as error:
            if done and error.connection_invalidated:
                raise StoreError(
                    "the connection to the database was lost while it committed, so nobody knows yet whether this"
                    " was written; look before you do it again"
                ) from error
            if not _is_transient(error):
                raise StoreError(f"the database cannot be written: {first_line(error)}") from error
            # Python deletes `error` at the end of this clause, but it is needed after the last attempt.
            failed = error
        else:
            return result
    if failed.connection_invalidated:
        raise StoreUnavailable(f"the database is away: {first_line(failed)}") from failed
    raise StoreLocked("the database is locked by another program; try again") from failed


def first_line(error: BaseException) -> str:
    """Return the first line of a database error, without the statement that failed."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def _is_transient(error: DBAPIError) -> bool:
    """Return whether the same transaction may succeed if it is run again."""
    # The errors of SQLite have no SQLSTATE, so their words have to do.
    words = str(error.orig).lower()
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or "locked" in words or "busy" in words or state in _AGAIN
