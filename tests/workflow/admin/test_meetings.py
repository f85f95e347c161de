"""The Board's calendar: meetings are added, moved, taken out, and taken in from a calendar file."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.desk import Desk
from tests.workflow.admin.conftest import Sit

ZONE = """\
BEGIN:VTIMEZONE
TZID:Pacific
BEGIN:STANDARD
DTSTART:19701101T020000
TZOFFSETFROM:-0700
TZOFFSETTO:-0800
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700308T020000
TZOFFSETFROM:-0800
TZOFFSETTO:-0700
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
END:VTIMEZONE
"""
Meeting = tuple[str, str, str]


def calendar(*events: str) -> str:
    """A calendar file with events of these lines."""
    bodies = [f"BEGIN:VEVENT\nUID:{number}\n{lines}\nEND:VEVENT\n" for number, lines in enumerate(events)]
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//School Board//EN\n{ZONE}{''.join(bodies)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def meetings(desk: Desk) -> set[Meeting]:
    return {(one["on"], one["at"], one["kind"]) for one in desk.ask("meetings")}


def taken_in(desk: Desk, *events: str, words: Sequence[str] = ()) -> set[Meeting]:
    """The meetings that importing a calendar of these events adds."""
    before = meetings(desk)
    file = desk.file("board.ics", calendar(*events))
    assert desk.ask("meetings", "import", file, *words)["added"] == len(events)
    return meetings(desk) - before


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("DTSTART;VALUE=DATE:20310312", ("2031-03-12", "16:15")),
        ("DTSTART:20310312T173000", ("2031-03-12", "17:30")),
        ("DTSTART:20310313T003000Z", ("2031-03-12", "17:30")),
        ("DTSTART:20311203T003000Z", ("2031-12-02", "16:30")),
        ("DTSTART;TZID=America/Los_Angeles:20310312T161500", ("2031-03-12", "16:15")),
        ("DTSTART;TZID=America/New_York:20310312T201500", ("2031-03-12", "17:15")),
        ("DTSTART;TZID=Pacific:20311203T161500", ("2031-12-03", "16:15")),
    ],
    ids=["all day", "no zone", "UTC in summer", "UTC in winter", "the district's", "another", "its own"],
)
def test_a_meeting_is_at_its_wall_clock_time_in_the_district(
    sit: Sit, start: str, expected: tuple[str, str]
) -> None:
    assert taken_in(sit(), start) == {(*expected, "regular")}


def test_meetings_may_be_special(sit: Sit) -> None:
    added = taken_in(sit(), "DTSTART;VALUE=DATE:20310312", words=["--kind", "special"])
    assert added == {("2031-03-12", "16:15", "special")}


def test_two_meetings_on_a_day_are_refused(sit: Sit) -> None:
    desk = sit()
    before = desk.life.dump()
    file = desk.file("board.ics", calendar("DTSTART:20310312T161500", "DTSTART:20310312T190000"))
    answer = desk.run("meetings", "import", file, "--json")
    assert (answer.status, answer.problems) == (2, ["event 1: 2031-03-12 stands there twice"])
    assert desk.life.dump() == before


def test_the_same_calendar_again_changes_nothing(sit: Sit) -> None:
    desk = sit()
    taken_in(desk, "DTSTART;VALUE=DATE:20310312", "DTSTART;VALUE=DATE:20310402")
    before = desk.life.dump()
    assert desk.say("meetings", "import", f"{desk.folder}/board.ics").endswith("board.ics: 2 unchanged.\n")
    assert desk.life.dump() == before


def test_a_meeting_whose_hour_changed_is_changed(sit: Sit) -> None:
    desk = sit()
    taken_in(desk, "DTSTART:20310312T161500")
    file = desk.file("board.ics", calendar("DTSTART:20310312T180000"))
    assert desk.ask("meetings", "import", file) == {"file": file, "changed": 1}
    assert ("2031-03-12", "18:00", "regular") in meetings(desk)


def test_a_cancelled_meeting_is_left_out(sit: Sit) -> None:
    desk = sit()
    events = ("DTSTART;VALUE=DATE:20310312", "DTSTART;VALUE=DATE:20310319\nSTATUS:CANCELLED")
    file = desk.file("board.ics", calendar(*events))
    assert desk.say("meetings", "import", file) == f"Meetings of {file}: 1 added, 1 cancelled.\n"
    assert "2031-03-19" not in {on for on, _, _ in meetings(desk)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (calendar("DTSTART:20310312T161500\nRRULE:FREQ=MONTHLY"), "event 0: it repeats by a rule"),
        (
            calendar("DTSTART:20310312T161500", "DTSTART:20310319T161500\nRDATE:20310401T161500"),
            "event 1: it repeats",
        ),
        (calendar("SUMMARY:Board meeting"), "event 0: it has no start that can be read"),
        (calendar("DTSTART:Wednesday"), "event 0: it has no start that can be read"),
        (calendar(), "there is no meeting in it"),
        (calendar("DTSTART:20310312T161500\nSTATUS:CANCELLED"), "there is no meeting in it"),
        ("on,at\n2031-03-12,16:15\n", "it cannot be read"),
        ("", "it cannot be read"),
    ],
    ids=["rule", "dates", "no start", "no day", "empty", "all cancelled", "another format", "nothing"],
)
def test_a_calendar_that_cannot_be_taken_in_changes_nothing(sit: Sit, text: str, problem: str) -> None:
    desk = sit()
    file = desk.file("board.ics", text)
    before = desk.life.dump()
    answer = desk.run("meetings", "import", file, "--json")
    assert answer.status == 2, answer
    assert problem in answer.problems[0]
    assert desk.life.dump() == before


def test_a_meeting_is_added_at_the_usual_hour_unless_said_otherwise(sit: Sit) -> None:
    desk = sit()
    desk.ask("meetings", "add", "2031-03-12")
    desk.ask("meetings", "add", "2031-03-19", "--at", "18:00", "--kind", "special")
    assert {("2031-03-12", "16:15", "regular"), ("2031-03-19", "18:00", "special")} <= meetings(desk)
    desk.ask("meetings", "remove", "2031-03-12")
    assert "2031-03-12" not in {on for on, _, _ in meetings(desk)}


def test_people_see_the_meetings_to_come_and_until_when_an_item_is_taken(sit: Sit) -> None:
    desk = sit("open")
    desk.life.at("2029-12-06")
    assert "2029-12-05" not in desk.say("meetings")
    assert "2029-12-05" in desk.say("meetings", "--all")
    heading, _, first, *_ = desk.say("meetings").splitlines()
    assert heading.split() == ["on", "at", "kind", "agenda", "closes"]
    assert first.split() == ["2029-12-19", "16:15", "regular", "2029-12-07", "17:00"]
    in_json = {one["on"]: one["agenda_closes_at"] for one in desk.ask("meetings")}
    assert in_json["2029-12-19"] == "2029-12-07T17:00:00-08:00"
    assert "2029-12-05" in in_json
