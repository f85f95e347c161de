"""Reads the texts of a form as the input of an event, and writes an input back as texts.

The type and the choices of the caller decide which texts are read. All other texts that are posted are
ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from states.errors import BadInput, Problem
from states.inputs import Input, read_input
from workflow.forms.fields import (
    NOTHING,
    Field,
    Offered,
    Texts,
    build_fields,
    build_form,
    count_entries,
    format_cents,
)


def read(takes: type[Input], texts: Texts, offered: Offered = NOTHING, prefix: str = "") -> dict[str, Any]:
    """Return the input that the texts of a form state, as `read_input` takes it.

    1. Read each text by the kind of its control.
    2. Check the whole with `read_input`. Leave out its problems at places that step 1 has already reported: a
       field that could not be read would be reported a second time as missing.

    Raise `BadInput` with every problem at its place.
    """
    problems: list[Problem] = []
    values = {}
    for control in build_form(takes, texts, offered, prefix=prefix):
        value = _value(control, problems)
        if value is not None:
            values[control.key] = value
    try:
        read_input(takes, values)
    except BadInput as bad:
        places = {problem.at for problem in problems}
        problems += [p for p in bad.problems if not any(_overlap(place, p.at) for place in places)]
    if problems:
        raise BadInput(problems)
    return values


def _overlap(place: str, at: str) -> bool:
    """Return whether one of two places is inside the other. Every place is inside "", the whole form."""
    return at == "" or place == at or place.startswith(at + ".") or at.startswith(place + ".")


def _value(control: Field, problems: list[Problem]) -> Any:
    """Return the value of a field, None if it is empty. Add what is wrong with it to `problems`."""
    if control.kind == "outcomes":
        return [_table(entry, problems) for entry in control.parts]
    if control.kind in ("abilities", "scores", "values"):
        return _table(control, problems)
    text = clean(control.text, control.kind in _OF_SEVERAL_LINES)
    if not text:
        if control.required:
            problems.append(Problem(control.at, "it is missing"))
        return None
    if control.longest is not None and len(text) > control.longest:
        problems.append(Problem(control.at, say_too_long(text, control.longest)))
        return None
    try:
        return read_text(control)
    except ValueError as error:
        problems.append(Problem(control.at, str(error)))
        return None


def has_words(texts: Texts) -> bool:
    """Return whether anything was typed besides a confirmation."""
    return any(text.strip() for name, text in texts.items() if name != "confirm")


def say_too_long(text: str, longest: int) -> str:
    """Return the problem with a text that is longer than its limit, in characters."""
    return f"it is too long: {len(text):,} characters, where {longest:,} fit"


def read_text(control: Field) -> Any:
    """Return the value of a single control, None if it is empty. Raise `ValueError` with what is wrong with it."""
    text = clean(control.text, control.kind in _OF_SEVERAL_LINES)
    return _READ.get(control.kind, lambda _, words: words)(control, text) if text else None


def _table(group: Field, problems: list[Problem]) -> dict[str, Any]:
    """Return the values of a group by key, without its empty fields."""
    values = {part.key: _value(part, problems) for part in group.parts}
    return {key: value for key, value in values.items() if value is not None}


_OF_SEVERAL_LINES = ("paragraph", "lines", "several", "files")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def clean(text: str, lines: bool = False) -> str:
    """Return a text without control characters and the blanks around it.

    With `lines` its line breaks stay.
    """
    # HTML forms send CR LF for every line break. It would count twice against the longest text.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not lines:
        text = text.replace("\n", " ").replace("\t", " ")
    return _CONTROL.sub("", text).strip()


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that are not blank, without the blanks around them."""
    return [entry for line in text.split("\n") if (entry := line.strip())]


def _read_lines(_: Field, text: str) -> list[str]:
    return lines_of(text)


def _read_several(control: Field, text: str) -> list[str]:
    """Return the choices that are ticked, which come one on a line."""
    return [_read_choice(control, line) for line in _read_lines(control, text)]


def _read_choice(control: Field, text: str) -> str:
    # The record may have changed since the form was shown.
    if text not in dict(control.choices):
        raise ValueError("this cannot be chosen any more; choose again")
    return text


def _read_tick(control: Field, text: str) -> bool:
    return _read_choice(control, text) == control.choices[0][0]


def _read_yes_no(control: Field, text: str) -> bool:
    return _read_choice(control, text) == "yes"


