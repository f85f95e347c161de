"""Refuses documents of types that are not accepted, and puts those that are kept into the input of an event."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_origin

from sqlalchemy import Connection

from states.errors import BadInput, Problem
from states.event import Event
from states.inputs import MOST_FILES
from workflow.actions import office_types
from workflow.procedure.reading import decode
from workflow.store.kept_documents import keep

File = tuple[str, bytes]  # the name and the content of a document


def takes_several(row: Event) -> bool:
    """Return whether an event takes several documents."""
    field = row.takes.model_fields.get(row.document or "")
    return field is not None and get_origin(field.annotation) is tuple


def keep_all(connection: Connection, row: Event, files: Sequence[File], now: datetime) -> dict[str, Any]:
    """Keep the documents of an event, at least one. Return the part of its input that refers to them."""
    entries = [describe(name, *keep(connection, name, content, now)) for name, content in files]
    if takes_several(row):
        return {str(row.document): entries}
    fields, entry = row.takes.model_fields, entries[0]
    if "sha256" not in fields:
        return {str(row.document): entry}
    # Some inputs have the digest and the size under keys of their own.
    return {str(row.document): entry["name"]} | {
        key: entry[key] for key in ("sha256", "size") if key in fields
    }


def describe(name: str, digest: str, size: int) -> dict[str, Any]:
    """Return what refers to a kept document: its name, digest and length in bytes."""
    return {"name": name, "sha256": digest, "size": size}


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


def find_too_many(at: str, names: Sequence[str], size: int, megabytes: int) -> Problem | None:
    """Return the problem with several documents that are too many, or together too large. `size` is in bytes."""
    if len(names) > MOST_FILES:
        return Problem(at, f"these are {len(names)} files", f"no more than {MOST_FILES}")
    if size > megabytes * 1_000_000:
        together = f"{', '.join(map(repr, names))} have {size / 1_000_000:.1f} MB together"
        return Problem(at, together, f"no more than {megabytes} MB together")
    return None


def refuse_unfit(at: str, name: str, content: bytes, megabytes: int) -> None:
    """Raise `BadInput` unless the document is of an accepted type, not empty and within the limit of size."""
    refuse_any_unfit(at, [(name, content)], megabytes)


def refuse_any_unfit(at: str, files: Sequence[File], megabytes: int) -> None:
    """Raise `BadInput` with every problem, unless all documents can be taken and have no more than the limit."""
    problems = [_find_unfit(at, *file, megabytes) for file in files]
    size = sum(len(content) for _, content in files)
    if not any(problems):
        problems.append(find_too_many(at, [name for name, _ in files], size, megabytes))
    if any(problems):
        raise BadInput([problem for problem in problems if problem])


def choose_fit(files: Sequence[File], megabytes: int) -> list[File]:
    """Return the documents that can be taken, as many of them as are within the limit, in their order."""
    fit: list[File] = []
    for file in files:
        size = sum(len(content) for _, content in (*fit, file))
        too_many = find_too_many("", [name for name, _ in (*fit, file)], size, megabytes)
        if not too_many and not _find_unfit("", *file, megabytes):
            fit.append(file)
    return fit


def _find_unfit(at: str, name: str, content: bytes, megabytes: int) -> Problem | None:
    """Return the problem with one document; None if it can be taken."""
    ending = name.rpartition(".")[2].lower()
    kinds = ", ".join(TYPES)
    if "." not in name or ending not in TYPES:
        problem = f"documents like {name!r} are not taken"
        return Problem(at, problem, f"a file whose name ends in one of {kinds}")
    if not content:
        return Problem(at, f"{name!r} is empty", "a file with something in it")
    if len(content) > megabytes * 1_000_000:
        return find_too_large(at, name, len(content), megabytes)
    if not TYPES[ending](content):
        problem = f"what is in {name!r} is not what its ending {ending!r} says"
        return Problem(at, problem, "the document as the program saved it, without macros")
    return None
