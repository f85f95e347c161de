"""Takes the signatures out of messages that are kept, so that nobody who reads them there can use their links.

A masked link keeps what it says and when it was signed. A program with the keys can sign it again, which makes the
same message as before. The mask is as long as the signature, and needs no encoding in quoted-printable (RFC 2045,
6.7).
"""

from __future__ import annotations

import re
from collections.abc import Callable

# The token of a link: what it says, when it was signed (itsdangerous) and the signature; and the code of an answer.
_TOKEN = re.compile(
    rb"/(?P<kind>a|feed|me)/(?P<payload>\.?[A-Za-z0-9_-]+)\.(?P<stamp>[A-Za-z0-9_-]{6})"
    rb"\.(?P<code>[A-Za-z0-9_-]{27}|~{27})(?![A-Za-z0-9_~-])"
)
_REPLY = re.compile(rb"\+(?P<notice>[0-9]{1,15})-(?P<code>[a-z2-7]{16}|~{16})(?=@)")
# Where a long line goes on: in quoted-printable, in a header, and in a calendar file.
_FOLD = re.compile(rb"=\r?\n|\r?\n[ \t]")


def mask(content: bytes) -> bytes:
    """Return a message with a mask in place of each signature in a link or an address for answers."""
    return change_codes(content, lambda match: b"~" * len(match["code"]))


def change_codes(content: bytes, code_of: Callable[[re.Match[bytes]], bytes]) -> bytes:
    """Return a message with other signatures, each as long as the one that it replaces.

    1. Unfold the lines, and remember where each byte stood.
    2. Find the links and addresses, and ask for the new signature of each.
    3. Write it over the old one, byte by byte, so that the folds stay where they were.
    """
    unfolded, places, start = bytearray(), list[int](), 0
    for fold in (*_FOLD.finditer(content), None):
        end = fold.start() if fold else len(content)
        unfolded += content[start:end]
        places += range(start, end)
        start = fold.end() if fold else end
    result = bytearray(content)
    for pattern in (_TOKEN, _REPLY):
        for match in pattern.finditer(bytes(unfolded)):
            for at, byte in zip(range(*match.span("code")), code_of(match), strict=True):
                result[places[at]] = byte
    return bytes(result)
