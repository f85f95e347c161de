"""Makes the form of an event from the type of its input: the fields, the texts in them, and the problems.

Texts go by the names of the controls, such as "scores.diversity" or "outcomes.0.name".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, StrictBool, TypeAdapter

from notifications.written import money
from states import inputs
from states.errors import Problem
from states.inputs import ABILITIES, READABLE

Choices = tuple[tuple[str, str], ...]  # pairs of the value that is posted and the text that people read
Texts = Mapping[str, str]

MOST_ENTRIES = 40  # of a group that a form repeats, such as outcomes


@dataclass(frozen=True, slots=True)
class Offered:
    """The parts of a form that depend on the record rather than on the type.

    `choices` are the choices by key. `values` has, by outcome, the text beside its number. `labels` and
    `helps` by key replace those of the type. `without` are the keys that the form leaves out, and `demanded` those
    that it asks for although the type does without them.
    """

    choices: Mapping[str, Choices] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    helps: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    demanded: frozenset[str] = frozenset()


NOTHING = Offered()


@dataclass(frozen=True, slots=True)
class Field:
    """One control of a form, or a group of them (`parts`).

    `name` is the name of the control, `at` the place that `BadInput` gives a problem with it, `key` its key
    in the input. `least` and `most` bound a number; `longest` is the longest text, in characters.
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
        """Return the identifier of the control in the page."""
        # An identifier with a dot would be read as a class in a selector of the style sheet.
        return "f-" + re.sub(r"[^A-Za-z0-9]", "-", self.name)

    @property
    def is_stated(self) -> bool:
        """Return whether only one value can be chosen, so that the form states it and does not ask for it."""
        return self.required and self.kind in ("choice", "several", "numbered") and len(self.choices) == 1

    @property
    def chosen(self) -> tuple[str, ...]:
        """Return the lines of its text: the choices that are ticked."""
        return tuple(self.text.split("\n"))

    @property
    def described_by(self) -> str:
        """Return the identifiers of its help and its problems, for `aria-describedby`."""
        return " ".join([f"{self.id}-help"] * bool(self.help) + [f"{self.id}-error"] * bool(self.problems))


# The kinds of single controls, by type. A type that is not listed has no control: `_kind` raises.
_KINDS: tuple[tuple[Any, str], ...] = (
    (inputs.Email, "email"),
    (inputs.Day, "day"),
    (inputs.Cents, "money"),
    (inputs.Count, "whole"),
    (inputs.Number, "number"),
    (inputs.File, "file"),
    (inputs.OneFile, "file"),
    (inputs.Files, "files"),
    (inputs.Consent, "tick"),
    (inputs.Text, "paragraph"),
    (inputs.Name, "line"),
    (inputs.Identifier, "line"),
    (StrictBool, "yes-no"),
)
# Nobody types these: they are computed from the file, so the form leaves them out.
_WORKED_OUT = (inputs.Digest, inputs.Length)
_HELP = {
    "files": f"Up to {inputs.MOST_FILES} files.",
    "money": "In dollars, such as 250,000.00.",
    "day": "Year, month, day, such as 2026-09-01.",
    "lines": "One entry on each line.",
}
# What a kind becomes where there is a list to choose from; each other kind becomes a "choice".
_CHOSEN = {"lines": "several", "whole": "numbered"}
_TICKED = "yes"
_YES_NO: Choices = (("yes", "Yes"), ("no", "No"))
_SCORES: Choices = tuple((str(n), str(n)) for n in range(1, 6))


def build_form(
    takes: type[BaseModel],
    texts: Texts,
    offered: Offered = NOTHING,
    problems: Sequence[Problem] = (),
    prefix: str = "",
) -> tuple[Field, ...]:
    """Return the fields of an input with their texts, each with the problems at its place.

    `prefix` starts the name of every control, so that one page can have several forms.
    """
    fields = build_fields(takes, offered, count_entries(texts, prefix + "outcomes."), prefix)
    return tuple(_fill(field, texts, problems) for field in fields)


def build_fields(
    takes: type[BaseModel], offered: Offered = NOTHING, entries: int = 0, prefix: str = ""
) -> tuple[Field, ...]:
    """Return the fields of an input without texts. A group that repeats gets so many `entries`."""
    return tuple(_fields(takes, offered, prefix, "", entries))


def other_problems(fields: Sequence[Field], problems: Sequence[Problem]) -> list[str]:
    """Return the problems that belong to no single field, with the labels of the fields in place of keys."""
    places = {control.at for control in walk(fields)}
    return [_with_labels(str(p.problem), fields) for p in problems if p.at not in places]


def walk(fields: Sequence[Field]) -> Iterator[Field]:
    """Yield every field and every part of it, depth first."""
    for control in fields:
        yield control
        yield from walk(control.parts)


def _fields(takes: type[BaseModel], offered: Offered, prefix: str, at: str, entries: int) -> Iterator[Field]:
    """Yield the control of each key that the input takes, except those that the form leaves out."""
    hints = _hints(takes)
    for name, info in takes.model_fields.items():
        key, hint = info.alias or name, hints[name]
        if key in offered.without or hint in _WORKED_OUT:
            continue
        kind, choices = _kind(hint), _choices(hint)
        if offered.choices.get(key):
            kind, choices = _CHOSEN.get(kind, "choice"), offered.choices[key]
        description = info.description or ""
        if kind == "tick":
            # The sentence stands beside the box, word for word.
            choices, description = ((_TICKED, description),), ""
        label = offered.labels.get(key) or info.title or _capital(description)
        bounds = _bounds(hint)
        control = Field(
            key, prefix + key, at + key, label, kind, info.is_required() or key in offered.demanded,
            help=offered.helps.get(key, _help(kind, description if info.title else "")),
            least=bounds.get("minimum"), most=bounds.get("maximum"), longest=bounds.get("maxLength"),
            choices=choices,
        )  # fmt: skip
        yield replace(control, parts=tuple(_parts(control, hint, offered, entries)))


