"""Reads the events of a calendar file (.ics, RFC 5545), as the programs of school districts write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from states.errors import BadInput, Problem
from states.inputs import FIRST_DAY, LAST_DAY, check_range
from workflow.procedure.calendar import Calendar as DistrictCalendar
from workflow.procedure.reading import UNREADABLE, explain_unreadable, read_text
from workflow.record import calendar_series, meeting_titles

if TYPE_CHECKING:
    from icalendar import Component

# The SEQUENCE of an event, and when that version of it was made.
Version = tuple[int, datetime | None]

_ANNOUNCED = ("", "PUBLISH", "REQUEST", "ADD")  # the methods that say when something is (RFC 5546)
_ALL_DAY = ("X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event of a calendar file. `at` is None if it lasts all day."""

    place: str  # its place in the file, such as "event 3", counted from 0
    title: str
    uid: str | None  # with "#" and the day of its RECURRENCE-ID for one meeting of a series
    day: date | None = None  # in the district's zone; None if it cannot be read
    at: time | None = None
    off: bool = False  # it is cancelled
    doubt: str | None = None  # why it is not certain that it takes place
    problem: Problem | None = None  # why its day cannot be read
    sequence: int = 0  # rises with each change of the event (RFC 5545, 3.8.7.4)
    changed_at: datetime | None = None  # when this version of it was made, in UTC
    series: str | None = None  # the UID of the series by whose rule it takes place

    @property
    def version(self) -> Version:
        """Return what tells two versions of the event apart: the later one has the greater version."""
        return self.sequence, self.changed_at


@dataclass(frozen=True, slots=True)
class Contents:
    """What a calendar file says: its events, and the UIDs of the series that it has as a whole."""

    events: Sequence[CalendarEvent]
    series: frozenset[str]


def is_older(version: Version, than: Version) -> bool:
    """Return whether a version of an event was made before another one (RFC 5546, 2.1.5)."""
    (sequence, at), (other, other_at) = version, than
    return sequence < other or (sequence == other and bool(at and other_at and at < other_at))


def read(path: Path, district: DistrictCalendar, today: date) -> Contents:
    """Return the events of a file, which may hold several calendars; of one UID only the latest.

    A series gives its meetings from `today` or its start on, for `calendar_series.YEARS` years. Raise `BadInput` if
    the file cannot be read, has no event, or has a UID on two days without saying which counts.
    """
    from icalendar import Calendar

    try:
        calendars = Calendar.from_ical(read_text(path), multiple=True)
    except UNREADABLE as error:
        problem = f"it cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(str(path), problem, "a calendar file (.ics)")]) from None
    if any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise BadInput([Problem(str(path), "it cannot be read: it is no calendar", "BEGIN:VCALENDAR")])
    components = dict(_read_all(calendars, district))
    if not components:
        problem = "there is no meeting in it" if calendars else "it cannot be read: it is empty"
        raise BadInput([Problem(str(path), problem, "a VEVENT for each meeting")])
    latest = _keep_latest(list(components))
    whole = {event: components[event] for event in latest if calendar_series.repeats(components[event])}
    single = [event for event in latest if event not in whole]
    # What a file says of one meeting of a series counts more than the rule of the series.
    named = {event.uid for event in single if event.uid}
    expanded = [
        meeting
        for event, component in whole.items()
        for meeting in _expand(event, component, district, today)
        if meeting.uid is None or meeting.uid not in named
    ]
    return Contents(single + expanded, frozenset(event.uid for event in whole if event.uid))


