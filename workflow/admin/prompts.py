"""Asks somebody at a terminal for the input of an event, one field after the other, and asks again what is wrong.

Labels, helps, choices and checks are those of the form of the event (`workflow/forms`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import click

from notifications.markup import escape_controls
from notifications.written import long_day, money
from states.errors import BadInput, Problem, Refused
from states.inputs import Input
from workflow.admin.console import Console
from workflow.admin.terminal import echo
from workflow.forms import parsing
from workflow.forms.days import read_day
from workflow.forms.fields import (
    MOST_ENTRIES,
    Choices,
    Field,
    Offered,
    build_form,
    count_entries,
    other_problems,
    walk,
)

EMPTY = "-"  # typed in place of a text, it leaves a field empty that may be empty


def ask_line(question: str, default: str = "") -> str:
    """Return the line that somebody types, without blanks around it; `default` for an empty one."""
    shown = escape_controls(f"{question} [{default}]" if default else question)
    typed = click.prompt(shown, default=default, show_default=False, type=str, prompt_suffix=" > ")
    return str(typed).strip()


def ask_lines(first: str = "") -> list[str]:
    """Return the lines that somebody types until an empty one."""
    lines = []
    while line := str(click.prompt("  >", default="", show_default=False, prompt_suffix=" ")).strip():
        lines.append(line)
    return lines or ([first] if first else [])


def ask_yes_no(question: str, *, default: bool) -> bool:
    """Return whether somebody says yes."""
    return bool(click.confirm(escape_controls(question), default=default, prompt_suffix=" > "))


def pick(choices: Choices, typed: str) -> str:
    """Return the value of the choice that a number or a unique part of its words names. Raises `ValueError`."""
    if typed.isascii() and typed.isdecimal() and 1 <= int(typed[:9]) <= len(choices):
        return choices[int(typed) - 1][0]
    part = typed.lower()
    named = [value for value, words in choices if part in (value.lower(), words.lower())]
    named = named or [value for value, words in choices if part and part in f"{value} {words}".lower()]
    if len(named) == 1:
        return named[0]
    problem = "fits several of these" if named else "is not one of these"
    raise ValueError(f'"{typed}" {problem}; write a number from 1 to {len(choices)}')


def choose(question: str, offered: Choices, *, shown: bool = False) -> str | None:
    """Return the value of the choice that somebody makes, None for an empty answer. List them unless `shown`."""
    if not shown:
        show_choices(offered)
    while typed := ask_line(question):
        try:
            return pick(offered, typed)
        except ValueError as error:
            echo(f"  {error}.")
    return None


def show_choices(choices: Choices) -> None:
    """Print choices as a numbered list."""
    for number, (_, words) in enumerate(choices, start=1):
        echo(f"  {number:>2}  {words}")


@dataclass
class Questions:
    """The questions for one input. `texts` has what was answered so far, by the name of the control."""

    takes: type[Input]
    offered: Offered
    texts: dict[str, str]
    today: date

    def fields(self) -> tuple[Field, ...]:
        """Return the fields of the form with what was answered so far."""
        return build_form(self.takes, self.texts, self.offered)

    def ask_all(self) -> None:
        """Ask for every field."""
        for control in self.fields():
            self.ask(control)

    def ask(self, control: Field) -> None:
        """Ask for one field and all its parts."""
        if control.kind == "outcomes":
            self._ask_entries(control)
        elif control.parts:
            echo(f"\n{control.label}")
            for part in control.parts:
                self._ask_until_right(part)
        else:
            self._ask_until_right(control)

    def ask_again(self) -> None:
        """Let somebody choose a field, and ask for it again."""
        fields = self.fields()
        labels = tuple((control.name, control.label) for control in fields)
        if len(fields) == 1:
            self.ask(fields[0])
            return
        echo("Which answer?")
        show_choices(labels)
        try:
            name = pick(labels, ask_line("Number"))
        except ValueError as error:
            echo(f"  {error}.")
            return
        self.ask(next(control for control in fields if control.name == name))

    def read(self) -> dict[str, Any]:
        """Return the input. Raises `BadInput` with every problem."""
        return parsing.read(self.takes, self.texts, self.offered)

    def list_problems(self, problems: Sequence[Problem]) -> list[str]:
        """Return problems as sentences for people, with the labels of the fields."""
        fields = build_form(self.takes, self.texts, self.offered, problems)
        own = [f"{each.label}: {problem}" for each in walk(fields) for problem in each.problems]
        return own + [f"{problem}." for problem in other_problems(fields, problems)]

    def print_mistakes(self, console: Console, error: BadInput | Refused) -> None:
        """Print why an event cannot be recorded with these answers."""
        if isinstance(error, BadInput):
            lines = self.list_problems(error.problems)
        else:
            lines = [f"{console.settings.labeled(str(unmet))}." for unmet in error.unmet]
        echo("\nThis cannot be recorded:")
        for line in lines:
            echo(f"  - {line[:1].upper()}{line[1:]}")

    def _ask_entries(self, group: Field) -> None:
        """Ask what becomes of each entry of a group that repeats, and for more until there are enough."""
        before = count_entries(self.texts, f"{group.name}.")
        number = 0
        while number < max(before, 1) or (
            number < MOST_ENTRIES and ask_yes_no("\nAnother one?", default=False)
        ):
            # With a text of its own, the form has a place for the entry.
            self.texts.setdefault(f"{group.name}.{number}.name", "")
            entry = self._find(f"{group.name}.{number}")
            what = _ask_what_becomes(entry) if number < before else "change"
            if what == "change":
                echo(f"\n{entry.label}")
                for part in entry.parts:
                    self._ask_until_right(part)
            elif what == "drop":
                self.texts |= {part.name: "" for part in entry.parts}
            number += 1
        self.texts = parsing.drop_blanks(self.texts, group.name)

    def _find(self, name: str) -> Field:
        return next(control for control in walk(self.fields()) if control.name == name)

    def _ask_until_right(self, control: Field) -> None:
        """Ask for a single field until its answer passes the checks of the form."""
        has_answer = bool(self.texts.get(control.name))
        optional = f" (may stay empty{f'; {EMPTY} empties it' if has_answer else ''})"
        echo(f"\n{control.label}{'' if control.required else optional}")
        if control.help:
            echo(f"  {control.help}")
        if control.kind == "day":
            echo("  Or such as Oct 31, tomorrow or +21 days.")
        before = self.texts.get(control.name, "")
        while True:
            try:
                self.texts[control.name] = self._read(control, before)
            except ValueError as error:
                echo(f"  {error}.")
                continue
            problems = self._problems_of(control)
            if not problems:
                return
            for problem in problems:
                echo(f"  {problem}")
            # A wrong answer must not become the one that Enter keeps.
            self.texts[control.name] = before

    def _problems_of(self, control: Field) -> tuple[str, ...]:
        """Return what the form finds wrong with the answer to a single field, as sentences."""
        try:
            self.read()
        except BadInput as bad:
            inside = f"{control.at}."
            mine = [
                # An entry of a list has a place of its own, which no control has.
                replace(each, at=control.at)
                for each in bad.problems
                if each.at == control.at or each.at.startswith(inside)
            ]
            fields = build_form(self.takes, self.texts, self.offered, mine)
            return next(each.problems for each in walk(fields) if each.name == control.name)
        return ()

    def _read(self, control: Field, before: str) -> str:
        """Return the text of the answer that somebody gives to a field; `before` for none. Raises `ValueError`."""
        if control.kind in ("paragraph", "lines"):
            return _ask_text(before, control.kind)
        if control.choices:
            return _ask_choice(control, before)
        typed = ask_line(" ", before)
        if typed == EMPTY and not control.required:
            return ""
        if control.kind == "day" and typed:
            day = read_day(typed, self.today)
            if typed != day.isoformat():
                echo(f"  {long_day(day)}.")
            return day.isoformat()
        if control.kind == "file" and control.required and not Path(typed).is_file():
            raise ValueError(f"there is no file {typed}")
        if control.kind == "money" and typed:
            echo(f"  {money(parsing.read_cents(typed))}.")
        return typed


_BECOMES: Choices = (("keep", "Keep it"), ("change", "Change it"), ("drop", "Leave it out"))


def _ask_what_becomes(entry: Field) -> str:
    """Return whether somebody keeps, changes or drops an entry that is on record."""
    echo(f"\n{entry.label}: {entry.parts[0].text}")
    show_choices(_BECOMES)
    while True:
        try:
            return pick(_BECOMES, ask_line("  Number", "1"))
        except ValueError as error:
            echo(f"  {error}.")


def _ask_choice(control: Field, before: str) -> str:
    """Return the value of one choice, or of several, one on a line. Raises `ValueError`."""
    # The numbers of a score say themselves what they mean.
    if control.kind != "score":
        show_choices(control.choices)
    if control.kind == "several":
        numbers = [str(n) for n, (value, _) in enumerate(control.choices, 1) if value in before.split("\n")]
        typed = ask_line("  Numbers, with commas", ", ".join(numbers))
        return "\n".join(dict.fromkeys(pick(control.choices, part.strip()) for part in _split(typed)))
    default = next((str(n) for n, (value, _) in enumerate(control.choices, 1) if value == before), "")
    typed = ask_line(f"  From 1 to {len(control.choices)}" if control.choices[1:] else "  Number", default)
    if not control.required and typed in ("", EMPTY):
        return ""
    return pick(control.choices, typed)


def _split(typed: str) -> list[str]:
    """Return the parts of a list with commas; numbers may also have only spaces between them."""
    parts = typed.split() if all(part.isdecimal() for part in typed.split()) else typed.split(",")
    return [part for part in parts if part.strip()]


def _ask_text(before: str, kind: str) -> str:
    """Return a long text: from the editor of the person if there is one, else line by line."""
    if os.environ.get("VISUAL") or os.environ.get("EDITOR"):
        written = click.edit(before, extension=".txt", require_save=True)
        text = before if written is None else written.strip()
        for line in text.splitlines():
            echo(f"  | {line}")
        return text
    if before:
        echo("\n".join(f"  | {line}" for line in before.splitlines()))
    what = "One entry on each line" if kind == "lines" else "Your text"
    keeps = ", which keeps what is above" if before else ""
    echo(f"  {what}; an empty line ends it{keeps}.")
    lines = ask_lines(before)
    return "" if lines == [EMPTY] else "\n".join(lines)
