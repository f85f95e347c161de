"""Reads text that people saved with any program: of bounded size, in UTF-8 or UTF-16, as TOML or JSON."""

from __future__ import annotations

import codecs
import json
import tomllib
from pathlib import Path
from typing import IO, Any

# The errors of reading TOML or JSON: a number may be too long, and a list may be nested too deeply.
UNREADABLE = (OSError, ValueError, RecursionError)
LARGEST = 20_000_000  # bytes; far more than any file of this program that people write
# A mark at the beginning names the encoding (Unicode 16.0, 2.6 and 23.8). Notepad and Excel write one.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def explain_unreadable(error: Exception) -> str:
    """Return in words why a file cannot be read. The error is one of `UNREADABLE`."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        name = error.encoding.removesuffix("-le").removesuffix("-be").upper()
        return f"line {line} has a byte (0x{error.object[error.start]:02x}) that is not {name} text"
    return str(getattr(error, "strerror", None) or error)


def decode(content: bytes) -> str:
    """Return the text of a file without the mark of its encoding; without a mark it is UTF-8.

    Raise `UnicodeDecodeError` for bytes that are not text in that encoding.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    return content.decode("utf-8")


def read_bytes(source: Path | IO[bytes], largest: int = LARGEST) -> bytes:
    """Return what a file or a stream has. Raise `ValueError` if it is more than `largest` bytes.

    A device or a pipe may have no end, so no more than that is ever read. Raise `OSError` if it cannot be read.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return read_bytes(stream, largest)
    content = source.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it has more than {largest:,} bytes; give a smaller one")
    return content


def read_text(source: Path | IO[bytes]) -> str:
    """Return the text of a file or a stream. Raise one of `UNREADABLE`."""
    return decode(read_bytes(source))


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file. Raise one of `UNREADABLE`."""
    return tomllib.loads(read_text(path))


def load_json(text: str) -> Any:
    """Return the value of a JSON text. Raise `ValueError` or `RecursionError`; no key may stand twice.

    RFC 8259 (section 4) leaves open which of two values counts, so programs would read different things.
    """
    return json.loads(text, object_pairs_hook=_make_object)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!r} stands there twice")
        values[key] = value
    return values
