"""Lives a future many times, with durations sampled from the record, and says how likely each date is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from random import Random

from states.names import State
from workflow.rehearsal.assumed import Assumed
from workflow.rehearsal.copying import copied
from workflow.rehearsal.durations import AsBefore, read_durations
from workflow.rehearsal.happenings import Kind, read_happenings
from workflow.rehearsal.living import live
from workflow.rehearsal.rehearse import read_records
from workflow.session import Session, System
from workflow.views.planning import make_plan

HALF, MOST = 0.5, 0.9
_BEFORE_IN_FORCE = (State.NEEDS_IDENTIFIED, State.OPEN_SELECTION, State.BOARD_REVIEW)


@dataclass(frozen=True, slots=True)
class Milestone:
    """When a partnership first gets to a state: the instants by which half of the runs and nine in ten got there.

    None: fewer runs got there until the end of the rehearsal. `reached` is the share of runs that did, from 0 to 1.
    """

    ref: str
    school: str  # its name
    state: str
    half: datetime | None
    most: datetime | None
    reached: float


@dataclass(frozen=True, slots=True)
class Wish:
    """The first day that an agreement is to have, and the share of runs in which it is in force by then.

    `last_meeting` is the last one at which the Board can still act for it; None if the Board need not act.
    """

    ref: str
    school: str
    first_day: date
    last_meeting: datetime | None
    in_time: float

    @property
    def is_missed(self) -> bool:
        """Return whether most futures are too late."""
        return self.in_time < HALF


@dataclass(frozen=True, slots=True)
class Chances:
    """What many futures have in common."""

    runs: int
    seed: int
    milestones: tuple[Milestone, ...]
    wishes: tuple[Wish, ...]


def sample(
    system: System,
    begin: datetime,
    until: datetime,
    *,
    runs: int,
    seed: int,
    refs: Collection[str] = (),
    progress: Callable[[], None] = lambda: None,
) -> Chances:
    """Live `runs` futures of copies of a system, and return the chances of its partnerships.

    Everybody acts as they did before in this record. The same seed gives the same result. `progress` is called
    after each run. Raise `StoreError` if the database cannot be read.
    """
    with system.reading() as session:
        durations = read_durations(session)
        schools = {
            record.ref: session.directory.school_name(record.facts.school)
            for record in read_records(session, refs)
        }
        wished = list(_find_wishes(session, refs, begin))
    reached: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for run in range(runs):
        people = Assumed(AsBefore(durations, Random(f"{seed} {run}")))
        for key, at in _live_once(system, begin, until, people, refs).items():
            reached[key].append(at)
        progress()
    milestones = [
        _describe(ref, schools.get(ref, ref), state, sorted(instants), runs)
        for (ref, state), instants in reached.items()
    ]
    day = system.config.calendar.day
    wishes = (
        Wish(
            ref,
            schools[ref],
            first,
            meeting,
            sum(day(at) <= first for at in reached[ref, State.ACTIVE]) / runs,
        )
        for ref, first, meeting in wished
    )
    in_order = sorted(milestones, key=lambda each: (each.ref, each.half or until, each.state))
    return Chances(runs, seed, tuple(in_order), tuple(wishes))


def _live_once(
    system: System, begin: datetime, until: datetime, people: Assumed, refs: Collection[str]
) -> dict[tuple[str, str], datetime]:
    """Live one future, and return when each partnership first got to each other state."""
    with copied(system) as copy:
        # Nobody reads the messages of a run.
        live(copy, begin, until, people)
        with copy.reading() as session:
            happenings = read_happenings(session, begin, until, refs)
    first: dict[tuple[str, str], datetime] = {}
    for each in happenings:
        if each.kind is Kind.EVENT and each.detail:
            first.setdefault((each.ref, each.detail), each.at)
    return first


def _find_wishes(
    session: Session, refs: Collection[str], now: datetime
) -> Iterator[tuple[str, date, datetime | None]]:
    """Yield each partnership that is to start on a day, with that day and the last meeting that serves it.

    The wanted first day counts, or else that of the drafted agreement.
    """
    for record in read_records(session, refs):
        agreement, wanted = record.facts.agreement, record.facts.wanted
        first = wanted.on if wanted else agreement.starts_on if agreement else None
        if first is None or record.state not in _BEFORE_IN_FORCE or (agreement and agreement.in_force_at):
            continue
        plan = make_plan(session, record, first, now)
        acts = next((step.by for step in plan.steps if step.reading == "act"), None)
        yield record.ref, first, acts


def _describe(ref: str, school: str, state: str, instants: Sequence[datetime], runs: int) -> Milestone:
    """Return a milestone from the instants at which runs got there, in order."""

    def by(share: float) -> datetime | None:
        number = ceil(share * runs)
        return instants[number - 1] if number <= len(instants) else None

    return Milestone(ref, school, state, by(HALF), by(MOST), len(instants) / runs)
