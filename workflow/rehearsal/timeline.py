"""Draws the timeline of one partnership in a rehearsal: its states as bars, its dates as marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise

from dateutil.relativedelta import relativedelta

from workflow.rehearsal.dates import Date, DateKind
from workflow.rehearsal.happenings import Kind
from workflow.rehearsal.rehearse import End
from workflow.rehearsal.telling import Telling, count

# The drawing is as wide as a telephone. A bar and the words above it take one line.
WIDTH, _LEFT, _RIGHT, _LINE = 320, 8, 312, 40
_LANES = {DateKind.EVENT: 14, DateKind.MISSED: 34, DateKind.DEADLINE: 54}
_BELOW = 92  # the height of the marks and of the scale below them
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """A stay in one state. The words stand above it."""

    x: float
    width: float
    y: int
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A date, as a sign of its kind."""

    x: float
    y: int
    kind: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A day on the scale."""

    x: float
    words: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that is drawn for one partnership. `top` is where the field of the marks begins."""

    height: int
    top: int
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]


def draw_timeline(telling: Telling, end: End, dates: Sequence[Date]) -> Timeline:
    """Return the timeline of a partnership, whose `dates` are given."""
    scale = _Scale(telling.rehearsal.begin, telling.rehearsal.until)
    bars = tuple(_draw_bars(telling, end, scale))
    top = len(bars) * _LINE
    marks = tuple(Mark(scale.place(each.at), top + _LANES[each.kind], each.kind.split()[0]) for each in dates)
    return Timeline(top + _BELOW, top, bars, marks, tuple(_draw_ticks(telling, scale)))


class _Scale:
    """Places instants between the left and the right of the drawing."""

    def __init__(self, begin: datetime, until: datetime) -> None:
        self.begin, self.until = begin, until
        self._length = max((until - begin).total_seconds(), 1.0)

    def place(self, at: datetime) -> float:
        along = (at - self.begin).total_seconds() / self._length
        return round(_LEFT + min(max(along, 0.0), 1.0) * (_RIGHT - _LEFT), 1)


def _draw_bars(telling: Telling, end: End, scale: _Scale) -> Iterator[Bar]:
    """Yield a bar for each stay in a state, with the days of the rehearsal that it lasts."""
    rehearsal = telling.rehearsal
    stays: list[tuple[datetime, str]] = [(rehearsal.begin, end.was)] if end.was else []
    stays += [
        (each.at, each.detail)
        for each in rehearsal.happenings
        if each.kind is Kind.EVENT and each.ref == end.record.ref and each.detail
    ]
    for line, ((since, state), (until, _)) in enumerate(pairwise([*stays, (rehearsal.until, "")])):
        x = scale.place(since)
        days = (telling.wording.day_of(until) - telling.wording.day_of(since)).days
        words = f"{state.replace('-', ' ')}, {count(days, 'day')}"
        yield Bar(x, round(max(scale.place(until) - x, 2), 1), line * _LINE, words)


def _draw_ticks(telling: Telling, scale: _Scale) -> Iterator[Tick]:
    """Yield the first days of as many months as have room, for a long rehearsal of years."""
    first, last = telling.first, telling.last
    months = (last.year - first.year) * 12 + last.month - first.month
    step = next(each for each in (1, 2, 3, 6, 12, 24, 36) if months / each <= _MOST_TICKS or each == 36)
    day = first.replace(day=1) + relativedelta(months=1)
    # Long steps begin with a year, or with a part of one.
    while (day.month - 1) % min(step, 12):
        day += relativedelta(months=1)
    while day <= last:
        at = telling.wording.settings.instant(day, time.min)
        x = scale.place(at)
        anchor = "start" if x < _LEFT + 30 else "end" if x > _RIGHT - 30 else "middle"
        yield Tick(x, _name_month(day), anchor)
        day += relativedelta(months=step)


# Written out, because strftime follows the locale of the machine.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _name_month(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} 1" if day.month > 1 else f"Jan {day.year}"
