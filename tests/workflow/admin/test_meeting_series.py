"""A calendar file has series of meetings and versions of events, and the Board's calendar follows the newest."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert

from tests.support.desk import Desk
from tests.workflow.admin.conftest import Sit
from tests.workflow.admin.test_meetings import calendar, meetings
from workflow import directory_changes
from workflow.session import Session
from workflow.store import tables

# From 2031 on, so that no meeting of the district itself is among them.
WEEKLY = "UID:s\nDTSTART:20310305T161500\nRRULE:FREQ=WEEKLY;COUNT=4"
FOUR = ["2031-03-05", "2031-03-12", "2031-03-19", "2031-03-26"]


def days(desk: Desk) -> list[str]:
    return sorted(day for day, _, _ in meetings(desk) if day > "2031")


def take(desk: Desk, *events: str) -> list[str]:
    desk.ask("meetings", "import", desk.file("board.ics", calendar(*events)))
    return days(desk)


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (WEEKLY, FOUR),
        (
            "UID:s\nDTSTART;TZID=America/Los_Angeles:20310305T161500\nRRULE:FREQ=WEEKLY;UNTIL=20310320T000000Z",
            FOUR[:3],
        ),
        ("UID:s\nDTSTART:20310305T161500\nRRULE:FREQ=WEEKLY;UNTIL=20310319", FOUR[:3]),
        ("UID:s\nDTSTART;VALUE=DATE:20310305\nRRULE:FREQ=WEEKLY;COUNT=4", FOUR),
        ("UID:s\nDTSTART:20310305T161500\nRRULE:FREQ=MONTHLY;BYDAY=1WE,3WE;COUNT=2", [FOUR[0], FOUR[2]]),
        (
            "UID:s\nDTSTART:20310305T161500\nRDATE:20310312T161500,20310319T161500\nRDATE:20310326T161500",
            FOUR,
        ),
        ("UID:s\nDTSTART;VALUE=DATE:20310305\nRDATE;VALUE=DATE:20310312", FOUR[:2]),
        (WEEKLY + "\nEXDATE:20310312T161500,20310319T161500", [FOUR[0], FOUR[3]]),
        (WEEKLY + "\nEXDATE;VALUE=DATE:20310312\nEXDATE:20310320T001500Z", [FOUR[0], FOUR[3]]),
    ],
    ids=[
        "count",
        "until",
        "until a day",
        "all day",
        "1st and 3rd",
        "dates",
        "whole days",
        "without",
        "twice",
    ],
)
def test_a_series_gives_each_of_its_meetings(sit: Sit, lines: str, expected: list[str]) -> None:
    desk = sit()
    assert take(desk, lines) == expected
    before = desk.life.dump()
    assert take(desk, lines) == expected
    assert desk.life.dump() == before


def test_a_series_keeps_its_hour_when_summer_time_begins(sit: Sit) -> None:
    desk = sit()
    zoned = "UID:s\nDTSTART;TZID=America/New_York:20310226T191500\nRRULE:FREQ=WEEKLY;COUNT=4"
    take(desk, zoned)
    assert {at for day, at, _ in meetings(desk) if day > "2031"} == {"16:15"}
    # Midnight in UTC is another hour in the district after the change.
    take(desk, "UID:u\nDTSTART:20310402T001500Z\nRRULE:FREQ=MONTHLY;COUNT=1")
    assert ("2031-04-01", "17:15", "regular") in meetings(desk)


def test_a_series_without_an_end_gives_the_meetings_of_two_years_and_none_that_is_over(sit: Sit) -> None:
    desk = sit("open")
    today = desk.life.now.date()
    before = {day for day, _, _ in meetings(desk)}
    take(desk, "UID:s\nDTSTART:19990104T190000\nRRULE:FREQ=MONTHLY;BYDAY=1MO")
    added = sorted({day for day, _, _ in meetings(desk)} - before)
    assert len(added) in (24, 25)
    assert added[0] >= str(today)


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize("instance", ["20310312T161500", "20310312T231500Z", "20310312"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("DTSTART:20310313T180000", ["2031-03-05", "2031-03-13", "2031-03-19", "2031-03-26"]),
        ("DTSTART:20310312T161500\nSTATUS:CANCELLED", [FOUR[0], FOUR[2], FOUR[3]]),
        (
            "DTSTART:20310312T161500\nSUMMARY:[CANCELLED] Regular Board Meeting",
            [FOUR[0], FOUR[2], FOUR[3]],
        ),
    ],
    ids=["moved", "cancelled", "cancelled in its title"],
)
def test_one_meeting_of_a_series_is_moved_or_cancelled(
    sit: Sit, instance: str, change: str, expected: list[str]
) -> None:
    desk = sit()
    assert take(desk, WEEKLY) == FOUR
    value = ";VALUE=DATE" if len(instance) == 8 else ""
    one = f"UID:s\nRECURRENCE-ID{value}:{instance}\n{change}"
    assert take(desk, WEEKLY, one) == expected
    # The same in a message of its own, without the series.
    again = sit()
    take(again, WEEKLY)
    assert take(again, one + "\nSEQUENCE:1") == expected


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (WEEKLY + "\nEXDATE:20310319T161500", [FOUR[0], FOUR[1], FOUR[3]]),
        (WEEKLY.replace("COUNT=4", "COUNT=2"), FOUR[:2]),
        ("UID:s\nDTSTART:20310305T161500", FOUR[:1]),
        (WEEKLY + "\nSTATUS:CANCELLED", []),
        (WEEKLY + "\nSUMMARY:CANCELADA: Regular Board Meeting", []),
        ("UID:s\nDTSTART:20310306T161500\nRRULE:FREQ=WEEKLY;COUNT=2", ["2031-03-06", "2031-03-13"]),
    ],
    ids=["one less", "shorter", "no series any more", "cancelled", "cancelled in Spanish", "another day"],
)
def test_what_a_series_no_longer_has_is_off_the_calendar(sit: Sit, lines: str, expected: list[str]) -> None:
    desk = sit()
    take(desk, WEEKLY)
    assert take(desk, lines) == expected


@pytest.mark.parametrize(
    "lines",
    [
        "DTSTART:20310305T161500\nRRULE:FREQ=SECONDLY",
        "DTSTART:20310305T161500\nRRULE:FREQ=WEEKLY;BYDAY=XX",
        "DTSTART:20310305T161500\nRRULE:every Wednesday",
        "DTSTART:20310305T161500\nRRULE:FREQ=WEEKLY\nEXRULE:FREQ=MONTHLY",
        "DTSTART:20310305T161500\nRDATE:soon",
        "UID:s\nRECURRENCE-ID;RANGE=THISANDFUTURE:20310305T161500\nDTSTART:20310306T161500",
        "DTSTART:19000101T161500\nRRULE:FREQ=DAILY",
        WEEKLY.replace("COUNT=4", "INTERVAL=0"),
        "DTSTART:20310305T161500\nRRULE:FREQ=DAILY;INTERVAL=0;BYMONTH=2;BYMONTHDAY=30",
        "DTSTART:20310305T161500\nRRULE:FREQ=DAILY;UNTIL=00010101T000000Z",
        "DTSTART:20310305T161500\nRDATE:00010101T000000Z",
        "DTSTART:20310305T161500\nRDATE:99991231T000000Z",
        WEEKLY + "\nEXDATE:00010101T000000Z",
        "UID:s\nRECURRENCE-ID;RANGE=THISANDFUTURE:00010101T000000Z\nDTSTART:20310306T161500",
        "UID:s\nRECURRENCE-ID:99991231T235959Z\nDTSTART:20310306T161500",
        "DTSTART:00010101T000000Z",
        "DTSTART:99991231T235959\nRRULE:FREQ=DAILY",
        "DTSTART;VALUE=DATE:99991231",
        "DTSTART:22000101T161500",
        "DTSTART:20310305T161500\nRRULE:FREQ=MONTHLY;BYDAY=99WE",
        "DTSTART:20310305T161500\nDURATION:P99999999999D",
    ],
)
def test_a_series_that_cannot_be_read_is_refused_in_words(sit: Sit, lines: str) -> None:
    desk = sit()
    before = desk.life.dump()
    answer = desk.run("meetings", "import", desk.file("board.ics", calendar(lines)), "--json")
    assert (answer.status, answer.problems[0][:7]) == (2, "event 0")
    assert desk.life.dump() == before


def test_a_rule_that_gives_no_day_is_not_searched_to_the_end_of_the_calendar(sit: Sit) -> None:
    desk = sit()
    start = "DTSTART:20310305T161500\nRRULE:FREQ=DAILY"
    # Twenty such searches to the year 9999 would take minutes.
    rules = [f"UID:{number}\n{start};BYMONTH=2;BYMONTHDAY=30" for number in range(20)]
    assert take(desk, *rules) == ["2031-03-05"]
    assert take(desk, start + ";COUNT=3;UNTIL=99991231T235959Z") == ["2031-03-05", "2031-03-06", "2031-03-07"]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_meeting_out_of_reach_stops_nothing_and_can_be_removed(sit: Sit, day: str) -> None:
    desk = sit()
    row = {"on": date.fromisoformat(day), "at": "16:15", "kind": "regular"}

    def work(session: Session) -> None:
        session.connection.execute(insert(tables.meetings).values(**row))
        with pytest.raises(ValueError, match="out of reach"):
            directory_changes.put(
                session.connection, tables.meetings, row | {"at": "16:00"}, by="me", now=desk.life.now
            )

    desk.life.system.transact(work)
    assert day not in {on for on, _, _ in meetings(desk)}
    desk.ask("meetings", "remove", day)
    assert desk.run("meetings", "remove", day).status == 3


def test_a_series_that_is_no_meeting_of_the_board_is_listed_once(sit: Sit) -> None:
    desk = sit()
    file = desk.file("board.ics", calendar(WEEKLY + "\nSUMMARY:Robotics Club"))
    assert [event["title"] for event in desk.ask("meetings", "import", file)["left_out"]] == ["Robotics Club"]
    assert days(desk) == []


OLD = "UID:1\nDTSTART:20310312T161500\nDTSTAMP:20301101T000000Z"


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize(
    ("newer", "expected"),
    [
        ("UID:1\nDTSTART:20310319T180000\nSEQUENCE:2", ["2031-03-19"]),
        ("UID:1\nDTSTART:20310312T161500\nSEQUENCE:1\nSTATUS:CANCELLED", []),
        ("UID:1\nDTSTART:20310319T180000\nDTSTAMP:20301201T000000Z", ["2031-03-19"]),
        (
            "UID:1\nDTSTART:20310312T161500\nLAST-MODIFIED:20301201T000000Z\nSTATUS:CANCELLED",
            [],
        ),
        ("UID:1\nDTSTART:20310305T161500\nSEQUENCE:1\nRRULE:FREQ=WEEKLY;COUNT=1", ["2031-03-05"]),
    ],
    ids=["moved", "cancelled", "moved by its stamp", "cancelled by its stamp", "a series"],
)
def test_an_older_file_does_not_undo_a_newer_one(sit: Sit, newer: str, expected: list[str]) -> None:
    desk = sit()
    assert take(desk, OLD) == ["2031-03-12"]
    assert take(desk, newer) == expected
    file = desk.file("old.ics", calendar(OLD))
    answer = desk.ask("meetings", "import", file)
    assert [event["reason"] for event in answer["left_out"]] == ["the calendar follows a newer version of it"]
    assert days(desk) == expected
    # Staff who name it mean it.
    desk.ask("meetings", "import", file, "--regular", "1")
    assert "2031-03-12" in days(desk)


def test_of_two_versions_in_one_file_the_newer_counts(sit: Sit) -> None:
    moved = "UID:1\nDTSTART:20310319T180000\nDTSTAMP:20301201T000000Z"
    assert take(sit(), moved, OLD) == take(sit(), OLD, moved) == ["2031-03-19"]


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize(
    "title",
    ["CANCELED - Regular Board Meeting", "Regular Board Meeting Cancelled", "[CANCELLED] Regular Board Meeting",
     "Regular Board Meeting - CANCELADA", "Reunión cancelada: Regular Board Meeting",
     "ＣＡＮＣＥＬＥＤ Regular Board Meeting",
     "Cancelling: Regular Board Meeting", "Regular Board Meeting (suspendido)"],
)  # fmt: skip
def test_a_title_that_says_so_cancels_its_meeting(sit: Sit, title: str) -> None:
    desk = sit()
    take(desk, OLD)
    assert take(desk, f"{OLD}\nSUMMARY:{title}") == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("DTSTART;TZID=\"America/Los_Angeles\":20310312T161500", "16:15"),
        ("DTSTART;VALUE=DATE:20310312\nDTEND;VALUE=DATE:20310313", "16:15"),
        ("DTSTART;VALUE=DATE:20310312\nDTEND;VALUE=DATE:20310312", "16:15"),
        ("SUMMARY:Regular Boa\n rd Meeting\nDTSTART:2031031\n 2T161500", "16:15"),
        ("SUMMARY:Regular Board\n\t Meeting\nDTSTART:20310312T161500", "16:15"),
        ("DTSTART:20310309T023000\nRDATE:20310312T161500", "16:15"),
    ],
    ids=["quoted zone", "one day", "no day", "folded", "folded by a tab", "an hour that is not there"],
)  # fmt: skip
@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_a_calendar_is_read_however_its_program_writes(
    sit: Sit, tmp_path: Path, lines: str, expected: str, ends: str
) -> None:
    desk = sit()
    file = tmp_path / "board.ics"
    file.write_bytes(b"\xef\xbb\xbf" + calendar(lines).replace("\r\n", ends).encode())
    desk.ask("meetings", "import", str(file))
    assert ("2031-03-12", expected, "regular") in meetings(desk)


@pytest.mark.parametrize("more", ["STATUS:TENTATIVE", "CLASS:PRIVATE", "CLASS:CONFIDENTIAL"])
def test_what_is_tentative_or_private_waits_for_staff(sit: Sit, more: str) -> None:
    desk = sit()
    file = desk.file("board.ics", calendar(f"{OLD}\n{more}"))
    assert len(desk.ask("meetings", "import", file)["left_out"]) == 1
    assert days(desk) == []
