"""Tells in sentences and as a JSON document how the future differs under two procedures."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import zip_longest
from typing import Any

from workflow.rehearsal.comparison import Comparison, Instants, Messages, Reached, Standstill, Waited
from workflow.rehearsal.happenings import Kind
from workflow.rehearsal.refusals import Refusal
from workflow.rehearsal.rehearse import Rehearsal
from workflow.rehearsal.telling import count
from workflow.rehearsal.wording import Wording, add_role

_WIDTH = 100
_PRESENT, _NEW = "under the present procedure", "under the new one"


@dataclass(frozen=True)
class ComparisonTelling:
    """Puts a comparison into words.

    `procedure` names the file of the new procedure. `assumption` says in a sentence who acts. `refusals` are the
    written events that could not happen, under the present procedure and under the new one.
    """

    comparison: Comparison
    procedure: str
    assumption: str
    refusals: tuple[Sequence[Refusal], Sequence[Refusal]] = ((), ())

    @cached_property
    def wording(self) -> Wording:
        """Return the names of people and schools under the new procedure."""
        sides = (self.comparison.present, self.comparison.proposed)
        facts = {end.record.ref: end.record.facts for side in sides for end in side.ends}
        proposed = self.comparison.proposed
        return Wording(proposed.settings, proposed.directory, facts)

    def label_of(self, deadline: str) -> str:
        """Return the words for a deadline, of the present procedure if the new one does not have it."""
        for side in (self.comparison.proposed, self.comparison.present):
            if (row := side.settings.procedure.deadline.get(deadline)) is not None:
                return row.label
        return deadline

    def place_of(self, ref: str) -> str:
        """Return the school of a partnership, with the reference if the school has several."""
        school = self.wording.school_of(ref)
        return school if self._schools[school] < 2 else f"{school} ({ref})"

    @cached_property
    def _schools(self) -> Counter[str]:
        return Counter(map(self.wording.school_of, self.wording.facts))

    # Text

    def write(self) -> Iterator[str]:
        """Yield the lines of a text that can be read aloud."""
        rehearsal, day_of = self.comparison.proposed, self.wording.day_of
        first, last = day_of(rehearsal.begin), day_of(rehearsal.until)
        yield from _wrap(
            f"Comparison of the present procedure with {self.procedure}, from"
            f" {self.wording.write_day(first, first)} to {self.wording.write_day(last, first)}."
            f" {self.assumption} Nothing was written to the record, and nothing was sent."
        )
        parts = [(title, list(lines)) for title, lines in self._parts()]
        for title, lines in parts:
            if lines:
                yield from ["", title.upper()]
                for line in lines:
                    yield from _wrap(line, "  ")
        if not any(lines for _, lines in parts):
            yield from ["", "Nothing differs."]

    def _parts(self) -> Iterator[tuple[str, Iterator[str]]]:
        """Yield the title and the sentences of each part."""
        comparison = self.comparison
        yield "Deadlines", (line for each in comparison.deadlines for line in self._tell_due(each))
        yield "Dates reached", map(self._tell_reached, comparison.reached)
        yield "Deadlines missed", (line for each in comparison.missed for line in self._tell_missed(each))
        yield "Standing still", self._tell_standing_still()
        yield "Messages", self._tell_messages()
        yield "Events of the script refused", self._tell_refusals()

    def _tell_due(self, each: Instants) -> Iterator[str]:
        place, label = self.place_of(each.ref), self.label_of(each.deadline)
        for was, is_now in zip_longest(each.present, each.proposed):
            before, after = self._write_instants(was, is_now)
            if was and is_now:
                yield f'{place}: "{label}" is due on {after} instead of {before}.'
            elif is_now:
                yield f'{place}: "{label}" is due on {after}, and only {_NEW}.'
            else:
                yield f'{place}: "{label}" is due on {before}, and only {_PRESENT}.'

    def _tell_reached(self, each: Reached) -> str:
        place, state = self.place_of(each.ref), each.state.replace("-", " ")
        again = f" for the {_ordinal(each.time)} time" if each.time > 1 else ""
        before, after = self._write_instants(each.present, each.proposed)
        if each.present and each.proposed:
            return f"{place}: the state becomes {state}{again} on {after} instead of {before}."
        day, only = (after, _NEW) if each.proposed else (before, _PRESENT)
        return f"{place}: the state becomes {state}{again} on {day}, and only {only}."

    def _tell_missed(self, each: Instants) -> Iterator[str]:
        """Yield a sentence if a deadline is missed more often under one procedure than under the other."""
        present, proposed = (len(each.both) + len(some) for some in (each.present, each.proposed))
        if present == proposed:
            return
        start = f'{self.place_of(each.ref)}: "{self.label_of(each.deadline)}" is missed'
        if present and proposed:
            yield f"{start} {count(proposed, 'time')} instead of {present}."
        else:
            yield f"{start} {_NEW if proposed else _PRESENT} only."

    def _tell_standing_still(self) -> Iterator[str]:
        for each in self.comparison.standstills:
            if each.present != each.proposed:
                only = _NEW if each.proposed else _PRESENT
                yield f"{self.place_of(each.ref)} stands still {only} only. {self._tell_waits(each)}"
        for waited in self.comparison.waited:
            only = _NEW if waited.proposed else _PRESENT
            yield f"{self.place_of(waited.ref)} waits for somebody {only} only. {self._tell_waits(waited)}"

    def _tell_waits(self, each: Standstill | Waited) -> str:
        """Return for whom a partnership waits under the procedure of which a sentence speaks."""
        end = self.comparison.ends_of(each.ref)[each.proposed]
        waits = end.waits if end else ()
        tasks = dict.fromkeys(
            f"{self._name(wait)}: {self.wording.settings.label(wait.event)}" for wait in waits
        )
        return f"It waits for {'; '.join(tasks)}." if tasks else "It waits for nobody."

    @staticmethod
    def _name(wait: Any) -> str:
        return add_role(wait.person.name, wait.role) if wait.person else str(wait.problem)

    def _tell_messages(self) -> Iterator[str]:
        present, proposed = map(_count_messages, (self.comparison.present, self.comparison.proposed))
        if not self.comparison.messages:
            return
        yield f"{count(proposed, 'message')} in all instead of {present:,}."
        for each in self.comparison.messages:
            yield f"{self._describe(each)}: {each.proposed:,} instead of {each.present:,}."

    def _describe(self, each: Messages) -> str:
        return self.wording.describe_person(each.sample)

    def _tell_refusals(self) -> Iterator[str]:
        present, proposed = ({(e.at, e.ref, e.event): e for e in side} for side in self.refusals)
        for side, other, only in ((present, proposed, _PRESENT), (proposed, present, _NEW)):
            for key in sorted(side.keys() - other.keys()):
                each = side[key]
                label = self.wording.settings.label(each.event)
                why = "; ".join(each.reasons)
                yield f'{self.place_of(each.ref)}: "{label}" is refused {only} only: {why}.'

    def _write_instants(self, *instants: datetime | None) -> list[str]:
        """Return the days of instants in words, with the time of day if two differ only in that."""
        near = self.wording.day_of(self.comparison.proposed.begin)
        days = ["" if each is None else self.wording.write_due(each, near) for each in instants]
        if len({*days}) == len(days):
            return days
        return [
            f"{day}, {self.wording.write_time(each)}" if each else ""
            for day, each in zip(days, instants, strict=True)
        ]

    # Document

    def make_document(self) -> dict[str, Any]:
        """Return what differs as one JSON document, by kind. Of deadlines missed and standstills it has all."""
        comparison = self.comparison
        present, proposed = comparison.present, comparison.proposed
        return {
            "begin": self.wording.local(proposed.begin),
            "until": self.wording.local(proposed.until),
            "procedure": self.procedure,
            "assumes": self.assumption,
            "deadlines": [self._describe_instants(each) for each in comparison.deadlines],
            "reached": [
                self._describe_place(each.ref)
                | {
                    "state": each.state,
                    "time": each.time,
                    "present": self.wording.local(each.present),
                    "proposed": self.wording.local(each.proposed),
                }
                for each in comparison.reached
            ],
            "missed": [self._describe_instants(each) for each in comparison.missed],
            "standing_still": [
                self._describe_place(each.ref) | {"present": each.present, "proposed": each.proposed}
                for each in comparison.standstills
            ],
            "waiting": [
                self._describe_place(each.ref)
                | {"state": each.state, "present": each.present, "proposed": each.proposed}
                for each in comparison.waited
            ],
            "messages": {
                "present": _count_messages(present),
                "proposed": _count_messages(proposed),
                "by_person": [
                    {
                        "person": each.sample.who or None,
                        "name": self._describe(each),
                        "present": each.present,
                        "proposed": each.proposed,
                    }
                    for each in comparison.messages
                ],
            },
            "refused": dict(
                zip(
                    ("present", "proposed"),
                    ([self._describe_refusal(each) for each in side] for side in self.refusals),
                    strict=True,
                )
            ),
        }

    def _describe_place(self, ref: str) -> dict[str, Any]:
        return {"ref": ref, "school": self.wording.school_of(ref)}

    def _describe_instants(self, each: Instants) -> dict[str, Any]:
        instants = {"present": each.present, "proposed": each.proposed, "both": each.both}
        shown = {side: list(map(self.wording.local, some)) for side, some in instants.items()}
        place = self._describe_place(each.ref)
        return place | {"deadline": each.deadline, "label": self.label_of(each.deadline)} | shown

    def _describe_refusal(self, each: Refusal) -> dict[str, Any]:
        return {
            "at": self.wording.local(each.at),
            "ref": each.ref,
            "event": each.event,
            "actor": each.actor,
            "reasons": list(each.reasons),
        }


def _count_messages(rehearsal: Rehearsal) -> int:
    return sum(each.kind is Kind.NOTICE for each in rehearsal.happenings)


def _ordinal(number: int) -> str:
    """Return a number as "2nd", "3rd" or "4th"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else ending}"


def _wrap(text: str, indent: str = "") -> list[str]:
    rest = " " * (len(indent) + 2 if indent else 0)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
