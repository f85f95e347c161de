"""Configuration, database and directory put together: what every door opens with."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from notifications.incoming.letterboxes import ImapLetterbox, Letterbox, MaildirLetterbox
from notifications.mailers import MaildirMailer, Mailer, SmtpMailer
from states.errors import Problem
from workflow import directory
from workflow.directory import Directory
from workflow.procedure import config
from workflow.procedure.config import Config, ConfigError
from workflow.procedure.settings import Imap, Smtp
from workflow.store import database

T = TypeVar("T")


def current_time() -> datetime:
    """The operating system's clock, the only thing that decides what is due."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """A transaction, and what is the same for everything done in it."""

    connection: Connection
    config: Config
    directory: Directory

    def local(self, instant: datetime | None) -> str | None:
        """Return an instant in the district's zone, ISO 8601; None for none."""
        return self.config.calendar.local(instant).isoformat(timespec="seconds") if instant else None

    def name_of(self, email: str) -> str:
        """Return the name of a person, or the address of somebody whom the directory does not know."""
        return self.directory.someone(email).name


class System:
    """A configuration and its open database. The directory is read again only when it has changed."""

    def __init__(self, settings: Config, engine: Engine) -> None:
        self.config = settings
        self.engine = engine
        self._directory: tuple[Config, Directory] | None = None

    def session(self, connection: Connection) -> Session:
        """A session in this transaction."""
        cached = self._directory
        version = directory.version_of(connection)
        if cached is None or cached[0] is not self.config or cached[1].version != version:
            cached = self._directory = (self.config, directory.read(connection, self.config))
        return Session(connection, self.config, cached[1])

    def transact(self, work: Callable[[Session], T], *, exclusive: str = "") -> T:
        """Do `work` in one transaction, whole or not at all. Raises as `store.transact` does.

        What is to be done by one program at a time has a name (`exclusive`); all is read after its turn has come.
        """

        def locked(connection: Connection) -> T:
            database.keep_version(connection)
            if exclusive:
                database.one_at_a_time(connection, exclusive)
            return work(self.session(connection))

        return database.transact(self.engine, locked)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: one moment's view of everything."""
        with database.reading(self.engine) as connection:
            yield self.session(connection)


def open_system(path: Path | None, *, words: bool = True) -> System:
    """The system of a configuration file (`words` as for `config.load`). Raises `ConfigError`, `StoreError`."""
    settings = config.load(path, words=words)
    return System(settings, database.open_store(settings.database_url))


def make_mailer(settings: Config) -> Mailer:
    """The way out that the configuration names. Raises `ConfigError` if it cannot be."""
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
        )
    except ValueError as error:
        raise ConfigError([Problem("mail.smtp", str(error))]) from None


def make_letterbox(settings: Config) -> Letterbox | None:
    """Where the configuration has answers read; None for nowhere. Raises `ConfigError` if it cannot be."""
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
    )


def _trust(settings: Config, table: str, server: Smtp | Imap) -> ssl.SSLContext | None:
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
    if not server.username:
        return None
    if server.password_file:
        path = settings.folder / server.password_file
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            problem = Problem(
                f"mail.{table}.password_file", f"it cannot be read: {error}", "a file with the password"
            )
            raise ConfigError([problem]) from None
    found = os.environ.get(f"PARTNERSHIPS_{table.upper()}_PASSWORD")
    if found is None:
        problem = Problem(
            f"mail.{table}.username",
            "there is no password for it",
            f"mail.{table}.password_file, or PARTNERSHIPS_{table.upper()}_PASSWORD in the environment",
        )
        raise ConfigError([problem])
    return found
