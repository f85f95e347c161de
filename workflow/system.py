"""Configuration, database and directory put together: what every door opens with."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from notifications.mailers import MaildirMailer, Mailer, SmtpMailer
from states.errors import Problem
from workflow import config, directory, store
from workflow.config import Config, ConfigError
from workflow.directory import Directory
from workflow.situation import Session

T = TypeVar("T")


def now() -> datetime:
    """The operating system's clock, the only thing that decides what is due."""
    return datetime.now(UTC)


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

    def transact(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one transaction, whole or not at all. Raises as `store.transact` does."""
        return store.transact(self.engine, lambda connection: work(self.session(connection)))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: one moment's view of everything."""
        with store.reading(self.engine) as connection:
            yield self.session(connection)


def open_system(path: Path | None, *, words: bool = True) -> System:
    """The system of a configuration file (`words` as for `config.load`). Raises `ConfigError`, `StoreError`."""
    settings = config.load(path, words=words)
    return System(settings, store.open_store(settings.database_url))


def mailer(settings: Config) -> Mailer:
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
            password=_password(settings),
            timeout=smtp.timeout_seconds,
            context=_trust(settings),
        )
    except ValueError as error:
        raise ConfigError([Problem("mail.smtp", str(error))]) from None


def _trust(settings: Config) -> ssl.SSLContext | None:
    authorities = settings.procedure.mail.smtp.ca_file
    if not authorities:
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.folder / authorities))
    except OSError as error:
        problem = Problem("mail.smtp.ca_file", f"it cannot be read: {error}", "certificates in a PEM file")
        raise ConfigError([problem]) from None


def _password(settings: Config) -> str | None:
    smtp = settings.procedure.mail.smtp
    if not smtp.username:
        return None
    if smtp.password_file:
        path = settings.folder / smtp.password_file
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            problem = Problem(
                "mail.smtp.password_file", f"it cannot be read: {error}", "a file with the password"
            )
            raise ConfigError([problem]) from None
    found = os.environ.get("PARTNERSHIPS_SMTP_PASSWORD")
    if found is None:
        problem = Problem(
            "mail.smtp.username",
            "there is no password for it",
            "mail.smtp.password_file, or PARTNERSHIPS_SMTP_PASSWORD in the environment",
        )
        raise ConfigError([problem])
    return found
