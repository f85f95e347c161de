"""Hands one message to one recipient: by SMTP, or into a Maildir as the embedded default.

Both stand behind the small protocol `Mailer`. A failure says whether to try again (TemporaryFailure), to try
nothing for a while (Unreachable), to give up (PermanentFailure), or that nobody can know (InDoubt).
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

from notifications.addresses import mailbox
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
    """Puts each message as a file into one Maildir, where any mail reader can open it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"MaildirMailer({str(self._path)!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Nothing to hold open; here because SMTP has one."""
        yield

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        """Leaves one message however often the same `key` comes, also after a reader has moved it to cur/."""
        name = hashlib.sha256(key.encode()).hexdigest()[:40]
        try:
            self._create()
            if not self._present(name):
                self._write(name, _LINE_END.sub(b"\n", message))
        except OSError as error:
            raise Unreachable(f"the Maildir {self._path} could not be written: {error}") from error

    def _create(self) -> None:
        for folder in ("", "tmp", "new", "cur"):
            (self._path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def _present(self, name: str) -> bool:
        # Readers move from new/ to cur/ only, so this order can't miss a message that moves meanwhile.
        # In cur/ the name has its flags behind it, such as ":2,S".
        return (self._path / "new" / name).exists() or any((self._path / "cur").glob(f"{name}*"))

    def _write(self, name: str, message: bytes) -> None:
        # One name for each writer; what a crash leaves is overwritten, or swept by Maildir.clean().
        part = self._path / "tmp" / f"{name}.{os.getpid()}.{threading.get_ident()}"
        try:
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


class _Held(threading.local):
    """The connection a session keeps, one for each thread: two conversations can't share a line."""

    open: bool = False
    client: smtplib.SMTP | None = None


class SmtpMailer:
    """Delivers through one SMTP server. Certificates are verified unless `context` says otherwise."""

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
        # smtplib's own default would verify nothing.
        self._context = context or ssl.create_default_context()
        self._local_hostname = local_hostname
        self._held = _Held()

    def __repr__(self) -> str:
        return f"SmtpMailer({self._host!r}, {self._port}, {self._security!r}, username={self._username!r})"

    @contextmanager
    def session(self) -> Iterator[None]:
        """Deliveries of this thread inside the block share one connection, opened at the first of them."""
        if self._held.open:
            yield
            return
        self._held.open = True
        try:
            yield
        finally:
            self._held.open = False
            self._hang_up()

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        """Returns once the server has taken the message; raises a DeliveryFailed otherwise.

        `key` is unused: SMTP offers nothing to recognize a repeated message by, save the Message-ID within.
        """
        try:
            envelope = mailbox(sender, "sender").address, mailbox(recipient, "recipient").address
        except ValueError as error:
            raise PermanentFailure(str(error)) from error
        client = self._connected()
        delivered = False
        try:
            self._transact(client, *envelope, _dotted(message))
            delivered = True
        finally:
            if not (delivered and self._held.open):
                self._hang_up()

    def _connected(self) -> smtplib.SMTP:
        """The session's connection if the server still answers on it, else a new one."""
        client = self._held.client
        if client is not None:
            with suppress(smtplib.SMTPException, OSError):
                if client.rset()[0] == 250:
                    return client
            self._hang_up()
        self._held.client = self._connect()
        return self._held.client

    def _connect(self) -> smtplib.SMTP:
        client: smtplib.SMTP | None = None
        try:
            client = self._opened()
            client.ehlo_or_helo_if_needed()
            if self._security == "starttls":
                client.starttls(context=self._context)
                client.ehlo_or_helo_if_needed()
            if self._username is not None and self._password is not None:
                client.login(self._username, self._password)
        except (smtplib.SMTPException, OSError) as error:
            if client is not None:
                client.close()
            raise Unreachable(self._why_not_connected(error)) from None  # its text may hold the password
        return client

    def _opened(self) -> smtplib.SMTP:
        if self._security == "tls":
            return smtplib.SMTP_SSL(
                self._host, self._port, self._local_hostname, timeout=self._timeout, context=self._context
            )
        return smtplib.SMTP(self._host, self._port, self._local_hostname, timeout=self._timeout)

    def _why_not_connected(self, error: Exception) -> str:
        where = f"mail server {self._host}:{self._port}"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            said = self._said(error.smtp_code, error.smtp_error)
            return f"{where} refused the user name or password; mend them in the settings. It said: {said}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{where} has a certificate that is not trusted: {error.verify_message}"
        if isinstance(error, smtplib.SMTPResponseException):
            return f"{where} refused the connection: {self._said(error.smtp_code, error.smtp_error)}"
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return f"{where} does not offer what the settings ask for: {error}"
        return f"{where} could not be reached: {self._redacted(str(error) or type(error).__name__)}"

    def _transact(self, client: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> None:
        try:
            options = self._options(client, sender, recipient, content)
            self._expect_sender(client.mail(sender, options), plain="SMTPUTF8" not in options)
            self._expect(client.rcpt(recipient), f"the recipient {recipient}")
            self._expect(client.docmd("DATA"), "DATA", first_digit=3)
            client.send(content)
        except (smtplib.SMTPException, OSError) as error:
            # Without its end mark, sent below, a server throws the content away: nothing was delivered.
            text = self._redacted(str(error))
            raise TemporaryFailure(
                f"mail server {self._host}: connection lost, not delivered: {text}"
            ) from error
        try:
            client.send(b".\r\n")
            reply = client.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._doubt(self._redacted(str(error)), error)
        if not 200 <= reply[0] < 600:
            self._doubt(self._said(*reply), None)
        self._expect(reply, "the message")

    def _doubt(self, text: str, cause: Exception | None) -> NoReturn:
        raise InDoubt(
            f"mail server {self._host}: the message was sent, its receipt not confirmed: {text}"
        ) from cause

    def _options(self, client: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> list[str]:
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

    def _expect_sender(self, reply: tuple[int, bytes], *, plain: bool) -> None:
        """Nothing where the server agreed to the sender, which is the same of every message.

        A refusal is no single message's fault, unless it is of its size (452, 552) or its letters.
        """
        if reply[0] // 100 in (4, 5) and reply[0] not in (452, 552) and plain:
            raise Unreachable(f"mail server {self._host} refused MAIL FROM: {self._said(*reply)}")
        self._expect(reply, "MAIL FROM")

    def _expect(self, reply: tuple[int, bytes], what: str, first_digit: int = 2) -> None:
        """Nothing where the server agreed; else the failure that the first digit of its code stands for."""
        digit = reply[0] // 100
        if digit != first_digit:
            text = f"mail server {self._host} refused {what}: {self._said(*reply)}"
            raise PermanentFailure(text) if digit == 5 else TemporaryFailure(text)

    def _said(self, code: int, text: bytes | str) -> str:
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return self._redacted(f"{code} {' '.join(words.split())}")

    def _redacted(self, text: str) -> str:
        """A server may echo what it was sent; the password must not get into a log that way.

        Nor a NUL, which no text of a database can have, into the record.
        """
        text = text.replace("\0", "")
        return text.replace(self._password, "[password]") if self._password else text

    def _hang_up(self) -> None:
        """QUIT as a courtesy: what was delivered stays delivered whatever the server answers."""
        client, self._held.client = self._held.client, None
        if client is None:
            return
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
        client.close()


def _dotted(message: bytes) -> bytes:
    """The message as it goes over the wire: CRLF line ends, leading dots doubled (RFC 5321, 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", message)
    lines = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


def _check_settings(host: str, security: str, username: str | None, password: str | None) -> None:
    if security not in ("starttls", "tls", "none"):
        raise ValueError(f"security: {security!r}; expected 'starttls', 'tls' or 'none'")
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
