"""The input of an event as it is given on the command line: --set, --input, and files that are attached."""

from __future__ import annotations

import json
import sys
import tomllib
import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from sqlalchemy import Connection

from states.errors import BadInput, Problem
from states.event import Event
from states.inputs import Input
from states.partnership import Role
from workflow.actions import attachments
from workflow.procedure.config import UNREADABLE, explain_unreadable

_LARGEST = 50_000_000  # bytes of a document


def read(takes: type[Input], sets: Sequence[str], source: Mapping[str, Any]) -> dict[str, Any]:
    """The input from --input and --set together; the latter counts. Raises `BadInput`."""
    values = dict(source)
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise BadInput([Problem("--set", f"{text!r} has no key or no value", "--set key=value")])
        _put(values, key.strip().split("."), _value(takes, key.strip(), value))
    return values


def role(given: str | None) -> Role | None:
    """The role of --role."""
    if given is None:
        return None
    if given not in tuple(Role):
        raise BadInput([Problem("--role", f"there is no role {given!r}", "one of " + ", ".join(Role))])
    return Role(given)


def from_source(source: str | None) -> dict[str, Any]:
    """What --input gives, which can be read only once where it is standard input. Raises `BadInput`."""
    if source is None:
        return {}
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except UNREADABLE as error:
        problem = f"{source} cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem("--input", problem, "a file, or -")]) from None
    try:
        found = json.loads(text)
    except UNREADABLE as error:
        if text.lstrip().startswith("{"):
            problem = f"it is not JSON: {explain_unreadable(error)}"
            raise BadInput([Problem("--input", problem, "JSON or TOML")]) from None
        return _from_toml(text)
    if not isinstance(found, dict):
        raise BadInput([Problem("--input", "it has no keys", "keys and values, as JSON or TOML")])
    return found


def _from_toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except UNREADABLE as error:
        problem = f"it is neither JSON nor TOML: {explain_unreadable(error)}"
        raise BadInput([Problem("--input", problem, "JSON or TOML")]) from None


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadInput([Problem("--set " + ".".join(path), f"{key} is already a value", "a table")])
        values = inner
    values[path[-1]] = value


def _value(takes: type[Input], key: str, text: str) -> Any:
    """A value as its type wants it: text as it stands, anything else as JSON."""
    if _is_text(takes, key.split(".")):
        return text
    try:
        return json.loads(text)
    except UNREADABLE:
        expected = 'JSON, such as 4, true, "text" or ["one", "two"]'
        raise BadInput([Problem(f"--set {key}", f"{text!r} is not JSON", expected)]) from None


def _is_text(annotation: Any, path: Sequence[str]) -> bool:
    """Whether what stands at a path inside a type is text, a day or a choice of words. Unknown is text."""
    annotation = _bare(annotation)
    if not path:
        if get_origin(annotation) is Literal:
            return True
        return annotation in (str, date, datetime)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if path[0] in (name, field.alias):
                return _is_text(field.annotation, path[1:])
        return True
    if get_origin(annotation) is dict:
        return _is_text(get_args(annotation)[1], path[1:])
    return False


def _bare(annotation: Any) -> Any:
    """A type without its annotations and without None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        left = [one for one in get_args(annotation) if one is not type(None)]
        return _bare(left[0])
    return annotation


def with_documents(
    connection: Connection, row: Event, values: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The input with the file it names read, kept by its digest, and described."""
    key = row.document
    named = values.get(key) if key else None
    if key is None or not isinstance(named, str):
        return dict(values)
    path = Path(named)
    if not row.takes.model_fields[key].is_required() and not path.is_file():
        return dict(values)  # the name of a document that is kept elsewhere
    digest, size = attachments.keep(connection, path.name, _content(path, key), now)
    return dict(values) | attachments.describe(row, path.name, digest, size)


def _content(path: Path, at: str) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise BadInput([Problem(at, f"{path} is larger than 50 MB", "a smaller file")])
        return path.read_bytes()
    except OSError as error:
        raise BadInput([Problem(at, f"{path} cannot be read: {error.strerror}", "a file")]) from None
