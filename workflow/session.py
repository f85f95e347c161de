"""Opens the configuration, the database and the directory together, and runs transactions on them.

Every program, page and command starts here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from states.partnership import Partnership
from workflow import directory, directory_changes
from workflow.directory import Directory
from workflow.procedure import config
from workflow.procedure.config import Config
from workflow.store import database
from workflow.store.locks import one_at_a_time

T = TypeVar("T")


def current_time() -> datetime:
    """Return the time in UTC by the operating system's clock. Nothing else decides what is due."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """A transaction, with the configuration and the directory that everything in it uses."""

    connection: Connection
    config: Config
    directory: Directory
    seen: dict[Any, Any] | None = None  # what was read already, where nobody changes it meanwhile

    def once(self, key: tuple[Any, ...], read: Callable[[], T]) -> T:
        """Return what `read` returns. In a transaction that only reads it runs once for each key."""
        if self.seen is None:
            return read()
        if key not in self.seen:
            self.seen[key] = read()
        found: T = self.seen[key]
        return found

    def keep(self, values: Mapping[tuple[Any, ...], Any]) -> None:
        """Keep what was read ahead, so that `once` does not read it. A transaction that writes keeps nothing."""
        if self.seen is not None:
            self.seen.update(values)

    def kept(self, key: tuple[Any, ...]) -> Any:
        """Return what was read under a key already; None if nothing was."""
        return self.seen.get(key) if self.seen is not None else None

    def apart(self) -> Session:
        """Return a session of the same transaction that keeps to itself what it reads from now on."""
        return self if self.seen is None else replace(self, seen=dict(self.seen))

    def remembered(self, key: str) -> str | None:
        """Return what the table `meta` holds under a key; None if nothing has been remembered under it."""
        if self.seen is None:
            return database.remembered(self.connection, key)
        return self.once(("meta",), lambda: database.remember_all(self.connection)).get(key)

    def local(self, instant: datetime | None) -> str | None:
        """Return an instant in the district's zone as ISO 8601 text; None stays None."""
        return self.config.calendar.local(instant).isoformat(timespec="seconds") if instant else None

    def dates_in(self, email: str) -> str | None:
        """Return the language in which a person wants each day besides English, or None."""
        person = self.directory.people.get(email)
        return person.dates if person else None

    def name_of(self, email: str, facts: Partnership | None = None) -> str:
        """Return the name of a person, or the address of somebody whom neither directory nor facts know."""
        person = self.directory.person(email, facts)
        return person.name if person else self.directory.former.get(email, email)


class System:
    """A configuration and its open database. The directory is read again only when it has changed."""

    def __init__(self, settings: Config, engine: Engine) -> None:
        self.config = settings
        self.engine = engine
        self._directory: tuple[Config, Directory] | None = None
        self._reads = Lock()

    def session(self, connection: Connection) -> Session:
        """Return a session in this transaction. Read the directory again only if its version has changed."""
        return self._session(connection, directory_changes.version_of(connection))

    def _session(self, connection: Connection, version: str) -> Session:
        found = self._find_directory(version)
        if found is None:
            # All threads of a daemon need a changed directory at once. One reads it for all: it takes longer than a
            # page, and Python lets only one of them work at a time.
            with self._reads:
                found = self._find_directory(version)
                if found is None:
                    found = directory.read(connection, self.config)
                    self._directory = (self.config, found)
        return Session(connection, self.config, found)

    def _find_directory(self, version: str) -> Directory | None:
        """Return the directory that was read last, if it is of this version."""
        cached = self._directory
        # The Board's meetings in the directory depend on the configuration, so a reload must read them again.
        if cached is None or cached[0] is not self.config or cached[1].version != version:
            return None
        return cached[1]

    def transact(self, work: Callable[[Session], T], *, exclusive: str = "", dry_run: bool = False) -> T:
        """Do `work` in one transaction, whole or not at all, and return its result.

        `exclusive` names work that one program may do at a time: the transaction waits for its turn and reads
        everything afterwards. A `dry_run` does the same work and takes the same refusals, then undoes all of it.
        Raises what `work` raises, and the errors of `database.transact`.
        """

        def locked(connection: Connection) -> T:
            # Check the version in every transaction, since the
            # tables may be upgraded while this program runs.
            version = database.lock_version(connection, directory_changes.KEY) or directory_changes.FIRST
            # Take the lock before the session reads, so that it
            # sees what the transaction before it has written.
            if exclusive:
                one_at_a_time(connection, exclusive)
                version = directory_changes.version_of(connection)
            result = work(self._session(connection, version))
            # Every constraint has been met by now, so a dry run gets the same refusals as the real run.
            if dry_run:
                connection.rollback()
            return result

        return database.transact(self.engine, locked)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads. It sees everything as it was at one moment."""
        with database.reading(self.engine) as connection:
            # Most of those who only read ask for more than the version of the directory.
            meta = database.remember_all(connection)
            yield replace(
                self._session(connection, directory_changes.version_in(meta)), seen={("meta",): meta}
            )


def open_system(path: Path | None, *, words: bool = True) -> System:
    """Open the system of a configuration file. `words` is as for `config.load`.

    Raise `ConfigError` or `StoreError` if it cannot be opened.
    """
    settings = config.load(path, words=words)
    config.require_place(settings)
    return System(settings, database.open_store(settings.database_url))
