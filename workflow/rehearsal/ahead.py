"""Looks ahead for the office: what falls due week by week if nobody acts, who gets how many messages, and clusters.

All of it is counted in a rehearsal, except the Board's meetings, which are read as they are now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from states.case import Meaning
from states.names import Role, State
from states.partnership import Partnership
from workflow.procedure.config import Config
from workflow.rehearsal.agendas import MeetingAhead, Subject, list_agendas, list_too_late
from workflow.rehearsal.happenings import Happening, Kind
from workflow.rehearsal.rehearse import Rehearsal, rehearse
from workflow.session import Session, System
from workflow.store.rows import RungKind

SPAN = timedelta(days=90)
_WEEK = timedelta(weeks=1)
_MOMENT = timedelta(microseconds=1)
# Nobody learns from the number of messages who applied, saved an application or asked a question.
_UNCOUNTED = frozenset({Role.APPLICANT, Role.PUBLIC})


class DueAhead(BaseModel):
    """A deadline that falls due. `week` is the number of its week, from 0 on."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    week: int
    label: str
    about: Subject
    asks: bool  # somebody is waited for with something by then


class PersonAhead(BaseModel):
    """How many messages a person gets in each week."""

    model_config = ConfigDict(frozen=True)

    email: str
    name: str
    role: str
    counts: tuple[int, ...]


class Series(StrEnum):
    """What is counted by week."""

    DUE = "due"
    MESSAGES = "messages"
    REVIEWS = "reviews"
    REPORTS = "reports"
    ENDS = "ends"


class Weekly(BaseModel):
    """How many there are in each week, and the numbers of the weeks with more than usual."""

    model_config = ConfigDict(frozen=True)

    counts: tuple[int, ...]
    busy: tuple[int, ...]


class Ahead(BaseModel):
    """What the next 90 days bring if nobody acts. `weeks` has the Monday of each week, the present one first."""

    model_config = ConfigDict(frozen=True)

    begin: datetime
    until: datetime
    weeks: tuple[date, ...]
    due: tuple[DueAhead, ...]
    people: tuple[PersonAhead, ...]
    meetings: tuple[MeetingAhead, ...]
    too_late: tuple[Subject, ...]  # the Board can no longer act in time at a regular meeting
    weekly: Mapping[Series, Weekly]


def look_ahead(system: System, now: datetime) -> Ahead:
    """Rehearse the next 90 days of a system in which nobody acts, and count what they bring.

    Raise `StoreError` if the database cannot be read.
    """
    rehearsal = rehearse(system, now, now + SPAN)
    with system.reading() as session:
        return describe(session, rehearsal)


def describe(session: Session, rehearsal: Rehearsal) -> Ahead:
    """Return what a rehearsal brings, with the Board's meetings as the record has them now."""
    begin, until = rehearsal.begin, rehearsal.until
    weeks = _list_weeks(session.config, begin, until)
    due = _list_due(session, rehearsal, weeks)
    people = _list_people(session, rehearsal, weeks)
    events = [each for each in rehearsal.happenings if each.kind is Kind.EVENT]
    report, _ = session.config.meaning(Meaning.REPORT)
    reports = _due_at(each for each in _due_rungs(rehearsal) if each.name == report)
    counts = {
        Series.DUE: _count(session.config, weeks, (each.at for each in due)),
        Series.MESSAGES: tuple(map(sum, zip(*(each.counts for each in people), strict=True)))
        or (0,) * len(weeks),
        Series.REVIEWS: _count(session.config, weeks, _when_entered(events, State.ANNUAL_REVIEW)),
        Series.REPORTS: _count(session.config, weeks, reports),
        Series.ENDS: _count(session.config, weeks, _when_entered(events, State.TERMINATED)),
    }
    return Ahead(
        begin=begin,
        until=until,
        weeks=weeks,
        due=due,
        people=people,
        meetings=list_agendas(session, begin, until),
        too_late=list_too_late(session, begin, until),
        weekly={name: Weekly(counts=each, busy=find_busy(each)) for name, each in counts.items()},
    )


def find_busy(counts: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of the weeks with more than usual: at least two, and more than twice the average."""
    average = sum(counts) / len(counts)
    return tuple(number for number, count in enumerate(counts) if count >= 2 and count > 2 * average)


def _list_weeks(config: Config, begin: datetime, until: datetime) -> tuple[date, ...]:
    """Return the Mondays of the weeks from one instant to another."""
    first, last = config.calendar.day(begin), config.calendar.day(until)
    monday, weeks = first - timedelta(days=first.weekday()), []
    while monday <= last:
        weeks.append(monday)
        monday += _WEEK
    return tuple(weeks)


def _week_of(config: Config, weeks: Sequence[date], at: datetime) -> int:
    """Return the number of the week of an instant. Midnight is the end of the day before."""
    return (config.calendar.day(at - _MOMENT) - weeks[0]).days // 7


def _count(config: Config, weeks: Sequence[date], instants: Iterable[datetime]) -> tuple[int, ...]:
    numbers = Counter(_week_of(config, weeks, at) for at in instants)
    return tuple(numbers[number] for number in range(len(weeks)))


def _due_rungs(rehearsal: Rehearsal) -> list[Happening]:
    """Return each deadline at its due instant. What was due before the beginning is overdue, and not ahead."""
    return [
        each
        for each in rehearsal.happenings
        if each.kind is Kind.DEADLINE
        and each.detail == RungKind.DUE
        and (each.due_at or each.at) > rehearsal.begin
    ]


def _due_at(rungs: Iterable[Happening]) -> list[datetime]:
    return [each.due_at or each.at for each in rungs]


def _when_entered(events: Iterable[Happening], state: State) -> list[datetime]:
    """Return when partnerships came into a state by the clock."""
    return [each.at for each in events if each.by_clock and each.detail == state]


def _list_due(session: Session, rehearsal: Rehearsal, weeks: Sequence[date]) -> tuple[DueAhead, ...]:
    config = session.config
    titles = {end.record.ref: end.record.facts for end in rehearsal.ends}
    missed = {(each.ref, each.deadline, each.due_at) for end in rehearsal.ends for each in end.missed}
    rows = [
        DueAhead(
            at=at,
            week=_week_of(config, weeks, at),
            label=config.deadlines[each.name].label if each.name in config.deadlines else each.name,
            about=Subject.of(session, each.ref, titles[each.ref]),
            asks=(each.ref, each.name, each.at) in missed,
        )
        for each in _due_rungs(rehearsal)
        for at in _due_at([each])
    ]
    return tuple(sorted(rows, key=lambda row: (row.at, row.about.school, row.about.ref, row.label)))


def _list_people(session: Session, rehearsal: Rehearsal, weeks: Sequence[date]) -> tuple[PersonAhead, ...]:
    """Return the people who get messages, those with the most first."""
    counts: dict[str, Counter[int]] = {}
    about: dict[str, tuple[str, Partnership | None]] = {}
    records = {end.record.ref: end.record.facts for end in rehearsal.ends}
    for each in rehearsal.happenings:
        if each.kind is not Kind.NOTICE or each.hidden or each.role in _UNCOUNTED:
            continue
        counts.setdefault(each.who, Counter())[_week_of(session.config, weeks, each.at)] += 1
        about.setdefault(each.who, (each.role, records.get(each.ref)))
    people = [
        PersonAhead(
            email=email,
            name=session.name_of(email, about[email][1]),
            role=about[email][0],
            counts=tuple(numbers[number] for number in range(len(weeks))),
        )
        for email, numbers in counts.items()
    ]
    return tuple(sorted(people, key=lambda person: (-sum(person.counts), person.name, person.email)))
