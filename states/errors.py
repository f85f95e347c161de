"""Defines the errors that the law raises, and those for malformed inputs.

LawError
  BadInput            the input is malformed
    UnknownEvent      there is no such event
  Refused             the law does not allow the event now
    WrongState        the event is for another state
    WrongRole         the event is for another role
  TableError          the table of the law contradicts itself
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

_FEW = 20  # a district has a hundred schools, and a file may name a wrong one in each line


def suggest(word: str, words: Iterable[str]) -> str:
    """Return a question in brackets, whether the nearest of the words was meant; "" if none is near."""
    spelled = {each.lower(): each for each in words}
    near = get_close_matches(word.lower(), spelled, n=1, cutoff=0.7)
    return f" (did you mean {spelled[near[0]]}?)" if near else ""


def list_few(words: Collection[str], otherwise: str) -> str:
    """Return words to choose from in alphabetical order; `otherwise` if there are none, or too many to read."""
    return ", ".join(sorted(words)) if 0 < len(words) <= _FEW else otherwise


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement that does not hold: its name, why not, and the clause of policy 4270 it comes from."""

    requirement: str
    reason: str
    clause: str | None = None

    def __str__(self) -> str:
        return f"{self.reason} ({self.clause})" if self.clause else self.reason


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in an input or a file: its place, what is wrong, what would be right."""

    at: str
    problem: str
    expected: str = ""

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.problem}" + (f"; expected {self.expected}" if self.expected else "")


class LawError(Exception):
    """The law refuses something."""


class BadInput(LawError):
    """The input is malformed; `problems` has each mistake."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class UnknownEvent(BadInput):
    """There is no event of this name."""

    def __init__(self, event: str, events: Iterable[str]) -> None:
        names = tuple(events)
        problem = f"there is no event {event!r}{suggest(event, names)}"
        super().__init__([Problem("event", problem, "one of " + ", ".join(names))])


class Refused(LawError):
    """The law does not allow the event now; `unmet` names every requirement that does not hold."""

    def __init__(self, unmet: Iterable[Unmet]) -> None:
        self.unmet: Sequence[Unmet] = tuple(unmet)
        super().__init__("; ".join(map(str, self.unmet)))


class WrongState(Refused):
    """The event exists, but not in the state that the partnership is in."""


class WrongRole(Refused):
    """The event is possible in this state, but not for this role."""


class TableError(LawError):
    """The table of the law contradicts itself; `faults` has each contradiction."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))
