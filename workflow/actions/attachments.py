"""Documents that are kept with a partnership: stored once by what is in them, whichever door they come through."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from states.errors import BadInput, Problem
from states.event import Event
from workflow.store import tables


def keep(connection: Connection, name: str, content: bytes, now: datetime) -> tuple[str, int]:
    """Keep a document; its digest (SHA-256, FIPS 180-4) and its length in bytes."""
    digest = hashlib.sha256(content).hexdigest()
    table = tables.documents
    if connection.scalar(select(table.c.sha256).where(table.c.sha256 == digest)) is None:
        values = {"sha256": digest, "name": name, "size": len(content), "added_at": now, "content": content}
        connection.execute(insert(table).values(**values))
    return digest, len(content)


def described(row: Event, name: str, digest: str, size: int) -> dict[str, Any]:
    """Return the part of an event's input that tells of a document that is kept."""
    worked_out = {"sha256": digest, "size": size}
    kept = {key: value for key, value in worked_out.items() if key in row.takes.model_fields}
    return {str(row.document): name} | kept


# What is taken from people who send a document with a form. The ending says what it is, and its content must agree.


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(marks)


def _zipped(member: str) -> Callable[[bytes], bool]:
    """Whether it is an office document of today: a ZIP file with this part in it, and with no macros."""

    def holds(content: bytes) -> bool:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as parts:
                names = parts.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            return False
        return member in names and not any(name.lower().endswith("vbaproject.bin") for name in names)

    return holds


def _plain(content: bytes) -> bool:
    """Whether it is text and nothing that a browser could take for a page."""
    marked = re.match(rb"(\xef\xbb\xbf)?\s*<\s*(!|\?|[a-z])", content, re.IGNORECASE)
    return not marked and not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", content)


TYPES: Mapping[str, Callable[[bytes], bool]] = {
    "pdf": lambda content: b"%PDF-" in content[:1024],
    "docx": _zipped("word/document.xml"),
    "xlsx": _zipped("xl/workbook.xml"),
    "pptx": _zipped("ppt/presentation.xml"),
    "odt": _zipped("content.xml"),
    "txt": _plain,
    "csv": _plain,
    "png": _starts(b"\x89PNG\r\n\x1a\n"),
    "jpg": _starts(b"\xff\xd8\xff"),
    "jpeg": _starts(b"\xff\xd8\xff"),
}
ENDINGS = tuple("." + ending for ending in TYPES)


def file_name(given: str) -> str:
    """The name of a file without its folder and without what only machines write, its ending kept."""
    name = re.split(r"[/\\]", given)[-1]
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", "", name).strip(" .")
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:150]}{dot}{ending[:10]}" if dot else name[:150]


def refuse_unfit(at: str, name: str, content: bytes, megabytes: int) -> None:
    """Raise `BadInput` unless a document of this name and content is one of the types that are taken."""
    ending = name.rpartition(".")[2].lower()
    kinds = ", ".join(TYPES)
    if "." not in name or ending not in TYPES:
        problem = f"documents like {name!r} are not taken"
        raise BadInput([Problem(at, problem, f"a file whose name ends in one of {kinds}")])
    if not content:
        raise BadInput([Problem(at, f"{name!r} is empty", "a file with something in it")])
    if len(content) > megabytes * 1_000_000:
        problem = f"{name!r} has {len(content) / 1_000_000:.1f} MB"
        raise BadInput([Problem(at, problem, f"no more than {megabytes} MB")])
    if not TYPES[ending](content):
        problem = f"what is in {name!r} is not what its ending {ending!r} says"
        raise BadInput([Problem(at, problem, "the document as the program saved it, without macros")])
