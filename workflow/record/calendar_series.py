"""Expands an event that repeats into single meetings (RFC 5545, 3.8.5): a decision is tied to one day (4270.9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, date, datetime, time
from typing import TYPE_CHECKING, Any

from dateutil.rrule import rrulestr

from states.inputs import check_range

if TYPE_CHECKING:
    from icalendar import Component

YEARS = 2  # how far a series is expanded, in years from now
MOST = 5_000  # meetings of one series, past ones included
# A rule that repeats within a day is no calendar of meetings, and could be expanded without end.
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
# The parts of a rule (RFC 5545, 3.3.10).
_PARTS = (
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYHOUR", "BYMINUTE", "BYSECOND", "BYDAY", "BYMONTHDAY", "BYYEARDAY",
    "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST",
)  # fmt: skip
_CYCLE = 400  # years after which the days of the calendar have the same weekdays again
Moment = date | datetime


def repeats(event: Component) -> bool:
    """Return whether an event stands for several meetings."""
    return any(event.get(name) is not None for name in ("RRULE", "RDATE", "EXRULE"))


def expand(event: Component, until: date) -> list[Moment]:
    """Return the starts of a series up to the day `until`, those that it excludes too, sorted and without repeats.

    The hours are those of the clock in the event's zone. Raise `ValueError` with what is wrong with the rule.
    """
    start: Any = event["DTSTART"]
    first: Moment = start.dt
    if event.get("EXRULE") is not None:
        raise ValueError("it has an EXRULE, which is not read any more")
    zone = first.tzinfo if isinstance(first, datetime) else None
    starts = {_to_wall(first)}
    for rule in _listed(event.get("RRULE")):
        starts |= set(_apply(rule, _to_wall(first), zone, datetime.combine(until, time.max)))
    starts |= {_to_wall(moment, zone) for moment in _dates(event, "RDATE")}
    # The clock of the zone counts, so that a meeting stays at its hour when summer time begins.
    walls = sorted(wall for wall in starts if wall.date() <= until)
    return [wall.replace(tzinfo=zone) if isinstance(first, datetime) else wall.date() for wall in walls]


def excluded(event: Component) -> list[Moment]:
    """Return the starts that the series leaves out (EXDATE)."""
    return list(_dates(event, "EXDATE"))


def _apply(rule: Any, first: datetime, zone: Any, until: datetime) -> list[datetime]:
    """Return the starts by a rule from `first` on. Raise `ValueError` if it cannot be read."""
    if str(rule.get("FREQ", [""])[0]).upper() not in _FREQUENCIES:
        raise ValueError(f"its rule repeats {_write(rule)!r}, which is not by days, weeks, months or years")
    if any(name not in _PARTS for name in rule) or int(rule.get("INTERVAL", [1])[0]) < 1:
        raise ValueError(f"its rule {_write(rule)!r} cannot be read")
    count, last = rule.get("COUNT"), rule.get("UNTIL")
    # The library cannot end a rule by both, and the last day also ends a rule that has no end of its own.
    bare = type(rule)({key: value for key, value in rule.items() if key not in ("COUNT", "UNTIL")})
    end = min(until, _last(last[0], zone, until)) if last else until
    # The library searches for the next start until the year 9999. Days and weekdays repeat every 400 years, so
    # the same rule as late as possible gives the same starts and ends the search early.
    years = (MAXYEAR - until.year) // _CYCLE * _CYCLE
    late = end.replace(year=end.year + years)
    most = int(count[0]) if count else MOST + 1
    try:
        every: Any = rrulestr(_write(bare), dtstart=first.replace(year=first.year + years))
        every = every.replace(until=late)
        starts = [start for _, start in zip(range(min(most, MOST + 1)), every, strict=False)]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError):
        raise ValueError(f"its rule {_write(rule)!r} cannot be read") from None
    if len(starts) > MOST:
        raise ValueError(f"its rule gives more than {MOST:,} meetings")
    return [start.replace(year=start.year - years) for start in starts if start <= late]


def _write(rule: Any) -> str:
    return str(rule.to_ical().decode())


def _last(moment: Any, zone: Any, until: datetime) -> datetime:
    """Return the last instant of a rule on the clock of the event; a day counts to its end.

    One after `until` counts as none. Raise `ValueError` for one that is out of reach.
    """
    if moment.year > until.year + 1:
        return until
    check_range(date(moment.year, moment.month, moment.day))
    whole_day = isinstance(moment, date) and not isinstance(moment, datetime)
    return datetime.combine(moment, time.max) if whole_day else _to_wall(moment, zone)


def _to_wall(moment: Moment, zone: Any = None) -> datetime:
    """Return a moment as the clock in the zone shows it, without the zone; of a day its beginning."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time())
    local = moment.astimezone(zone) if zone and moment.tzinfo else moment
    return local.replace(tzinfo=None)


def _dates(event: Component, name: str) -> Iterator[Moment]:
    """Yield the moments of a list of dates, which may stand several times; of a period its start."""
    for dates in _listed(event.get(name)):
        for each in dates.dts:
            moment = each.dt[0] if isinstance(each.dt, tuple) else each.dt
            yield moment


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def moments(event: Component) -> Iterator[Moment]:
    """Yield each moment that an event names for itself or for a meeting of its series."""
    for name in ("DTSTART", "RECURRENCE-ID"):
        yield from (each.dt for each in _listed(event.get(name)))
    for name in ("RDATE", "EXDATE"):
        yield from _dates(event, name)
