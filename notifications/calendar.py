"""Makes calendar files: the entry that comes with a message, and a person's feed of dates (RFC 5545, 5546).

A file of a message has one method and one date, as RFC 5546 demands of REQUEST and CANCEL:

    REQUEST   a date on which the reader must do or attend something: the office organizes, the reader attends
    PUBLISH   a date to know about: it has an organizer and no attendee
    CANCEL    a date that was cancelled

The `sequence` of a date starts at 0 and rises only when the date moves or is cancelled, so that a calendar knows
which of two entries with one UID is newer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from notifications.addresses import Mailbox, parse_address, refuse_controls

if TYPE_CHECKING:
    from icalendar import Alarm, Calendar, Event, vCalAddress

Method = Literal["REQUEST", "PUBLISH", "CANCEL"]
_PRODUCT = "-//Lead Community Partners//Notices//EN"
_REFRESH = timedelta(hours=1)  # how often calendar programs should read a feed again


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A date to keep, all day where `start` is a date; `sequence` grows as the entry of one `uid` changes."""

    uid: str
    summary: str
    start: datetime | date
    description: str
    url: str | None
    sequence: int


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """A calendar file of a message. RFC 6047 wants its method in the header of the part too."""

    method: Method
    content: bytes
    uid: str


def make_invitation(
    entry: CalendarEntry, method: Method, stamp: datetime, *, organizer: Mailbox, attendee: Mailbox
) -> CalendarFile:
    """Return the calendar file of one entry; `stamp` is the moment when the entry was made.

    The attendee is named only where the reader has something to do. The file asks for no answer to the invitation,
    since people answer the message instead. Raise ValueError for a value that is not well formed.
    """
    calendar = _make_calendar()
    calendar.add("method", method)
    event = _make_event(entry, _in_utc(stamp, "calendar stamp"), organizer)
    if method != "PUBLISH":
        event.add("attendee", _make_attendee(attendee))
    if method == "CANCEL":
        event.add("status", "CANCELLED")
    else:
        event.add("status", "CONFIRMED")
        event.add_component(_make_alarm(entry.summary))
    calendar.add_component(event)
    return CalendarFile(method, bytes(calendar.to_ical()), entry.uid)


def make_feed(
    entries: Sequence[tuple[CalendarEntry, datetime]], name: str, *, organizer: Mailbox, alarms: bool = True
) -> bytes:
    """Return all dates of a person as one calendar to subscribe to, each with the moment of its last change.

    Without `alarms` no calendar program reminds anybody of them.

    The calendar has no method: a program that reads it replaces everything it had read before (RFC 7986).
    """
    calendar = _make_calendar()
    title = refuse_controls(name, "calendar name")
    calendar.add("name", title)
    # Many programs know the name and the interval only under the older names with X-, so give both.
    calendar.add("x-wr-calname", title)
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry, stamp in entries:
        event = _make_event(entry, _in_utc(stamp, "calendar stamp"), organizer)
        if alarms:
            event.add_component(_make_alarm(entry.summary))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _make_calendar() -> Calendar:
    # Imported in functions only: it takes 0.1 s, which most commands need not spend.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    return calendar


def _make_event(entry: CalendarEntry, stamp: datetime, organizer: Mailbox) -> Event:
    from icalendar import Event, vUri

    event = Event()
    event.add("uid", refuse_controls(entry.uid, "calendar UID"))
    event.add("dtstamp", stamp)
    is_moment = isinstance(entry.start, datetime)
    # An all-day date has no time zone, so that every calendar shows it on the same day.
    event.add("dtstart", _in_utc(entry.start, "calendar start") if is_moment else entry.start)
    event.add("summary", refuse_controls(entry.summary, "calendar summary"))
    event.add("description", entry.description)
    event.add("sequence", entry.sequence)
    # A deadline takes no time, so it must not show its reader as busy.
    event.add("transp", "TRANSPARENT")
    event.add("organizer", _make_person(organizer, "calendar organizer"))
    if entry.url:
        event.add("url", vUri(refuse_controls(entry.url, "calendar URL")))
    return event


def _make_person(mailbox: Mailbox, what: str) -> vCalAddress:
    from icalendar import vCalAddress

    person = vCalAddress(f"mailto:{parse_address(mailbox.address, what)}")
    # A parameter of a property cannot hold a double quote (RFC 5545, 3.2).
    name = refuse_controls(mailbox.name, what).replace('"', "'")
    if name:
        person.params["CN"] = name
    return person


def _make_attendee(mailbox: Mailbox) -> vCalAddress:
    person = _make_person(mailbox, "calendar attendee")
    # People answer the message and not the invitation, so ask calendar programs for no answer.
    person.params |= {"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "FALSE"}
    return person


def _make_alarm(summary: str) -> Alarm:
    from icalendar import Alarm

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", timedelta(days=-1))
    return alarm


def _in_utc(moment: date, what: str) -> datetime:
    """Return a moment in UTC. Raise ValueError if it has no time zone."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(f"{what}: {moment!r} has no time zone; expected a time with its zone")
    return moment.astimezone(UTC)
