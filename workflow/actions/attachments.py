"""Keeps the documents of a partnership, each content once, and refuses types that are not accepted."""

from __future__ import annotations

import codecs
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
from workflow.actions import office_types
from workflow.procedure.reading import decode
from workflow.store import tables


def keep(connection: Connection, name: str, content: bytes, now: datetime) -> tuple[str, int]:
    """Keep a document unless its content is kept already. Return its SHA-256 digest and its length in bytes."""
    # The same file from two people is kept once, and its digest proves later that it was not exchanged.
    digest = hashlib.sha256(content).hexdigest()
    table = tables.documents
    if connection.scalar(select(table.c.sha256).where(table.c.sha256 == digest)) is None:
        values = {"sha256": digest, "name": name, "size": len(content), "added_at": now, "content": content}
        connection.execute(insert(table).values(**values))
    return digest, len(content)


def describe(row: Event, name: str, digest: str, size: int) -> dict[str, Any]:
    """Return the part of an event's input that refers to a kept document, with the keys that the event takes."""
    computed = {"sha256": digest, "size": size}
    accepted = {key: value for key, value in computed.items() if key in row.takes.model_fields}
    return {str(row.document): name} | accepted


# The types of document that people may send with a form. The name's ending claims a type, and the content must
# be of that type, so that nobody can pass off a program or a web page as a document.


def _starts_with(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(marks)


def _zip_with(member: str, kind: str = "") -> Callable[[bytes], bool]:
    """Return a check for an office document: a ZIP file with a main part and without macros.

    The main part has the content type of this `kind` (ECMA-376, part 2, 10.1.2), whatever its name. A file that
    does not list its content types must have this `member`.
    """
    main = f"application/vnd.openxmlformats-officedocument.{kind}.main+xml"

    def is_office_document(content: bytes) -> bool:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as parts:
                names = parts.namelist()
                types = office_types.read(parts) if kind else None
        except office_types.UNREADABLE:
            return False
        if any(_MACROS.search(name) for name in (*names, *(types or {}).values())):
            return False
        return member in names if types is None else main in {types.get(name.lower()) for name in names}

    return is_office_document


# The names of parts, and the content types, that hold macros, scripts or controls with code.
_MACROS = re.compile(r"vbaproject|vbadata|macro|activex|^(basic|scripts)/", re.IGNORECASE)


def _is_plain_text(content: bytes) -> bool:
    """Return whether the content is text that no browser would take for a web page."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # Windows saves text so under the name "Unicode".
        try:
            content = decode(content).encode()
        except ValueError:
            return False
    # A browser may guess that text is HTML from how it begins, whatever type the server names.
    marked = re.match(rb"(\xef\xbb\xbf)?\s*<\s*(!|\?|[a-z])", content, re.IGNORECASE)
    return not marked and not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", content)


TYPES: Mapping[str, Callable[[bytes], bool]] = {
    # Programs accept a PDF that has some bytes before its mark, and some scanners write such files.
    "pdf": lambda content: b"%PDF-" in content[:1024],
    "docx": _zip_with("word/document.xml", "wordprocessingml.document"),
    "xlsx": _zip_with("xl/workbook.xml", "spreadsheetml.sheet"),
    "pptx": _zip_with("ppt/presentation.xml", "presentationml.presentation"),
    "odt": _zip_with("content.xml"),
    "txt": _is_plain_text,
    "csv": _is_plain_text,
    "png": _starts_with(b"\x89PNG\r\n\x1a\n"),
    "jpg": _starts_with(b"\xff\xd8\xff"),
    "jpeg": _starts_with(b"\xff\xd8\xff"),
}
ENDINGS = tuple("." + ending for ending in TYPES)


def clean_file_name(path: str) -> str:
    """Return the name of a file without folders and control characters, shortened, with its ending kept."""
    # Some browsers send the whole path, with the separator of their own system.
    name = re.split(r"[/\\]", path)[-1]
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", "", name).strip(" .")
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:150]}{dot}{ending[:10]}" if dot else name[:150]


def find_too_large(at: str, name: str, size: int, megabytes: int) -> Problem:
    """Return the problem with a document of this size in bytes, which is over the limit of `megabytes`."""
    return Problem(at, f"{name!r} has {size / 1_000_000:.1f} MB", f"no more than {megabytes} MB")


def refuse_unfit(at: str, name: str, content: bytes, megabytes: int) -> None:
    """Raise `BadInput` unless the document is of an accepted type, not empty and within the limit of size."""
    ending = name.rpartition(".")[2].lower()
    kinds = ", ".join(TYPES)
    if "." not in name or ending not in TYPES:
        problem = f"documents like {name!r} are not taken"
        raise BadInput([Problem(at, problem, f"a file whose name ends in one of {kinds}")])
    if not content:
        raise BadInput([Problem(at, f"{name!r} is empty", "a file with something in it")])
    if len(content) > megabytes * 1_000_000:
        raise BadInput([find_too_large(at, name, len(content), megabytes)])
    if not TYPES[ending](content):
        problem = f"what is in {name!r} is not what its ending {ending!r} says"
        raise BadInput([Problem(at, problem, "the document as the program saved it, without macros")])
