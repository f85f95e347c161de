"""Lists the days over which a span of business days counts, and those that it passes over with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from workflow.procedure.calendar import Calendar
from workflow.procedure.due_rules import Count

_DAY = timedelta(days=1)


def list_days(calendar: Calendar, count: Count) -> tuple[tuple[date, ...], tuple[tuple[date, str], ...]]:
    """Return the business days of a span, and the days between them with the reasons; none for another span."""
    if count.span is None or count.span.unit != "business day":
        return (), ()
    days = list(days_between(count.start, count.day, count.sign))
    reasons = {day: calendar.why_closed(day) for day in days}
    counted = tuple(day for day, reason in reasons.items() if reason is None)
    return counted, tuple((day, reason) for day, reason in reasons.items() if reason is not None)


def list_rolled(calendar: Calendar, day: date, rolled: date) -> tuple[tuple[date, str], ...]:
    """Return the days off that a day passed when it moved to the business day `rolled`, with the reasons."""
    if day == rolled:
        return ()
    days = [day, *days_between(day, rolled, 1 if rolled > day else -1)][:-1]
    return tuple((each, str(calendar.why_closed(each))) for each in days)


def days_between(start: date, end: date, sign: int) -> Iterator[date]:
    """Yield the days after `start` up to `end`, in the direction of `sign`."""
    day = start
    while day != end:
        day += sign * _DAY
        yield day