_MONEY = re.compile(r"\$?\s*(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.(?P<cents>\d{1,2}))?", re.ASCII)


def read_cents(text: str) -> int:
    """Return the cents of an amount as people write it, such as "$250,000.00". Raise `ValueError`."""
    amount = _MONEY.fullmatch(text.strip())
    if amount is None:
        raise ValueError(f"{_quoted(text)} is not an amount; write dollars and cents such as 250,000.00")
    # Whole numbers only: with a float, 0.29 dollars would become 28 cents.
    return int(amount["whole"].replace(",", "")) * 100 + int((amount["cents"] or "0").ljust(2, "0"))


def _read_amount(control: Field, text: str) -> int:
    cents = read_cents(text)
    if control.most is not None and cents > control.most:
        raise ValueError(f"it is more than {format_cents(control.most)}")
    return cents


def _read_whole_number(control: Field, text: str) -> int:
    # int() would also take "1_000" and the digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{_quoted(text)} is not a whole number; write digits only, such as 5")
    if control.most is not None and int(text) > control.most:
        raise ValueError(f"it is more than {control.most}")
    return int(text)


def _read_number(_: Field, text: str) -> int | float:
    # People paste the minus sign of a word processor, percent signs, and commas between thousands.
    bare = text.removesuffix("%").strip().replace("\u2212", "-")
    if re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", bare):
        bare = bare.replace(",", "")
    if not re.fullmatch(r"[+-]?([0-9]{1,15}(\.[0-9]{0,12})?|\.[0-9]{1,12})", bare):
        raise ValueError(f"{_quoted(text)} is not a number; write one such as 91.5")
    exact = Decimal(bare)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _read_day(_: Field, text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"{_quoted(text)} is not a date; write year, month and day such as 2026-09-01")
    return text


_READ: Mapping[str, Any] = {
    "lines": _read_lines,
    "several": _read_several,
    "choice": _read_choice,
    "yes-no": _read_yes_no,
    "numbered": lambda control, text: int(_read_choice(control, text)),
    "tick": _read_tick,
    "files": _read_lines,
    "score": lambda control, text: int(_read_choice(control, text)),
    "money": _read_amount,
    "whole": _read_whole_number,
    "number": _read_number,
    "day": _read_day,
}


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 40 else f'"{text[:37]}..."'


def to_texts(
    takes: type[BaseModel], values: Mapping[str, Any], offered: Offered = NOTHING, prefix: str = ""
) -> dict[str, str]:
    """Return the texts of a form that states these values, which are as `read_input` takes them."""
    entries = len(values.get("outcomes") or ())
    texts: dict[str, str] = {}
    for control in build_fields(takes, offered, entries, prefix):
        _write(control, values.get(control.key), texts)
    return texts


def _write(control: Field, value: Any, texts: dict[str, str]) -> None:
    """Add the texts of a field and of its parts to `texts`."""
    if value is None:
        return
    if control.kind == "outcomes":
        for part, entry in zip(control.parts, value, strict=False):
            _write(part, entry, texts)
    elif control.parts:
        for part in control.parts:
            _write(part, value.get(part.key), texts)
    else:
        texts[control.name] = _text(control, value)


def _text(control: Field, value: Any) -> str:
    """Return a value as the text that reads back as this value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if control.kind == "money":
        return format_cents(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (list, tuple)):
        return "\n".join(" ".join(_name_of(entry).split()) for entry in value)
    return _name_of(value)


def _name_of(value: Any) -> str:
    """Return the name of a document, which also has a digest and a size, or another value as text."""
    return str(value["name"] if isinstance(value, Mapping) else value)


def drop_blanks(texts: Texts, group: str = "outcomes", drop: int | None = None) -> dict[str, str]:
    """Return the texts without the empty entries of a repeated group and without entry number `drop`.

    The entries that stay are numbered anew, without gaps.
    """
    start = group + "."
    entries: list[dict[str, str]] = []
    for n in range(count_entries(texts, start)):
        entry = {k.removeprefix(f"{start}{n}."): v for k, v in texts.items() if k.startswith(f"{start}{n}.")}
        if n != drop and any(value.strip() for value in entry.values()):
            entries.append(entry)
    kept = {name: text for name, text in texts.items() if not name.startswith(start)}
    for n, entry in enumerate(entries):
        kept |= {f"{start}{n}.{key}": text for key, text in entry.items()}
    return kept
