"""Counts the days of due times: one rule for each form of the grammar in `workflow/procedure/due.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, NamedTuple

from dateutil.relativedelta import relativedelta

from workflow.procedure.calendar import Calendar, Roll
from workflow.procedure.offsets import Offset, add_units

Moments = Mapping[str, date | datetime | None]

_DAY = timedelta(days=1)


class Count(NamedTuple):
    """How a day is counted: from `start` by `span` to `day`, forwards or (`sign` -1) back. No span: it is that day.

    `anchor` is the fact that `start` comes from, "" if the day recurs without one. `rolls` says whether the day
    then moves to a business day.
    """

    anchor: str
    start: date
    span: Offset | None
    sign: int
    day: date
    rolls: bool = True


class Context(NamedTuple):
    """The arguments of `Due.resolve`, against which a rule is resolved."""

    moments: Moments
    at: time
    roll: Roll
    calendar: Calendar
    since: date | None
    done: Sequence[date]

    def day(self, anchor: str) -> date | None:
        """Return the local day of an anchor, None if it is not on record."""
        moment = self.moments.get(anchor)
        if not isinstance(moment, datetime):
            return moment
        return _check_aware(anchor, moment).astimezone(self.calendar.zone).date()

    def due(self, day: date) -> datetime:
        """Return the instant that is due on a day, after rolling it to a business day."""
        return self.calendar.instant(self.calendar.roll(day, self.roll), self.at)

    def current(self, occurrence: Callable[[int], date], index: int, since: date) -> int:
        """Return the number of the open occurrence. `index` must be that of the first one or a little before.

        1. Skip the occurrences up to the day on which the agreement came into force.
        2. Each day on which the duty was done closes the open occurrence, if the day lies after the
           occurrence before it. So a duty done early within its period counts, a late one counts for the
           overdue occurrence, and a second one in the same period does not count for the next.
        """
        while occurrence(index) <= since:
            index += 1
        for day in sorted(self.done):
            if day > occurrence(index - 1):
                index += 1
        return index


@dataclass(frozen=True, slots=True)
class Rule(ABC):
    """One alternative of a due time. `anchor` is the fact that it counts from, "" if there is none."""

    recurring: ClassVar[bool] = False
    anchor: str

    @abstractmethod
    def count(self, context: Context) -> Count | None:
        """Return how the day is counted, or None while the anchor is not on record."""

    def instant(self, context: Context) -> datetime | None:
        """Return the UTC instant, or None while the anchor is not on record."""
        count = self.count(context)
        return None if count is None else context.due(count.day)

    def occurrence(self, context: Context) -> str:
        """Return a name for the occurrence that is open; "" if the rule does not recur."""
        return ""


@dataclass(frozen=True, slots=True)
class Shift(Rule):
    """A day some days, months or years before or after a fact, or the day of the fact itself."""

    offset: Offset
    sign: int

    def count(self, context: Context) -> Count | None:
        start = context.day(self.anchor)
        if start is None:
            return None
        day = self.offset.from_day(start, self.sign, context.calendar)
        return Count(self.anchor, start, self.offset if self.offset.count else None, self.sign, day)


@dataclass(frozen=True, slots=True)
class At(Rule):
    """The very instant of a fact."""

    def count(self, context: Context) -> Count | None:
        day = context.day(self.anchor)
        return None if day is None else Count(self.anchor, day, None, 1, day, rolls=False)

    def instant(self, context: Context) -> datetime | None:
        moment = context.moments.get(self.anchor)
        if isinstance(moment, datetime):
            return _check_aware(self.anchor, moment).astimezone(UTC)
        if moment is None:
            return None
        raise ValueError(f"{self.anchor} is a day ({moment}), not an instant: write 'on {self.anchor}'")


@dataclass(frozen=True, slots=True)
class EndOf(Rule):
    """The midnight that ends the day of a fact."""

    def count(self, context: Context) -> Count | None:
        day = context.day(self.anchor)
        return None if day is None else Count(self.anchor, day, None, 1, day, rolls=False)

    def instant(self, context: Context) -> datetime | None:
        day = context.day(self.anchor)
        return None if day is None else context.calendar.end_of(day)


@dataclass(frozen=True, slots=True)
class Every(Rule):
    """A day some time after the last one on which the duty was done."""

    recurring: ClassVar[bool] = True
    offset: Offset

    def count(self, context: Context) -> Count | None:
        if context.since is None:
            return None
        # A duty done before the agreement was in force does not bring the first due time forward.
        start = max((context.since, *context.done))
        return Count("", start, self.offset, 1, self.offset.from_day(start, 1, context.calendar))

    def occurrence(self, context: Context) -> str:
        return f"after-{max(context.done, default=context.since)}"


@dataclass(frozen=True, slots=True)
class Yearly(Rule):
    """The same day of every year."""

    recurring: ClassVar[bool] = True
    in_leap_year: date

    def count(self, context: Context) -> Count | None:
        if context.since is None:
            return None
        day = self._of_year(context.current(self._of_year, context.since.year, context.since))
        return Count("", day, None, 1, day)

    def occurrence(self, context: Context) -> str:
        count = self.count(context)
        return str(count.day.year) if count else ""

    def _of_year(self, year: int) -> date:
        # In other years 29 February becomes the 28th.
        return self.in_leap_year + relativedelta(year=year)


# What ends the last year of what begins with an anchor.
_ENDS = {"agreement.starts_on": "agreement.ends_on"}


_NEVER = date.max


@dataclass(frozen=True, slots=True)
class Anniversary(Shift):
    """A day before or after each anniversary. The last year may be shorter; before its end there is a day too."""

    recurring: ClassVar[bool] = True

    def occurrence(self, context: Context) -> str:
        count = self.count(context)
        if count is None:
            return ""
        # The day before the end may fall in the same year as the one before the last anniversary.
        return f"{count.day.year}-end" if count.anchor != self.anchor else str(count.day.year)

    def count(self, context: Context) -> Count | None:
        """Return how the next day is counted. Return None after the last year.

        1. Count from each anniversary (`_of_year`), and in the last year from its end (`_of_last_year`).
        2. Take the first day that is after `since` and has not been done.
        """
        start = context.day(self.anchor)
        if start is None or context.since is None:
            return None
        ends = context.day(_ENDS.get(self.anchor, "")) if self.sign < 0 else None
        last = None if ends is None else self._last_year(context, start, ends)

        def count(number: int) -> Count:
            if ends is None or last is None or number < last:
                return self._of_year(context, start, number)
            if number == last:
                return self._of_last_year(context, start, ends, number)
            return Count(self.anchor, _NEVER, None, self.sign, _NEVER)

        # The offset crosses the same number of new years at each anniversary, give or take one. So this guess
        # is never after the first occurrence that follows `since`, and at most a few before it.
        index = context.since.year - self._of_year(context, start, 1).day.year
        first = max(1, index if last is None else min(index, last))
        number = context.current(lambda n: count(n).day, first, context.since)
        return None if last is not None and number > last else count(number)

    def _of_year(self, context: Context, start: date, number: int) -> Count:
        anniversary = add_units(start, number, "year")
        day = self.offset.from_day(anniversary, self.sign, context.calendar)
        return Count(self.anchor, anniversary, self.offset, self.sign, day)

    def _last_year(self, context: Context, start: date, ends: date) -> int:
        """Return the number of the last year. What is left after an anniversary may be too short to count."""
        last = max(1, ends.year - start.year)
        while add_units(start, last, "year") <= ends:
            last += 1
        # The day before the end would come before the year before is over.
        begins = add_units(start, last - 1, "year")
        is_short = self.offset.from_day(ends, self.sign, context.calendar) <= begins
        return last - 1 if is_short and last > 1 else last

    def _of_last_year(self, context: Context, start: date, ends: date, number: int) -> Count:
        whole = self._of_year(context, start, number)
        # A whole year ends the day before its anniversary, which is what people count from.
        if ends >= whole.start - _DAY:
            count = whole
        else:
            day = self.offset.from_day(ends, self.sign, context.calendar)
            count = Count(_ENDS[self.anchor], ends, self.offset, self.sign, day)
        since = context.since
        if since is None or count.day > since or ends <= since:
            return count
        # Less than the offset was left when it began, so it is due half-way.
        half = (ends - since).days // 2
        span = Offset(half, "day") if half else None
        return Count(_ENDS[self.anchor], ends, span, -1, ends - half * _DAY)


def _check_aware(anchor: str, moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{anchor} ({moment}) has no time zone: give an aware datetime, such as one in UTC")
    return moment
