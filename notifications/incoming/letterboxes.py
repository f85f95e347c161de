"""Where answers arrive: a Maildir, or a mailbox on a server (IMAP). A message is taken when its reader says so.

Whoever reads does all the work first and then lets go of the message, so that one which a crash leaves behind comes
again; that it counts once is the reader's affair.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from notifications.errors import ServiceError

MOST = 10_000_000  # bytes of a message; of a larger one only the head is read
_HEAD = 100_000


class LetterboxFailed(ServiceError):
    """Messages cannot be fetched now; says from where and why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it lies there; where it is not `whole`, only its head. `problem` says why it cannot be read."""

    key: str
    content: bytes
    whole: bool = True
    problem: str | None = None


class Letterbox(Protocol):
    """Where messages are found. Everything but `session` may be called only inside of one."""

    def session(self) -> AbstractContextManager[None]: ...

    def letters(self, most: int) -> Iterator[Letter]: ...

    def mark_seen(self, letter: Letter) -> None: ...


class MaildirLetterbox:
    """A Maildir into which the mail server puts what comes for the office."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"MaildirLetterbox({str(self._path)!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Makes the folders where they are missing, so that a mail server can be pointed there."""
        try:
            for folder in ("", "tmp", "new", "cur"):
                (self._path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise LetterboxFailed(f"the Maildir {self._path} cannot be used: {error}") from error

    def letters(self, most: int) -> Iterator[Letter]:
        """Up to `most` messages that nobody has seen, the oldest first."""
        given = 0
        for path in self._unseen():
            letter = _read(path)
            if letter is None:
                continue  # somebody else has taken it
            yield letter
            given += letter.problem is None  # those that cannot be read must not stand in the way of others
            if given >= most:
                return

    def _unseen(self) -> list[Path]:
        found = []
        for folder in ("new", "cur"):
            for path in (self._path / folder).iterdir():
                flags = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
                if not path.name.startswith(".") and "S" not in flags and "T" not in flags:
                    found.append((_age(path), path.name, path))
        return [path for *_, path in sorted(found)]

    def mark_seen(self, letter: Letter) -> None:
        """Move it to cur/ as seen; what a mail reader has moved meanwhile stays where it is."""
        path = Path(letter.key)
        name, _, flags = path.name.partition(":2,")
        with suppress(FileNotFoundError):
            path.rename(self._path / "cur" / f"{name}:2,{''.join(sorted({*flags, 'S'}))}")


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> Letter | None:
    try:
        with path.open("rb") as file:
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
    """A folder of a mailbox on a server, over TLS; certificates are verified unless `context` says otherwise."""

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        password: str,
        folder: str = "INBOX",
        timeout: float = 30.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port, self._folder = host, port, folder
        self._username, self._password = username, password
        self._timeout = timeout
        self._context = context or ssl.create_default_context()
        self._box: Any = None

    def __repr__(self) -> str:
        return f"ImapLetterbox({self._host!r}, {self._port}, {self._username!r}, {self._folder!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Inside the block the folder is open; it is closed again whatever happens."""
        from imap_tools import ImapToolsError, MailBox  # here, since only some districts need it

        try:
            box = MailBox(self._host, self._port, timeout=self._timeout, ssl_context=self._context)
            try:
                self._box = box.login(self._username, self._password, initial_folder=self._folder)
                yield
            finally:
                self._box = None
                with suppress(imaplib.IMAP4.error, ImapToolsError, OSError):
                    box.logout()
        except (imaplib.IMAP4.error, ImapToolsError, OSError) as error:
            raise LetterboxFailed(f"mailbox {self._host}:{self._port}: {self._redacted(error)}") from None

    def _redacted(self, error: Exception) -> str:
        """A server may echo what it was sent; the password must not get into a log that way."""
        words = " ".join((str(error) or type(error).__name__).split())
        return words.replace(self._password, "[password]")[:500]

    def letters(self, most: int) -> Iterator[Letter]:
        """Up to `most` messages that nobody has seen."""
        for uid in self._box.uids("UNSEEN", charset=None)[:most]:
            large = self._size(uid) > MOST
            content = self._part(uid, "BODY.PEEK[HEADER]" if large else "BODY.PEEK[]")
            if content is None:
                yield Letter(uid, b"", problem=f"message {uid} of {self._folder} cannot be fetched")
            else:
                yield Letter(uid, content[:_HEAD] if large else content, whole=not large)

    def _size(self, uid: str) -> int:
        _, found = self._box.client.uid("FETCH", uid, "(RFC822.SIZE)")
        said = b" ".join(part for part in found if isinstance(part, bytes)).upper()
        digits = said.partition(b"RFC822.SIZE ")[2].split(b" ")[0].strip(b")")
        return int(digits) if digits.isdigit() else 0

    def _part(self, uid: str, part: str) -> bytes | None:
        _, found = self._box.client.uid("FETCH", uid, f"({part})")
        return next((bytes(one[1]) for one in found if isinstance(one, tuple)), None)

    def mark_seen(self, letter: Letter) -> None:
        """Mark it as seen. Not by imap-tools' own `flag`, which also expunges what others have deleted."""
        status, _ = self._box.client.uid("STORE", letter.key, "+FLAGS", r"(\Seen)")
        if status != "OK":
            raise LetterboxFailed(f"mailbox {self._host}:{self._port}: a message cannot be marked as seen")
