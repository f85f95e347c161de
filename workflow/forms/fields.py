"""The form of an event, made from the type that the event takes: its fields, what was typed, what is wrong with it.

What is typed goes by the names of the controls, such as "scores.diversity" or "outcomes.0.name".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, StrictBool, TypeAdapter

from notifications.filters import money
from states import inputs
from states.errors import Problem
from states.inputs import ABILITIES, READABLE

Choices = tuple[tuple[str, str], ...]  # what is posted, and what people read
Texts = Mapping[str, str]

MOST_ENTRIES = 40  # of what a form can repeat, such as outcomes


@dataclass(frozen=True, slots=True)
class Offered:
    """What only the record can tell about a form.

    `choices` by key; `values`, by outcome, what is said beside its number; `labels` and `helps` that fit the
    occasion better than those of the type, and `without`, the keys that it has no use for.
    """

    choices: Mapping[str, Choices] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    helps: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


NOTHING = Offered()


@dataclass(frozen=True, slots=True)
class Field:
    """One control of a form, or a group of them (`parts`).

    `name` is that of the control, `at` where `BadInput` places a problem with it, `key` its key in the input.
    """

    key: str
    name: str
    at: str
    label: str
    kind: str
    required: bool
    help: str = ""
    least: int | None = None
    most: int | None = None
    longest: int | None = None
    choices: Choices = ()
    parts: tuple[Field, ...] = ()
    text: str = ""
    problems: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The identifier of the control in the page."""
        return "f-" + re.sub(r"[^A-Za-z0-9]", "-", self.name)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The lines of its text: what is ticked where several can be."""
        return tuple(self.text.split("\n"))

    @property
    def described_by(self) -> str:
        """The identifiers of its help and its problems, for `aria-describedby`."""
        return " ".join([f"{self.id}-help"] * bool(self.help) + [f"{self.id}-error"] * bool(self.problems))


# Kinds of single controls, by type.
_KINDS: tuple[tuple[Any, str], ...] = (
    (inputs.Email, "email"),
    (inputs.Day, "day"),
    (inputs.Cents, "money"),
    (inputs.Count, "whole"),
    (inputs.Number, "number"),
    (inputs.File, "file"),
    (inputs.Text, "paragraph"),
    (inputs.Name, "line"),
    (inputs.Identifier, "line"),
    (StrictBool, "yes-no"),
)
_WORKED_OUT = (inputs.Digest, inputs.Length)
_HELP = {
    "money": "In dollars, such as 250,000.00.",
    "day": "Year, month, day, such as 2026-09-01.",
    "lines": "One entry on each line.",
}
_YES_NO: Choices = (("yes", "Yes"), ("no", "No"))
_SCORES: Choices = tuple((str(n), str(n)) for n in range(1, 6))


def form(
    takes: type[BaseModel],
    texts: Texts,
    offered: Offered = NOTHING,
    problems: Sequence[Problem] = (),
    prefix: str = "",
) -> tuple[Field, ...]:
    """The fields of an input with what was typed, and each problem beside the field it is about."""
    fields = shape(takes, offered, entries_in(texts, prefix + "outcomes."), prefix)
    return tuple(_filled(one, texts, problems) for one in fields)


def shape(
    takes: type[BaseModel], offered: Offered = NOTHING, entries: int = 0, prefix: str = ""
) -> tuple[Field, ...]:
    """The fields of an input with nothing typed; `entries` of what is repeated."""
    return tuple(_fields(takes, offered, prefix, "", entries))


def elsewhere(fields: Sequence[Field], problems: Sequence[Problem]) -> list[str]:
    """The problems that belong to no single field, in words of the fields' labels."""
    places = {one.at for one in controls(fields)}
    return [_readable(str(p.problem), fields) for p in problems if p.at not in places]


def controls(fields: Sequence[Field]) -> Iterator[Field]:
    """Every field and every part of one."""
    for one in fields:
        yield one
        yield from controls(one.parts)


def _fields(takes: type[BaseModel], offered: Offered, prefix: str, at: str, entries: int) -> Iterator[Field]:
    hints = _hints(takes)
    for name, info in takes.model_fields.items():
        key, hint = info.alias or name, hints[name]
        if key in offered.without or hint in _WORKED_OUT:
            continue
        kind, choices = _kind(hint), _choices(hint)
        if offered.choices.get(key):
            kind, choices = ("several" if kind == "lines" else "choice"), offered.choices[key]
        description = info.description or ""
        label = offered.labels.get(key) or info.title or _capital(description)
        bounds = _bounds(hint)
        made = Field(
            key, prefix + key, at + key, label, kind, info.is_required(),
            help=offered.helps.get(key, _help(kind, description if info.title else "")),
            least=bounds.get("minimum"), most=bounds.get("maximum"), longest=bounds.get("maxLength"),
            choices=choices,
        )  # fmt: skip
        yield replace(made, parts=tuple(_parts(made, hint, offered, entries)))


