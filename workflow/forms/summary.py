"""What somebody said with an event, as pairs of label and value that people can read: for receipts and pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel

from notifications.filters import long_day, money
from workflow.forms.fields import Field, Offered, shape

Names = Mapping[str, str]


def summary(
    takes: type[BaseModel], values: Mapping[str, Any], names: Names | None = None, *, sealed: bool = False
) -> list[tuple[str, str]]:
    """Return the pairs of an input as the history keeps it, in the order of its form.

    `names` are those of organizations and people by what identifies them. What an applicant wrote of its
    abilities is only counted where it is `sealed`, since nobody else reads it before the call closes (4270.8).
    """
    offered = Offered(values=dict.fromkeys(values.get("values") or {}, ""))
    fields = shape(takes, offered, entries=len(values.get("outcomes") or ()))
    return [pair for one in fields for pair in _pairs(one, values.get(one.key), names or {}, sealed)]


def _pairs(one: Field, value: Any, names: Names, sealed: bool) -> Iterator[tuple[str, str]]:
    if value is None or value in ([], {}):
        return
    if one.kind == "outcomes":
        for part, entry in zip(one.parts, value, strict=False):
            yield part.label, _outcome(entry)
    elif one.parts:
        for part in one.parts:
            if part.key in value:
                label = part.label if one.kind == "abilities" else f"{one.label}: {part.label}"
                yield label, _readable(part, value[part.key], names, sealed and one.kind == "abilities")
    else:
        yield one.label, _readable(one, value, names, sealed and one.key == "demonstration")


def _readable(one: Field, value: Any, names: Names, sealed: bool) -> str:
    if sealed:
        return f"{len(value):,} characters, kept under seal"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if one.kind == "money":
        return money(value)
    if one.kind == "day":
        return long_day(date.fromisoformat(value))
    if one.kind == "score":
        return f"{value} of 5"
    if isinstance(value, (list, tuple)):
        return "; ".join(names.get(entry, entry) for entry in value)
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 100_000 else f"{value:,}"
    text = str(value)
    return names.get(text) or dict(one.choices).get(text, text)


def _outcome(entry: Mapping[str, Any]) -> str:
    way = "up" if entry["direction"] == "increase" else "down"
    numbers = f"{way} from {entry['baseline']:g} to {entry['target']:g} ({entry['unit']})"
    return f"{entry['name']}: {entry['measure']}; {numbers}; for {entry['goal']}"
