"""Tries to make up headers of our messages (CVE-2024-6923) and to pose as another sender, on any release of Python.

No release before the mended ones keeps a line end out of a header by itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest

from notifications.compose import compose
from notifications.incoming.senders import sender_of
from notifications.render import Rendered

OURS = {
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "X-Partnership", "X-Partnership-Record", "MIME-Version", "Content-Type",
}  # fmt: skip
BREAKS = [
    "\n",
    "\r",
    "\r\n",
    "\n\t",
    "\r\n ",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\0",
]
ENCODED = [
    "=?utf-8?q?x=0D=0ABcc:_all@example.org?=",
    "=?utf-8?b?eA0KQmNjOiBhbGxAZXhhbXBsZS5vcmc=?=",
    "=?utf-8?q?x=0ABcc:_all@example.org?= " * 20,
    "a" * 70 + " Bcc: all@example.org",
    "Ω" * 70 + " Bcc: all@example.org",
    "word " * 14 + "Bcc: all@example.org",
]
EVIL = [f"x{mark}Bcc: all@example.org" for mark in BREAKS] + ENCODED
PLACES = [
    "subject",
    "name",
    "sender name",
    "reply name",
    "record",
    "sender",
    "recipient",
    "reply_to",
    "id",
    "thread",
    "ref",
]


def written(place: str, evil: str) -> bytes:
    """A message with something evil in one place."""
    given: dict[str, Any] = {
        "rendered": Rendered(evil if place == "subject" else "A subject", "Words\n", "<p>Words</p>"),
        "message_id": f"<{evil}@example.org>" if place == "id" else "<a@example.org>",
        "date": datetime(2026, 1, 1, tzinfo=UTC),
        "sender": {"sender name": f"{evil} <o@example.org>", "sender": f"{evil}@example.org"}.get(
            place, "o@example.org"
        ),
        "recipient": f"{evil}@example.org" if place == "recipient" else "p@example.org",
        "recipient_name": evil if place == "name" else "A name",
        "thread_id": f"<{evil}@example.org>" if place == "thread" else "<t@example.org>",
        "ref": evil if place == "ref" else "rbhs-2026",
        "reply_to": {"reply name": f"{evil} <r@example.org>", "reply_to": evil}.get(place, "r@example.org"),
        "record": [evil] if place == "record" else [],
    }
    return compose(**given)


@pytest.mark.promise("text-stays-text")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("evil", EVIL, ids=lambda text: ascii(text)[1:20])
def test_no_value_makes_up_a_header(place: str, evil: str) -> None:
    try:
        message = written(place, evil)
    except ValueError:
        return  # refused, as test_compose.py shows
    head, _, _ = message.partition(b"\r\n\r\n")
    assert b"\r" not in head.replace(b"\r\n", b"")
    assert b"\n" not in head.replace(b"\r\n", b"")
    # As every reader of mail divides it: a line that begins with no blank begins a header.
    names = [
        line.partition(b":")[0].decode() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))
    ]
    assert set(names) <= OURS
    assert all(names.count(name) == 1 for name in names if name != "X-Partnership-Record")
    # And so does this release of Python, with either of its parsers.
    for rules in (policy.default, policy.compat32):
        assert set(message_from_bytes(message, policy=rules).keys()) <= OURS


# Forms that releases without strict parsing read as another address (CVE-2023-27043), and siblings.
FORGED = [
    "alice@example.org)bob@evil.example",
    "alice@example.org(<bob@evil.example>",
    "alice@example.org;<bob@evil.example>",
    "alice@example.org<bob@evil.example>",
    "alice@example.org@<bob@evil.example>",
    "alice@example.org,<bob@evil.example>",
    "alice@example.org]<bob@evil.example>",
    '"alice@example.org" <bob@evil.example',
    "<alice@example.org> <bob@evil.example>",
    "bob@evil.example, alice@example.org",
    "Group: alice@example.org;",
    "bob@evil.example (alice@example.org",
    "<<alice@example.org>>",
    "alice@example.org\\<bob@evil.example>",
    "alice@example.org:<bob@evil.example>",
]


@pytest.mark.promise("proven-sender")
@pytest.mark.parametrize("line", FORGED)
def test_no_from_line_is_read_as_another_address(line: str) -> None:
    address, doubt = sender_of([("From", line)])
    assert address is None or doubt is not None or address == "bob@evil.example", (address, doubt)
    assert (address, doubt) != ("alice@example.org", None)
