"""Sums up the input of an event as pairs of label and value that people can read, for receipts and pages.

A form that was filled in is summed up before it is recorded, and an input on record afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel

from notifications.written import kind_and_size, long_day, money
from workflow.forms import parsing
from workflow.forms.fields import Field, Offered, build_fields

Names = Mapping[str, str]


def summary(
    takes: type[BaseModel], values: Mapping[str, Any], names: Names | None = None, *, sealed: bool = False
) -> list[tuple[str, str]]:
    """Return the pairs of an input, given as the history keeps it, in the order of its form.

    `names` are the names of organizations and people, by identifier and address. With `sealed` the texts
    about abilities are only counted, since only the applicant may read them before the call closes (4270.8).
    """
    offered = Offered(values=dict.fromkeys(values.get("values") or {}, ""))
    fields = build_fields(takes, offered, entries=len(values.get("outcomes") or ()))
    return [
        pair
        for control in fields
        for pair in _pairs(control, _value_of(control, values), names or {}, sealed)
    ]


def _value_of(control: Field, values: Mapping[str, Any]) -> Any:
    """Return the value of a field. Some inputs have the size of their document under a key of its own."""
    value = values.get(control.key)
    if control.kind == "file" and isinstance(value, str) and "size" in values:
        return {"name": value, "size": values["size"]}
    return value


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a form that was filled in: its label, what it says, and the identifier of its control."""

    label: str
    text: str
    id: str


def answers_of(fields: Sequence[Field], group: str = "") -> list[Answer]:
    """Return the answers of a form that can be read, in its order. The label of a part names its `group`."""
    answers = []
    for control in fields:
        if control.parts:
            answers += answers_of(control.parts, "" if control.kind == "outcomes" else f"{control.label}: ")
        else:
            answers.append(Answer(group + control.label, _write_answer(control), control.id))
    return answers


def _write_answer(control: Field) -> str:
    if control.choices:
        labels = dict(control.choices)
        return "; ".join(labels.get(value, value) for value in control.chosen if value) or "Not answered"
    try:
        value = parsing.read_text(control)
    except ValueError:
        value = control.text
    return "Not answered" if value is None else _format(control, value, {}, False)


def _pairs(control: Field, value: Any, names: Names, sealed: bool) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a field: one for a single control, one for each part of a group."""
    if value is None or value in ([], {}):
        return
    if control.kind == "outcomes":
        for part, entry in zip(control.parts, value, strict=False):
            yield part.label, _outcome(entry)
    elif control.parts:
        for part in control.parts:
            if part.key in value:
                # The label of an ability says enough. Others, such as scores, need the name of their group.
                label = part.label if control.kind == "abilities" else f"{control.label}: {part.label}"
                yield label, _format(part, value[part.key], names, sealed and control.kind == "abilities")
    else:
        yield control.label, _format(control, value, names, sealed and control.key in _SEALED)


def _format(control: Field, value: Any, names: Names, sealed: bool) -> str:
    """Return a value as people read it, or only its length if it is sealed."""
    if sealed and control.kind == "files":
        # To all but the author the names are left out already.
        return "Kept under seal" if isinstance(value, str) else f"Kept under seal: {len(value)}"
    if sealed:
        return f"{len(value):,} characters, kept under seal"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if control.kind == "money":
        return money(value)
    if control.kind == "tick":
        return control.choices[0][1]
    if control.kind in ("file", "files"):
        return "; ".join(map(_file, value if isinstance(value, (list, tuple)) else [value]))
    if control.kind == "day":
        return long_day(date.fromisoformat(value))
    if control.kind == "score":
        return f"{value} of 5"
    if isinstance(value, (list, tuple)):
        return "; ".join(names.get(entry, entry) for entry in value)
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 100_000 else f"{value:,}"
    text = str(value)
    return names.get(text) or dict(control.choices).get(text, text)


def _file(value: str | Mapping[str, Any]) -> str:
    """Return the name of a document with its type and size. A name alone has no content that is kept."""
    if isinstance(value, str):
        return value
    return f"{value['name']} ({kind_and_size(value['name'], value.get('size'))})"


_SEALED = ("demonstration", "documents")  # besides the abilities


def _outcome(entry: Mapping[str, Any]) -> str:
    way = "up" if entry["direction"] == "increase" else "down"
    numbers = f"{way} from {entry['baseline']:g} to {entry['target']:g} ({entry['unit']})"
    return f"{entry['name']}: {entry['measure']}; {numbers}; for {entry['goal']}"
