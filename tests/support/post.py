"""A mail server in the test's own process: it asks for STARTTLS, with a certificate good at any shifted time."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from aiosmtpd.smtp import Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.smtp_server import HOST, Desk, serving

SETTINGS = """
[mail]
mailer = "smtp"
[mail.smtp]
host = "{host}"
port = {port}
security = "starttls"
ca_file = "authority.pem"
timeout_seconds = 20
"""


def certify(folder: Path) -> ssl.SSLContext:
    """A self-signed certificate of this machine, valid from 2020 to 2040; clients find it in authority.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    (folder / "authority.pem").write_bytes(signed.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "authority.pem", folder / "key.pem")
    return context


@contextmanager
def post_office(folder: Path) -> Iterator[tuple[Desk, str]]:
    """A running mail server, and the settings with which an office in this folder sends through it."""
    desk = Desk()
    with serving(desk, tls_context=certify(folder), require_starttls=True) as server:
        yield desk, SETTINGS.format(host=HOST, port=server.port)


def content(envelope: Envelope) -> bytes:
    """The bytes that arrived."""
    return cast(bytes, envelope.content)


def letter(envelope: Envelope) -> EmailMessage:
    """The message that arrived."""
    return message_from_bytes(content(envelope), policy=policy.default)
