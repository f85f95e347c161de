"""Prints what commands say: text on which no terminal acts, and JSON.

It imports next to nothing, since the help of the program needs it too.
"""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from typing import Any, TextIO

import click

from notifications.markup import escape_controls

# How JSON writes a character by its number (RFC 8259, 7).
JSON_ESCAPE = "\\u{:04x}"


def format_minute(instant: str) -> str:
    """Return an instant in ISO 8601 without seconds and offset, for people."""
    return instant[:16].replace("T", " ")


def dump_json(document: Any) -> str:
    """Return a document as the text of JSON.

    Characters on which a terminal would act, or which the encoding of the output lacks, are escapes.
    """
    text = json.dumps(document, ensure_ascii=not _has_every_letter(sys.stdout), indent=2)
    return escape_controls(text, JSON_ESCAPE)


def echo(text: str = "", *, nl: bool = True, err: bool = False) -> None:
    """Print a text that may hold what a stranger wrote, with escapes for its control characters."""
    click.echo(escape_controls(text), nl=nl, err=err)


def replace_missing_letters() -> None:
    """Let the output show a question mark for each letter that its encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not _has_every_letter(stream):
            stream.reconfigure(errors="replace")


def _has_every_letter(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")
