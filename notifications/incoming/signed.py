"""Opens messages that are signed as a whole (S/MIME, RFC 8551, 3.5.2), to read their words.

The signature is not checked: who sent a message is decided by other means. What is encrypted stays closed.
"""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser

from notifications.incoming.parts import kind

_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_DATA = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_SEQUENCE, _OCTETS, _OBJECT, _EXPLICIT = 0x30, 0x04, 0x06, 0xA0
_DEEP = 8  # a string may be built of strings; nobody nests them deeper
_LAYERS = 3  # a message may be signed, and signed again by a server


class _Unreadable(ValueError):
    """The bytes are not in the form of X.690."""


def open_signed(message: Message) -> Message:
    """Return the message inside a signed one; the message itself if it is not signed as a whole, or damaged."""
    for _ in range(_LAYERS):
        if kind(message) not in _TYPES:
            break
        try:
            raw = message.get_payload(decode=True)
            message = BytesParser().parsebytes(_read_content(raw if isinstance(raw, bytes) else b""))
        except (_Unreadable, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            break
    return message


def _read_content(raw: bytes) -> bytes:
    """Return the content of signed data (RFC 5652, 5.1 and 5.2). Raise `_Unreadable` if there is none."""
    kind_of, body = _fields(_take(raw, 0, _SEQUENCE))[:2]
    if kind_of != (_OBJECT, _SIGNED_DATA):
        raise _Unreadable("it is not signed data")
    # The version and the digests come first.
    inner = _fields(_take(body[1], 0, _SEQUENCE))[2]
    name, *content = _fields(inner[1])
    if name != (_OBJECT, _DATA) or not content:
        raise _Unreadable("its content is not in it")
    return b"".join(_strings(content[0][1], 0))


def _take(raw: bytes, at: int, wanted: int) -> bytes:
    """Return the content of the element that begins here."""
    tag, body, _ = _element(raw, at, 0)
    if tag != wanted:
        raise _Unreadable(f"an element has the tag {tag}, not {wanted}")
    return body


def _fields(raw: bytes) -> list[tuple[int, bytes]]:
    """Return the tag and the content of the first elements in a sequence, three at most."""
    fields: list[tuple[int, bytes]] = []
    at = 0
    while at < len(raw) and len(fields) < 3:
        tag, body, at = _element(raw, at, 0)
        fields.append((tag, body))
    return fields


def _strings(raw: bytes, deep: int) -> list[bytes]:
    """Return the pieces of a string, which may be built of strings."""
    pieces, at = [], 0
    while at < len(raw):
        tag, body, at = _element(raw, at, 0)
        if tag == _OCTETS:
            pieces.append(body)
        elif tag == _OCTETS | 0x20 and deep < _DEEP:
            pieces += _strings(body, deep + 1)
        else:
            raise _Unreadable("its content is not a string")
    return pieces


def _element(raw: bytes, at: int, deep: int) -> tuple[int, bytes, int]:
    """Return the tag and the content of an element, and where the next one begins (X.690, 8.1)."""
    if at + 2 > len(raw):
        raise _Unreadable("it ends too early")
    tag, length, start = raw[at], raw[at + 1], at + 2
    if length == 0x80:
        return _indefinite(raw, tag, start, deep)
    if length > 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(raw[start : start + count]), start + count
    if start + length > len(raw):
        raise _Unreadable("an element is longer than the rest")
    return tag, raw[start : start + length], start + length


def _indefinite(raw: bytes, tag: int, start: int, deep: int) -> tuple[int, bytes, int]:
    """Return an element that ends with two zero bytes instead of beginning with its length."""
    if deep > _DEEP:
        raise _Unreadable("it is nested too deep")
    at = start
    while raw[at : at + 2] != b"\x00\x00":
        *_, at = _element(raw, at, deep + 1)
    return tag, raw[start:at], at + 2
