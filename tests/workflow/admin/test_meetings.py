"""The Board's calendar: meetings are added by hand, and read from a calendar file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    bodies = []
    for number, lines in enumerate(events):
        more = "" if "UID:" in lines else f"UID:{number}\n"
        more += "" if "SUMMARY:" in lines else "SUMMARY:Regular Board Meeting\n"
        bodies.append(f"BEGIN:VEVENT\n{more}{lines}\nEND:VEVENT\n")
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
        ("DTSTART:20310312T000000", ("2031-03-12", "16:15")),
        ("DTSTART:20310312T000000\nDTEND:20310313T000000", ("2031-03-12", "16:15")),
        ("DTSTART:20310312T000000Z\nDTEND:20310313T000000Z", ("2031-03-12", "16:15")),
        ("DTSTART:20310312T070000Z\nDTEND:20310313T070000Z", ("2031-03-12", "16:15")),
        ("DTSTART:20310312T000000Z\nDURATION:P1D", ("2031-03-12", "16:15")),
        ("DTSTART;TZID=America/New_York:20310312T000000\nDURATION:PT24H", ("2031-03-12", "16:15")),
        ("DTSTART:20310312T080000\nX-MICROSOFT-CDO-ALLDAYEVENT:TRUE", ("2031-03-12", "16:15")),
        ("DTSTART:20310313T000000Z\nDTEND:20310313T020000Z", ("2031-03-12", "17:00")),
    ],
    ids=[
        "all day",
        "no zone",
        "UTC in summer",
        "UTC in winter",
        "the district's",
        "another",
        "its own",
        "midnight",
        "from midnight to midnight",
        "the same in UTC",
        "the district's midnight in UTC",
        "a day long",
        "another midnight",
        "said by Outlook",
        "a meeting at midnight UTC",
    ],
)
def test_a_meeting_is_at_its_wall_clock_time_in_the_district(
    sit: Sit, start: str, expected: tuple[str, str]
) -> None:
    assert taken_in(sit(), start) == {(*expected, "regular")}


def test_meetings_may_be_special(sit: Sit) -> None:
    event = "DTSTART;VALUE=DATE:20310312\nSUMMARY:Retreat"
    added = taken_in(sit(), event, words=["--kind", "special"])
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
        (calendar("DTSTART:20310312T161500\nRRULE:FREQ=HOURLY"), "event 0: its rule repeats"),
        (
            calendar("DTSTART;TZID=US-Eastern:20310312T191500"),
            "event 0: its time zone 'US-Eastern' is not known",
        ),
        (
            calendar("DTSTART;TZID=Nowhere/X:20310312T191500"),
            "event 0: its time zone 'Nowhere/X' is not known",
        ),
        (
            calendar("DTSTART;TZID=america/new_york:20310312T191500"),
            "event 0: its time zone 'america/new_york' is not known",
        ),
        (
            calendar("UID:a\nDTSTART:20310312T161500", "UID:a\nDTSTART:20310319T161500"),
            "event 1: the UID 'a' stands there twice, on 2031-03-12 and on 2031-03-19",
        ),
        (calendar("CLASS:PUBLIC"), "event 0: it has no start that can be read"),
        (calendar("DTSTART:Wednesday"), "event 0: it has no start that can be read"),
        (calendar(), "there is no meeting in it"),
        ("on,at\n2031-03-12,16:15\n", "it cannot be read"),
        ("", "it cannot be read"),
    ],
    ids=[
        "rule",
        "unknown zone",
        "no such place",
        "wrong case",
        "a UID on two days",
        "no start",
        "no day",
        "empty",
        "another format",
        "nothing",
    ],
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


CASES = Path(__file__).parents[2] / "cases"
FIRST, SECOND = ("2031-03-12", "16:15", "regular"), ("2031-03-19", "16:15", "regular")


def follow(desk: Desk, case: str, *words: str) -> tuple[set[Meeting], Any]:
    """The meetings of 2031 after an import of a case, and its answer."""
    answer = desk.ask("meetings", "import", str(CASES / f"board-{case}.ics"), *words)
    return {meeting for meeting in meetings(desk) if meeting[0] > "2031"}, answer


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize(
    ("case", "expected", "left_out"),
    [
        ("1-first", {FIRST, SECOND}, []),
        ("1-then-one-is-cancelled", {SECOND}, []),
        ("2-outlook-canceled", {SECOND}, []),
        (
            "3-whole-school-calendar",
            {FIRST, ("2031-03-26", "16:30", "special")},
            ["No School - Spring Break"],
        ),
        ("4-each-in-its-own-calendar", {FIRST, SECOND}, []),
        ("5-all-day-as-outlook-has-it", {FIRST}, []),
        ("7-work-session-on-the-same-day", {FIRST}, ["Executive Session"]),
    ],
)
def test_only_what_is_clearly_a_meeting_is_taken_in(
    sit: Sit, case: str, expected: set[Meeting], left_out: list[str]
) -> None:
    desk = sit()
    assert follow(desk, case)[0] == expected
    # Once more: nothing is different, and what was left out is listed again.
    before = desk.life.dump()
    again = follow(desk, case)[1]
    assert [event["title"] for event in again.get("left_out", ())] == left_out
    assert desk.life.dump() == before


@pytest.mark.promise("calendar-follows-source")
def test_a_zone_that_nobody_knows_is_refused(sit: Sit) -> None:
    desk = sit()
    answer = desk.run("meetings", "import", str(CASES / "board-6-unknown-zone.ics"), "--json")
    assert (answer.status, answer.problems) == (2, ["event 0: its time zone 'US-Eastern' is not known"])


@pytest.mark.parametrize(
    "title",
    [
        "Board Meeting", "Regular PTA Meeting", "Packet for the Regular Board Meeting", "Regular Work Session",
        "Regular Meeting of the Audit Committee", "Regular Board Meeting: tentative", "Regular", "",
    ],
)  # fmt: skip
def test_what_is_not_clearly_a_regular_meeting_waits_until_staff_say_so(sit: Sit, title: str) -> None:
    desk = sit()
    file = desk.file("board.ics", calendar(f"UID:a\nDTSTART:20310312T161500\nSUMMARY:{title}"))
    answer = desk.ask("meetings", "import", file)
    assert [(e["on"], e["title"], e["uid"]) for e in answer["left_out"]] == [("2031-03-12", title, "a")]
    assert "2031-03-12" not in {on for on, _, _ in meetings(desk)}
    desk.ask("meetings", "import", file, "--regular", title.upper() or "a")
    assert FIRST in meetings(desk)
    # What staff said holds for the next file, as long as the title stays.
    assert desk.ask("meetings", "import", file) == {"file": file, "unchanged": 1}


def test_staff_cannot_name_what_is_not_in_the_file(sit: Sit) -> None:
    desk = sit()
    answer = desk.run(
        "meetings", "import", str(CASES / "board-1-first.ics"), "--regular", "Retreat", "--json"
    )
    assert answer.problems == ["--regular: no event of the file has the title or UID 'Retreat'"]


def test_a_dry_run_says_what_would_change(sit: Sit) -> None:
    desk = sit()
    before = desk.life.dump()
    _, answer = follow(desk, "3-whole-school-calendar", "--dry-run")
    assert (answer["added"], answer["dry_run"]) == (2, True)
    assert desk.life.dump() == before
