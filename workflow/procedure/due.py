"""Reads the small grammar of due times in the configuration, and computes the instants that they mean.

    30 days after entering                  10 business days after selection.closes_at
    the day after board.meeting             10 days before board.meeting
    at selection.closes_at                  on agreement.starts_on
    end of agreement.ends_on                every 2 months
    31 October every year                   60 days before every anniversary of agreement.starts_on
    30 business days after review.reported, or 60 days after entering

Each year of an agreement ends with an anniversary of its first day, and its last year with its last day. So "before
every anniversary of agreement.starts_on" also has a day before agreement.ends_on (`_Anniversary`).

Days are counted first, in the district's calendar. The day becomes an instant last, at a wall-clock time, so
that a change of clocks never moves a due time by an hour.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, NamedTuple

from dateutil.relativedelta import relativedelta

from workflow.procedure.calendar import Calendar, Roll
from workflow.procedure.offsets import Offset as Offset
from workflow.procedure.offsets import add_units
from workflow.procedure.offsets import parse_offset as parse_offset

Moments = Mapping[str, date | datetime | None]

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAY = timedelta(days=1)
_LEAP = 2000  # any leap year, so that 29 February is a valid day


@dataclass(frozen=True, slots=True)
class Due:
    """A due time of a row, as read from `text`.

    `anchors` are the facts that it may count from, in order of preference. A `recurring` one is due again
    after it is done.
    """

    text: str
    anchors: tuple[str, ...]
    recurring: bool
    _rules: tuple[_Rule, ...] = field(repr=False)

    def resolve(
        self,
        moments: Moments,
        *,
        at: time,
        roll: Roll,
        calendar: Calendar,
        since: date | None,
        done: Sequence[date],
    ) -> datetime | None:
        """Return the UTC instant at which this is due, or None while no anchor is on record.

        1. Take the first alternative whose anchor is in `moments`. A date counts from that day, a datetime
           from its local day.
        2. Count from the anchor to the day that is due.
        3. Roll this day to a business day as `roll` says, and return the wall-clock time `at` on it. But "at"
           returns the recorded instant itself, and "end of" the midnight that ends the recorded day.

        A recurring due time runs from `since`, the first day of the agreement (None: it is not in force yet,
        so nothing is due). It moves on with `done`, the days on which it was done, in any order.

        Raise `ValueError` for a naive datetime, and for "at" if the fact is a day rather than an instant.
        """
        context = _Context(moments, at, roll, calendar, since, done)
        for rule in self._rules:
            instant = rule.instant(context)
            if instant is not None:
                return instant
        return None

    def count(
        self, *, moments: Moments, calendar: Calendar, since: date | None, done: Sequence[date]
    ) -> Count | None:
        """Return how the day that is due is counted, or None while no anchor is on record. Raise as `resolve`."""
        context = _Context(moments, time(), "stay", calendar, since, done)
        return next((count for rule in self._rules if (count := rule.count(context))), None)

    def capped(
        self, latest: Due | None, *, moments: Moments, roll: Roll, calendar: Calendar
    ) -> tuple[Due, Roll]:
        """Return the rule that applies and how it rolls: this one, or `latest` where its day comes sooner.

        Of several alternatives of `latest` take the first whose day comes after the one that this counts from: an
        earlier day would ask for something that nobody could do in time. It rolls back, since it is the last day.
        Neither due time recurs. Raise as `resolve`.
        """
        context = _Context(moments, time(), roll, calendar, None, ())
        mine = next((count for rule in self._rules if (count := rule.count(context))), None)
        if latest is None or mine is None:
            return self, roll
        for text, rule in zip(latest.text.split(", or "), latest._rules, strict=True):
            cap = rule.count(context)
            if cap is not None and cap.day > mine.start:
                sooner = cap.day < calendar.roll(mine.day, roll)
                return (
                    (Due(text, (rule.anchor,), recurring=False, _rules=(rule,)), "before")
                    if sooner
                    else (self, roll)
                )
        return self, roll

    def occurrence(
        self, *, calendar: Calendar, moments: Moments, since: date | None, done: Sequence[date]
    ) -> str:
        """Return a name for the occurrence that is due, such as "2026"; "" if the due time does not recur.

        The name stays the same if a change of the configuration moves the day. It changes once the occurrence
        is done.
        """
        if not self.recurring or since is None:
            return ""
        # A recurring due time has one rule only (`parse_due`).
        return self._rules[0].occurrence(_Context(moments, time(), "stay", calendar, since, done))


def parse_due(text: str) -> Due:
    """Read a due time. Raise `ValueError` that says what is wrong and what would be right."""
    text = " ".join(text.split())
    try:
        rules = tuple(_parse_rule(part) for part in text.split(", or "))
        recurring = [rule for rule in rules if rule.recurring]
        if recurring and len(rules) > 1:
            raise ValueError("a due time that recurs stands alone: take it out of the alternatives")
    except ValueError as error:
        raise ValueError(f"due time {text!r}: {error}") from None
    anchors = dict.fromkeys(rule.anchor for rule in rules if rule.anchor)
    return Due(text, tuple(anchors), bool(recurring), rules)


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


class _Context(NamedTuple):
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
class _Rule(ABC):
    """One alternative of a due time. `anchor` is the fact that it counts from, "" if there is none."""

    recurring: ClassVar[bool] = False
    anchor: str

    @abstractmethod
    def count(self, context: _Context) -> Count | None:
        """Return how the day is counted, or None while the anchor is not on record."""

    def instant(self, context: _Context) -> datetime | None:
        """Return the UTC instant, or None while the anchor is not on record."""
        count = self.count(context)
        return None if count is None else context.due(count.day)

    def occurrence(self, context: _Context) -> str:
        """Return a name for the occurrence that is open; "" if the rule does not recur."""
        return ""


@dataclass(frozen=True, slots=True)
class _Shift(_Rule):
    offset: Offset
    sign: int

    def count(self, context: _Context) -> Count | None:
        start = context.day(self.anchor)
        if start is None:
            return None
        day = self.offset.from_day(start, self.sign, context.calendar)
        return Count(self.anchor, start, self.offset if self.offset.count else None, self.sign, day)


@dataclass(frozen=True, slots=True)
class _At(_Rule):
    def count(self, context: _Context) -> Count | None:
        day = context.day(self.anchor)
        return None if day is None else Count(self.anchor, day, None, 1, day, rolls=False)

    def instant(self, context: _Context) -> datetime | None:
        moment = context.moments.get(self.anchor)
        if isinstance(moment, datetime):
            return _check_aware(self.anchor, moment).astimezone(UTC)
        if moment is None:
            return None
        raise ValueError(f"{self.anchor} is a day ({moment}), not an instant: write 'on {self.anchor}'")


@dataclass(frozen=True, slots=True)
class _EndOf(_Rule):
    def count(self, context: _Context) -> Count | None:
        day = context.day(self.anchor)
        return None if day is None else Count(self.anchor, day, None, 1, day, rolls=False)

    def instant(self, context: _Context) -> datetime | None:
        day = context.day(self.anchor)
        return None if day is None else context.calendar.end_of(day)


@dataclass(frozen=True, slots=True)
class _Every(_Rule):
    recurring: ClassVar[bool] = True
    offset: Offset

    def count(self, context: _Context) -> Count | None:
        if context.since is None:
            return None
        # A duty done before the agreement was in force does not bring the first due time forward.
        start = max((context.since, *context.done))
        return Count("", start, self.offset, 1, self.offset.from_day(start, 1, context.calendar))

    def occurrence(self, context: _Context) -> str:
        return f"after-{max(context.done, default=context.since)}"


@dataclass(frozen=True, slots=True)
class _Yearly(_Rule):
    recurring: ClassVar[bool] = True
    in_leap_year: date

    def count(self, context: _Context) -> Count | None:
        if context.since is None:
            return None
        day = self._of_year(context.current(self._of_year, context.since.year, context.since))
        return Count("", day, None, 1, day)

    def occurrence(self, context: _Context) -> str:
        count = self.count(context)
        return str(count.day.year) if count else ""

    def _of_year(self, year: int) -> date:
        # In other years 29 February becomes the 28th.
        return self.in_leap_year + relativedelta(year=year)


# What ends the last year of what begins with an anchor.
_ENDS = {"agreement.starts_on": "agreement.ends_on"}
_NEVER = date.max


@dataclass(frozen=True, slots=True)
class _Anniversary(_Shift):
    """A day before or after each anniversary. The last year may be shorter; before its end there is a day too."""

    recurring: ClassVar[bool] = True

    def occurrence(self, context: _Context) -> str:
        count = self.count(context)
        if count is None:
            return ""
        # The day before the end may fall in the same year as the one before the last anniversary.
        return f"{count.day.year}-end" if count.anchor != self.anchor else str(count.day.year)

    def count(self, context: _Context) -> Count | None:
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

    def _of_year(self, context: _Context, start: date, number: int) -> Count:
        anniversary = add_units(start, number, "year")
        day = self.offset.from_day(anniversary, self.sign, context.calendar)
        return Count(self.anchor, anniversary, self.offset, self.sign, day)

    def _last_year(self, context: _Context, start: date, ends: date) -> int:
        """Return the number of the last year. What is left after an anniversary may be too short to count."""
        last = max(1, ends.year - start.year)
        while add_units(start, last, "year") <= ends:
            last += 1
        # The day before the end would come before the year before is over.
        begins = add_units(start, last - 1, "year")
        is_short = self.offset.from_day(ends, self.sign, context.calendar) <= begins
        return last - 1 if is_short and last > 1 else last

    def _of_last_year(self, context: _Context, start: date, ends: date, number: int) -> Count:
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


# The grammar, most specific form first: a pattern, an example for messages, and a function that makes the
# rule from the named groups. The patterns are loose on purpose: each group has its own reader, which can give
# a precise error.
_SIDES = {"before": -1, "after": 1}
_FORMS: tuple[tuple[str, str, Callable[..., _Rule]], ...] = (
    (
        r"(?P<span>.+?) (?P<side>before|after) every anniversary of (?P<anchor>.+)",
        "60 days before every anniversary of agreement.starts_on",
        lambda span, side, anchor: _Anniversary(_check_anchor(anchor), _parse_span(span), _SIDES[side]),
    ),
    (
        r"(?P<span>.+?) (?P<side>before|after) (?P<anchor>.+)",
        "30 days after entering",
        lambda span, side, anchor: _Shift(_check_anchor(anchor), _parse_span(span), _SIDES[side]),
    ),
    (r"at (?P<anchor>.+)", "at selection.closes_at", lambda anchor: _At(_check_anchor(anchor))),
    (
        r"on (?P<anchor>.+)",
        "on agreement.starts_on",
        lambda anchor: _Shift(_check_anchor(anchor), Offset(0, "day"), 1),
    ),
    (r"end of (?P<anchor>.+)", "end of agreement.ends_on", lambda anchor: _EndOf(_check_anchor(anchor))),
    (
        r"(?P<day>\S+) (?P<month>\S+) every year",
        "31 October every year",
        lambda day, month: _Yearly("", _day_of_month(day, month)),
    ),
    (r"every (?P<span>.+)", "every 2 months", lambda span: _Every("", parse_offset(span))),
)
_COMPILED = tuple((re.compile(pattern), make) for pattern, _, make in _FORMS)


def _parse_rule(text: str) -> _Rule:
    for pattern, make in _COMPILED:
        if parts := pattern.fullmatch(text):
            return make(**parts.groupdict())
    forms = ", ".join(repr(example) for _, example, _ in _FORMS)
    raise ValueError(f"{text!r} is not a due time; write one like {forms}")


def _check_anchor(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", text):
        hint = "; put ', or ' between alternatives" if " or " in text else ""
        raise ValueError(
            f"{text!r} is not a fact to count from; write lower-case words joined by dots,"
            f" such as 'entering' or 'agreement.starts_on'{hint}"
        )
    return text


def _parse_span(text: str) -> Offset:
    return Offset(1, "day") if text == "the day" else parse_offset(text)


def _day_of_month(day: str, month: str) -> date:
    if month not in _MONTHS:
        raise ValueError(f"{month!r} is not a month; write one in full, such as '31 October every year'")
    first = date(_LEAP, _MONTHS.index(month) + 1, 1)
    last = (first + relativedelta(day=31)).day
    if not re.fullmatch(r"[0-9]{1,2}", day) or not 1 <= int(day) <= last:
        raise ValueError(f"there is no {day} {month}; write 1 {month} to {last} {month}")
    return first.replace(day=int(day))
