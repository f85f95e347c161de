"""Encrypted and signed messages: only words that can be read are recorded, and their sender is told."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tests.attacks.test_words_into_the_record import asked_for_finding, plain, reasons, written
from tests.support.letters import answer, asked_for_needs, comes, got

ARMOUR = "-----BEGIN PGP {0}-----\nComment: x\n\nhF4D\n=aaaa\n-----END PGP {0}-----\n".format
MULTIPART = "multipart/{}; boundary=b; protocol=application/pgp-{}".format
PARTS = "--b\r\n{}\r\n--b\r\nContent-Type: application/{}\r\n\r\n{}\r\n--b--\r\n".format


def with_body(asked: EmailMessage, kind: str, body: str) -> bytes:
    """An answer of this type with exactly this body."""
    return answer(asked, "", Content_Type=kind).partition(b"\r\n\r\n")[0] + f"\r\n\r\n{body}".encode()


@pytest.mark.promise("nothing-dropped-in-silence")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", ARMOUR("MESSAGE")),
        ("text/plain", ARMOUR("MESSAGE")[:-40]),
        ("text/html", f"<pre>{ARMOUR('MESSAGE')}</pre>"),
        (
            MULTIPART("encrypted", "encrypted"),
            PARTS(
                "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", "octet-stream", ARMOUR("MESSAGE")
            ),
        ),
    ],
)
def test_who_sends_what_is_encrypted_with_openpgp_is_told(begin, kind, body):
    life = asked_for_needs(begin("needs"))
    asked = got(life, "describe-needs", "principal")
    assert comes(life, with_body(asked, kind, body)).verdict == "refused"
    assert "unencrypted" in plain(got(life, "reply-refused", "principal"))
    assert life.told("reply-note") == ["staff"]


@pytest.mark.promise("clear-consent")
def test_a_word_above_what_is_encrypted_is_no_agreement(begin):
    life, asked = asked_for_finding(begin)
    assert comes(life, written(asked, f"yes\n\n{ARMOUR('MESSAGE')}")).verdict == "refused"
    assert reasons(life) is None


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "text/plain",
            "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nyes\r\n\r\n- - It rose.\r\n"
            f"- -----It did.\r\n{ARMOUR('SIGNATURE')}",
        ),
        (
            MULTIPART("signed", "signature"),
            PARTS("\r\nyes\r\n\r\n- It rose.\r\n-----It did.", "pgp-signature", ARMOUR("SIGNATURE")),
        ),
    ],
)
def test_of_a_message_signed_with_openpgp_only_the_words_are_read(begin, kind, body):
    life, asked = asked_for_finding(begin)
    assert comes(life, with_body(asked, kind, body)).verdict == "done"
    assert reasons(life) == "- It rose.\n-----It did."
