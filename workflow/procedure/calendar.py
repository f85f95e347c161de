"""The district's calendar: which days are business days, and which instant a wall-clock time is.

Pure: it never asks what time it is. Days are local to the district, instants are aware UTC datetimes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Roll = Literal["before", "after", "stay"]

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_SATURDAY = 5
_LONGEST_BREAK = timedelta(days=366)  # anything longer is a misspelt year


@dataclass(frozen=True)
class Calendar:
    """Business days and wall-clock times of one district. Immutable; safe to share between threads.

    `zone` is the district's time zone. Not business days are Saturdays and Sundays, the holidays of
    Washington State with their observed days (RCW 1.16.050, as the library `holidays` lists them), `breaks`
    (pairs of first and last day, both included) and `closed` days. `working` are holidays of the library's
    list on which the district works all the same.

    Raises `ValueError` for a break that ends before it starts or lasts longer than a year, and for a
    working day that is a weekend day, closed or in a break. Here and in every method a datetime where a
    day belongs is a `TypeError`.
    """

    zone: ZoneInfo
    breaks: Iterable[tuple[date, date]] = ()
    closed: Iterable[date] = ()
    working: Iterable[date] = ()
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
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
            if self._shut(day):
                raise ValueError(
                    f"{day} cannot be a working day: it is also closed or in a break; remove one"
                )

    def is_business_day(self, day: date) -> bool:
        """Whether the district works on `day`."""
        return _plain(day) in self._year(day.year).members

    def add_business_days(self, day: date, n: int) -> date:
        """The `n`th business day after `day`, or before it if `n` is negative; `day` itself never counts.

        0 gives `day`, business day or not. Raises `ValueError` if the years of `date` run out.
        """
        _plain(day)
        if n == 0:
            return day
        year = day.year
        days = self._year(year).days
        # Where the answer would stand in this year's list; then borrow whole years until it is inside one.
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
        """`day` if it is a business day or `how` is "stay", else the nearest one `before` or `after` it.

        Raises `ValueError` for any other `how`.
        """
        if how not in ("before", "after", "stay"):
            raise ValueError(f"cannot roll {how!r}: expected 'before', 'after' or 'stay'")
        if how == "stay" or self.is_business_day(day):
            return day
        return self.add_business_days(day, -1 if how == "before" else 1)

    def instant(self, day: date, at: time) -> datetime:
        """The UTC instant at which the district's clocks show `at` on `day`.

        A time that the clocks skip in spring gives the first instant after the gap; one that they show
        twice in autumn gives the first. Raises `ValueError` if `at` carries a time zone of its own.
        """
        if at.tzinfo is not None:
            raise ValueError(f"{at} carries a time zone: give a plain wall-clock time of {self.zone.key}")
        wall = datetime.combine(_plain(day), at.replace(fold=0))
        instant = wall.replace(tzinfo=self.zone).astimezone(UTC)
        if instant.astimezone(self.zone).replace(tzinfo=None) != wall:
            return self._end_of_gap(wall)
        return instant

    def end_of(self, day: date) -> datetime:
        """The UTC instant of the midnight that ends `day`. Raises `ValueError` for the last day of all."""
        if day >= date.max:
            raise ValueError(f"{day} has no end: the calendar ends with the year {MAXYEAR}")
        return self.instant(day + _DAY, time())

    def local(self, instant: datetime) -> datetime:
        """`instant` as the district's clocks show it. Raises `ValueError` for a naive datetime."""
        if instant.utcoffset() is None:
            raise ValueError(f"{instant} has no time zone: give an aware datetime, such as one in UTC")
        return instant.astimezone(self.zone)

    def day(self, instant: datetime) -> date:
        """The district's day on which `instant` falls. Raises `ValueError` for a naive datetime."""
        return self.local(instant).date()

    def _year(self, year: int) -> _Year:
        found = self._years.get(year)
        if found is None:
            # Two threads may both compute a year; they store the same value.
            found = self._years[year] = self._compute(year)
        return found

    def _compute(self, year: int) -> _Year:
        if not MINYEAR <= year <= MAXYEAR:
            raise ValueError(f"no business day is left in the years {MINYEAR} to {MAXYEAR}: count fewer days")
        from holidays import country_holidays  # here, since importing it costs 0.1 s of start-up

        holidays = {day for day in country_holidays("US", subdiv="WA", years=year) if day not in self.working}
        first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        days = tuple(
            day
            for day in map(date.fromordinal, range(first, last + 1))
            if day.weekday() < _SATURDAY and day not in holidays and not self._shut(day)
        )
        return _Year(days, frozenset(days))

    def _shut(self, day: date) -> bool:
        return day in self.closed or any(first <= day <= last for first, last in self.breaks)

    def _end_of_gap(self, wall: datetime) -> datetime:
        """The first instant after the gap in which `wall` lies. Time zones change on whole seconds."""
        # PEP 495: read with the offset that holds after the gap (fold=1) a skipped time lies before it,
        # and the other way round, so the change is between the two.
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
    """The business days of one year: in order to count along, as a set to ask quickly."""

    days: tuple[date, ...]
    members: frozenset[date]


def _plain(day: date) -> date:
    """Refuse a datetime: it is a `date` to Python, but equals no day, so it would never be a business day."""
    if isinstance(day, datetime):
        raise TypeError(f"expected a day, found the datetime {day}: take its local day first")
    return day
