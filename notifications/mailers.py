"""Delivers one message to one recipient: by SMTP, or into a Maildir as the embedded default.

Both mailers follow the protocol `Mailer`. A failure says whether to try the message again (TemporaryFailure), to
try no message for a while (Unreachable), to give up (PermanentFailure), or that nobody can know (InDoubt).
"""

import hashlib
import ipaddress
import os
import re
import smtplib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NoReturn

from notifications.addresses import parse_mailbox
from notifications.delivery import (
    DeliveryFailed,
    InDoubt,
    Mailer,
    PermanentFailure,
    TemporaryFailure,
    Unreachable,
)
from notifications.disk import sync_folder

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

Security = Literal["starttls", "tls", "none"]
_LINE_END = re.compile(rb"\r\n|\r|\n")


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
                self._write(name, _LINE_END.sub(b"\n", message))
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


class _KeptConnection(threading.local):
    """The connection that a session keeps, one for each thread: two threads must not mix their commands on it."""

    open: bool = False
    client: smtplib.SMTP | None = None


class SmtpMailer:
    """Delivers through one SMTP server. It verifies certificates unless `context` says otherwise."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        username: str | None = None,
        password: str | None = None,
        timeout: float = 30.0,
        context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
    ) -> None:
        _check_settings(host, security, username, password)
        self._host, self._port, self._security = host, port, security
        self._username, self._password = username, password
        self._timeout = timeout
        # The default of smtplib verifies nothing.
        self._context = context or ssl.create_default_context()
        self._local_hostname = local_hostname
        self._kept = _KeptConnection()

    def __repr__(self) -> str:
        return f"SmtpMailer({self._host!r}, {self._port}, {self._security!r}, username={self._username!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Let the deliveries of this thread inside the block share one connection, which the first one opens."""
        # A session inside another one shares its connection and leaves closing it to the outer one.
        if self._kept.open:
            yield
            return
        self._kept.open = True
        try:
            yield
        finally:
            self._kept.open = False
            self._hang_up()

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        """Return when the server has accepted the message. Raise a `DeliveryFailed` otherwise.

        `key` is unused: a mail server can recognize a repeated message only by its Message-ID.
        """
        try:
            envelope = parse_mailbox(sender, "sender").address, parse_mailbox(recipient, "recipient").address
        except ValueError as error:
            raise PermanentFailure(str(error)) from error
        client = self._get_client()
        delivered = False
        try:
            self._transact(client, *envelope, _double_dots(message))
            delivered = True
        finally:
            # After a failure the state of the conversation is
            # unknown, so the next message gets a new connection.
            if not (delivered and self._kept.open):
                self._hang_up()

    def _get_client(self) -> smtplib.SMTP:
        """Return the connection of the session if the server still answers on it, else a new one."""
        client = self._kept.client
        if client is not None:
            with suppress(smtplib.SMTPException, OSError):
                # A server may have closed an idle connection.
                # RSET finds that out before a message depends on it.
                if client.rset()[0] == 250:
                    return client
            self._hang_up()
        self._kept.client = self._connect()
        return self._kept.client

    def _connect(self) -> smtplib.SMTP:
        """Connect, encrypt and log in. Raise `Unreachable` if any of these fails."""
        client: smtplib.SMTP | None = None
        try:
            client = self._open()
            client.ehlo_or_helo_if_needed()
            if self._security == "starttls":
                client.starttls(context=self._context)
                # Ask again after STARTTLS: what the server offered
                # before was not protected and may have been forged.
                client.ehlo_or_helo_if_needed()
            if self._username is not None and self._password is not None:
                client.login(self._username, self._password)
        except (smtplib.SMTPException, OSError) as error:
            if client is not None:
                client.close()
            # Without the original error, whose text may hold the password.
            raise Unreachable(self._explain(error)) from None
        return client

    def _open(self) -> smtplib.SMTP:
        """Open a connection, encrypted from the start only where the setting is "tls"."""
        if self._security == "tls":
            return smtplib.SMTP_SSL(
                self._host, self._port, self._local_hostname, timeout=self._timeout, context=self._context
            )
        return smtplib.SMTP(self._host, self._port, self._local_hostname, timeout=self._timeout)

    def _explain(self, error: Exception) -> str:
        """Return why there is no connection, in words for staff."""
        where = f"mail server {self._host}:{self._port}"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            answer = self._quote(error.smtp_code, error.smtp_error)
            return f"{where} refused the user name or password; mend them in the settings. It said: {answer}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{where} has a certificate that is not trusted: {error.verify_message}"
        if isinstance(error, smtplib.SMTPResponseException):
            return f"{where} refused the connection: {self._quote(error.smtp_code, error.smtp_error)}"
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return f"{where} does not offer what the settings ask for: {error}"
        return f"{where} could not be reached: {self._redact(str(error) or type(error).__name__)}"

    def _transact(self, client: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> None:
        """Send one message, and raise the failure that the server's answers or silence mean.

        1. Name the sender and the recipient, and send the content without its end mark. If the connection is lost
           until here, the server discards the content: nothing was delivered.
        2. Send the end mark and wait for the answer. If the connection is lost now, or the answer makes no sense,
           the server may have accepted the message: the delivery is in doubt.
        3. Else the answer decides.
        """
        try:
            options = self._choose_options(client, sender, recipient, content)
            self._expect_sender(client.mail(sender, options), is_plain="SMTPUTF8" not in options)
            self._expect(client.rcpt(recipient), f"the recipient {recipient}")
            self._expect(client.docmd("DATA"), "DATA", first_digit=3)
            client.send(content)
        except (smtplib.SMTPException, OSError) as error:
            text = self._redact(str(error))
            raise TemporaryFailure(
                f"mail server {self._host}: connection lost, not delivered: {text}"
            ) from error
        try:
            client.send(b".\r\n")
            reply = client.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._raise_doubt(self._redact(str(error)), error)
        if not 200 <= reply[0] < 600:
            self._raise_doubt(self._quote(*reply), None)
        self._expect(reply, "the message")

    def _raise_doubt(self, text: str, cause: Exception | None) -> NoReturn:
        raise InDoubt(
            f"mail server {self._host}: the message was sent, its receipt not confirmed: {text}"
        ) from cause

    def _choose_options(self, client: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> list[str]:
        """Return the options of MAIL FROM. Raise `PermanentFailure` if the server cannot take other than ASCII."""
        # With its size declared, a message that is too large is refused before it is sent (RFC 1870).
        options = [f"SIZE={len(content)}"] if client.has_extn("size") else []
        head = content.partition(b"\r\n\r\n")[0]
        if sender.isascii() and recipient.isascii() and head.isascii():
            return options
        if not client.has_extn("smtputf8"):
            raise PermanentFailure(
                f"mail server {self._host} takes ASCII addresses only (it has no SMTPUTF8): "
                f"from {sender} to {recipient}"
            )
        return [*options, "SMTPUTF8", "BODY=8BITMIME"]

    def _expect_sender(self, reply: tuple[int, bytes], *, is_plain: bool) -> None:
        """Raise `Unreachable` if the server refuses the sender, which every message has in common.

        A refusal for the size of a message (452, 552), or for letters other than ASCII, concerns that message only.
        """
        # Every message has this sender. One refusal stands for all, so do not use up the attempts of each.
        if reply[0] // 100 in (4, 5) and reply[0] not in (452, 552) and is_plain:
            raise Unreachable(f"mail server {self._host} refused MAIL FROM: {self._quote(*reply)}")
        self._expect(reply, "MAIL FROM")

    def _expect(self, reply: tuple[int, bytes], what: str, first_digit: int = 2) -> None:
        """Raise the failure that the first digit of the server's code means, unless the server agreed."""
        digit = reply[0] // 100
        if digit != first_digit:
            text = f"mail server {self._host} refused {what}: {self._quote(*reply)}"
            # An unexpected code, such as a 3xx here, says nothing final, so it counts as temporary.
            raise PermanentFailure(text) if digit == 5 else TemporaryFailure(text)

    def _quote(self, code: int, text: bytes | str) -> str:
        """Return an answer of the server on one line, without the password."""
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return self._redact(f"{code} {' '.join(words.split())}")

    def _redact(self, text: str) -> str:
        """Return text of the server that a log and the database can hold.

        A server may echo what it received, so the password is removed. So is a NUL, which PostgreSQL refuses.
        """
        text = text.replace("\0", "")
        return text.replace(self._password, "[password]") if self._password else text

    def _hang_up(self) -> None:
        """Close the connection. The answer to QUIT does not matter: a delivery is recorded before it."""
        client, self._kept.client = self._kept.client, None
        if client is None:
            return
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
        client.close()


def _double_dots(message: bytes) -> bytes:
    """Return a message as SMTP transmits it: with CRLF line ends, and leading dots doubled (RFC 5321, 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", message)
    lines = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


def _check_settings(host: str, security: str, username: str | None, password: str | None) -> None:
    """Raise ValueError for settings that contradict each other or would send a password in the clear."""
    if security not in ("starttls", "tls", "none"):
        raise ValueError(f"security: {security!r}; expected 'starttls', 'tls' or 'none'")
    # The mailer would simply not log in, and the mistake would show only when the server refuses mail.
    if (username is None) != (password is None):
        raise ValueError("username and password: one is given without the other; expected both or neither")
    if security == "none" and username is not None:
        raise ValueError(
            "security: 'none' would send the password in the clear; expected 'starttls' or 'tls'"
        )
    if security == "none" and not _is_loopback(host):
        raise ValueError(
            f"security: 'none' is for localhost only, not {host!r}; expected 'starttls' or 'tls'"
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
