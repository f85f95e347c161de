"""Translates pydantic's errors about an input into this project's words, each with its place."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from states.errors import Problem, suggest

IDENTIFIER = r"^[a-z0-9][a-z0-9.-]{0,62}$"


def problems_of(error: ValidationError, takes: type[BaseModel] | None = None) -> list[Problem]:
    """Return the errors of pydantic in this project's words. `takes` is the type that was read."""
    # Without the URL, which names the version of pydantic and helps nobody who fills in a form.
    details: list[dict[str, Any]] = [dict(detail) for detail in error.errors(include_url=False)]
    places = [detail["loc"] for detail in details]

    def is_echo(detail: dict[str, Any]) -> bool:
        """Return whether a list is called too short only because pydantic dropped an invalid entry."""
        place, kind = detail["loc"], detail["type"]
        return kind == "too_short" and any(p[: len(place)] == place and p != place for p in places)

    return [_problem(detail, takes) for detail in details if not is_echo(detail)]


def _problem(detail: dict[str, Any], takes: type[BaseModel] | None) -> Problem:
    # pydantic adds "[key]" to the place of a problem with a key itself. People know only the key.
    at = ".".join(str(part) or '""' for part in detail["loc"] if part != "[key]")
    kind, context = detail["type"], detail.get("ctx", {})
    value = detail.get("input")
    within = _model_at(takes, detail["loc"][:-1])
    if kind == "missing":
        return Problem(at, "it is missing", _expected(within, detail["loc"][-1:]))
    if kind == "extra_forbidden":
        keys = input_keys(within) if within else ()
        near = suggest(str(detail["loc"][-1]), keys)
        return Problem(at, f"there is no such key{near}", f"one of {', '.join(keys)}" if keys else "none")
    # These come from validators of this project. pydantic puts its own words before their message.
    if kind == "value_error":
        expected = "YYYY-MM-DD" if "not a date" in detail["msg"] or "a day" in detail["msg"] else ""
        return Problem(at, detail["msg"].removeprefix("Value error, "), expected)
    # Only a choice of fixed words has this. pydantic puts each of them in quotes.
    if "expected" in context:
        return Problem(at, f"found {shorten(value)}", str(context["expected"]).replace("'", ""))
    if kind == "string_too_long":
        return Problem(at, f"found {shorten(value)}", f"at most {context['max_length']} characters")
    words = (detail["msg"][:1].lower() + detail["msg"][1:]).removeprefix("input should be ")
    # One kind stands for every text that does not fit a pattern, so look the pattern itself up.
    return Problem(at, f"found {shorten(value)}", _WORDS.get(context.get("pattern", kind), words))


_WORDS = {
    "date_from_datetime_parsing": "a day that exists, as YYYY-MM-DD",
    "date_parsing": "a day that exists, as YYYY-MM-DD",
    "date_from_datetime_inexact": "a day without a time, as YYYY-MM-DD",
    "timezone_aware": "a time with its offset, such as 2025-07-03T09:00:00-07:00",
    "datetime_from_date_parsing": "a time with its offset, such as 2025-07-03T09:00:00-07:00",
    "datetime_parsing": "a time with its offset, such as 2025-07-03T09:00:00-07:00",
    "string_too_short": "some text",
    "string_type": "text",
    "string_unicode": "text of characters that exist",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": "a day, as YYYY-MM-DD",
    "datetime_type": "a time with its offset, such as 2025-07-03T09:00:00-07:00",
    "datetime_object_invalid": "a time with its offset, such as 2025-07-03T09:00:00-07:00",
    "tuple_type": "a list",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "too_short": "at least one entry",
    IDENTIFIER: "small letters, digits, dots and hyphens",
}


def shorten(value: object) -> str:
    """Return a value as people write it, cut to 60 characters."""
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(takes: type[BaseModel] | None, place: tuple[int | str, ...]) -> str:
    """Return the description of the field at a place, "" if there is none."""
    if takes is None:
        return ""
    for name, field in takes.model_fields.items():
        if place and place[0] in (name, field.alias):
            return field.description or ""
    return ""


def _model_at(takes: type[BaseModel] | None, place: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the model that a place in the input belongs to, the outermost one for an empty place."""
    for part in place:
        if isinstance(part, str) and takes is not None:
            fields = (f for name, f in takes.model_fields.items() if part in (name, f.alias))
            takes = next((_model_in(field.annotation) for field in fields), takes)  # else a key of a table
    return takes


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


@cache
def input_keys(takes: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys that an input takes, as people write them."""
    return tuple(field.alias or name for name, field in takes.model_fields.items())
