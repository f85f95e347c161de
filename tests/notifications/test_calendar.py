"""Calendar files: one date with one method, as RFC 5545 and 5546 want them, and a feed of many."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import icalendar
import pytest

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, Method, make_feed, make_invitation

WHEN = datetime(2025, 11, 19, 9, 30, tzinfo=timezone(timedelta(hours=-8)))
OFFICE = Mailbox("Partnership Office, Example", "office@example.org")
READER = Mailbox('The "Principal"', "principal@example.org")
ENTRY = CalendarEntry(
    "agreement-signed.LCP-2025-003@example.org",
    "Agreement due, Family support",
    datetime(2025, 11, 29, 1, 0, tzinfo=UTC),
    "The agreement is to be signed;\nby both.",
    "https://partners.example.org/answer/abc",
    2,
)
METHODS: tuple[Method, ...] = ("REQUEST", "PUBLISH", "CANCEL")


def made(method: Method = "REQUEST", stamp: datetime = WHEN, **changes: Any) -> bytes:
    given = {name: getattr(ENTRY, name) for name in ENTRY.__slots__} | changes
    file = make_invitation(CalendarEntry(**given), method, stamp, organizer=OFFICE, attendee=READER)
    assert file.method == method
    return file.content


def read(content: bytes) -> icalendar.Calendar:
    calendar = icalendar.Calendar.from_ical(content)
    assert isinstance(calendar, icalendar.Calendar)
    assert (calendar["VERSION"], bool(calendar["PRODID"])) == ("2.0", True)
    assert not [error for component in calendar.walk() for error in component.errors]
    return calendar


@pytest.mark.parametrize("method", METHODS)
def test_a_file_has_one_method_and_one_entry(method: Method) -> None:
    calendar = read(made(method))
    assert calendar["METHOD"] == method
    (event,) = calendar.events
    assert (event["UID"], event["SEQUENCE"], event.start) == (ENTRY.uid, 2, ENTRY.start)
    assert event["SUMMARY"] == ENTRY.summary
    assert event["DESCRIPTION"] == ENTRY.description
    assert event["URL"] == ENTRY.url
    assert event["ORGANIZER"] == "mailto:office@example.org"
    assert event["ORGANIZER"].params["CN"] == OFFICE.name
    assert b"DTSTART:20251129T010000Z\r\n" in made(method)
    assert b"DTSTAMP:20251119T173000Z\r\n" in made(method)


def test_who_is_asked_is_the_one_attendee_and_need_not_answer() -> None:
    (event,) = read(made("REQUEST")).events
    attendee = event["ATTENDEE"]
    assert attendee == "mailto:principal@example.org"
    assert attendee.params["CN"] == "The 'Principal'"
    assert (attendee.params["RSVP"], attendee.params["PARTSTAT"]) == ("FALSE", "NEEDS-ACTION")
    assert event["STATUS"] == "CONFIRMED"


def test_what_is_only_to_be_known_has_no_attendee() -> None:
    """RFC 5546, 3.2.1: none may be there."""
    (event,) = read(made("PUBLISH")).events
    assert "ATTENDEE" not in event
    assert event["STATUS"] == "CONFIRMED"


def test_a_date_that_fell_away_is_cancelled_and_does_not_ring() -> None:
    """RFC 5546, 3.2.5: no alarm may be there."""
    (event,) = read(made("CANCEL")).events
    assert event["STATUS"] == "CANCELLED"
    assert event["ATTENDEE"] == "mailto:principal@example.org"
    assert event.subcomponents == []


@pytest.mark.parametrize("method", ["REQUEST", "PUBLISH"])
def test_a_date_rings_the_day_before(method: Method) -> None:
    (event,) = read(made(method)).events
    assert [alarm.TRIGGER for alarm in event.alarms.times[0].alarm.walk()] == [timedelta(days=-1)]


def test_a_day_without_a_time_is_an_all_day_entry() -> None:
    content = made(start=date(2025, 12, 3), url=None)
    assert b"DTSTART;VALUE=DATE:20251203\r\n" in content
    assert "URL" not in read(content).events[0]


def test_the_same_entry_gives_the_same_bytes() -> None:
    assert made() == made(stamp=WHEN.astimezone(UTC))


@pytest.mark.promise("text-stays-text")
def test_a_line_end_in_a_description_can_not_add_a_property() -> None:
    assert b"\r\nATTENDEE:mailto:b" not in made(description="a\r\nATTENDEE:mailto:b@example.org")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": datetime(2025, 12, 3, 17, 0)}, "calendar start: .*expected a time with its zone"),
        ({"stamp": datetime(2025, 11, 19)}, "calendar stamp: .*expected a time with its zone"),
        ({"uid": "a\r\nATTENDEE:b"}, "calendar UID: "),
        ({"summary": "a\nb"}, "calendar summary: "),
        ({"url": "https://example.org/\r\nATTENDEE:b"}, "calendar URL: "),
    ],
)
def test_an_entry_that_is_not_well_formed_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**changes)


@pytest.mark.parametrize("field", ["organizer", "attendee"])
@pytest.mark.parametrize("bad", [Mailbox("a\r\nX:b", "a@example.org"), Mailbox("", "a@example.org\r\nX:b")])
def test_people_who_could_forge_a_line_are_refused(field: str, bad: Mailbox) -> None:
    people = {"organizer": OFFICE, "attendee": READER} | {field: bad}
    with pytest.raises(ValueError, match=f"calendar {field}"):
        make_invitation(ENTRY, "REQUEST", WHEN, **people)


def test_a_feed_holds_many_dates_and_no_method() -> None:
    other = CalendarEntry("b@example.org", "Meeting", date(2025, 12, 3), "", None, 0)
    content = make_feed([(ENTRY, WHEN), (other, WHEN)], "Your dates", organizer=OFFICE)
    calendar = read(content)
    assert "METHOD" not in calendar
    assert [str(event["UID"]) for event in calendar.events] == [ENTRY.uid, other.uid]
    assert (calendar["NAME"], calendar["X-WR-CALNAME"]) == ("Your dates", "Your dates")
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in content
    assert content == make_feed([(ENTRY, WHEN), (other, WHEN)], "Your dates", organizer=OFFICE)


def test_a_feed_may_be_empty() -> None:
    assert read(make_feed([], "Your dates", organizer=OFFICE)).events == []
