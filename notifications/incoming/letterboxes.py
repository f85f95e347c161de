"""Fetches incoming messages from a Maildir, or from a mailbox on a server (IMAP).

A reader does all its work with a message first, and marks the message as seen afterwards. A message that a crash
leaves unmarked is fetched again, so the reader has to recognize it.
"""

from __future__ import annotations

import imaplib
import os
import ssl
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from notifications.errors import ServiceError
from notifications.texts import read_secret

MOST = 10_000_000  # bytes of a message; of a larger one only the head is read
_HEAD = 100_000


class LetterboxFailed(ServiceError):
    """Messages cannot be fetched now; the text says from where and why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A fetched message, or only its head if it is not `whole`. `problem` says why it cannot be read."""

    key: str
    content: bytes
    whole: bool = True
    problem: str | None = None


class Letterbox(Protocol):
    """A place where messages arrive. Call its other methods only inside a session."""

    def session(self) -> AbstractContextManager[None]:
        """Open it for the block. Raise `LetterboxFailed` if it cannot be used."""

    def letters(self, most: int) -> Iterator[Letter]:
        """Yield up to `most` messages that are not marked as seen."""

    def mark_seen(self, letter: Letter) -> None:
        """Mark a message as seen, so that it is not fetched again."""


class MaildirLetterbox:
    """A Maildir into which the mail server delivers the office's mail."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reported: set[Path] = set()  # what cannot be read, so that each is reported once

    def __repr__(self) -> str:
        return f"MaildirLetterbox({str(self._path)!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Make the folders that are missing, so that a mail server can deliver into them."""
        try:
            for folder in ("", "tmp", "new", "cur"):
                # Replies are private, so no other user of the machine may list them.
                (self._path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise LetterboxFailed(f"the Maildir {self._path} cannot be used: {error}") from error

    def letters(self, most: int) -> Iterator[Letter]:
        """Yield up to `most` messages that are not marked as seen, the oldest first."""
        count = 0
        for path in self._find_unseen():
            letter = _read(path)
            if letter is None:
                continue  # a mail program has moved it meanwhile
            if letter.problem is not None:
                # Such a file stays, and a report of it at every tick would hide all others.
                if path not in self._reported:
                    yield letter
                    # Only now: a report that could not be recorded is made again.
                    self._reported.add(path)
                continue
            yield letter
            count += 1
            if count >= most:
                return

    def _find_unseen(self) -> list[Path]:
        """Return the files without the flags S (seen) and T (trashed), the oldest first."""
        unseen = []
        for folder in ("new", "cur"):
            for path in (self._path / folder).iterdir():
                flags = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
                if not path.name.startswith(".") and "S" not in flags and "T" not in flags:
                    # The name decides between equal times, so that the order is the same at every run.
                    unseen.append((_read_time(path), path.name, path))
        return [path for *_, path in sorted(unseen)]

    def mark_seen(self, letter: Letter) -> None:
        """Move a message to cur/ with the flag S, unless a mail program has moved it meanwhile."""
        path = Path(letter.key)
        name, _, flags = path.name.partition(":2,")
        with suppress(FileNotFoundError):
            # The flags of a Maildir stand in alphabetical order, and what a mail program has set must stay.
            path.rename(self._path / "cur" / f"{name}:2,{''.join(sorted({*flags, 'S'}))}")


def _read_time(path: Path) -> float:
    """Return when a file was last changed; 0 if it is gone."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> Letter | None:
    """Return the message in a file; None if the file is gone."""
    try:
        # Opening a pipe would wait for its other end, and a link could lead to any file of this machine.
        if not stat.S_ISREG(path.lstat().st_mode):
            return Letter(str(path), b"", problem=f"{path} is not a regular file, so it is not read")
        # Both flags again, since it may have been replaced since then.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            # One byte more than the limit shows that a file is too large without reading all of it.
            content = file.read(MOST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Letter(str(path), b"", problem=f"{path} cannot be read: {error.strerror}")
    return (
        Letter(str(path), content)
        if len(content) <= MOST
        else Letter(str(path), content[:_HEAD], whole=False)
    )


class ImapLetterbox:
    """A folder of a mailbox on a server, over TLS. It verifies certificates unless `context` says otherwise."""

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        password: str,
        folder: str = "INBOX",
        timeout: float = 30.0,
        context: ssl.SSLContext | None = None,
        token_file: Path | None = None,
    ) -> None:
        self._token_file = token_file
        self._host, self._port, self._folder = host, port, folder
        self._username, self._password = username, password
        self._timeout = timeout
        self._context = context or ssl.create_default_context()
        self._box: Any = None
        self._reported: set[str] = set()  # what cannot be fetched, so that it holds up no other message

    def __repr__(self) -> str:
        return f"ImapLetterbox({self._host!r}, {self._port}, {self._username!r}, {self._folder!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Log in and open the folder for the block. Raise `LetterboxFailed` if that fails."""
        # Imported here, since only some districts need it.
        from imap_tools import ImapToolsError, MailBox

        try:
            box = MailBox(self._host, self._port, timeout=self._timeout, ssl_context=self._context)
            try:
                self._box = self._log_in(box)
                yield
            finally:
                self._box = None
                with suppress(imaplib.IMAP4.error, ImapToolsError, OSError):
                    box.logout()
        except (imaplib.IMAP4.error, ImapToolsError, OSError, UnicodeError) as error:
            # Without the original error: its text may hold the password.
            raise LetterboxFailed(f"mailbox {self._host}:{self._port}: {self._redact(error)}") from None

    def _log_in(self, box: Any) -> Any:
        """Log in with the password, or with the access token that the file holds now (OAuth2, as XOAUTH2)."""
        if self._token_file is not None:
            # Another program renews the token about every hour, so it is read for each login.
            self._password = read_secret(self._token_file)
            return box.xoauth2(self._username, self._password, initial_folder=self._folder)
        return box.login(self._username, self._password, initial_folder=self._folder)

    def _redact(self, error: Exception) -> str:
        """Return the text of an error without the password or token, which a server may echo."""
        words = " ".join((str(error) or type(error).__name__).split())
        # An empty one would be found between any two letters.
        return (words.replace(self._password, "[password]") if self._password else words)[:500]

    def letters(self, most: int) -> Iterator[Letter]:
        """Yield up to `most` messages that are not marked as seen."""
        unseen = [uid for uid in self._box.uids("UNSEEN", charset=None) if uid not in self._reported]
        for uid in unseen[:most]:
            large = self._fetch_size(uid) > MOST
            # PEEK does not mark the message as seen.
            # That happens after the work, so that a crash loses no message.
            content = self._fetch(uid, "BODY.PEEK[HEADER]" if large else "BODY.PEEK[]")
            if content is None:
                yield Letter(uid, b"", problem=f"message {uid} of {self._folder} cannot be fetched")
                self._reported.add(uid)
            else:
                yield Letter(uid, content[:_HEAD] if large else content, whole=not large)

    def _fetch_size(self, uid: str) -> int:
        """Return the bytes of a message; 0 if the server does not say."""
        _, items = self._box.client.uid("FETCH", uid, "(RFC822.SIZE)")
        line = b" ".join(item for item in items if isinstance(item, bytes)).upper()
        digits = line.partition(b"RFC822.SIZE ")[2].split(b" ")[0].strip(b")")
        return int(digits) if digits.isdigit() else 0

    def _fetch(self, uid: str, part: str) -> bytes | None:
        """Return a part of a message, such as its header; None if the server does not send it."""
        _, items = self._box.client.uid("FETCH", uid, f"({part})")
        return next((bytes(item[1]) for item in items if isinstance(item, tuple)), None)

    def mark_seen(self, letter: Letter) -> None:
        """Mark a message as seen. Raise `LetterboxFailed` if the server refuses."""
        # The method `flag` of imap-tools would also expunge the messages that others have deleted.
        status, _ = self._box.client.uid("STORE", letter.key, "+FLAGS", r"(\Seen)")
        if status != "OK":
            raise LetterboxFailed(f"mailbox {self._host}:{self._port}: a message cannot be marked as seen")
