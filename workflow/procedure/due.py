"""The small grammar in which a row of the configuration says when something is due.

    30 days after entering                  10 business days after selection.closes_at
    the day after board.meeting             10 days before board.meeting
    at selection.closes_at                  on agreement.starts_on
    end of agreement.ends_on                every 2 months
    31 October every year                   60 days before every anniversary of agreement.starts_on
    30 business days after review.reported, or 60 days after entering

Days are counted in the district's calendar and turned into an instant last, at a wall-clock time, so a
change of clocks never moves a due time by an hour.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import ClassVar, NamedTuple

from dateutil.relativedelta import relativedelta

from workflow.procedure.calendar import Calendar, Roll

Moments = Mapping[str, date | datetime | None]

# One of each unit (business days are counted by the calendar) and the most of it that a row may ask for:
# about a hundred years, so that no due time leaves the calendar.
_UNITS: dict[str, tuple[timedelta | relativedelta | None, int]] = {
    "day": (timedelta(days=1), 36_500),
    "business day": (None, 25_000),
    "week": (timedelta(weeks=1), 5_200),
    "month": (relativedelta(months=1), 1_200),
    "year": (relativedelta(years=1), 100),
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LEAP = 2000  # any leap year, so that 29 February can be said


@lru_cache(maxsize=10_000)
def _counted(day: date, count: int, unit: str) -> date:
    """The day so many units after `day`; month ends are clamped. Kept, since many count from the same days."""
    step = _UNITS[unit][0]
    assert step is not None
    return day + step * count


@dataclass(frozen=True, slots=True)
class Offset:
    """A span of calendar time: `count` times `unit`, one of day, business day, week, month, year."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"

    def before(self, due: datetime, calendar: Calendar) -> datetime:
        """The UTC instant this long before `due`, at the same local wall-clock time.

        Raises `ValueError` for a naive datetime.
        """
        return self._moved(due, calendar, -1)

    def after(self, due: datetime, calendar: Calendar) -> datetime:
        """The UTC instant this long after `due`, at the same local wall-clock time.

        Raises `ValueError` for a naive datetime.
        """
        return self._moved(due, calendar, 1)

    def from_day(self, day: date, sign: int, calendar: Calendar) -> date:
        """The day this long after `day` (`sign` 1) or before it (`sign` -1); month ends are clamped."""
        if _UNITS[self.unit][0] is None:
            return calendar.add_business_days(day, sign * self.count)
        return _counted(day, sign * self.count, self.unit)

    def _moved(self, due: datetime, calendar: Calendar, sign: int) -> datetime:
        local = calendar.local(due)
        return calendar.instant(self.from_day(local.date(), sign, calendar), local.time())