def _parts(whole: Field, hint: Any, offered: Offered, entries: int) -> Iterator[Field]:
    """The controls that a group is made of."""
    if whole.kind == "outcomes":
        model = get_args(_inner(hint))[0]
        for n in range(max(entries, 1)):
            name, at = f"{whole.name}.{n}", f"{whole.at}.{n}"
            parts = tuple(_fields(model, NOTHING, f"{name}.", f"{at}.", 0))
            yield Field(str(n), name, at, f"Outcome {n + 1}", "outcome", n == 0, parts=parts)
        return
    if whole.kind in ("abilities", "scores"):
        kind = "paragraph" if whole.kind == "abilities" else "score"
        for ability in ABILITIES:
            yield Field(
                ability, f"{whole.name}.{ability}", f"{whole.at}.{ability}", READABLE[ability], kind, True,
                longest=20_000 if kind == "paragraph" else None, choices=_SCORES if kind == "score" else (),
            )  # fmt: skip
    if whole.kind == "values":
        for n, (key, beside) in enumerate(offered.values.items()):
            yield Field(key, f"{whole.name}.{n}", f"{whole.at}.{key}", key, "number", True, help=beside)


def _filled(one: Field, texts: Texts, problems: Sequence[Problem]) -> Field:
    mine = tuple(_sentence(one, problem) for problem in problems if problem.at == one.at)
    parts = tuple(_filled(part, texts, problems) for part in one.parts)
    return replace(one, text=texts.get(one.name, ""), problems=mine, parts=parts)


# What a type is


@cache
def _hints(takes: type[BaseModel]) -> dict[str, Any]:
    return {name: _bare(hint) for name, hint in get_type_hints(takes, include_extras=True).items()}


def _bare(hint: Any) -> Any:
    """A type without None."""
    if get_origin(hint) in (Union, UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _inner(hint: Any) -> Any:
    """A type without what is annotated."""
    return get_args(hint)[0] if hasattr(hint, "__metadata__") else hint


def _kind(hint: Any) -> str:
    for known, kind in _KINDS:
        if hint == known:
            return kind
    inner = _inner(hint)
    origin, args = get_origin(inner), get_args(inner)
    if origin is Literal:
        return "choice"
    if origin is tuple:
        several = isinstance(args[0], type) and issubclass(args[0], BaseModel)
        return "outcomes" if several else "lines"
    if origin is dict:
        ability, numbers = get_origin(args[0]) is Literal, args[1] != inputs.Text
        return {(True, False): "abilities", (True, True): "scores", (False, True): "values"}[ability, numbers]
    raise TypeError(f"no control is known for {hint}")


def _choices(hint: Any) -> Choices:
    if get_origin(hint) is Literal:
        return tuple((word, READABLE[word]) for word in get_args(hint))
    return _YES_NO if hint == StrictBool else ()


@cache
def _schema(hint: Any) -> dict[str, Any]:
    return TypeAdapter(hint).json_schema()


def _bounds(hint: Any) -> dict[str, Any]:
    return _schema(hint) if _kind(hint) in ("line", "paragraph", "email", "file", "money", "whole") else {}


def _help(kind: str, description: str) -> str:
    if kind in ("yes-no", "choice", "several"):
        return ""
    told = _capital(description) + "." if description else ""
    return _HELP[kind] if kind == "money" else f"{told} {_HELP.get(kind, '')}".strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def typed_money(cents: int) -> str:
    """Return cents as they are typed into a form: 250,000.00."""
    return money(cents).removeprefix("$")


# What is wrong, in words for people

_MISSING = {
    "choice": "Choose one.",
    "score": "Choose one.",
    "yes-no": "Choose yes or no.",
    "several": "Choose at least one.",
    "lines": "Write at least one entry.",
    "day": "Give the day.",
    "file": "Choose a file.",
    "money": "Give the amount.",
    "whole": "Give a number.",
    "number": "Give a number.",
}


def _sentence(one: Field, problem: Problem) -> str:
    if problem.problem == "it is missing":
        return _MISSING.get(one.kind, "Fill this in.")
    expected = f" Expected: {problem.expected}." if problem.expected else ""
    return f"{_capital(_readable(problem.problem, (one,)))}.{expected}"


def _readable(text: str, fields: Sequence[Field]) -> str:
    """A reason with the labels that people see in place of the keys that it names."""
    for one in fields:
        text = re.sub(rf"\b{re.escape(one.key)}\b", f'"{one.label}"', text) if "_" in one.key else text
    return _capital(text)


def entries_in(texts: Texts, start: str) -> int:
    """How many entries of a repeated group there are texts for."""
    numbers = [name[len(start) :].partition(".")[0] for name in texts if name.startswith(start)]
    return min(max((int(n) + 1 for n in numbers if re.fullmatch(r"[0-9]{1,3}", n)), default=0), MOST_ENTRIES)
