"""Commits to values without showing them, so that a record can be checked after some of them are withheld.

A row does not hash its values. It hashes a commitment to each: a hash over the value, its place and a salt that
nobody can guess. A reader with value and salt can check the commitment. A reader with the commitment alone learns
nothing, not even by trying all short values. `docs/record.md` specifies the form, with test vectors.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from json.encoder import encode_basestring
from typing import Any

# How a value that is left out is marked, with the commitments that stay: `withheld` from one reader, or destroyed.
WITHHELD, FORGOTTEN = "withheld", "forgotten"
_encode = json.JSONEncoder(ensure_ascii=False).encode  # as `json.dumps`, but made once
_SALT_DIGITS = 32  # of a salt, 128 bits as RFC 9901 recommends for such salts


def new_salt() -> str:
    """Return a random value from which the salts of one row are derived: 256 bits in hexadecimal digits."""
    return secrets.token_hex(32)


def pointer_to(pointer: str, key: str) -> str:
    """Return the pointer to a member of the object at a pointer (RFC 6901, section 3)."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1') if '~' in key or '/' in key else key}"


def flatten(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Yield each leaf of a JSON value with its pointer (RFC 6901). An empty list or object is a leaf.

    A part that is left out has none.
    """
    if left_out(value) is not None:
        return
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from flatten(each, pointer_to(pointer, key))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from flatten(each, f"{pointer}/{number}")
    else:
        yield pointer, value


def left_out(value: Any) -> list[str] | None:
    """Return the commitments that stand in the place of a value that is left out; None for any other value."""
    if isinstance(value, dict) and len(value) == 1:
        ((mark, digests),) = value.items()
        if mark in (WITHHELD, FORGOTTEN) and isinstance(digests, list):
            return digests
    return None


class Salts:
    """The salts of one row: derived from its random value, or those that are left after others were destroyed."""

    __slots__ = ("_key", "_left")

    def __init__(self, stored: str) -> None:
        """Read the column `salt`: hexadecimal digits, or JSON with a salt for each pointer."""
        self._left: Mapping[str, str] | None = json.loads(stored) if stored.startswith("{") else None
        self._key = b"" if self._left is not None else bytes.fromhex(stored)

    def of(self, pointer: str) -> str:
        """Return the salt of a leaf. Raise `LookupError` if it was destroyed."""
        if self._left is not None:
            return self._left[pointer]
        return hmac.digest(self._key, pointer.encode(), "sha256").hex()[:_SALT_DIGITS]

    def commit_all(self, value: Any, pointer: str) -> list[str]:
        """Return the commitments to all leaves of a value. Raise `LookupError` if a salt is missing.

        A part that was left out is represented by its commitments.
        """
        if isinstance(value, dict) and value:
            if (digests := left_out(value)) is not None:
                return digests
            return [d for key, each in value.items() for d in self.commit_all(each, pointer_to(pointer, key))]
        if isinstance(value, list) and value:
            return [d for n, each in enumerate(value) for d in self.commit_all(each, f"{pointer}/{n}")]
        return [commit(self.of(pointer), pointer, value)]


def commit(salt: str, pointer: str, value: Any) -> str:
    """Return the commitment to a leaf: SHA-256 over the JSON list of salt, pointer and value."""
    return hashlib.sha256(f'["{salt}", {encode_basestring(pointer)}, {_json(value)}]'.encode()).hexdigest()


def commitments(parts: Mapping[str, Any], salts: Salts) -> list[str]:
    """Return the commitments to all leaves of these parts of a row, sorted, so that their order tells nothing."""
    return sorted(digest for name, value in parts.items() for digest in salts.commit_all(value, f"/{name}"))


def hash_of(columns: Iterable[Any], digests: Iterable[str]) -> str:
    """Return the hash of a row: SHA-256 over the JSON list of its open columns and its commitments."""
    text = ", ".join([_json(value) for value in (*columns, *digests)])
    return hashlib.sha256(f"[{text}]".encode()).hexdigest()


def _json(value: Any) -> str:
    """Return what `json.dumps` makes of a value. Most values are texts, and this takes a fifth of its time."""
    return encode_basestring(value) if type(value) is str else _encode(value)