def _expand(
    event: CalendarEvent, component: Component, district: DistrictCalendar, today: date
) -> Iterator[CalendarEvent]:
    """Yield the meetings of a series from today on; one that the series leaves out (EXDATE) is off."""
    if event.problem is not None:
        yield event
        return
    begin = max(today, event.day or today)
    until = min(date(begin.year + calendar_series.YEARS, begin.month, min(begin.day, 28)), LAST_DAY)
    try:
        starts = calendar_series.expand(component, until)
        left_out = {_day_of(moment, district) for moment in calendar_series.excluded(component)}
    except ValueError as error:
        yield replace(event, problem=Problem(event.place, str(error), "one event for each meeting"))
        return
    for moment in starts:
        day, at = _place_in_district(component, moment, district)
        key = _day_of(moment, district)
        if day >= today:
            uid = event.uid and f"{event.uid}#{key:%Y%m%d}"
            off = event.off or key in left_out
            yield replace(event, uid=uid, day=day, at=at, off=off, series=event.uid)


def _read_all(
    calendars: Sequence[Component], district: DistrictCalendar
) -> Iterator[tuple[CalendarEvent, Component]]:
    number = 0
    for calendar in calendars:
        method = _text(calendar, "METHOD").upper()
        # A zone may have any name if its calendar says what it means.
        zones = {_text(zone, "TZID") for zone in calendar.walk("VTIMEZONE")} | available_timezones()
        for event in calendar.walk("VEVENT"):
            yield _read_event(f"event {number}", event, method, zones, district), event
            number += 1


def _text(component: Component, name: str) -> str:
    """Return the text of a property, "" without one. A property that stands twice counts once."""
    value = component.get(name)
    return str(value[0] if isinstance(value, list) else value or "").strip()


def _read_event(
    place: str, event: Component, method: str, zones: set[str], district: DistrictCalendar
) -> CalendarEvent:
    title, status = " ".join(_text(event, "SUMMARY").split()), _text(event, "STATUS").upper()
    off = method == "CANCEL" or status in ("CANCELLED", "CANCELED") or meeting_titles.is_off(title)
    doubt = None
    if method not in (*_ANNOUNCED, "CANCEL"):
        doubt = f"its calendar has the method {method}"
    elif status not in ("", "CONFIRMED"):
        doubt = f"its status is {status}"
    elif (access := _text(event, "CLASS").upper()) in ("PRIVATE", "CONFIDENTIAL"):
        doubt = f"it is {access.lower()}, and meetings of the Board are public"
    sequence = _text(event, "SEQUENCE")
    day, at, problem = _read_start(place, event, zones, district)
    return CalendarEvent(
        place, title, _read_uid(event, district), day, at, off, doubt, problem,
        int(sequence) if sequence.isdecimal() and len(sequence) < 10 else 0, _read_stamp(event),
    )  # fmt: skip


def _read_uid(event: Component, district: DistrictCalendar) -> str | None:
    uid, moment = _text(event, "UID"), _read_moment(event, "RECURRENCE-ID")
    if not uid or not isinstance(moment, date) or not FIRST_DAY <= _bare_day(moment) <= LAST_DAY:
        return uid or None
    return f"{uid}#{_day_of(moment, district):%Y%m%d}"


def _read_moment(event: Component, name: str) -> Any:
    """Return the moment or the length in a property; None without one that can be read."""
    broken = any(name == each for each, _ in event.errors)
    return None if broken else getattr(event.get(name), "dt", None)


def _bare_day(moment: date | datetime) -> date:
    """Return the day of a moment in its own zone."""
    return moment.date() if isinstance(moment, datetime) else moment


def _day_of(moment: date | datetime, district: DistrictCalendar) -> date:
    """Return the day of a moment in the district; programs name the same meeting in UTC or in a zone."""
    if not isinstance(moment, datetime):
        return moment
    return district.local(moment).date() if moment.tzinfo else moment.date()


def _read_stamp(event: Component) -> datetime | None:
    """Return when this version of an event was made, in UTC."""
    for name in ("LAST-MODIFIED", "DTSTAMP"):
        stamp = _read_moment(event, name)
        if isinstance(stamp, datetime) and FIRST_DAY <= stamp.date() <= LAST_DAY:
            return stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return None


