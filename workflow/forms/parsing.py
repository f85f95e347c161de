"""What is typed into a form: texts become the input of an event, and what is on record becomes texts again.

Only the type and what the caller offers decide what is read, so whatever else is posted is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from states.errors import BadInput, Problem
from states.inputs import Input, read_input
from workflow.forms.fields import NOTHING, Field, Offered, Texts, entries_in, form, shape, typed_money


def read(takes: type[Input], texts: Texts, offered: Offered = NOTHING, prefix: str = "") -> dict[str, Any]:
    """The input that a form says, fit for `read_input`. Raises `BadInput` with every fault at its place."""
    found: list[Problem] = []
    values = {}
    for one in form(takes, texts, offered, prefix=prefix):
        value = _value(one, found)
        if value is not None:
            values[one.key] = value
    try:
        read_input(takes, values)
    except BadInput as bad:
        places = {problem.at for problem in found}
        found += [p for p in bad.problems if not any(_within(place, p.at) for place in places)]
    if found:
        raise BadInput(found)
    return values


def _within(place: str, at: str) -> bool:
    """Whether one of two places is inside the other; everything is inside the whole form, which is ""."""
    return at == "" or place == at or place.startswith(at + ".") or at.startswith(place + ".")


def _value(one: Field, found: list[Problem]) -> Any:
    """What a field says, None where it says nothing; what is wrong with it is added to `found`."""
    if one.kind == "outcomes":
        return [_table(entry, found) for entry in one.parts]
    if one.kind in ("abilities", "scores", "values"):
        return _table(one, found)
    text = clean(one.text, one.kind in ("paragraph", "lines", "several"))
    if not text:
        if one.required:
            found.append(Problem(one.at, "it is missing"))
        return None
    if one.longest is not None and len(text) > one.longest:
        problem = f"it is too long: {len(text):,} characters, where {one.longest:,} fit"
        found.append(Problem(one.at, problem))
        return None
    try:
        return _READ.get(one.kind, lambda _, words: words)(one, text)
    except ValueError as error:
        found.append(Problem(one.at, str(error)))
        return None


def _table(group: Field, found: list[Problem]) -> dict[str, Any]:
    values = {part.key: _value(part, found) for part in group.parts}
    return {key: value for key, value in values.items() if value is not None}


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def clean(text: str, lines: bool = False) -> str:
    """What somebody typed without what only machines type: control characters, blanks around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not lines:
        text = text.replace("\n", " ").replace("\t", " ")
    return _CONTROL.sub("", text).strip()


def _lines(_: Field, text: str) -> list[str]:
    return [entry for line in text.split("\n") if (entry := line.strip())]


def _several(one: Field, text: str) -> list[str]:
    return [_choice(one, line) for line in _lines(one, text)]


def _choice(one: Field, text: str) -> str:
    if text not in dict(one.choices):
        raise ValueError("this cannot be chosen any more; choose again")
    return text


def _yes_no(one: Field, text: str) -> bool:
    return _choice(one, text) == "yes"


_MONEY = re.compile(r"\$?\s*(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.(?P<cents>\d{1,2}))?", re.ASCII)


def _cents(one: Field, text: str) -> int:
    typed = _MONEY.fullmatch(text)
    if typed is None:
        raise ValueError(f"{_quoted(text)} is no amount; write dollars and cents such as 250,000.00")
    cents = int(typed["whole"].replace(",", "")) * 100 + int((typed["cents"] or "0").ljust(2, "0"))
    if one.most is not None and cents > one.most:
        raise ValueError(f"it is more than {typed_money(one.most)}")
    return cents


def _whole(one: Field, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{_quoted(text)} is no whole number; write digits only, such as 5")
    if one.most is not None and int(text) > one.most:
        raise ValueError(f"it is more than {one.most}")
    return int(text)


def _number(_: Field, text: str) -> int | float:
    bare = text.removesuffix("%").strip().replace("\u2212", "-")
    if re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", bare):
        bare = bare.replace(",", "")
    if not re.fullmatch(r"[+-]?([0-9]{1,15}(\.[0-9]{0,12})?|\.[0-9]{1,12})", bare):
        raise ValueError(f"{_quoted(text)} is no number; write one such as 91.5")
    exact = Decimal(bare)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _day(_: Field, text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"{_quoted(text)} is no day; write year, month and day such as 2026-09-01")
    return text


_READ: Mapping[str, Any] = {
    "lines": _lines,
    "several": _several,
    "choice": _choice,
    "yes-no": _yes_no,
    "score": lambda one, text: int(_choice(one, text)),
    "money": _cents,
    "whole": _whole,
    "number": _number,
    "day": _day,
}


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 40 else f'"{text[:37]}..."'


def typed(
    takes: type[BaseModel], values: Mapping[str, Any], offered: Offered = NOTHING, prefix: str = ""
) -> dict[str, str]:
    """The texts of a form that says these values, as `read_input` takes them."""
    entries = len(values.get("outcomes") or ())
    found: dict[str, str] = {}
    for one in shape(takes, offered, entries, prefix):
        _type(one, values.get(one.key), found)
    return found


def _type(one: Field, value: Any, found: dict[str, str]) -> None:
    if value is None:
        return
    if one.kind == "outcomes":
        for part, entry in zip(one.parts, value, strict=False):
            _type(part, entry, found)
    elif one.parts:
        for part in one.parts:
            _type(part, value.get(part.key), found)
    else:
        found[one.name] = _text(one, value)


def _text(one: Field, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if one.kind == "money":
        return typed_money(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (list, tuple)):
        return "\n".join(" ".join(str(entry).split()) for entry in value)
    return str(value)


def without_blanks(texts: Texts, group: str = "outcomes", drop: int | None = None) -> dict[str, str]:
    """The same texts without the entries of a repeated group in which nothing is written, or the one to drop."""
    start = group + "."
    entries: dict[int, dict[str, str]] = {}
    for n in range(entries_in(texts, start)):
        mine = {k.removeprefix(f"{start}{n}."): v for k, v in texts.items() if k.startswith(f"{start}{n}.")}
        if n != drop and any(value.strip() for value in mine.values()):
            entries[n] = mine
    found = {name: text for name, text in texts.items() if not name.startswith(start)}
    for n, mine in enumerate(entries.values()):
        found |= {f"{start}{n}.{key}": text for key, text in mine.items()}
    return found
