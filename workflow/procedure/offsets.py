"""Reads and counts spans of calendar time, such as "10 business days" or "2 months"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from dateutil.relativedelta import relativedelta

from workflow.procedure.calendar import Calendar

# The length of each unit (None: the calendar counts business days) and the largest count that a row may have:
# about a hundred years, so that no due time leaves the calendar.
_UNITS: dict[str, tuple[timedelta | relativedelta | None, int]] = {
    "day": (timedelta(days=1), 36_500),
    "business day": (None, 25_000),
    "week": (timedelta(weeks=1), 5_200),
    "month": (relativedelta(months=1), 1_200),
    "year": (relativedelta(years=1), 100),
}


@lru_cache(maxsize=10_000)
def add_units(day: date, count: int, unit: str) -> date:
    """Return the day `count` units after `day`; month ends are clamped.

    The results are cached, since many deadlines count from the same days.
    """
    step = _UNITS[unit][0]
    assert step is not None
    # Multiply before adding: month by month, the 31st would become the 28th in February and stay so.
    return day + step * count


@dataclass(frozen=True, slots=True)
class Offset:
    """A span of calendar time: `count` times `unit`, one of day, business day, week, month, year."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"

    def before(self, due: datetime, calendar: Calendar) -> datetime:
        """Return the UTC instant this long before `due`, at the same local wall-clock time.

        Raise `ValueError` for a naive datetime.
        """
        return self._move(due, calendar, -1)

    def after(self, due: datetime, calendar: Calendar) -> datetime:
        """Return the UTC instant this long after `due`, at the same local wall-clock time.

        Raise `ValueError` for a naive datetime.
        """
        return self._move(due, calendar, 1)

    def from_day(self, day: date, sign: int, calendar: Calendar) -> date:
        """Return the day this long after `day` (`sign` 1) or before it (`sign` -1); month ends are clamped."""
        if _UNITS[self.unit][0] is None:
            return calendar.add_business_days(day, sign * self.count)
        return add_units(day, sign * self.count, self.unit)

    def _move(self, due: datetime, calendar: Calendar, sign: int) -> datetime:
        local = calendar.local(due)
        return calendar.instant(self.from_day(local.date(), sign, calendar), local.time())


@dataclass(frozen=True, slots=True)
class Hour:
    """A reminder at a wall-clock time on the day of a fact, `anchor`."""

    at: time
    anchor: str

    def __str__(self) -> str:
        return f"{self.at:%H:%M} on {self.anchor}"

    def on(self, moment: date | datetime, calendar: Calendar) -> datetime:
        """Return the UTC instant of this hour on the day of a fact, but never before the fact itself.

        Raise `ValueError` for a naive datetime.
        """
        if not isinstance(moment, datetime):
            return calendar.instant(moment, self.at)
        return max(calendar.instant(calendar.day(moment), self.at), moment.astimezone(UTC))


def find_hours(
    reminders: Iterable[Offset | Hour],
    due: datetime,
    moments: Mapping[str, date | datetime | None],
    calendar: Calendar,
) -> tuple[datetime, ...]:
    """Return the UTC instants of the reminders at an hour of the day of a fact, without those after `due`."""
    hours = [each for each in reminders if isinstance(each, Hour)]
    instants = (
        hour.on(moment, calendar) for hour in hours if (moment := moments.get(hour.anchor)) is not None
    )
    return tuple(sorted(at for at in instants if at < due))


def parse_reminder(text: str) -> Offset | Hour:
    """Read when to remind: "5 business days" before it is due, or "19:00 on board.meets". Raise `ValueError`."""
    parts = re.fullmatch(
        r"([01][0-9]|2[0-3]):([0-5][0-9]) on ([a-z_]+(?:\.[a-z_]+)*)", " ".join(text.split())
    )
    if parts is None:
        return parse_offset(text)
    return Hour(time(int(parts[1]), int(parts[2])), parts[3])


_LETTERS = {"d": "days", "w": "weeks", "m": "months", "y": "years"}


def parse_span(text: str) -> Offset:
    """Read a span of time in short or in full, such as "30d" or "30 days". Raise `ValueError`."""
    text = text.strip()
    unit = _LETTERS.get(text[-1:])
    return parse_offset(f"{text[:-1].strip()} {unit}" if unit and text[:-1].strip().isdecimal() else text)


def parse_offset(text: str) -> Offset:
    """Read a span of time, such as "5 business days". Raise `ValueError` that says what would be right."""
    text = " ".join(text.split())
    parts = re.fullmatch(r"([0-9]+) (.+?)s?", text)
    if not parts or parts[2] not in _UNITS:
        raise ValueError(
            f"{text!r} is not a span of time; write a whole number of days, business days, weeks, months"
            " or years, such as '30 days' or '10 business days'"
        )
    count, unit = parts[1], parts[2]
    most = _UNITS[unit][1]
    # Check the length first: Python refuses to read a number of thousands of digits.
    if len(count) > 9 or not 1 <= int(count) <= most:
        raise ValueError(f"{text!r} is out of range; write 1 to {most} {unit}s")
    return Offset(int(count), unit)
