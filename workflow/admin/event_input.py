"""Reads the input of an event from the command line: --set, --input, and the file that an event attaches."""

from __future__ import annotations

import json
import re
import sys
import tomllib
import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from sqlalchemy import Connection

from notifications.written import long_day, money
from states.errors import BadInput, Problem, suggest
from states.event import Event
from states.inputs import AttachedFile, Input
from states.names import Role
from workflow.actions import attachments
from workflow.forms.days import read_option
from workflow.forms.parsing import read_cents
from workflow.procedure.reading import UNREADABLE, explain_unreadable, load_json, read_bytes, read_text

# The most bytes that an attached document may have.
_LARGEST = 50_000_000
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read(
    takes: type[Input], sets: Sequence[str], source: Mapping[str, Any], today: date
) -> tuple[dict[str, Any], list[str]]:
    """Return the input from --input (`source`) and --set together, and a line for each value that was read freely.

    --set wins. In both a day may be written as people write it, as seen from `today`, and an amount in dollars: the
    key is then that of the cents without its ending, such as amount=250,000 for amount_cents. Raises `BadInput`.
    """
    lines = list[str]()
    values = _read_source(takes, source, (), today, lines)
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise BadInput([Problem("--set", f"{text!r} has no key or no value", "--set key=value")])
        path = key.strip().split(".")
        # Where several are possible, people also name the one that they have.
        if (
            path == ["document"]
            and "document" not in takes.model_fields
            and "documents" in takes.model_fields
        ):
            path, key = ["documents"], "documents"
        if _is_amount(takes, path):
            path[-1] += "_cents"
            given = _parse_dollars(f"--set {key.strip()}", value)
            lines.append(f"{key.strip()}: {money(given)}.")
        else:
            given = _parse_value(takes, key.strip(), value, today)
            if given != value and _leaf(takes, path) is date:
                lines.append(f"{key.strip()}: {long_day(date.fromisoformat(given))}.")
        _put(values, path, given)
    return values, lines


def _read_source(
    takes: type[Input], source: Mapping[str, Any], place: Sequence[str], today: date, lines: list[str]
) -> dict[str, Any]:
    """Return the values of --input below a place, with days as YYYY-MM-DD and amounts in cents.

    Add to `lines` one for each value that was read freely. Raises `BadInput`.
    """
    values: dict[str, Any] = {}
    for name, value in source.items():
        path = [*place, name]
        key = ".".join(path)
        if isinstance(value, Mapping):
            values[name] = _read_source(takes, value, path, today, lines)
        elif _is_amount(takes, path):
            if f"{name}_cents" in source:
                raise BadInput([Problem(key, f"{name}_cents says it already", "one of the two")])
            cents = _parse_dollars(key, str(value))
            values[f"{name}_cents"] = cents
            lines.append(f"{key}: {money(cents)}.")
        elif isinstance(value, str) and _leaf(takes, path) is date and not _ISO_DAY.fullmatch(value):
            day = read_option(key, value, today)
            values[name] = day.isoformat()
            lines.append(f"{key}: {long_day(day)}.")
        else:
            values[name] = value
    return values


def _is_amount(takes: type[Input], path: Sequence[str]) -> bool:
    """Return whether a key names an amount in dollars: the input has it in cents, and nothing of that name."""
    return _leaf(takes, path) is None and _leaf(takes, [*path[:-1], f"{path[-1]}_cents"]) is int


def parse_role(text: str | None) -> Role | None:
    """Return the role of --role. Raises `BadInput` for one that does not exist."""
    if text is None:
        return None
    if text not in tuple(Role):
        problem = f"there is no role {text!r}{suggest(text, Role)}"
        raise BadInput([Problem("--role", problem, "one of " + ", ".join(Role))])
    return Role(text)


def read_source(source: str | None) -> dict[str, Any]:
    """Return the keys and values of --input; standard input can be read only once. Raises `BadInput`."""
    if source is None:
        return {}
    try:
        text = read_text(sys.stdin.buffer if source == "-" else Path(source))
    except UNREADABLE as error:
        problem = f"{source} cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem("--input", problem, "a file, or -")]) from None
    try:
        values = load_json(text)
    except UNREADABLE as error:
        # No TOML begins with a brace, so the person meant JSON. An error about TOML would mislead.
        if text.lstrip().startswith("{"):
            problem = f"it is not JSON: {explain_unreadable(error)}"
            raise BadInput([Problem("--input", problem, "JSON or TOML")]) from None
        return _parse_toml(text)
    if not isinstance(values, dict):
        raise BadInput([Problem("--input", "it has no keys", "keys and values, as JSON or TOML")])
    return values


