"""Compares two procedures: both are lived from the same present, and what differs is told by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from states.names import State
from workflow.procedure.config import Config
from workflow.rehearsal.copying import copied
from workflow.rehearsal.happenings import Happening, Kind
from workflow.rehearsal.living import Nobody, People
from workflow.rehearsal.rehearse import End, Rehearsal, rehearse
from workflow.session import System

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Instants:
    """The instants of one deadline of a partnership: only under one of the procedures, or under both."""

    ref: str
    deadline: str
    present: tuple[datetime, ...]
    proposed: tuple[datetime, ...]
    both: tuple[datetime, ...]

    @property
    def earliest(self) -> datetime:
        """Return the first instant that differs, or the first of all if none does."""
        return min(self.present + self.proposed or self.both)


@dataclass(frozen=True, slots=True)
class Messages:
    """How many messages a person gets under each procedure. `sample` is one of them, which names the person."""

    sample: Happening
    present: int
    proposed: int


@dataclass(frozen=True, slots=True)
class Reached:
    """When a partnership reaches a state under each procedure; None if it does not. `time` counts from 1."""

    ref: str
    state: str
    time: int
    present: datetime | None
    proposed: datetime | None


@dataclass(frozen=True, slots=True)
class Standstill:
    """A partnership that has not ended and to which nothing happens, under one procedure or under both."""

    ref: str
    present: bool
    proposed: bool


@dataclass(frozen=True, slots=True)
class Waited:
    """A partnership that ends in the same state, where only one of the procedures has somebody to wait for."""

    ref: str
    state: State | None
    present: bool
    proposed: bool


@dataclass(frozen=True)
class Comparison:
    """Two rehearsals from the same present: one under the present procedure, one under a proposed one."""

    present: Rehearsal
    proposed: Rehearsal

    @cached_property
    def deadlines(self) -> tuple[Instants, ...]:
        """Return the deadlines that are due at other instants, or stand under one procedure only."""
        standing = (self.present.deadlines, self.proposed.deadlines)
        sides = (_group(((e.ref, e.deadline), e.due_at) for e in each) for each in standing)
        return tuple(each for each in _pair(*sides) if each.present or each.proposed)

    @cached_property
    def missed(self) -> tuple[Instants, ...]:
        """Return every deadline that is missed under at least one of the procedures."""
        ends = (self.present.ends, self.proposed.ends)
        sides = (_group(((m.ref, m.deadline), m.due_at) for e in each for m in e.missed) for each in ends)
        return _pair(*sides)

    @cached_property
    def messages(self) -> tuple[Messages, ...]:
        """Return each person who gets another number of messages, in the order of their addresses."""
        sides = [
            [each for each in side.happenings if each.kind is Kind.NOTICE]
            for side in (self.present, self.proposed)
        ]
        present, proposed = (Counter(each.who for each in side) for side in sides)
        samples = {each.who: each for side in sides for each in side}
        return tuple(
            Messages(samples[who], present[who], proposed[who])
            for who in sorted(samples)
            if present[who] != proposed[who]
        )

    @cached_property
    def reached(self) -> tuple[Reached, ...]:
        """Return each state that a partnership reaches at another instant, or under one procedure only."""
        present, proposed = (_find_reached(side.happenings) for side in (self.present, self.proposed))
        return tuple(
            Reached(*key, present.get(key), proposed.get(key))
            for key in sorted(present.keys() | proposed.keys())
            if present.get(key) != proposed.get(key)
        )

    @cached_property
    def standstills(self) -> tuple[Standstill, ...]:
        """Return the partnerships that would stand still under at least one of the procedures."""
        present, proposed = _find_still(self.present), _find_still(self.proposed)
        return tuple(Standstill(ref, ref in present, ref in proposed) for ref in sorted(present | proposed))

    @cached_property
    def waited(self) -> tuple[Waited, ...]:
        """Return the partnerships that end in one state, and wait for somebody under one procedure only."""
        proposed = {end.record.ref: end for end in self.proposed.ends}
        pairs = [(end, proposed.get(end.record.ref)) for end in self.present.ends]
        return tuple(
            Waited(one.record.ref, one.record.state, bool(one.waits), bool(other.waits))
            for one, other in pairs
            if other is not None
            and other.record.state is one.record.state
            and bool(one.waits) != bool(other.waits)
        )

    def ends_of(self, ref: str) -> tuple[End | None, End | None]:
        """Return how a partnership ends under each procedure; None if it has not begun there."""
        present, proposed = (
            {end.record.ref: end for end in side.ends} for side in (self.present, self.proposed)
        )
        return present.get(ref), proposed.get(ref)


def compare(
    system: System,
    begin: datetime,
    until: datetime,
    proposed: Config,
    *,
    make_people: Callable[[], People] = Nobody,
    refs: Collection[str] = (),
) -> Comparison:
    """Live the present and a proposed procedure from the same present, and return both.

    `make_people` makes those who act, anew for each. `refs` is as for `rehearse`. Raise `StoreError` if the
    database cannot be read.
    """
    # One copy for both: the daemon may write between two.
    with copied(system) as present:
        return Comparison(
            rehearse(present, begin, until, refs=refs, people=make_people()),
            rehearse(present, begin, until, refs=refs, people=make_people(), settings=proposed),
        )


def _group(items: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in items:
        groups.setdefault(key, []).append(value)
    return groups


def _pair(
    present: Mapping[tuple[str, str], list[datetime]], proposed: Mapping[tuple[str, str], list[datetime]]
) -> tuple[Instants, ...]:
    """Return the instants of each deadline under two procedures: by partnership, the earliest first."""
    pairs = []
    for key in present.keys() | proposed.keys():
        one, other = set(present.get(key, ())), set(proposed.get(key, ()))
        pairs.append(
            Instants(*key, *(tuple(sorted(some)) for some in (one - other, other - one, one & other)))
        )
    return tuple(sorted(pairs, key=lambda each: (each.ref, each.earliest, each.deadline)))


def _find_reached(happenings: Iterable[Happening]) -> dict[tuple[str, str, int], datetime]:
    """Return when each partnership reached each state, for the first time, the second, and so on."""
    times: Counter[tuple[str, str]] = Counter()
    reached = {}
    for each in happenings:
        if each.kind is Kind.EVENT and each.detail:
            times[each.ref, each.detail] += 1
            reached[each.ref, each.detail, times[each.ref, each.detail]] = each.at
    return reached


def _find_still(rehearsal: Rehearsal) -> set[str]:
    """Return the partnerships that have not ended, and to which nothing happens."""
    moved = {each.ref for each in rehearsal.happenings if each.kind is Kind.EVENT}
    refs = {end.record.ref for end in rehearsal.ends if end.record.state is not State.TERMINATED}
    return refs - moved
