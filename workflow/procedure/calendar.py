"""Counts the district's business days and turns its wall-clock times into instants.

Pure: it never reads the clock. Days are local to the district, instants are aware UTC datetimes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from workflow.procedure.state_holidays import holidays_of

Roll = Literal["before", "after", "stay"]

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_SATURDAY = 5
_LONGEST_BREAK = timedelta(days=366)  # anything longer is a misspelt year


@dataclass(frozen=True)
class Calendar:
    """Business days and wall-clock times of one district. Immutable; safe to share between threads.

    `zone` is the district's time zone. A business day is every day except Saturdays and Sundays, the holidays
    of Washington State with their observed days (RCW 1.16.050, as `state_holidays` lists them),
    `breaks` (pairs of first and last day, both included) and `closed` days. `working` are holidays of that
    list on which the district works anyway.

    Raise `ValueError` for a break that ends before it starts or lasts longer than a year, and for a working
    day that is a weekend day, closed or in a break. Here and in every method, raise `TypeError` for a
    datetime where a day belongs.
    """

    zone: ZoneInfo
    breaks: Iterable[tuple[date, date]] = ()
    closed: Iterable[date] = ()
    working: Iterable[date] = ()
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A frozen dataclass can change its own fields in this way only.
        object.__setattr__(
            self, "breaks", tuple((_plain(first), _plain(last)) for first, last in self.breaks)
        )
        object.__setattr__(self, "closed", frozenset(map(_plain, self.closed)))
        object.__setattr__(self, "working", frozenset(map(_plain, self.working)))
        for first, last in self.breaks:
            if last < first:
                raise ValueError(
                    f"the break {first} to {last} ends before it starts: the first day comes first"
                )
            if last - first >= _LONGEST_BREAK:
                raise ValueError(f"the break {first} to {last} is longer than a year: check its years")
        for day in sorted(self.working):
            if day.weekday() >= _SATURDAY:
                raise ValueError(
                    f"{day} cannot be a working day: it is a {day:%A}; name a holiday on a weekday"
                )
            if self._is_shut(day):
                raise ValueError(
                    f"{day} cannot be a working day: it is also closed or in a break; remove one"
                )

    def is_business_day(self, day: date) -> bool:
        """Return whether the district works on `day`."""
        return _plain(day) in self._year(day.year).members

    def why_closed(self, day: date) -> str | None:
        """Return why `day` is no business day, such as "Saturday" or "Labor Day"; None for a business day."""
        if self.is_business_day(day):
            return None
        if day.weekday() >= _SATURDAY:
            return f"{day:%A}"
        for first, last in self.breaks:
            if first <= day <= last:
                return f"in the break {first} to {last}"
        if day in frozenset(self.closed):
            return "closed"
        return holidays_of(day.year)[day]

    def add_business_days(self, day: date, n: int) -> date:
        """Return the `n`th business day after `day`, or before it if `n` is negative; `day` itself never counts.

        For 0 return `day`, business day or not. Raise `ValueError` if the years of `date` run out.
        """
        _plain(day)
        if n == 0:
            return day
        year = day.year
        days = self._year(year).days
        # Work out the position of the answer in this year's list. Then move by whole years until a list has
        # it.
        index = bisect_right(days, day) + n - 1 if n > 0 else bisect_left(days, day) + n
        while index >= len(days):
            index -= len(days)
            year += 1
            days = self._year(year).days
        while index < 0:
            year -= 1
            days = self._year(year).days
            index += len(days)
        return days[index]

    def roll(self, day: date, how: Roll) -> date:
        """Return `day` if it is a business day or `how` is "stay", else the nearest one `before` or `after` it.

        Raise `ValueError` for any other `how`.
        """
        if how not in ("before", "after", "stay"):
            raise ValueError(f"cannot roll {how!r}: expected 'before', 'after' or 'stay'")
        if how == "stay" or self.is_business_day(day):
            return day
        return self.add_business_days(day, -1 if how == "before" else 1)

    def instant(self, day: date, at: time) -> datetime:
        """Return the UTC instant at which the district's clocks show `at` on `day`.

        For a time that the clocks skip in spring return the first instant after the gap; for one that they
        show twice in autumn, the first of the two. Raise `ValueError` if `at` carries a time zone of its own.
        """
        if at.tzinfo is not None:
            raise ValueError(f"{at} carries a time zone: give a plain wall-clock time of {self.zone.key}")
        # With fold=0 a time that the clocks show twice is the first of the two (PEP 495).
        wall = datetime.combine(_plain(day), at.replace(fold=0))
        instant = wall.replace(tzinfo=self.zone).astimezone(UTC)
        # A time that the clocks skip does not come back from UTC as it was.
        if instant.astimezone(self.zone).replace(tzinfo=None) != wall:
            return self._end_of_gap(wall)
        return instant

    def end_of(self, day: date) -> datetime:
        """Return the UTC instant of the midnight that ends `day`.

        Raise `ValueError` for the last day of all.
        """
        if day >= date.max:
            raise ValueError(f"{day} has no end: the calendar ends with the year {MAXYEAR}")
        return self.instant(day + _DAY, time())

    def local(self, instant: datetime) -> datetime:
        """Return `instant` in the district's time zone. Raise `ValueError` for a naive datetime."""
        if instant.utcoffset() is None:
            raise ValueError(f"{instant} has no time zone: give an aware datetime, such as one in UTC")
        return instant.astimezone(self.zone)

    def day(self, instant: datetime) -> date:
        """Return the district's day on which `instant` falls. Raise `ValueError` for a naive datetime."""
        return self.local(instant).date()

    def _year(self, year: int) -> _Year:
        days = self._years.get(year)
        if days is None:
            # Two threads may both compute a year. They store the same value, so no lock is needed.
            days = self._years[year] = self._compute_year(year)
        return days

    def _compute_year(self, year: int) -> _Year:
        if not MINYEAR <= year <= MAXYEAR:
            raise ValueError(f"no business day is left in the years {MINYEAR} to {MAXYEAR}: count fewer days")
        holidays = {day for day in holidays_of(year) if day not in self.working}
        first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        days = tuple(
            day
            for day in map(date.fromordinal, range(first, last + 1))
            if day.weekday() < _SATURDAY and day not in holidays and not self._is_shut(day)
        )
        return _Year(days, frozenset(days))

    def _is_shut(self, day: date) -> bool:
        return day in self.closed or any(first <= day <= last for first, last in self.breaks)

    def _end_of_gap(self, wall: datetime) -> datetime:
        """Return the first instant after the gap in which `wall` lies.

        1. Read the skipped time with the offset that holds after the gap (fold=1, PEP 495). This instant lies
           before the gap. Read with the offset that holds before it, the time gives an instant after the gap.
        2. Halve the span between the two until it is one second, keeping the change of the offset inside.
           Time zones change on whole seconds.
        """
        before = wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC).replace(microsecond=0)
        after = wall.replace(tzinfo=self.zone).astimezone(UTC).replace(microsecond=0)
        old = before.astimezone(self.zone).utcoffset()
        while after - before > _SECOND:
            middle = before + (after - before) // _SECOND // 2 * _SECOND
            if middle.astimezone(self.zone).utcoffset() == old:
                before = middle
            else:
                after = middle
        return after


@dataclass(frozen=True, slots=True)
class _Year:
    """The business days of one year: in order, for counting, and as a set, for fast tests of membership."""

    days: tuple[date, ...]
    members: frozenset[date]


def _plain(day: date) -> date:
    """Return the day. Raise `TypeError` for a datetime.

    To Python a datetime is a `date` that equals no day, so it would never count as a business day.
    """
    if isinstance(day, datetime):
        raise TypeError(f"expected a day, found the datetime {day}: take its local day first")
    return day
