"""Opens the configuration, the database and the directory together, and runs transactions on them.

Every program, page and command starts here.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from notifications.incoming.letterboxes import ImapLetterbox, Letterbox, MaildirLetterbox
from notifications.mailers import MaildirMailer, Mailer, SmtpMailer
from notifications.texts import read_secret
from states.errors import Problem
from states.partnership import Partnership
from workflow import directory, directory_changes
from workflow.directory import Directory
from workflow.procedure import config
from workflow.procedure.config import Config, ConfigError
from workflow.procedure.settings import Imap, Smtp
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

    def session(self, connection: Connection) -> Session:
        """Return a session in this transaction. Read the directory again only if its version has changed."""
        return self._session(connection, directory_changes.version_of(connection))

    def _session(self, connection: Connection, version: str) -> Session:
        cached = self._directory
        # The Board's meetings in the directory depend on the configuration, so a reload must read them again.
        if cached is None or cached[0] is not self.config or cached[1].version != version:
            cached = self._directory = (self.config, directory.read(connection, self.config))
        return Session(connection, self.config, cached[1])

    def transact(self, work: Callable[[Session], T], *, exclusive: str = "", dry_run: bool = False) -> T:
        """Do `work` in one transaction, whole or not at all, and return its result.

        `exclusive` names work that one program may do at a time: the transaction waits for its turn and reads
        everything afterwards. A `dry_run` does the same work and takes the same refusals, then undoes all of it.
        Raises what `work` raises, and the errors of `database.transact`.
        """

        def locked(connection: Connection) -> T:
            # Check the version in every transaction, since the
            # tables may be upgraded while this program runs.
            database.lock_version(connection)
            # Take the lock before the session reads, so that it
            # sees what the transaction before it has written.
            if exclusive:
                one_at_a_time(connection, exclusive)
            result = work(self.session(connection))
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


def make_mailer(settings: Config) -> Mailer:
    """Return the mailer that the configuration names. Raise `ConfigError` if its settings cannot work."""
    mail = settings.procedure.mail
    if mail.mailer == "maildir":
        return MaildirMailer(settings.folder / mail.maildir)
    smtp = mail.smtp
    try:
        return SmtpMailer(
            smtp.host,
            smtp.port,
            smtp.security,
            username=smtp.username or None,
            password=_password(settings, "smtp", smtp),
            timeout=smtp.timeout_seconds,
            context=_trust(settings, "smtp", smtp),
            oauth_token_file=settings.folder / smtp.oauth_token_file if smtp.oauth_token_file else None,
        )
    # The mailer refuses settings that would send a password in
    # the clear. To staff this is a mistake in the configuration.
    except ValueError as error:
        raise ConfigError([Problem("mail.smtp", str(error))]) from None


def make_letterbox(settings: Config) -> Letterbox | None:
    """Return the letterbox that the configuration names, or None if answers are not read.

    Raise `ConfigError` if its settings cannot work.
    """
    mail = settings.procedure.mail
    if mail.replies == "none":
        return None
    if mail.replies == "maildir":
        return MaildirLetterbox(settings.folder / mail.replies_maildir)
    imap = mail.imap
    return ImapLetterbox(
        imap.host,
        imap.port,
        imap.username,
        _password(settings, "imap", imap) or "",
        folder=imap.folder,
        timeout=imap.timeout_seconds,
        context=_trust(settings, "imap", imap),
        token_file=settings.folder / imap.oauth_token_file if imap.oauth_token_file else None,
    )


def _trust(settings: Config, table: str, server: Smtp | Imap) -> ssl.SSLContext | None:
    """Return a TLS context that trusts the configured authorities; None for those of the operating system."""
    authorities = server.ca_file
    if not authorities:
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.folder / authorities))
    except OSError as error:
        problem = Problem(
            f"mail.{table}.ca_file", f"it cannot be read: {error}", "certificates in a PEM file"
        )
        raise ConfigError([problem]) from None


def _password(settings: Config, table: str, server: Smtp | Imap) -> str | None:
    """Return the password for a mail server from its file or the environment; None if it asks for none."""
    if not server.username or server.oauth_token_file:
        return None
    if server.password_file:
        path = settings.folder / server.password_file
        try:
            return read_secret(path)
        except OSError as error:
            problem = Problem(
                f"mail.{table}.password_file", f"it cannot be read: {error}", "a file with the password"
            )
            raise ConfigError([problem]) from None
    password = os.environ.get(f"PARTNERSHIPS_{table.upper()}_PASSWORD")
    if password is None:
        problem = Problem(
            f"mail.{table}.username",
            "there is no password for it",
            f"mail.{table}.password_file, or PARTNERSHIPS_{table.upper()}_PASSWORD in the environment",
        )
        raise ConfigError([problem])
    return password