def _parts(whole: Field, hint: Any, offered: Offered, entries: int) -> Iterator[Field]:
    """Yield the controls of a group; none for a single control."""
    if whole.kind == "outcomes":
        model = get_args(_inner(hint))[0]
        # One empty entry invites people to write the first.
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
            # The control has a number for its name, since the name of an outcome may hold any character.
            yield Field(key, f"{whole.name}.{n}", f"{whole.at}.{key}", key, "number", True, help=beside)


def _fill(control: Field, texts: Texts, problems: Sequence[Problem]) -> Field:
    """Return a field with its text and the problems at its place, and its parts likewise."""
    own = tuple(_sentence(control, problem) for problem in problems if problem.at == control.at)
    parts = tuple(_fill(part, texts, problems) for part in control.parts)
    return replace(control, text=texts.get(control.name, ""), problems=own, parts=parts)


# From a type to the kind of its control


@cache
def _hints(takes: type[BaseModel]) -> dict[str, Any]:
    return {name: _without_none(hint) for name, hint in get_type_hints(takes, include_extras=True).items()}


def _without_none(hint: Any) -> Any:
    """Return a type without its alternative None."""
    if get_origin(hint) in (Union, UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _inner(hint: Any) -> Any:
    """Return a type without its annotations."""
    return get_args(hint)[0] if hasattr(hint, "__metadata__") else hint


def _kind(hint: Any) -> str:
    """Return the kind of control for a type. Raise `TypeError` if there is none."""
    for type_, kind in _KINDS:
        # Two annotated types are equal only with equal metadata, so a Name and a Text are told apart here.
        if hint == type_:
            return kind
    inner = _inner(hint)
    origin, args = get_origin(inner), get_args(inner)
    if origin is Literal:
        return "choice"
    if origin is tuple:
        several = isinstance(args[0], type) and issubclass(args[0], BaseModel)
        return "outcomes" if several else "lines"
    if origin is dict:
        # Keys that are a closed list are the five abilities. Other keys are the names of outcomes.
        ability, numbers = get_origin(args[0]) is Literal, args[1] != inputs.Text
        return {(True, False): "abilities", (True, True): "scores", (False, True): "values"}[ability, numbers]
    raise TypeError(f"there is no control for {hint}")


def _choices(hint: Any) -> Choices:
    if get_origin(hint) is Literal:
        return tuple((word, READABLE[word]) for word in get_args(hint))
    return _YES_NO if hint == StrictBool else ()


@cache
def _schema(hint: Any) -> dict[str, Any]:
    return TypeAdapter(hint).json_schema()


def _bounds(hint: Any) -> dict[str, Any]:
    """Return the bounds of a type under their names in JSON schema; only kinds that show bounds have any."""
    return _schema(hint) if _kind(hint) in ("line", "paragraph", "email", "file", "money", "whole") else {}


def _help(kind: str, description: str) -> str:
    if kind in ("yes-no", "choice", "several", "numbered"):
        return ""
    sentence = _capital(description) + "." if description else ""
    # The description says "in cents", while people type dollars.
    return _HELP[kind] if kind == "money" else f"{sentence} {_HELP.get(kind, '')}".strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def format_cents(cents: int) -> str:
    """Return cents as people type them into a form: 250,000.00."""
    return money(cents).removeprefix("$")


# Problems, in words for people

_MISSING = {
    "choice": "Choose one.",
    "score": "Choose one.",
    "yes-no": "Choose yes or no.",
    "several": "Choose at least one.",
    "numbered": "Choose one.",
    "lines": "Write at least one entry.",
    "day": "Give the day.",
    "file": "Choose a file.",
    "tick": "Tick this box if you consent. Nothing is signed without it.",
    "money": "Give the amount.",
    "whole": "Give a number.",
    "number": "Give a number.",
}


def _sentence(control: Field, problem: Problem) -> str:
    """Return a problem as a sentence to show at its control."""
    if problem.problem == "it is missing":
        return _MISSING.get(control.kind, "Fill this in.")
    expected = f" Expected: {problem.expected}." if problem.expected else ""
    return f"{_capital(_with_labels(problem.problem, (control,))).removesuffix('.')}.{expected}"


def _with_labels(text: str, fields: Sequence[Field]) -> str:
    """Return a reason with the labels that people see in place of the keys that it names."""
    for control in fields:
        # A key without an underscore, such as "reason", may be an ordinary word of the sentence.
        if "_" in control.key:
            text = re.sub(rf"\b{re.escape(control.key)}\b", f'"{control.label}"', text)
    return _capital(text)


def count_entries(texts: Texts, start: str) -> int:
    """Return how many entries of a repeated group the texts fill, at most `MOST_ENTRIES`.

    `start` is the name of the group and a dot. The highest number counts, so that a gap stays an empty entry.
    """
    numbers = [name[len(start) :].partition(".")[0] for name in texts if name.startswith(start)]
    return min(max((int(n) + 1 for n in numbers if re.fullmatch(r"[0-9]{1,3}", n)), default=0), MOST_ENTRIES)