@dataclass(frozen=True, slots=True)
class Due:
    """A due time as a row says it. `text` is that; `anchors` are the facts it may be counted from, in order.

    `recurring` tells one that comes again once it is done from one that comes once.
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
        """The UTC instant at which this is due, or None while no anchor is known.

        `moments` are the facts by anchor; a missing one is unknown. A date counts from that day, a datetime
        from its local day. The result is at the wall-clock time `at` on the day, rolled to a business day
        as `roll` says, except that "at" gives the recorded instant and "end of" the midnight that ends the
        very day. A recurring due time runs from `since`, the day the agreement came into force (None: not
        yet, so nothing is due), and moves on with `done`, the days on which it was done, in any order.

        Raises `ValueError` for a naive datetime, and for "at" if the fact is a day rather than an instant.
        """
        case = _Case(moments, at, roll, calendar, since, done)
        for rule in self._rules:
            instant = rule.instant(case)
            if instant is not None:
                return instant
        return None

    def occurrence(
        self, *, calendar: Calendar, moments: Moments, since: date | None, done: Sequence[date]
    ) -> str:
        """Which occurrence of one that recurs is due, such as "2026"; "" for one that comes once.

        It stays the same where a change of procedure moves the day, and is another once this one is done.
        """
        if not self.recurring or since is None:
            return ""
        return self._rules[0].occurrence(_Case(moments, time(), "stay", calendar, since, done))


def parse_due(text: str) -> Due:
    """Read a due time. Raises `ValueError` that says what is wrong and what would be right."""
    text = " ".join(text.split())
    try:
        rules = tuple(_rule(part) for part in text.split(", or "))
        recurring = [rule for rule in rules if rule.recurring]
        if recurring and len(rules) > 1:
            raise ValueError("a due time that recurs stands alone: take it out of the alternatives")
    except ValueError as error:
        raise ValueError(f"due time {text!r}: {error}") from None
    anchors = dict.fromkeys(rule.anchor for rule in rules if rule.anchor)
    return Due(text, tuple(anchors), bool(recurring), rules)


def parse_offset(text: str) -> Offset:
    """Read a span of time, such as "5 business days". Raises `ValueError` that says what would be right."""
    return _offset(" ".join(text.split()))


class _Case(NamedTuple):
    """What a rule is resolved against: the arguments of `Due.resolve`."""

    moments: Moments
    at: time
    roll: Roll
    calendar: Calendar
    since: date | None
    done: Sequence[date]

    def day(self, anchor: str) -> date | None:
        moment = self.moments.get(anchor)
        if not isinstance(moment, datetime):
            return moment
        return _aware(anchor, moment).astimezone(self.calendar.zone).date()

    def due(self, day: date) -> datetime:
        return self.calendar.instant(self.calendar.roll(day, self.roll), self.at)

    def current(self, occurrence: Callable[[int], date], index: int, since: date) -> date:
        """The day of the occurrence that is open now; `index` is at or a little before the first one.

        Each day on which it was done closes the open occurrence if it lies in that one's period or later:
        early within the period counts, late counts for the overdue one, and an extra one does not count
        for the next period.
        """
        while occurrence(index) <= since:
            index += 1
        for day in sorted(self.done):
            if day > occurrence(index - 1):
                index += 1
        return occurrence(index)


@dataclass(frozen=True, slots=True)
class _Rule(ABC):
    """One way to say when: what it is counted from (if anything) and the instant it gives, if known."""

    recurring: ClassVar[bool] = False
    anchor: str

    @abstractmethod
    def instant(self, case: _Case) -> datetime | None:
        """The UTC instant, or None while the anchor is unknown."""

    def occurrence(self, case: _Case) -> str:
        """Of a rule that recurs: a name for the occurrence that is open."""
        return ""


@dataclass(frozen=True, slots=True)
class _Shift(_Rule):
    offset: Offset
    sign: int

    def instant(self, case: _Case) -> datetime | None:
        day = case.day(self.anchor)
        return None if day is None else case.due(self.offset.from_day(day, self.sign, case.calendar))


@dataclass(frozen=True, slots=True)
class _At(_Rule):
    def instant(self, case: _Case) -> datetime | None:
        moment = case.moments.get(self.anchor)
        if isinstance(moment, datetime):
            return _aware(self.anchor, moment).astimezone(UTC)
        if moment is None:
            return None
        raise ValueError(f"{self.anchor} is a day ({moment}), not an instant: write 'on {self.anchor}'")


@dataclass(frozen=True, slots=True)
class _EndOf(_Rule):
    def instant(self, case: _Case) -> datetime | None:
        day = case.day(self.anchor)
        return None if day is None else case.calendar.end_of(day)


@dataclass(frozen=True, slots=True)
class _Every(_Rule):
    recurring: ClassVar[bool] = True
    offset: Offset

    def instant(self, case: _Case) -> datetime | None:
        if case.since is None:
            return None
        # What was done before the agreement was in force does not make the first time come any sooner.
        return case.due(self.offset.from_day(max((case.since, *case.done)), 1, case.calendar))

    def occurrence(self, case: _Case) -> str:
        return f"after-{max(case.done, default=case.since)}"


@dataclass(frozen=True, slots=True)
class _Yearly(_Rule):
    recurring: ClassVar[bool] = True
    in_leap_year: date

    def instant(self, case: _Case) -> datetime | None:
        day = self._day(case)
        return None if day is None else case.due(day)

    def occurrence(self, case: _Case) -> str:
        day = self._day(case)
        return str(day.year) if day else ""

    def _day(self, case: _Case) -> date | None:
        if case.since is None:
            return None
        return case.current(self._of_year, case.since.year, case.since)

    def _of_year(self, year: int) -> date:
        return self.in_leap_year + relativedelta(year=year)


@dataclass(frozen=True, slots=True)
class _Anniversary(_Shift):
    recurring: ClassVar[bool] = True

    def instant(self, case: _Case) -> datetime | None:
        day = self._day(case)
        return None if day is None else case.due(day)

    def occurrence(self, case: _Case) -> str:
        day = self._day(case)
        return str(day.year) if day else ""

    def _day(self, case: _Case) -> date | None:
        start = case.day(self.anchor)
        if start is None or case.since is None:
            return None

        def occurrence(number: int) -> date:
            return self.offset.from_day(_counted(start, number, "year"), self.sign, case.calendar)

        # The number of new years that the offset crosses differs by one at most between anniversaries, so
        # this guess is never past the first occurrence after `since` and at most a few before it.
        index = case.since.year - occurrence(1).year
        return case.current(occurrence, max(1, index), case.since)


def _aware(anchor: str, moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{anchor} ({moment}) has no time zone: give an aware datetime, such as one in UTC")
    return moment


# The grammar, most specific form first: a pattern, an example for messages, and what the named parts make.
# The patterns are loose on purpose: each part is checked by its own reader, whose message can be precise.
_SIDES = {"before": -1, "after": 1}
_FORMS: tuple[tuple[str, str, Callable[..., _Rule]], ...] = (
    (
        r"(?P<span>.+?) (?P<side>before|after) every anniversary of (?P<anchor>.+)",
        "60 days before every anniversary of agreement.starts_on",
        lambda span, side, anchor: _Anniversary(_anchor(anchor), _span(span), _SIDES[side]),
    ),
    (
        r"(?P<span>.+?) (?P<side>before|after) (?P<anchor>.+)",
        "30 days after entering",
        lambda span, side, anchor: _Shift(_anchor(anchor), _span(span), _SIDES[side]),
    ),
    (r"at (?P<anchor>.+)", "at selection.closes_at", lambda anchor: _At(_anchor(anchor))),
    (
        r"on (?P<anchor>.+)",
        "on agreement.starts_on",
        lambda anchor: _Shift(_anchor(anchor), Offset(0, "day"), 1),
    ),
    (r"end of (?P<anchor>.+)", "end of agreement.ends_on", lambda anchor: _EndOf(_anchor(anchor))),
    (
        r"(?P<day>\S+) (?P<month>\S+) every year",
        "31 October every year",
        lambda day, month: _Yearly("", _day_of_month(day, month)),
    ),
    (r"every (?P<span>.+)", "every 2 months", lambda span: _Every("", _offset(span))),
)
_COMPILED = tuple((re.compile(pattern), make) for pattern, _, make in _FORMS)


def _rule(text: str) -> _Rule:
    for pattern, make in _COMPILED:
        found = pattern.fullmatch(text)
        if found:
            return make(**found.groupdict())
    forms = ", ".join(repr(example) for _, example, _ in _FORMS)
    raise ValueError(f"{text!r} is no due time; write one like {forms}")


def _anchor(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", text):
        hint = "; put ', or ' between alternatives" if " or " in text else ""
        raise ValueError(
            f"{text!r} is no fact to count from; write lower-case words joined by dots,"
            f" such as 'entering' or 'agreement.starts_on'{hint}"
        )
    return text


def _span(text: str) -> Offset:
    return Offset(1, "day") if text == "the day" else _offset(text)


def _offset(text: str) -> Offset:
    found = re.fullmatch(r"([0-9]+) (.+?)s?", text)
    if not found or found[2] not in _UNITS:
        raise ValueError(
            f"{text!r} is no span of time; write a whole number of days, business days, weeks, months"
            " or years, such as '30 days' or '10 business days'"
        )
    unit, most = found[2], _UNITS[found[2]][1]
    # The length is looked at first: Python refuses to read a number of thousands of digits.
    if len(found[1]) > 9 or not 1 <= int(found[1]) <= most:
        raise ValueError(f"{text!r} is out of range; write 1 to {most} {unit}s")
    return Offset(int(found[1]), unit)


def _day_of_month(day: str, month: str) -> date:
    if month not in _MONTHS:
        raise ValueError(f"{month!r} is no month; write one in full, such as '31 October every year'")
    first = date(_LEAP, _MONTHS.index(month) + 1, 1)
    last = (first + relativedelta(day=31)).day
    if not re.fullmatch(r"[0-9]{1,2}", day) or not 1 <= int(day) <= last:
        raise ValueError(f"there is no {day} {month}; write 1 {month} to {last} {month}")
    return first.replace(day=int(day))
