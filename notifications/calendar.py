"""Makes calendar files: the entry that comes with a message, and a person's feed of dates (RFC 5545, 5546).

A file of a message has one method and speaks of one date, as RFC 5546 wants of REQUEST and CANCEL:

    REQUEST   what the reader must do or attend: the office is its organizer, the reader its one attendee
    PUBLISH   what is only to be known: it has an organizer and no attendee
    CANCEL    a date that fell away

The `sequence` of a date starts at 0 and rises only when the date moves or falls away, so that a calendar knows
which of two entries of one UID is the later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from notifications.addresses import Mailbox, address, without_controls

if TYPE_CHECKING:
    from icalendar import Alarm, Calendar, Event, vCalAddress

Method = Literal["REQUEST", "PUBLISH", "CANCEL"]
_PRODUCT = "-//Lead Community Partners//Notices//EN"
_REFRESH = timedelta(hours=1)  # how often a feed is to be looked at


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
    """A calendar file that goes with a message; its method stands in the part's header too (RFC 6047)."""

    method: Method
    content: bytes
    uid: str


def invitation(
    entry: CalendarEntry, method: Method, stamp: datetime, *, organizer: Mailbox, attendee: Mailbox
) -> CalendarFile:
    """The file of one entry; `stamp` is the moment it was made. Raises ValueError for what is not well formed.

    The attendee is named only where something is asked of them: nobody answers, so no reply is asked for.
    """
    calendar = _calendar()
    calendar.add("method", method)
    event = _event(entry, _in_utc(stamp, "calendar stamp"), organizer)
    if method != "PUBLISH":
        event.add("attendee", _attendee(attendee))
    if method == "CANCEL":
        event.add("status", "CANCELLED")
    else:
        event.add("status", "CONFIRMED")
        event.add_component(_alarm(entry.summary))
    calendar.add_component(event)
    return CalendarFile(method, bytes(calendar.to_ical()), entry.uid)


def feed(entries: Sequence[tuple[CalendarEntry, datetime]], name: str, *, organizer: Mailbox) -> bytes:
    """All dates of a person as one calendar to subscribe to, each with the moment it was last changed.

    It has no method: whoever reads it takes the whole in place of what was there (RFC 7986).
    """
    calendar = _calendar()
    title = without_controls(name, "calendar name")
    calendar.add("name", title)
    calendar.add("x-wr-calname", title)
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry, stamp in entries:
        event = _event(entry, _in_utc(stamp, "calendar stamp"), organizer)
        event.add_component(_alarm(entry.summary))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _calendar() -> Calendar:
    from icalendar import Calendar  # here, as in the functions below: importing it costs 0.1 s of start-up

    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    return calendar


def _event(entry: CalendarEntry, stamp: datetime, organizer: Mailbox) -> Event:
    from icalendar import Event, vUri

    event = Event()
    event.add("uid", without_controls(entry.uid, "calendar UID"))
    event.add("dtstamp", stamp)
    # datetime is a kind of date, so it is asked for first.
    moment = isinstance(entry.start, datetime)
    event.add("dtstart", _in_utc(entry.start, "calendar start") if moment else entry.start)
    event.add("summary", without_controls(entry.summary, "calendar summary"))
    event.add("description", entry.description)
    event.add("sequence", entry.sequence)
    event.add("transp", "TRANSPARENT")  # a deadline does not make anyone busy
    event.add("organizer", _person(organizer, "calendar organizer"))
    if entry.url:
        event.add("url", vUri(without_controls(entry.url, "calendar URL")))
    return event


def _person(mailbox: Mailbox, what: str) -> vCalAddress:
    from icalendar import vCalAddress

    person = vCalAddress(f"mailto:{address(mailbox.address, what)}")
    # A quote can't stand in a parameter of a property (RFC 5545, 3.2).
    name = without_controls(mailbox.name, what).replace('"', "'")
    if name:
        person.params["CN"] = name
    return person


def _attendee(mailbox: Mailbox) -> vCalAddress:
    person = _person(mailbox, "calendar attendee")
    person.params |= {"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "FALSE"}
    return person


def _alarm(summary: str) -> Alarm:
    from icalendar import Alarm

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", timedelta(days=-1))
    return alarm


def _in_utc(moment: date, what: str) -> datetime:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(f"{what}: {moment!r} has no time zone; expected a time with its zone")
    return moment.astimezone(UTC)
