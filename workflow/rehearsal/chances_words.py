"""Tells in sentences and as a JSON document by when partnerships get to their next states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from notifications.written import near_day
from workflow.procedure.config import Config
from workflow.rehearsal.chances import Chances, Milestone, Wish


@dataclass(frozen=True)
class ChancesTelling:
    """Puts the chances of many futures into words."""

    chances: Chances
    settings: Config
    begin: datetime
    until: datetime

    def make_document(self) -> dict[str, Any]:
        """Return the chances as one JSON document; instants in the district's zone, shares from 0 to 1."""
        return {
            "begin": self._local(self.begin),
            "until": self._local(self.until),
            "runs": self.chances.runs,
            "seed": self.chances.seed,
            "milestones": [
                {
                    "ref": each.ref,
                    "school_name": each.school,
                    "state": each.state,
                    "half": self._local(each.half),
                    "nine_in_ten": self._local(each.most),
                    "reached": each.reached,
                }
                for each in self.chances.milestones
            ],
            "first_days": [
                {
                    "ref": each.ref,
                    "school_name": each.school,
                    "first_day": each.first_day.isoformat(),
                    "last_meeting": self._local(each.last_meeting),
                    "in_time": each.in_time,
                    "missed": each.is_missed,
                }
                for each in self.chances.wishes
            ],
        }

    def write(self) -> Iterator[str]:
        """Yield the lines for people."""
        count = self.chances.runs
        yield (
            f"{count} futures from {self._day(self.begin)} to {self._day(self.until)}. It assumes that everybody"
            " takes as long as people took before in this record."
        )
        if not self.chances.milestones:
            yield "No partnership gets to another state in them."
        for _, milestones in groupby(self.chances.milestones, key=lambda each: each.ref):
            of_one = list(milestones)
            yield f"\n{of_one[0].school} ({of_one[0].ref})"
            yield from (f"  {self._write_milestone(each)}" for each in of_one)
        for wish in self.chances.wishes:
            yield f"\n{self._write_wish(wish)}"

    def _write_milestone(self, each: Milestone) -> str:
        name = each.state.replace("-", " ")
        if each.half is None:
            return f"{name}: in {each.reached:.0%} of the futures by then."
        half = f"{name}: half get there by {self._day(each.half)}"
        if each.most is None:
            return f"{half}; {each.reached:.0%} do by the end."
        return f"{half}, nine in ten by {self._day(each.most)}."

    def _write_wish(self, wish: Wish) -> str:
        meeting = (
            f" The last Board meeting that serves is on {self._day(wish.last_meeting)}."
            if wish.last_meeting
            else ""
        )
        judged = "It will probably be missed" if wish.is_missed else "It can be met"
        return (
            f"{wish.school} ({wish.ref}) is to start on {near_day(wish.first_day, self._first)}. {judged}:"
            f" {wish.in_time:.0%} of the futures are in time.{meeting}"
        )

    @property
    def _first(self) -> Any:
        return self.settings.calendar.day(self.begin)

    def _day(self, instant: datetime) -> str:
        return near_day(self.settings.calendar.day(instant), self._first)

    def _local(self, instant: datetime | None) -> str | None:
        return self.settings.calendar.local(instant).isoformat(timespec="seconds") if instant else None
