"""Deliveries to real folders and to a real SMTP server on this machine, and everything that can go wrong."""

import asyncio
import base64
import itertools
import logging
import mailbox
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notifications.mailers import (
    DeliveryFailed,
    InDoubt,
    MaildirMailer,
    Mailer,
    PermanentFailure,
    SmtpMailer,
    TemporaryFailure,
    Unreachable,
)

HOST = "127.0.0.1"
MESSAGE = b"Subject: Report\r\nTo: principal@example.org\r\n\r\nHello.\r\n.\r\n..two\r\n"
PASSWORD = "correct horse"
PEOPLE = {"sender": "office@example.org", "recipient": "principal@example.org"}

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


def send(mailer: Mailer, message: bytes = MESSAGE, key: str = "1", **people: str) -> None:
    mailer.deliver(message, key=key, **{**PEOPLE, **people})


# Maildir


def kept(folder: Path) -> list[mailbox.MaildirMessage]:
    return list(mailbox.Maildir(folder, create=False))


def test_a_maildir_is_made_and_any_mail_reader_can_read_it(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path / "var" / "mail")
    with mailer.session():
        send(mailer)
    (message,) = kept(tmp_path / "var" / "mail")
    assert message["To"] == "principal@example.org"
    assert message.get_payload() == "Hello.\n.\n..two\n"
    assert message.get_subdir() == "new"


def test_only_the_owner_can_read_what_a_maildir_holds(tmp_path: Path) -> None:
    send(MaildirMailer(tmp_path / "mail"))
    (file,) = (tmp_path / "mail" / "new").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "mail" / "new").stat().st_mode & 0o077 == 0


def test_delivering_one_key_twice_leaves_one_message(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path)
    send(mailer)
    send(mailer)
    send(mailer, key="2")
    assert len(kept(tmp_path)) == 2


def test_a_message_that_a_reader_has_opened_is_not_delivered_again(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path)
    send(mailer)
    (file,) = (tmp_path / "new").iterdir()
    file.rename(tmp_path / "cur" / f"{file.name}:2,S")
    send(mailer)
    assert [message.get_subdir() for message in kept(tmp_path)] == ["cur"]


def test_a_maildir_mailer_shows_its_folder() -> None:
    assert repr(MaildirMailer(Path("/var/mail/out"))) == "MaildirMailer('/var/mail/out')"


def test_a_key_can_not_lead_out_of_the_maildir(tmp_path: Path) -> None:
    send(MaildirMailer(tmp_path / "mail"), key="../../escaped\x00")
    assert len(kept(tmp_path / "mail")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]