def _read_start(
    place: str, event: Component, zones: set[str], district: DistrictCalendar
) -> tuple[date | None, time | None, Problem | None]:
    """Return the day and the hour of an event, or what is wrong with them. It has no hour if it lasts all day."""
    start = event.get("DTSTART")
    broken = any(name in ("DTSTART", "DTEND") for name, _ in event.errors)
    moment = getattr(start, "dt", None) if not broken else None
    if not isinstance(moment, date):
        return None, None, Problem(place, "it has no start that can be read", "DTSTART with a day or a time")
    if any(name == "DURATION" for name, _ in event.errors):
        return None, None, Problem(place, "it has no length that can be read", "DURATION or DTEND")
    if any(name in ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID") for name, _ in event.errors):
        return None, None, Problem(place, "its rule cannot be read", "one event for each meeting")
    try:
        for named in calendar_series.moments(event):
            check_range(_bare_day(named))
    except ValueError as error:
        problem = f"{_text(event, 'SUMMARY')!r}: {error}"
        return None, None, Problem(place, problem, f"days from {FIRST_DAY} to {LAST_DAY}")
    if getattr(event.get("RECURRENCE-ID"), "params", {}).get("RANGE"):
        problem = "it changes all later meetings of its series at once (RANGE)"
        return None, None, Problem(place, problem, "one event for each meeting")
    zone = str(start.params.get("TZID", ""))
    # The library reads a time in a zone that it does not know as if it had none.
    if isinstance(moment, datetime) and zone and (zone not in zones or moment.tzinfo is None):
        expected = "a zone of the IANA list, such as America/Los_Angeles, or a VTIMEZONE that defines it"
        return None, None, Problem(place, f"its time zone {zone!r} is not known", expected)
    day, at = _place_in_district(event, moment, district)
    if not FIRST_DAY <= day <= LAST_DAY:  # the district's clock may show the next day already
        return None, None, Problem(place, f"it is on {day}", f"a day from {FIRST_DAY} to {LAST_DAY}")
    return day, at, None


def _place_in_district(
    event: Component, moment: date | datetime, district: DistrictCalendar
) -> tuple[date, time | None]:
    """Return the day and the hour in the district at which an event, or a meeting of its series, starts."""
    if not isinstance(moment, datetime):
        return moment, None
    local = district.local(moment) if moment.tzinfo else moment
    if _lasts_all_day(event, moment, local):
        return (moment if moment.time() == time() else local).date(), None
    return local.date(), local.time()


def _lasts_all_day(event: Component, moment: datetime, local: datetime) -> bool:
    """Return whether an event with an hour stands for a whole day, from midnight to midnight."""
    if any(_text(event, name).upper() == "TRUE" for name in _ALL_DAY):
        return True
    if local.time() == time():
        return True
    start, end = (_read_moment(event, name) for name in ("DTSTART", "DTEND"))
    length = _read_moment(event, "DURATION")
    if length is None and isinstance(start, datetime) and isinstance(end, datetime):
        length = end - start if (end.tzinfo is None) == (start.tzinfo is None) else None
    return moment.time() == time() and isinstance(length, timedelta) and length >= _DAY and not length % _DAY


def _keep_latest(events: Sequence[CalendarEvent]) -> list[CalendarEvent]:
    """Return for each UID its latest version. A cancellation wins over its own meeting."""
    latest: dict[Any, CalendarEvent] = {}
    mistakes = []
    for event in events:
        key = event.uid or event.place
        other = latest.setdefault(key, event)
        if is_older(other.version, event.version) or (
            not is_older(event.version, other.version) and event.off and not other.off
        ):
            latest[key] = event
        elif is_older(event.version, other.version) or other.off or event.problem:
            continue
        elif event.day != other.day:
            problem = f"the UID {key!r} stands there twice, on {other.day} and on {event.day}"
            mistakes.append(Problem(event.place, problem, "a UID of its own for each meeting"))
    if mistakes:
        raise BadInput(mistakes)
    return list(latest.values())
