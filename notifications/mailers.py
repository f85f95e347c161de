"""Delivers messages into a Maildir, the embedded default, and names what every mailer has in common.

Both mailers follow the protocol `Mailer`. A failure says whether to try the message again (TemporaryFailure), to
try no message for a while (Unreachable), to give up (PermanentFailure), or that nobody can know (InDoubt).
"""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifications.delivery import (
    DeliveryFailed,
    InDoubt,
    Mailer,
    PermanentFailure,
    TemporaryFailure,
    Unreachable,
)
from notifications.disk import sync_folder
from notifications.smtp import LINE_END, Security, SmtpMailer

__all__ = [
    "DeliveryFailed",
    "InDoubt",
    "MaildirMailer",
    "Mailer",
    "PermanentFailure",
    "Security",
    "SmtpMailer",
    "TemporaryFailure",
    "Unreachable",
]


class MaildirMailer:
    """Writes each message as a file into one Maildir, where any mail program can open it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"MaildirMailer({str(self._path)!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Do nothing: a Maildir has no connection to keep open."""
        yield

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        """Write one message, unless one with the same `key` is there already. Raise `Unreachable` if that fails."""
        # The same key gives the same file, so a second attempt after a crash writes no second message.
        name = hashlib.sha256(key.encode()).hexdigest()[:40]
        try:
            self._create()
            if not self._is_present(name):
                # Programs that read a Maildir expect the line ends of the system, not those of SMTP.
                self._write(name, LINE_END.sub(b"\n", message))
        except OSError as error:
            raise Unreachable(f"the Maildir {self._path} could not be written: {error}") from error

    def _create(self) -> None:
        for folder in ("", "tmp", "new", "cur"):
            (self._path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def _is_present(self, name: str) -> bool:
        """Return whether a message has this name, also after a mail program has moved it to cur/."""
        # Mail programs move messages from new/ to cur/ only, so this order cannot miss one that moves meanwhile.
        # In cur/ the flags follow the name, such as ":2,S".
        return (self._path / "new" / name).exists() or any((self._path / "cur").glob(f"{name}*"))

    def _write(self, name: str, message: bytes) -> None:
        """Write a message so that a crash leaves all of it or nothing.

        1. Write it into tmp/, under a name of its own for each writer. A later attempt, or Maildir.clean(), removes
           what a crash leaves there.
        2. Sync the file, and move it to new/.
        3. Sync both folders, so that its name is on the disk too.
        """
        part = self._path / "tmp" / f"{name}.{os.getpid()}.{threading.get_ident()}"
        try:
            # Set the rights before there is content. The umask could let others read it.
            part.touch(mode=0o600)
            with part.open("wb") as file:
                file.write(message)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._path / "new" / name)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        for folder in (self._path / "new", self._path):
            sync_folder(folder)
