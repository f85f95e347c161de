"""Delivers messages to one SMTP server, over one connection for many messages (RFC 5321)."""

import ipaddress
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NoReturn

from notifications.addresses import parse_mailbox
from notifications.delivery import InDoubt, PermanentFailure, TemporaryFailure, Unreachable
from notifications.refusals import failure, failure_of_one, is_about_us, is_same, may_be_about_us
from notifications.texts import read_secret

Security = Literal["starttls", "tls", "none"]
LINE_END = re.compile(rb"\r\n|\r|\n")


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
        oauth_token_file: Path | None = None,
    ) -> None:
        """Log in as `username` with `password`, or with the access token in a file (XOAUTH2), or not at all."""
        _check_settings(host, security, username, str(oauth_token_file) if oauth_token_file else password)
        self._host, self._port, self._security = host, port, security
        self._username, self._password = username, password
        self._oauth_token_file = oauth_token_file
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
            self._log_in(client)
        except (smtplib.SMTPException, OSError) as error:
            if client is not None:
                client.close()
            # Without the original error, whose text may hold the password.
            raise Unreachable(self._explain(error)) from None
        return client

    def _log_in(self, client: smtplib.SMTP) -> None:
        """Log in if the settings name a user. Raise an error of smtplib, or OSError if the token cannot be read."""
        if self._username is None:
            return
        if self._oauth_token_file is not None:
            # Another program renews the token about once an hour, so read it for each connection.
            self._password = read_secret(self._oauth_token_file)
            proof = f"user={self._username}\x01auth=Bearer {self._password}\x01\x01"
            # A server that refuses the token first explains itself in a challenge. The answer to that is empty.
            client.auth("XOAUTH2", lambda challenge=None: proof if challenge is None else "")
        elif self._password is not None:
            client.login(self._username, self._password)

    def _open(self) -> smtplib.SMTP:
        """Open a connection, encrypted from the start only where the setting is "tls"."""
        client: smtplib.SMTP
        if self._security == "tls":
            client = smtplib.SMTP_SSL(
                self._host, self._port, self._local_hostname, timeout=self._timeout, context=self._context
            )
        else:
            client = smtplib.SMTP(self._host, self._port, self._local_hostname, timeout=self._timeout)
        # The end mark of a message is a small packet of its own. Without this it waits for the server to confirm
        # the packet before it, which most servers put off for 40 ms.
        assert client.sock is not None
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

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
            self._announce(
                client, sender, recipient, self._choose_options(client, sender, recipient, content)
            )
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

    def _announce(self, client: smtplib.SMTP, sender: str, recipient: str, options: list[str]) -> None:
        """Name the sender and the recipient and ask to send. Raise the failure that a refusal means."""
        commands = [f"MAIL FROM:<{sender}> {' '.join(options)}".rstrip(), f"RCPT TO:<{recipient}>", "DATA"]
        replies = self._ask(client, commands, utf8="SMTPUTF8" in options)
        self._expect_sender(next(replies), is_plain="SMTPUTF8" not in options)
        reply = next(replies)
        if reply[0] // 100 != 2:
            accepted = next(replies)[0] == 354 if client.has_extn("pipelining") else False
            if accepted:
                # The server waits for a message that has no recipient. Only closing the connection ends that.
                client.close()
            self._refuse_recipient(client, sender, recipient, reply)
        self._expect(next(replies), "DATA", first_digit=3)

    def _ask(self, client: smtplib.SMTP, commands: list[str], *, utf8: bool) -> Iterator[tuple[int, bytes]]:
        """Send commands and return an answer for each: all at once if the server takes that (RFC 2920)."""
        client.command_encoding = "utf-8" if utf8 else "ascii"
        if client.has_extn("pipelining"):
            client.send("".join(f"{command}\r\n" for command in commands))
            yield from (client.getreply() for _ in commands)
        else:
            yield from (client.docmd(command) for command in commands)

    def _refuse_recipient(
        self, client: smtplib.SMTP, sender: str, recipient: str, reply: tuple[int, bytes]
    ) -> NoReturn:
        """Raise what the refusal of a recipient means.

        1. The words or the code may say that the server refuses us.
        2. If they leave it open, ask for the sender's own address as recipient. A server that refuses it with the
           same words refuses every recipient: that is an outage, and no message is to blame.
        """
        text = f"mail server {self._host} refused the recipient {recipient}: {self._quote(*reply)}"
        answer = reply[0], self._read(reply[1])
        if is_about_us(*answer):
            raise Unreachable(text)
        if may_be_about_us(*answer) and recipient != sender:
            with suppress(smtplib.SMTPException, OSError):
                client.rset()
                client.mail(sender)
                code, words = client.rcpt(sender)
                if is_same(answer, (code, self._read(words))):
                    raise Unreachable(f"{text} (and every other recipient)")
        raise failure_of_one(reply[0], text)

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
        """Raise the failure that the server's refusal means, unless the server agreed."""
        if reply[0] // 100 != first_digit:
            text = f"mail server {self._host} refused {what}: {self._quote(*reply)}"
            raise failure(reply[0], self._read(reply[1]), text)

    def _quote(self, code: int, text: bytes | str) -> str:
        """Return an answer of the server on one line, without the password."""
        return self._redact(f"{code} {self._read(text)}")

    @staticmethod
    def _read(text: bytes | str) -> str:
        """Return what a server said on one line."""
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return " ".join(words.split())

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
    lines = LINE_END.sub(b"\r\n", message)
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
