"""Finds what works and should not stay so: open files, settings with side effects, a Python release with faults."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from notifications import release
from workflow.procedure import checks
from workflow.procedure.config import Config


def find_warnings(settings: Config) -> Iterator[str]:
    """Yield each warning as a sentence that says what to do. `check` prints them, and the daemon logs them."""
    yield from checks.find_warnings(settings.procedure)
    yield from _find_open_files(settings)
    yield from release.find_faults()


def _find_open_files(settings: Config) -> Iterator[str]:
    """Yield each file with secrets that every user of the machine can open, and a configuration they can change.

    A group is left alone: the district chooses who is in it. Keys are checked where they are read, and refused.
    """
    for what, path in _private_files(settings):
        # What does not exist yet is made for its owner alone.
        if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o007:
            yield f"{what} is open to every user of this machine (mode {mode:04o}): {_close(path)}"
    own = settings.path
    if own is not None and own.stat().st_mode & 0o002:
        yield f"every user of this machine can change the configuration: chmod o-w {shlex.quote(str(own))}"


def _close(path: Path) -> str:
    return f"chmod o-rwx {shlex.quote(str(path))}"


def _private_files(settings: Config) -> Iterator[tuple[str, Path]]:
    """Yield the files and folders that hold secrets, each with what it is."""
    mail, url = settings.procedure.mail, make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        # The journal and the log of SQLite hold pages of the database (sqlite.org/tempfiles.html).
        for suffix in ("", "-wal", "-shm", "-journal"):
            yield f"the database{suffix}", Path(f"{url.database}{suffix}")
    elif settings.path is not None and (url.password or "password" in url.query):
        yield "the configuration, which holds the password of the database,", settings.path
    for table, server in (("smtp", mail.smtp), ("imap", mail.imap)):
        for name in ("password_file", "oauth_token_file"):
            if file := getattr(server, name):
                yield f"mail.{table}.{name}", settings.folder / file
    if mail.mailer == "maildir":
        yield "the folder of messages, which holds links,", settings.folder / mail.maildir
    if mail.replies == "maildir":
        yield "the folder of answers", settings.folder / mail.replies_maildir
