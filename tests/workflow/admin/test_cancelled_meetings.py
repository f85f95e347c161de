"""Meetings of the Board that a calendar file cancels, moves, or no longer has."""

from __future__ import annotations

import pytest

from tests.workflow.admin.conftest import OWNER, Sit
from tests.workflow.admin.test_meetings import CASES, FIRST, SECOND, calendar, follow, meetings, taken_in
from workflow.clock.meetings import tell_changed


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize(
    "lines",
    [
        "UID:1\nDTSTART:20310319T161500\nSTATUS:CANCELLED",
        "UID:1\nDTSTART:20310319T161500\nSUMMARY:Canceled: Regular Board Meeting",
        "UID:1\nDTSTART:20310319T161500\nSUMMARY:Regular Board Meeting - CANCELLED",
        "UID:1\nDTSTART:20310319T161500\nSUMMARY:Regular Board Meeting (cancelled due to snow)",
        "UID:1\nDTSTART:20310319T161500\nSUMMARY:Cancellation of the Regular Board Meeting",
        "UID:1\nDTSTART:20310319T161500\nSUMMARY:POSTPONED Regular Board Meeting",
        "UID:1\nDTSTART:20310319T161500\nSUMMARY:No Regular Board Meeting",
        "UID:1\nDTSTART:20310319T161500\nSUMMARY:Abgesagt: Regular Board Meeting",
        "UID:1\nDTSTART:20310319T161500\nSTATUS:TENTATIVE",
        "UID:1\nRECURRENCE-ID:20310319T161500\nDTSTART:20310319T161500\nSTATUS:CANCELLED",
        "UID:other\nDTSTART:20310319T161500\nSUMMARY:Canceled: Regular Board Meeting",
        "UID:1\nSTATUS:CANCELLED",
    ],
)
def test_a_meeting_that_was_cancelled_is_off_the_calendar(sit: Sit, lines: str) -> None:
    desk = sit()
    taken_in(desk, "DTSTART:20310312T161500", "DTSTART:20310319T161500")
    file = desk.file("then.ics", calendar("DTSTART:20310312T161500", lines))
    answer = desk.ask("meetings", "import", file)
    assert (answer["unchanged"], answer["removed"]) == (1, 1)
    assert {m for m in meetings(desk) if m[0] > "2031"} == {FIRST}


@pytest.mark.promise("calendar-follows-source")
def test_the_method_of_a_calendar_cancels_all_its_events(sit: Sit) -> None:
    desk = sit()
    taken_in(desk, "DTSTART:20310312T161500", "DTSTART:20310319T161500")
    text = calendar("UID:1\nDTSTART:20310319T161500").replace("VERSION", "METHOD:CANCEL\r\nVERSION", 1)
    assert desk.ask("meetings", "import", desk.file("cancel.ics", text))["removed"] == 1
    assert {m for m in meetings(desk) if m[0] > "2031"} == {FIRST}


@pytest.mark.promise("calendar-follows-source")
def test_a_meeting_that_moved_to_another_day_is_there_alone(sit: Sit) -> None:
    desk = sit()
    taken_in(desk, "DTSTART:20310312T161500", "DTSTART:20310319T161500")
    later = calendar("DTSTART:20310312T161500", "DTSTART:20310326T180000\nSEQUENCE:2")
    answer = desk.ask("meetings", "import", desk.file("later.ics", later))
    assert (answer["unchanged"], answer["moved"]) == (1, 1)
    assert {m for m in meetings(desk) if m[0] > "2031"} == {FIRST, ("2031-03-26", "18:00", "regular")}


@pytest.mark.promise("calendar-follows-source")
def test_two_meetings_that_change_days_with_each_other_both_stay(sit: Sit) -> None:
    desk = sit()
    taken_in(desk, "DTSTART:20310312T161500", "DTSTART:20310319T170000")
    desk.ask(
        "meetings",
        "import",
        desk.file("b.ics", calendar("DTSTART:20310319T161500", "DTSTART:20310312T170000")),
    )
    expected = {("2031-03-12", "17:00", "regular"), ("2031-03-19", "16:15", "regular")}
    assert {m for m in meetings(desk) if m[0] > "2031"} == expected


def test_a_meeting_of_the_configuration_is_cancelled_by_a_file_and_comes_back(sit: Sit) -> None:
    desk = sit(text=OWNER + "[board]\nmeetings = [2031-03-12, 2031-04-02]\n")
    assert follow(desk, "1-then-one-is-cancelled")[0] == {SECOND, ("2031-04-02", "16:15", "regular")}
    # An older file does not bring it back, and a newer one does.
    assert FIRST not in follow(desk, "1-first")[0]
    again = (CASES / "board-1-first.ics").read_text().replace("SUMMARY", "SEQUENCE:2\nSUMMARY", 1)
    desk.ask("meetings", "import", desk.file("again.ics", again))
    assert FIRST in meetings(desk)


def test_a_special_meeting_never_replaces_the_regular_one_of_its_day(sit: Sit) -> None:
    desk = sit()
    desk.ask("meetings", "add", "2031-03-12")
    file = desk.file("board.ics", calendar("DTSTART:20310312T120000\nSUMMARY:Special Board Meeting"))
    assert [e["title"] for e in desk.ask("meetings", "import", file)["left_out"]] == ["Special Board Meeting"]
    assert FIRST in meetings(desk)


def test_a_cancelled_committee_does_not_cancel_the_meeting_of_its_day(sit: Sit) -> None:
    desk = sit()
    desk.ask("meetings", "add", "2031-03-12")
    event = "DTSTART:20310312T120000\nSUMMARY:Canceled: Audit Committee"
    answer = desk.ask("meetings", "import", desk.file("board.ics", calendar(event)))
    assert "stays on the calendar" in answer["left_out"][0]["reason"]
    assert FIRST in meetings(desk)


def test_a_meeting_that_is_not_in_the_next_file_is_named(sit: Sit) -> None:
    desk = sit()
    days = ("20310312", "20310319", "20310326")
    taken_in(desk, *(f"UID:{day}\nDTSTART;VALUE=DATE:{day}" for day in days))
    fewer = calendar(*(f"UID:{day}\nDTSTART;VALUE=DATE:{day}" for day in days[::2]))
    said = desk.say("meetings", "import", desk.file("fewer.ics", fewer))
    assert "`partnershipctl meetings remove 2031-03-19`" in said
    assert SECOND in meetings(desk)


@pytest.mark.promise("calendar-follows-source")
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_whoever_has_a_cancelled_meeting_in_their_calendar_is_told(sit: Sit, encoding: str) -> None:
    desk = sit("scheduled")
    life = desk.life
    file = desk.folder / "board.ics"
    event = "UID:b\nDTSTART;VALUE=DATE:20250917"
    file.write_text(calendar(event), encoding=encoding)
    assert desk.ask("meetings", "import", str(file))["changed"] == 1
    file.write_text(calendar(event + "\nSTATUS:CANCELLED"), encoding=encoding)
    assert desk.ask("meetings", "import", str(file))["removed"] == 1
    life.system.transact(lambda session: tell_changed(session, life.now))
    assert life.told("meeting-changed") == [
        "board-office",
        "lead-partner",
        "principal",
        "staff",
        "superintendent",
    ]
