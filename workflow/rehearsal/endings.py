"""Says in words how each partnership stands at the end of a rehearsal: who is waited for, and what was missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from workflow.rehearsal.rehearse import End
from workflow.rehearsal.wording import Wording, add_role
from workflow.views.pending import Wait


@dataclass(frozen=True, slots=True)
class Waiting:
    """For whom a partnership waits, and for what."""

    people: tuple[str, ...]
    task: str
    since: str
    by: str  # "" without a deadline
    overdue: bool

    def __str__(self) -> str:
        by = f", {'overdue since' if self.overdue else 'due'} {self.by}" if self.by else ""
        return f"{'; '.join(self.people)}: {self.task}{by} (waited for since {self.since})"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a partnership stands at the end, in words."""

    ref: str
    school: str
    state: str
    was: str  # "" if it is the same
    waits: tuple[Waiting, ...]
    missed: tuple[str, ...]


def describe_end(wording: Wording, end: End, until: datetime) -> Ending:
    """Return how a partnership stands at the instant `until`."""
    record, near = end.record, wording.day_of(until)
    state, was = ((name or "").replace("-", " ") for name in (record.state, end.was))
    waits: dict[tuple[str, str | None], list[Wait]] = {}
    for wait in end.waits:
        row = wording.settings.deadlines.get(wait.deadline or "")
        # Nobody has to do what the clock does on that day.
        if row is None or row.fires != wait.event:
            waits.setdefault((wait.event, wait.deadline), []).append(wait)
    return Ending(
        record.ref,
        wording.school_of(record.ref),
        state,
        "" if was == state else was,
        tuple(_describe_wait(wording, some, until, near) for some in waits.values()),
        tuple(_describe_missed(wording, end, near)),
    )


def _describe_wait(wording: Wording, waits: Sequence[Wait], until: datetime, near: date) -> Waiting:
    one = waits[0]
    people = (add_role(each.person.name, each.role) if each.person else str(each.problem) for each in waits)
    return Waiting(
        tuple(people),
        wording.settings.label(one.event),
        wording.write_day(wording.day_of(one.since), near),
        wording.write_due(one.by, near) if one.by else "",
        one.by is not None and one.by <= until,
    )


def _describe_missed(wording: Wording, end: End, near: date) -> Iterator[str]:
    """Yield each deadline that was missed, once, with the first day on which it was."""
    first = {each.deadline: each.due_at for each in reversed(end.missed)}
    for name, count in Counter(each.deadline for each in end.missed).items():
        more = f", and {count - 1} more time{'s' * (count > 2)}" if count > 1 else ""
        yield f"{wording.label_of(name)}, {wording.write_due(first[name], near)}{more}"
