"""Reads the small grammar of due times in the configuration, and computes the instants that they mean.

    30 days after entering                  10 business days after selection.closes_at
    the day after board.meeting             10 days before board.meeting
    at selection.closes_at                  on agreement.starts_on
    end of agreement.ends_on                every 2 months
    31 October every year                   60 days before every anniversary of agreement.starts_on
    30 business days after review.reported, or 60 days after entering

Each year of an agreement ends with an anniversary of its first day, and its last year with its last day. So "before
every anniversary of agreement.starts_on" also has a day before agreement.ends_on (`Anniversary`).

Days are counted first, in the district's calendar. The day becomes an instant last, at a wall-clock time, so
that a change of clocks never moves a due time by an hour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from dateutil.relativedelta import relativedelta

from workflow.procedure.calendar import Calendar, Roll
from workflow.procedure.due_rules import (
    Anniversary,
    At,
    Context,
    Count,
    EndOf,
    Every,
    Moments,
    Rule,
    Shift,
    Yearly,
)
from workflow.procedure.offsets import Offset, parse_offset

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
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
    _rules: tuple[Rule, ...] = field(repr=False)

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
        context = Context(moments, at, roll, calendar, since, done)
        for rule in self._rules:
            instant = rule.instant(context)
            if instant is not None:
                return instant
        return None

    def count(
        self, *, moments: Moments, calendar: Calendar, since: date | None, done: Sequence[date]
    ) -> Count | None:
        """Return how the day that is due is counted, or None while no anchor is on record. Raise as `resolve`."""
        context = Context(moments, time(), "stay", calendar, since, done)
        return next((count for rule in self._rules if (count := rule.count(context))), None)

    def capped(
        self, latest: Due | None, *, moments: Moments, roll: Roll, calendar: Calendar
    ) -> tuple[Due, Roll]:
        """Return the rule that applies and how it rolls: this one, or `latest` where its day comes sooner.

        Of several alternatives of `latest` take the first whose day comes after the one that this counts from: an
        earlier day would ask for something that nobody could do in time. It rolls back, since it is the last day.
        Neither due time recurs. Raise as `resolve`.
        """
        if latest is None:
            return self, roll
        context = Context(moments, time(), roll, calendar, None, ())
        mine = next((count for rule in self._rules if (count := rule.count(context))), None)
        if mine is None:
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
        return self._rules[0].occurrence(Context(moments, time(), "stay", calendar, since, done))


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


# The grammar, most specific form first: a pattern, an example for messages, and a function that makes the
# rule from the named groups. The patterns are loose on purpose: each group has its own reader, which can give
# a precise error.
_SIDES = {"before": -1, "after": 1}
_FORMS: tuple[tuple[str, str, Callable[..., Rule]], ...] = (
    (
        r"(?P<span>.+?) (?P<side>before|after) every anniversary of (?P<anchor>.+)",
        "60 days before every anniversary of agreement.starts_on",
        lambda span, side, anchor: Anniversary(_check_anchor(anchor), _parse_span(span), _SIDES[side]),
    ),
    (
        r"(?P<span>.+?) (?P<side>before|after) (?P<anchor>.+)",
        "30 days after entering",
        lambda span, side, anchor: Shift(_check_anchor(anchor), _parse_span(span), _SIDES[side]),
    ),
    (r"at (?P<anchor>.+)", "at selection.closes_at", lambda anchor: At(_check_anchor(anchor))),
    (
        r"on (?P<anchor>.+)",
        "on agreement.starts_on",
        lambda anchor: Shift(_check_anchor(anchor), Offset(0, "day"), 1),
    ),
    (r"end of (?P<anchor>.+)", "end of agreement.ends_on", lambda anchor: EndOf(_check_anchor(anchor))),
    (
        r"(?P<day>\S+) (?P<month>\S+) every year",
        "31 October every year",
        lambda day, month: Yearly("", _day_of_month(day, month)),
    ),
    (r"every (?P<span>.+)", "every 2 months", lambda span: Every("", parse_offset(span))),
)
_COMPILED = tuple((re.compile(pattern), make) for pattern, _, make in _FORMS)


def _parse_rule(text: str) -> Rule:
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
