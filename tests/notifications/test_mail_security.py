"""Certificates and passwords of the mail server: nothing is sent to a server that nobody vouches for."""

import base64
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notifications.mailers import (
    SmtpMailer,
    TemporaryFailure,
    Unreachable,
)
from tests.support.smtp_server import HOST, MESSAGE, PASSWORD, Desk, Server, send, serving


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