def _parse_toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except UNREADABLE as error:
        problem = f"it is neither JSON nor TOML: {explain_unreadable(error)}"
        raise BadInput([Problem("--input", problem, "JSON or TOML")]) from None


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Put a value at a path of keys, and make the tables on the way that are missing. Raises `BadInput`."""
    for key in path[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BadInput([Problem("--set " + ".".join(path), f"{key} is already a value", "a table")])
        values = inner
    values[path[-1]] = value


def _parse_dollars(at: str, text: str) -> int:
    """Return the cents of an amount in dollars, given at this place. Raises `BadInput`."""
    try:
        return read_cents(text)
    except ValueError as error:
        raise BadInput([Problem(at, str(error))]) from None


def _parse_value(takes: type[Input], key: str, text: str, today: date) -> Any:
    """Return the value of --set: the text itself where the input takes text, else what it means as JSON.

    A day is returned as YYYY-MM-DD. Raises `BadInput`.
    """
    leaf = _leaf(takes, key.split("."))
    # The type of the input itself explains a day in this form that does not exist.
    if leaf is date and not _ISO_DAY.fullmatch(text):
        return read_option(key, text, today).isoformat()
    # The names of files need no quotes either, unless there are several of them.
    if get_args(leaf)[:1] == (AttachedFile,) and not text.lstrip().startswith("["):
        return text
    # Text needs no quotes in --set. The shell would remove them, and JSON could not be read without.
    if leaf is None or leaf in (str, date, datetime, AttachedFile) or get_origin(leaf) is Literal:
        return text
    try:
        return load_json(text)
    except UNREADABLE as error:
        # The corrected input of a row may have anything in it, and text needs no quotes there either.
        if leaf is Any:
            return text
        expected = 'JSON, such as 4, true, "text" or ["one", "two"]'
        # Python's words about a place in the text would say less than the text itself.
        place = isinstance(error, json.JSONDecodeError)
        problem = f"{text!r} is not JSON" if place else f"{text!r} is not JSON: {explain_unreadable(error)}"
        raise BadInput([Problem(f"--set {key}", problem, expected)]) from None


def _leaf(annotation: Any, path: Sequence[str]) -> Any:
    """Return the type at a path of keys, without its metadata; None for an unknown key."""
    annotation = _unwrap(annotation)
    if not path:
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if path[0] in (name, field.alias):
                return _leaf(field.annotation, path[1:])
        return None
    if get_origin(annotation) is dict:
        return _leaf(get_args(annotation)[1], path[1:])
    return annotation


def _unwrap(annotation: Any) -> Any:
    """Return a type without its metadata and without None."""
    if get_origin(annotation) is Annotated:
        return _unwrap(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return _unwrap(kinds[0])
    return annotation


def attach_document(
    connection: Connection, row: Event, values: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Store the files that an input names, and return the input with their names, digests and sizes.

    An input that names no file is returned as it is. Raises `BadInput` if a file cannot be read, or is of a type
    that forms do not take either, or all together are too large.
    """
    key, given = row.document, dict(values)
    if key is None or key not in row.takes.model_fields:
        return given
    # Where several are possible, people also name the one that they have.
    if key == "documents" and "document" in given:
        given[key] = given.pop("document")
    named = [given[key]] if isinstance(given.get(key), str) else given.get(key)
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        return given
    # An optional document may be kept elsewhere; then the input has only its name.
    paths = [
        Path(name) for name in named if row.takes.model_fields[key].is_required() or Path(name).is_file()
    ]
    if not paths:
        return given
    files = [(attachments.clean_file_name(path.name), _read_content(path, key)) for path in paths]
    attachments.refuse_any_unfit(key, files, _LARGEST // 1_000_000)
    kept = attachments.keep_all(connection, row, files, now)
    if attachments.takes_several(row):
        kept[key] += [name for name in named if Path(name) not in paths]
    return given | kept


def _read_content(path: Path, at: str) -> bytes:
    """Return the bytes of a file. Raises `BadInput` if it is too large or cannot be read."""
    try:
        return read_bytes(path, _LARGEST)
    except UNREADABLE as error:
        problem = f"{path} cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(at, problem, "a file of at most 50 MB")]) from None
