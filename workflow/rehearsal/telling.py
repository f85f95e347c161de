"""Tells a rehearsal in words: day by day what happened and who was told, and how each partnership ends.

What is told here is shown as text, as a page and as JSON. It uses names, labels and whole sentences, so that it can
be read aloud.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import groupby

from states.names import Role
from workflow.rehearsal.endings import Ending, describe_end
from workflow.rehearsal.happenings import Happening, Kind
from workflow.rehearsal.refusals import Refusal
from workflow.rehearsal.rehearse import Missed, Rehearsal
from workflow.rehearsal.wording import Wording, cut_school
from workflow.store.rows import RungKind


@dataclass(frozen=True, slots=True)
class Told:
    """People who got the same message, or messages with one subject."""

    people: tuple[str, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a partnership, and who was told of it.

    `again` says that people are only told once more of something that stays overdue.
    """

    ref: str
    at: datetime
    sentence: str
    told: tuple[Told, ...] = ()
    again: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What happened to one partnership on one day; to several at once, where `ref` is empty."""

    ref: str
    school: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """Everything of one day, by partnership."""

    day: date
    heading: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """How much happened. `by_person` has the number of messages of each person, the most first."""

    events: int
    deadlines: int
    messages: int
    missed: int
    by_person: tuple[tuple[str, int], ...]


class Telling:
    """Puts one rehearsal into words.

    `assumption` says in a sentence who acts in it. `refusals` are the written events that could not happen.
    """

    def __init__(self, rehearsal: Rehearsal, assumption: str, refusals: Sequence[Refusal] = ()) -> None:
        facts = {end.record.ref: end.record.facts for end in rehearsal.ends}
        self.rehearsal, self.assumption, self.refusals = rehearsal, assumption, refusals
        self.wording = Wording(rehearsal.settings, rehearsal.directory, facts)
        self.missed = frozenset(missed for end in rehearsal.ends for missed in end.missed)

    @cached_property
    def days(self) -> list[Day]:
        """Return each day on which something happened."""
        day_of, near = self.wording.day_of, self.first
        steps = [*self._tell_steps(), *self._tell_refusals()]
        # What concerns several partnerships comes last.
        steps.sort(key=lambda step: (day_of(step.at), step.ref == "", step.ref, step.at))
        return [
            Day(day, self.wording.write_day(day, near), tuple(self._places(of_day)))
            for day, of_day in groupby(steps, key=lambda step: day_of(step.at))
        ]

    @cached_property
    def endings(self) -> list[Ending]:
        """Return how each partnership stands at the end."""
        rehearsal = self.rehearsal
        return [describe_end(self.wording, end, rehearsal.until) for end in rehearsal.ends]

    @cached_property
    def totals(self) -> Totals:
        """Return how much happened."""
        happenings, describe = self.rehearsal.happenings, self.wording.describe_person
        kinds = Counter(each.kind for each in happenings)
        people = Counter(describe(each) for each in happenings if each.kind is Kind.NOTICE)
        return Totals(
            kinds[Kind.EVENT],
            kinds[Kind.DEADLINE],
            kinds[Kind.NOTICE],
            sum(len(end.missed) for end in self.rehearsal.ends),
            tuple(sorted(people.items(), key=lambda each: (-each[1], each[0]))),
        )

    @property
    def first(self) -> date:
        """Return the first day."""
        return self.wording.day_of(self.rehearsal.begin)

    @property
    def last(self) -> date:
        """Return the last day."""
        return self.wording.day_of(self.rehearsal.until)

    @property
    def summary(self) -> str:
        """Return what was rehearsed, and who acted in it, in sentences."""
        write = self.wording.write_day
        return (
            f"Rehearsal of {count(len(self.rehearsal.ends), 'partnership')} from {write(self.first, self.first)}"
            f" to {write(self.last, self.first)}. {self.assumption} Nothing was written to the record, and"
            " nothing was sent."
        )

    def _places(self, steps: Iterable[Step]) -> Iterator[Place]:
        for ref, of_ref in groupby(steps, key=lambda step: step.ref):
            yield Place(ref, self.wording.school_of(ref) if ref else "Several partnerships", tuple(of_ref))

    # Steps

    def _tell_steps(self) -> Iterator[Step]:
        """Yield each step.

        1. Take what happened to one partnership on one day.
        2. Give each message to the event or deadline that it is about.
        3. Tell the messages that are left, such as a weekly summary, by themselves.
        """
        day_of = self.wording.day_of
        ordered = sorted(self.rehearsal.happenings, key=lambda each: (day_of(each.at), each.ref))
        overdue: set[tuple[str, str, datetime | None]] = set()
        for (_, ref), of_day in groupby(ordered, key=lambda each: (day_of(each.at), each.ref)):
            some = list(of_day)
            notices = [each for each in some if each.kind is Kind.NOTICE]
            causes = [each for each in some if each.kind is not Kind.NOTICE]
            done = {each.name for each in causes if each.kind is Kind.EVENT and each.by_clock}
            for cause in causes:
                own = [each for each in notices if each.name == cause.name]
                notices = [each for each in notices if each.name != cause.name]
                if own or not self.is_told_by(cause, done):
                    yield self._tell(cause, own, overdue)
            for _, same in groupby(sorted(notices, key=lambda each: each.name), key=lambda each: each.name):
                rest = list(same)
                yield Step(ref, rest[0].at, "", self._group(rest))

    def is_told_by(self, cause: Happening, done: Collection[str]) -> bool:
        """Return whether the event that a deadline fired, and that has its own sentence, tells it already."""
        row = self.wording.settings.deadlines.get(cause.name) if cause.kind is Kind.DEADLINE else None
        return row is not None and cause.detail == RungKind.DUE and row.fires in done

    def _tell(
        self, cause: Happening, notices: Sequence[Happening], overdue: set[tuple[str, str, datetime | None]]
    ) -> Step:
        """Return an event or a deadline as a step. `overdue` has the deadlines that were told to be late."""
        told = self._group(notices)
        if cause.kind is Kind.EVENT:
            return Step(cause.ref, cause.at, self.tell_event(cause), told)
        key = (cause.ref, cause.name, cause.due_at)
        again = cause.detail == RungKind.ESCALATE and key in overdue
        if cause.detail == RungKind.ESCALATE:
            overdue.add(key)
        return Step(cause.ref, cause.at, self._tell_deadline(cause, again=again), told, again=again)

    def tell_event(self, each: Happening) -> str:
        """Return an event as a sentence, with the state that it led to."""
        words = self.wording.settings.events[each.name]
        moved = f" The state is now {each.detail.replace('-', ' ')}." if each.detail else ""
        if each.role == Role.CLOCK:
            return f"{words['automatic']}{moved}"
        who = self.wording.describe_person(each)
        return f"{who[:1].upper()}{who[1:]} {words['done']}.{moved}"

    def _tell_deadline(self, each: Happening, *, again: bool) -> str:
        label = self.wording.label_of(each.name)
        due = self.wording.write_due(each.due_at or each.at, self.wording.day_of(each.at))
        if each.detail == RungKind.REMIND:
            return f"Reminder: {label}, by {due}."
        if each.detail == RungKind.ESCALATE:
            return f"{label}, overdue since {due}" if again else f"Overdue since {due}: {label}."
        is_missed = Missed(each.ref, each.name, each.at) in self.missed
        return f"Due today and not done: {label}." if is_missed else f"{label}."

    def _group(self, notices: Iterable[Happening]) -> tuple[Told, ...]:
        """Return who was told, one entry for each subject."""
        subjects: dict[str, dict[str, None]] = {}
        for each in notices:
            subject = cut_school(each.detail, self.wording.school_of(each.ref)) or "(sealed)"
            subjects.setdefault(subject, {})[self.wording.describe_person(each)] = None
        return tuple(Told(tuple(people), subject) for subject, people in subjects.items())

    def _tell_refusals(self) -> Iterator[Step]:
        for each in self.refusals:
            who, label = self.wording.name_of(each.actor, each.ref), self.wording.settings.label(each.event)
            sentence = f'REFUSED: "{label}" by {who}: {"; ".join(each.reasons)}.'
            yield Step(each.ref, each.at, sentence, refused=True)


def count(number: int, what: str) -> str:
    """Return a number with its noun, such as "1 message" or "2 messages"."""
    return f"{number:,} {what}{'s' * (number != 1)}"