def test_threads_that_deliver_one_key_at_once_leave_one_message(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path)
    start = threading.Barrier(8)

    def deliver() -> None:
        start.wait()
        send(mailer)

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(tmp_path)) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_crash_before_the_rename_leaves_no_message_and_does_not_hinder_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailer = MaildirMailer(tmp_path)

    def power_cut(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", power_cut)
        with pytest.raises(KeyboardInterrupt):
            send(mailer)
    assert kept(tmp_path) == []
    send(mailer)
    assert len(kept(tmp_path)) == 1


def test_a_maildir_that_can_not_be_written_is_a_temporary_failure(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file, not a folder")
    with pytest.raises(TemporaryFailure, match="could not be written"):
        send(MaildirMailer(tmp_path / "mail"))


def test_a_full_disk_is_a_temporary_failure_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TemporaryFailure, match="No space left on device"):
        send(MaildirMailer(tmp_path))
    assert list((tmp_path / "tmp").iterdir()) == list((tmp_path / "new").iterdir()) == []


# A real SMTP server


class Desk:
    """What the server does with a message: it keeps it, or answers as a test tells it to."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.connections: list[SMTP] = []
        self.answers: dict[str, str] = {}
        self.drop_at: str | None = None

    def _answer(self, server: SMTP, command: str, agreed: str) -> str:
        if self.drop_at == command:
            server.transport.abort()
        return self.answers.get(command, agreed)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer(server, "MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer(server, "RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        return self._answer(server, "DATA", "250 Taken")

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return self._answer(server, "QUIT", "221 Bye")


class Server(Controller):
    """aiosmtpd in a thread, on a port of the system's choosing, remembering its connections."""

    def __init__(self, desk: Desk, **settings: Any) -> None:
        self.desk = desk
        super().__init__(desk, hostname=HOST, port=0, **settings)

    def factory(self) -> SMTP:
        connection = super().factory()
        self.desk.connections.append(connection)
        return connection

    def _trigger_server(self) -> None:
        """Learns the port before the controller makes its first call to it."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
        self.await_hang_ups()
        self.desk.connections.clear()

    def drop_connections(self) -> None:
        """As a server does with a connection that was idle for too long."""
        for connection in self.desk.connections:
            if connection.transport is not None:
                self.loop.call_soon_threadsafe(connection.transport.abort)
        self.await_hang_ups()

    def await_hang_ups(self) -> None:
        asyncio.run_coroutine_threadsafe(self._until_alone(), self.loop).result(timeout=5)

    async def _until_alone(self) -> None:
        me = asyncio.current_task()
        handlers = [task for task in asyncio.all_tasks() if task is not me]
        await asyncio.gather(*handlers, return_exceptions=True)


@contextmanager
def serving(desk: Desk, **settings: Any) -> Iterator[Server]:
    server = Server(desk, **settings)
    server.start()
    try:
        yield server
    finally:
        server.await_hang_ups()
        server.stop()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def server(desk: Desk) -> Iterator[Server]:
    with serving(desk) as running:
        yield running


def plain(server: Server) -> SmtpMailer:
    return SmtpMailer(HOST, server.port, "none", timeout=5, local_hostname="client.example.org")


def test_a_message_arrives_as_it_was_composed(server: Server, desk: Desk) -> None:
    send(plain(server))
    (envelope,) = desk.received
    assert envelope.mail_from == "office@example.org"
    assert envelope.rcpt_tos == ["principal@example.org"]
    assert envelope.content == MESSAGE


def test_other_line_ends_become_those_of_mail(server: Server, desk: Desk) -> None:
    send(plain(server), b"Subject: x\n\nlast line without its end")
    assert desk.received[0].content == b"Subject: x\r\n\r\nlast line without its end\r\n"


def test_a_sender_with_a_name_is_sent_as_an_address(server: Server, desk: Desk) -> None:
    send(plain(server), sender="Partnership Office, District <office@example.org>")
    assert desk.received[0].mail_from == "office@example.org"


def test_each_delivery_has_a_connection_of_its_own_outside_a_session(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    send(mailer)
    send(mailer)
    assert (len(desk.received), len(desk.connections)) == (2, 2)


def test_the_deliveries_of_a_session_share_one_connection(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    with mailer.session(), mailer.session():
        for key in "123":
            send(mailer, key=key)
    assert (len(desk.received), len(desk.connections)) == (3, 1)


def test_a_session_without_deliveries_opens_no_connection(server: Server, desk: Desk) -> None:
    with plain(server).session():
        pass
    assert desk.connections == []


def test_a_connection_dropped_while_idle_is_opened_again(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    with mailer.session():
        send(mailer)
        server.drop_connections()
        send(mailer)
    assert (len(desk.received), len(desk.connections)) == (2, 2)


def test_a_refusal_in_a_session_does_not_spoil_the_next_delivery(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    with mailer.session():
        desk.answers["RCPT"] = "550 No such person"
        with pytest.raises(PermanentFailure):
            send(mailer)
        desk.answers.clear()
        send(mailer)
    assert len(desk.received) == 1


def test_threads_do_not_share_the_connection_of_a_session(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    failures: list[DeliveryFailed] = []

    def work() -> None:
        try:
            with mailer.session():
                for key in "12345":
                    send(mailer, key=key)
        except DeliveryFailed as failed:
            failures.append(failed)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (len(desk.received), len(desk.connections)) == (20, 4)


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "failure"),
    [("451 Try later", TemporaryFailure), ("550 Not wanted", PermanentFailure)],
)
def test_a_refusal_is_temporary_or_permanent_as_its_code_says(
    server: Server, desk: Desk, command: str, answer: str, failure: type[DeliveryFailed]
) -> None:
    desk.answers[command] = answer
    with pytest.raises(failure, match=answer):
        send(plain(server))


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("530 5.7.0 Must issue a STARTTLS command first", Unreachable), ("550 Who are you", Unreachable),
        ("421 Too busy", Unreachable), ("452 Too large for now", TemporaryFailure),
        ("552 Too large", PermanentFailure),
    ],
)  # fmt: skip
def test_a_refusal_of_the_sender_is_no_single_messages_fault_unless_it_is_of_its_size(
    server: Server, desk: Desk, answer: str, failure: type[DeliveryFailed]
) -> None:
    desk.answers["MAIL"] = answer
    with pytest.raises(DeliveryFailed, match=answer) as failed:
        send(plain(server))
    assert type(failed.value) is failure


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    "answer",
    [
        "553 5.7.1 <office@example.org>: Sender address rejected: not owned by user clerk",
        "554 5.7.1 <principal@example.org>: Relay access denied",
        "550 relay not permitted, authentication required",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "554 5.2.252 SendAsDenied; the account must not send for this address",
        "530 5.7.57 Client not authenticated", "452 4.3.1 Insufficient system storage",
    ],
)  # fmt: skip
def test_a_refusal_of_the_office_or_trouble_of_the_server_is_no_message_s_fault(
    server: Server, desk: Desk, command: str, answer: str
) -> None:
    desk.answers[command] = answer
    with pytest.raises(Unreachable, match=re.escape(answer)):
        send(plain(server))


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize(
    "answer", ["554 5.7.1 <{}>: Recipient address rejected: Access denied", "553 No <{}>"]
)
def test_a_refusal_that_every_recipient_gets_is_no_message_s_fault(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    async def refuse(
        server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return answer.format(address)

    monkeypatch.setattr(desk, "handle_RCPT", refuse)
    with pytest.raises(Unreachable, match="and every other recipient"):
        send(plain(server))


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize(
    "answer", ["450 4.2.0 Greylisted", "451 4.7.1 Greylisting in action", "450 grey-listed"]
)
def test_a_server_that_puts_every_new_recipient_off_is_tried_again_for_each(
    server: Server, desk: Desk, answer: str
) -> None:
    desk.answers["RCPT"] = answer
    with pytest.raises(DeliveryFailed, match=answer) as failed:
        send(plain(server))
    assert type(failed.value) is TemporaryFailure


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("554 5.7.1 Access denied", PermanentFailure), ("550 5.1.1 No such user", PermanentFailure),
        ("452 4.3.1 No room for this mailbox", TemporaryFailure), ("552 5.3.4 Too large", PermanentFailure),
    ],
)  # fmt: skip
def test_a_refusal_that_only_one_recipient_gets_is_of_that_message(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, failure: type[DeliveryFailed]
) -> None:
    async def refuse(
        server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return answer if address == "principal@example.org" else "250 OK"

    monkeypatch.setattr(desk, "handle_RCPT", refuse)
    with pytest.raises(DeliveryFailed, match=answer) as failed:
        send(plain(server))
    assert type(failed.value) is failure
    assert desk.received == []


PIPELINING = (b"220 hello\r\n", b"250-server\r\n250 PIPELINING\r\n")


def test_commands_go_at_once_to_a_server_that_takes_them_so() -> None:
    with scripted(*PIPELINING, b"", b"", b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n") as port:
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


@pytest.mark.parametrize("data", [b"354 go\r\n", b"554 no valid recipients\r\n"])
def test_a_recipient_refused_among_commands_sent_at_once_gets_no_message(data: bytes) -> None:
    with (
        scripted(*PIPELINING, b"", b"", b"250 ok\r\n550 5.1.1 unknown\r\n" + data) as port,
        pytest.raises(PermanentFailure, match=r"550 5\.1\.1 unknown"),
    ):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


def test_small_packets_do_not_wait_for_the_server_to_confirm_the_last(server: Server) -> None:
    mailer = plain(server)
    with mailer.session():
        send(mailer)
        client = mailer._kept.client
        assert client is not None
        assert client.sock is not None
        assert client.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_nul_in_an_answer_does_not_get_into_the_record() -> None:
    replies = (b"250 ok\r\n", b"550 no\0body\r\n")
    with scripted(*HELLO, *replies) as port, pytest.raises(PermanentFailure, match="550 nobody"):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
def test_a_connection_lost_before_the_message_is_a_temporary_failure(
    server: Server, desk: Desk, command: str
) -> None:
    desk.drop_at = command
    with pytest.raises(TemporaryFailure, match="connection lost, not delivered"):
        send(plain(server))


def test_a_connection_lost_after_the_message_leaves_it_in_doubt(server: Server, desk: Desk) -> None:
    desk.drop_at = "DATA"
    with pytest.raises(InDoubt, match="the message was sent, its receipt not confirmed"):
        send(plain(server))
    assert len(desk.received) == 1


@pytest.mark.parametrize("end", ["drop", "refuse"])
def test_what_was_delivered_stays_delivered_whatever_happens_at_quit(
    server: Server, desk: Desk, end: str
) -> None:
    if end == "drop":
        desk.drop_at = "QUIT"
    else:
        desk.answers["QUIT"] = "554 No"
    send(plain(server))
    assert len(desk.received) == 1


def test_a_server_that_is_not_there_is_a_temporary_failure() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TemporaryFailure, match=f"mail server {HOST}:{port} could not be reached"):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


def test_what_is_no_address_is_a_permanent_failure(server: Server) -> None:
    with pytest.raises(PermanentFailure, match="recipient: "):
        send(plain(server), recipient="principal@example.org>\r\nRCPT TO:<all@example.org")


def test_an_international_address_goes_to_a_server_that_takes_one(server: Server, desk: Desk) -> None:
    send(plain(server), "To: björn@example.org\r\n\r\nHej\r\n".encode(), recipient="björn@example.org")
    assert desk.received[0].rcpt_tos == ["björn@example.org"]
    assert "SMTPUTF8" in desk.received[0].mail_options


def test_an_international_address_is_a_permanent_failure_where_the_server_takes_none(desk: Desk) -> None:
    with serving(desk, enable_SMTPUTF8=False) as server:
        with pytest.raises(PermanentFailure, match="takes ASCII addresses only"):
            send(plain(server), recipient="björn@example.org")
        send(plain(server), recipient="bjorn@bücher.example.org")
    assert desk.received[0].rcpt_tos == ["bjorn@xn--bcher-kva.example.org"]


# A server that is slow or odd, by script


@contextmanager
def scripted(*replies: bytes) -> Iterator[int]:
    """One reply to the connection and one to each command or message, then silence till the client goes."""
    listener = socket.create_server((HOST, 0))

    def talk() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            script = iter(replies)
            connection.sendall(next(script))
            in_message = False
            for line in lines:
                ends_step = line == b".\r\n" if in_message else True
                reply = next(script, b"") if ends_step else b""
                in_message = reply.startswith(b"354") or (in_message and not ends_step)
                if reply:
                    connection.sendall(reply)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()
        listener.close()


HELLO = (b"220 hello\r\n", b"250 server\r\n")


@pytest.mark.parametrize(
    ("replies", "failure"),
    [
        ((), TemporaryFailure),
        ((b"250 ok\r\n", b"250 ok\r\n"), TemporaryFailure),
        ((b"250 ok\r\n", b"250 ok\r\n", b"250 not 354\r\n"), TemporaryFailure),
        ((b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"), InDoubt),
        ((b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"what?\r\n"), InDoubt),
        ((b"250 ok\r\n", b"421 closing\r\n"), TemporaryFailure),
    ],
)
def test_a_server_that_falls_silent_or_talks_nonsense(
    replies: tuple[bytes, ...], failure: type[DeliveryFailed]
) -> None:
    with scripted(*HELLO, *replies) as port, pytest.raises(DeliveryFailed) as failed:
        send(SmtpMailer(HOST, port, "none", timeout=0.2, local_hostname="client.example.org"))
    assert type(failed.value) is failure


@pytest.mark.parametrize("greeting", [b"554 go away\r\n", b"421 too busy\r\n"])
def test_a_server_that_refuses_the_connection_is_tried_again(greeting: bytes) -> None:
    with scripted(greeting) as port, pytest.raises(TemporaryFailure, match="refused the connection: "):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


# Certificates and passwords


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for this machine with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST)), x509.DNSName("localhost")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + signed.public_bytes(pem),
    )
    return path


@pytest.fixture(scope="module")
def offered(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(scope="module")
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def by_starttls(port: int, context: ssl.SSLContext | None, **settings: Any) -> SmtpMailer:
    return SmtpMailer(
        HOST, port, "starttls", timeout=5, context=context, local_hostname="client.example.org", **settings
    )


def accepting(password: str) -> Callable[..., AuthResult]:
    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=data.password == password.encode(), handled=False)

    return authenticate


def test_starttls_with_a_trusted_certificate(
    desk: Desk, offered: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    with serving(desk, tls_context=offered, require_starttls=True) as server:
        send(by_starttls(server.port, trusting))
    assert desk.received[0].content == MESSAGE


def test_starttls_with_a_certificate_nobody_vouches_for_is_refused(
    desk: Desk, offered: ssl.SSLContext
) -> None:
    with (
        serving(desk, tls_context=offered) as server,
        pytest.raises(TemporaryFailure, match="a certificate that is not trusted: self-signed certificate"),
    ):
        send(by_starttls(server.port, None))
    assert desk.received == []


def test_a_server_without_starttls_gets_nothing(server: Server, desk: Desk, trusting: ssl.SSLContext) -> None:
    with pytest.raises(TemporaryFailure, match="does not offer what the settings ask for: STARTTLS"):
        send(by_starttls(server.port, trusting))
    assert desk.received == []


def over_tls(context: ssl.SSLContext | None) -> Callable[[Server], SmtpMailer]:
    return lambda server: SmtpMailer(
        HOST, server.port, "tls", timeout=5, context=context, local_hostname="client.example.org"
    )


class TlsServer(Server):
    """TLS from the first byte. Its own first call is made by us, as it must trust the certificate."""

    trusted: ssl.SSLContext

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        with (
            socket.create_connection((HOST, self.port), 5) as raw,
            self.trusted.wrap_socket(raw, server_hostname=HOST) as call,
        ):
            call.recv(1)
        self.await_hang_ups()
        self.desk.connections.clear()


@pytest.fixture
def tls_server(desk: Desk, offered: ssl.SSLContext, trusting: ssl.SSLContext) -> Iterator[Server]:
    server = TlsServer(desk, ssl_context=offered)
    server.trusted = trusting
    server.start()
    yield server
    server.await_hang_ups()
    server.stop()


def test_tls_from_the_start_with_a_trusted_certificate(
    tls_server: Server, desk: Desk, trusting: ssl.SSLContext
) -> None:
    mailer = over_tls(trusting)(tls_server)
    with mailer.session():
        send(mailer)
        send(mailer, key="2")
    assert (len(desk.received), len(desk.connections)) == (2, 1)


def test_tls_from_the_start_with_a_certificate_nobody_vouches_for_is_refused(
    tls_server: Server, desk: Desk
) -> None:
    with pytest.raises(TemporaryFailure, match="a certificate that is not trusted: self-signed certificate"):
        send(over_tls(None)(tls_server))
    assert desk.received == []


def test_a_server_may_ask_for_a_user_name_and_password(
    desk: Desk, offered: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    settings = {"tls_context": offered, "auth_required": True, "authenticator": accepting(PASSWORD)}
    with serving(desk, **settings) as server:
        send(by_starttls(server.port, trusting, username="office", password=PASSWORD))
    assert len(desk.received) == 1


def test_a_wrong_password_is_for_an_operator_to_mend_and_is_never_told(
    desk: Desk, offered: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    settings = {"tls_context": offered, "auth_required": True, "authenticator": accepting("another")}
    with serving(desk, **settings) as server, pytest.raises(TemporaryFailure) as failed:
        send(by_starttls(server.port, trusting, username="office", password=PASSWORD))
    assert "refused the user name or password; mend them in the settings. It said: 535" in str(failed.value)
    assert PASSWORD not in str(failed.value)
    assert failed.value.__cause__ is None


def test_a_server_may_ask_for_an_access_token_and_a_renewed_one_counts_at_once(
    desk: Desk, offered: ssl.SSLContext, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    proofs: list[bytes] = []

    async def xoauth2(server: SMTP, args: list[str]) -> AuthResult:
        proofs.append(base64.b64decode(args[1]))
        if b"Bearer renewed" not in proofs[-1]:
            await server.push("334 " + base64.b64encode(b'{"status":"400"}').decode())
            assert await server._reader.readline() == b"\r\n"
        return AuthResult(success=b"Bearer renewed" in proofs[-1], handled=False, auth_data=b"office")

    token = tmp_path / "token"
    token.write_text("old\n", encoding="utf-8")
    desk.auth_XOAUTH2 = xoauth2  # type: ignore[attr-defined] # aiosmtpd finds it by its name
    with serving(desk, tls_context=offered, auth_required=True, authenticator=accepting("")) as server:
        mailer = by_starttls(server.port, trusting, username="office", oauth_token_file=token)
        with pytest.raises(Unreachable, match="refused the user name or password") as failed:
            send(mailer)
        assert "old" not in str(failed.value)
        token.write_text("renewed\n", encoding="utf-8")
        send(mailer)
    assert proofs[-1] == b"user=office\x01auth=Bearer renewed\x01\x01"
    assert len(desk.received) == 1


def test_a_server_that_repeats_the_password_does_not_get_it_into_an_error() -> None:
    mailer = SmtpMailer("mail.example.org", 587, "starttls", "office", PASSWORD)
    assert mailer._quote(535, f"no: {PASSWORD}\n".encode()) == "535 no: [password]"


def test_the_password_is_not_shown() -> None:
    shown = repr(SmtpMailer("mail.example.org", 587, "starttls", "office", PASSWORD))
    assert shown == "SmtpMailer('mail.example.org', 587, 'starttls', username='office')"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("mail.example.org", 25, "none"), "'none' is for localhost only, not 'mail.example.org'"),
        (("192.0.2.1", 25, "none"), "'none' is for localhost only"),
        (("localhost", 25, "none", "office", PASSWORD), "'none' would send the password in the clear"),
        (("mail.example.org", 587, "starttls", "office"), "one is given without the other"),
        (("mail.example.org", 587, "ssl"), "'ssl'; expected 'starttls', 'tls' or 'none'"),
    ],
)
def test_unsafe_settings_are_refused_when_the_mailer_is_made(settings: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        SmtpMailer(*settings)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_needs_no_encryption(host: str) -> None:
    assert repr(host) in repr(SmtpMailer(host, 25, "none"))


def test_both_mailers_are_what_the_outbox_expects(tmp_path: Path, server: Server) -> None:
    mailers: list[Mailer] = [MaildirMailer(tmp_path), plain(server)]
    for mailer, key in itertools.product(mailers, "12"):
        with mailer.session():
            send(mailer, key=key)
    assert message_from_bytes(MESSAGE)["To"] == kept(tmp_path)[0]["To"]
