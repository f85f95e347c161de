"""What a change of the Board's calendar by a command or a calendar file does to the items on its agendas."""

from __future__ import annotations

import pytest

from tests.support.desk import Desk
from tests.workflow.admin.conftest import Sit
from tests.workflow.admin.test_meetings import calendar

SCHEDULED = "UID:b\nDTSTART:20250917T161500"


def take_in(desk: Desk, *events: str) -> dict:
    return desk.ask("meetings", "import", desk.file("board.ics", calendar(*events)))


@pytest.mark.promise("items-follow-the-calendar")
@pytest.mark.parametrize(
    ("words", "on", "is_now"),
    [
        (("move", "2025-09-17", "2025-09-22"), "2025-09-22", "2025-09-22T16:15:00-07:00"),
        (("move", "2025-09-17", "2025-09-22", "--at", "18:00"), "2025-09-22", "2025-09-22T18:00:00-07:00"),
        (("add", "2025-09-17", "--at", "18:00"), "2025-09-17", "2025-09-17T18:00:00-07:00"),
        (("add", "2025-09-17", "--kind", "special"), None, None),
        (("remove", "2025-09-17"), None, None),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else None,
)
def test_a_command_on_a_meeting_does_it_to_its_items_too(
    sit: Sit, words: tuple[str, ...], on: str | None, is_now: str | None
) -> None:
    desk = sit("scheduled")
    answer = desk.ask("meetings", *words)
    (item,) = answer["items"]
    assert (item["ref"], item["now"]) == ("rbhs-2025", is_now)
    assert item["special"] is ("special" in words)
    recorded = desk.life.facts.board.item.meeting_on
    assert (recorded and str(recorded)) == on
    assert "superintendent" in desk.life.told("meeting-changed")
    assert desk.life.faults() == []


@pytest.mark.promise("items-follow-the-calendar")
@pytest.mark.parametrize(
    ("event", "on"),
    [
        ("UID:b\nDTSTART:20250922T170000\nSEQUENCE:1", "2025-09-22"),
        ("UID:b\nDTSTART:20250917T180000\nSEQUENCE:1", "2025-09-17"),
        ("UID:b\nDTSTART:20250917T161500\nSEQUENCE:1\nSUMMARY:Special Board Meeting", None),
        ("UID:b\nDTSTART:20250917T161500\nSEQUENCE:1\nSTATUS:CANCELLED", None),
        ("UID:b\nDTSTART:20250922T170000\nSEQUENCE:1\nSUMMARY:Special Board Meeting", None),
        ("UID:b\nDTSTART:20250917T161500\nSEQUENCE:1\nSUMMARY:Canceled: Regular Board Meeting", None),
    ],
    ids=["day", "hour", "special", "cancelled", "special on another day", "cancelled in its title"],
)
def test_a_calendar_file_does_it_to_the_items_too(sit: Sit, event: str, on: str | None) -> None:
    desk = sit("scheduled")
    assert "items" not in take_in(desk, SCHEDULED)
    (item,) = take_in(desk, event)["items"]
    recorded = desk.life.facts.board.item.meeting_on
    assert (recorded and str(recorded)) == on
    assert bool(item["now"]) is bool(on)
    assert desk.life.faults() == []


@pytest.mark.promise("items-follow-the-calendar")
def test_an_item_follows_a_meeting_that_moves_twice_and_back(sit: Sit) -> None:
    desk = sit("scheduled")
    for old, new in (("09-17", "09-22"), ("09-22", "09-23"), ("09-23", "09-17")):
        desk.ask("meetings", "move", f"2025-{old}", f"2025-{new}")
        assert str(desk.life.facts.board.item.meeting_on) == f"2025-{new}"


def test_people_read_what_a_change_does_to_the_dates(sit: Sit) -> None:
    desk = sit("scheduled")
    said = desk.say("meetings", "remove", "2025-09-17")
    assert said.splitlines() == [
        "2025-09-17: removed.",
        "rbhs-2025: its item before the Board has no meeting now. Everybody concerned is told.",
        "  Put the item on the agenda of a regular meeting: 2025-09-09 17:00",
        "  The agenda packet is due: no date now",
        "  Record what the Board decided: no date now",
        "  The Board can act at the earliest: 2025-10-15 16:15",
        "  The agreement can no longer begin on 2025-09-01 with the Board's approval.",
    ]


def test_a_dry_run_moves_no_item(sit: Sit) -> None:
    desk = sit("scheduled")
    take_in(desk, SCHEDULED)
    before = desk.life.dump()
    file = desk.file("later.ics", calendar("UID:b\nDTSTART:20250922T170000\nSEQUENCE:1"))
    assert desk.ask("meetings", "import", file, "--dry-run")["items"]
    assert desk.life.dump() == before


def test_a_meeting_moves_to_a_free_day_only(sit: Sit) -> None:
    desk = sit("scheduled")
    taken = desk.run("meetings", "move", "2025-09-17", "2025-10-01", "--json")
    assert (taken.status, taken.json["unmet"][0]["requirement"]) == (1, "one-meeting-a-day")
    assert desk.run("meetings", "move", "2025-09-18", "2025-09-19", "--json").status == 3
