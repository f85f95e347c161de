"""Reads the events of a calendar file (.ics, RFC 5545), as the programs of school districts write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from states.errors import BadInput, Problem
from workflow.procedure.calendar import Calendar as DistrictCalendar
from workflow.procedure.reading import UNREADABLE, explain_unreadable, read_text
from workflow.record import meeting_titles

if TYPE_CHECKING:
    from icalendar import Component

_ANNOUNCED = ("", "PUBLISH", "REQUEST", "ADD")  # the methods that say when something is (RFC 5546)
_ALL_DAY = ("X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event of a calendar file. `at` is None if it lasts all day."""

    place: str  # its place in the file, such as "event 3", counted from 0
    title: str
    uid: str | None  # with "#" and the RECURRENCE-ID for one meeting of a series
    day: date | None = None  # in the district's zone; None if it cannot be read
    at: time | None = None
    off: bool = False  # it is cancelled
    doubt: str | None = None  # why it is not certain that it takes place
    problem: Problem | None = None  # why its day cannot be read
    sequence: int = 0  # rises with each change of the event (RFC 5545, 3.8.7.4)


def read(path: Path, district: DistrictCalendar) -> list[CalendarEvent]:
    """Return the events of a file, which may hold several calendars; of one UID only the latest.

    Raise `BadInput` if the file cannot be read, has no event, or has a UID on two days without saying which counts.
    """
    from icalendar import Calendar

    try:
        calendars = Calendar.from_ical(read_text(path), multiple=True)
    except UNREADABLE as error:
        problem = f"it cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(str(path), problem, "a calendar file (.ics)")]) from None
    if any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise BadInput([Problem(str(path), "it cannot be read: it is no calendar", "BEGIN:VCALENDAR")])
    events = list(_read_all(calendars, district))
    if not events:
        problem = "there is no meeting in it" if calendars else "it cannot be read: it is empty"
        raise BadInput([Problem(str(path), problem, "a VEVENT for each meeting")])
    return _keep_latest(events)


def _read_all(calendars: Sequence[Component], district: DistrictCalendar) -> Iterator[CalendarEvent]:
    number = 0
    for calendar in calendars:
        method = _text(calendar, "METHOD").upper()
        # A zone may have any name if its calendar says what it means.
        zones = {_text(zone, "TZID") for zone in calendar.walk("VTIMEZONE")} | available_timezones()
        for event in calendar.walk("VEVENT"):
            yield _read_event(f"event {number}", event, method, zones, district)
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
    sequence = _text(event, "SEQUENCE")
    day, at, problem = _read_start(place, event, zones, district)
    return CalendarEvent(
        place, title, _read_uid(event), day, at, off, doubt, problem,
        int(sequence) if sequence.isdecimal() else 0,
    )  # fmt: skip


def _read_uid(event: Component) -> str | None:
    uid, instance = _text(event, "UID"), event.get("RECURRENCE-ID")
    if instance is None or not uid:
        return uid or None
    return f"{uid}#{instance.to_ical().decode()}" if hasattr(instance, "to_ical") else uid


def _read_start(
    place: str, event: Component, zones: set[str], district: DistrictCalendar
) -> tuple[date | None, time | None, Problem | None]:
    """Return the day and the hour of an event, or what is wrong with them. It has no hour if it lasts all day."""
    start = event.get("DTSTART")
    broken = any(name in ("DTSTART", "DTEND") for name, _ in event.errors)
    moment = getattr(start, "dt", None) if not broken else None
    if not isinstance(moment, date):
        return None, None, Problem(place, "it has no start that can be read", "DTSTART with a day or a time")
    # A decision is tied to the day of a meeting in the calendar (4270.9), so each meeting needs a row of its own.
    if any(event.get(name) is not None for name in ("RRULE", "RDATE")):
        return (
            None,
            None,
            Problem(place, "it repeats by a rule (RRULE or RDATE)", "one event for each meeting"),
        )
    if not isinstance(moment, datetime):
        return moment, None, None
    zone = str(start.params.get("TZID", ""))
    # The library reads a time in a zone that it does not know as if it had none.
    if zone and (zone not in zones or moment.tzinfo is None):
        expected = "a zone of the IANA list, such as America/Los_Angeles, or a VTIMEZONE that defines it"
        return None, None, Problem(place, f"its time zone {zone!r} is not known", expected)
    local = district.local(moment) if moment.tzinfo else moment
    if _lasts_all_day(event, moment, local):
        return (moment if moment.time() == time() else local).date(), None, None
    return local.date(), local.time(), None


def _lasts_all_day(event: Component, moment: datetime, local: datetime) -> bool:
    """Return whether an event with an hour stands for a whole day, from midnight to midnight."""
    if any(_text(event, name).upper() == "TRUE" for name in _ALL_DAY):
        return True
    if local.time() == time():
        return True
    end = getattr(event.get("DTEND"), "dt", None)
    length = getattr(event.get("DURATION"), "dt", None)
    if length is None and isinstance(end, datetime) and (end.tzinfo is None) == (moment.tzinfo is None):
        length = end - moment
    return moment.time() == time() and isinstance(length, timedelta) and length >= _DAY and not length % _DAY


def _keep_latest(events: Sequence[CalendarEvent]) -> list[CalendarEvent]:
    """Return for each UID the event with the highest SEQUENCE. A cancellation wins over its own meeting."""
    latest: dict[Any, CalendarEvent] = {}
    mistakes = []
    for event in events:
        key = event.uid or event.place
        other = latest.setdefault(key, event)
        if (event.sequence, event.off) > (other.sequence, other.off):
            latest[key] = event
        elif (event.sequence, event.off, event.problem) == (other.sequence, False, None) and (
            event.day != other.day
        ):
            problem = f"the UID {key!r} stands there twice, on {other.day} and on {event.day}"
            mistakes.append(Problem(event.place, problem, "a UID of its own for each meeting"))
    if mistakes:
        raise BadInput(mistakes)
    return list(latest.values())
