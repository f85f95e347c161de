"""Prints what commands say: text on which no terminal acts, and JSON.

It imports next to nothing, since the help of the program needs it too.
"""

from __future__ import annotations

import json
import sys
import tempfile
from io import TextIOWrapper
from typing import IO, Any, TextIO

import click

from notifications.markup import escape_controls

# How JSON writes a character by its number (RFC 8259, 7).
JSON_ESCAPE = "\\u{:04x}"
_SPOOLED = 4_000_000  # bytes of a list that stay in memory
_BLOCK = 1 << 16  # characters that are printed at once


def format_minute(instant: str) -> str:
    """Return an instant in ISO 8601 without seconds and offset, for people."""
    return instant[:16].replace("T", " ")


def dump_json(document: Any) -> str:
    """Return a document as the text of JSON.

    Characters on which a terminal would act, or which the encoding of the output lacks, are escapes.
    """
    text = _format_json(document, ensure_ascii=not has_every_letter(sys.stdout))
    # In ASCII this is the only unsafe character that JSON itself does not escape.
    return text if text.isascii() and "\x7f" not in text else escape_controls(text, JSON_ESCAPE)


def _format_json(document: Any, *, ensure_ascii: bool) -> str:
    # Imported here, since the help of the program writes no JSON.
    from pydantic_core import PydanticSerializationError, to_json

    try:
        # The standard library indents in Python, which takes eight times as long.
        return to_json(document, indent=2, ensure_ascii=ensure_ascii).decode()
    except PydanticSerializationError:
        # It refuses half of a surrogate pair, which somebody may have sent.
        return json.dumps(document, ensure_ascii=ensure_ascii, indent=2)


class JsonList:
    """A list of documents in JSON, of which none stays in memory.

    The text waits in a temporary file until the list is complete. So a list that ends in an error prints nothing.
    The transaction has ended before anybody reads the output.
    """

    def __init__(self) -> None:
        self._text: IO[str] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            _SPOOLED, "w+", encoding="utf-8", newline="\n"
        )
        self.length = 0  # documents

    def add(self, document: Any) -> None:
        """Write a document after the others."""
        self._text.write(",\n  " if self.length else "[\n  ")
        # No line of JSON ends within a text, so each line can be moved to the right.
        self._text.write(dump_json(document).replace("\n", "\n  "))
        self.length += 1

    def print(self) -> None:
        """Print the list as `dump_json` writes it."""
        self._text.write("\n]" if self.length else "[]")
        self._text.seek(0)
        while block := self._text.read(_BLOCK):
            click.echo(block, nl=False)
        click.echo()

    def close(self) -> None:
        """Forget the list."""
        self._text.close()


def echo(text: str = "", *, nl: bool = True, err: bool = False) -> None:
    """Print a text that may hold what a stranger wrote, with escapes for its control characters."""
    click.echo(escape_controls(text), nl=nl, err=err)


def replace_missing_letters() -> None:
    """Let the output show a question mark for each letter that its encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not has_every_letter(stream):
            stream.reconfigure(errors="replace")


def has_every_letter(stream: TextIO) -> bool:
    """Return whether a stream can write every letter."""
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")
