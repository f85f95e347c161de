"""Reads who is assumed to act in a rehearsal, and how: nobody, on-time, late=DAYS or as-before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from states.errors import BadInput, Problem
from workflow.rehearsal.assumed import Assumed, OnTime
from workflow.rehearsal.durations import AsBefore, read_durations
from workflow.session import Session

_LATE = re.compile(r"late=(?P<days>[0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Assumption:
    """Who acts in a rehearsal. `late` are the calendar days after the last day, None if that is not assumed."""

    text: str
    late: int | None = None
    samples: bool = False

    def make_people(self, session: Session, seed: int) -> Assumed | None:
        """Return the people who act; None for nobody. `seed` chooses among the durations of the past."""
        if self.samples:
            return Assumed(AsBefore(read_durations(session), Random(seed)))
        return None if self.late is None else Assumed(OnTime(self.late))

    def describe(self, script: str | None = None) -> str:
        """Return in a sentence who acts, with the name of a script, if there is one."""
        if self.samples:
            words = "It assumes that everybody takes as long as people took before in this record"
        elif self.late:
            days = f"{self.late} day{'s' if self.late > 1 else ''}"
            words = f"It assumes that everybody does what is waited for {days} after the last day"
        elif self.late is not None:
            words = "It assumes that everybody does what is waited for on the last day"
        else:
            words = "It assumes that nobody does anything"
        if script is None:
            return f"{words}."
        return f"{words}, besides what {script} says." if self.acts else f"{words} but what {script} says."

    @property
    def acts(self) -> bool:
        """Return whether anybody acts."""
        return self.samples or self.late is not None


def read_assumption(text: str) -> Assumption:
    """Return the assumption that a text names. Raise `BadInput`."""
    if text == "nobody":
        return Assumption(text)
    if text == "on-time":
        return Assumption(text, late=0)
    if text == "as-before":
        return Assumption(text, samples=True)
    if (match := _LATE.fullmatch(text)) is not None:
        return Assumption(text, late=int(match["days"]))
    expected = "nobody, on-time, late=DAYS such as late=7, or as-before"
    raise BadInput([Problem("--assume", f"{text!r} is not a way of acting", expected)])
