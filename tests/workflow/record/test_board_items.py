"""Items before the Board follow its calendar: with their meeting, or off the agenda of one that is not held."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.support.district import Begin, Life
from workflow import directory_changes
from workflow.clock.meetings import tell_changed
from workflow.store import tables

DAY = date(2025, 9, 17)  # the meeting with the item on its agenda
EVERYBODY = ["board-office", "lead-partner", "principal", "staff", "superintendent"]


def follow(life: Life) -> list[str]:
    return life.system.transact(lambda session: tell_changed(session, life.now))


def remove(life: Life, day: date = DAY) -> None:
    by = "staff@example.org"
    life.system.transact(
        lambda s: directory_changes.remove(s.connection, tables.meetings, day, by=by, now=life.now)
    )


def told(life: Life) -> dict[str, Any]:
    """What the last message about the calendar says."""
    return json.loads(life.notices("meeting-changed")[-1]["extra"])["meeting"]


def cancelled(life: Life) -> None:
    remove(life)


def made_special(life: Life) -> None:
    life.put(tables.meetings, on=DAY, at="16:15", kind="special")


def struck_in_the_configuration(life: Life) -> None:
    # A calendar file strikes a meeting of `board.meetings` by a row of its own.
    life.put(tables.meetings, on=DAY, at="00:00", kind="cancelled")


NOT_HELD = [cancelled, made_special, struck_in_the_configuration]


@pytest.mark.promise("items-follow-the-calendar")
@pytest.mark.parametrize("change", NOT_HELD)
def test_nobody_is_asked_for_the_packet_or_the_decision_of_a_meeting_that_is_not_held(
    begin: Begin, change: Any
) -> None:
    life = begin("scheduled")
    change(life)
    assert follow(life) == ["rbhs-2025"]
    item = life.facts.board.item
    assert (item.meeting_on, item.meeting_at, item.agenda, item.deferred) == (None, None, (), 0)
    assert life.running() == {"item-scheduled"}
    assert life.told("meeting-changed") == EVERYBODY
    assert life.history()[-1]["event"] == "move-item"
    life.tick("2025-09-19 12:00")
    assert (
        life.notices("agenda-packet") == life.notices("decision-recorded") == life.notices("defer-item") == []
    )
    assert life.faults() == []


@pytest.mark.promise("items-follow-the-calendar")
def test_the_board_office_is_chased_for_another_date_from_the_day_on_which_the_item_lost_its_own(
    begin: Begin,
) -> None:
    life = begin("scheduled").at("2025-09-10")
    remove(life)
    follow(life)
    assert life.due("item-scheduled") == "2025-09-17 17:00"
    life.tick("2025-09-18 17:00")
    assert life.told("item-scheduled") == ["board-office", "staff"]
    life.do("schedule-item", meeting_on="2025-10-01")
    assert "item-scheduled" not in life.running()
    assert life.due("decision-recorded") == "2025-10-03 12:00"


@pytest.mark.promise("items-follow-the-calendar")
def test_an_item_moves_with_its_meeting_to_another_day(begin: Begin) -> None:
    life = begin("scheduled")
    remove(life)
    life.put(tables.meetings, on=date(2025, 9, 22), at="17:00", kind="regular", moved_from='["2025-09-17"]')
    assert follow(life) == ["rbhs-2025"]
    item = life.facts.board.item
    assert (item.meeting_on, item.agenda) == (date(2025, 9, 22), (date(2025, 9, 22),))
    assert life.wall(item.meeting_at) == "2025-09-22 17:00"
    assert life.due("decision-recorded") == "2025-09-24 12:00"
    assert [(d["label"], d["now"][:10]) for d in told(life)["dates"]] == [
        ("The agenda packet is due", "2025-09-12"),
        ("Record what the Board decided", "2025-09-24"),
    ]
    assert follow(life) == [], "once"


@pytest.mark.promise("items-follow-the-calendar")
def test_the_board_office_is_asked_after_a_meeting_that_was_moved_to_another_hour(begin: Begin) -> None:
    life = begin("scheduled")
    life.put(tables.meetings, on=DAY, at="20:30", kind="regular")
    assert follow(life) == ["rbhs-2025"]
    assert life.wall(life.facts.board.item.meeting_at) == "2025-09-17 20:30"
    assert life.ladder("decision-recorded")[0] == "remind 2025-09-17 20:30"


@pytest.mark.promise("items-follow-the-calendar")
@pytest.mark.parametrize("change", NOT_HELD)
def test_an_item_is_back_on_its_agenda_if_the_meeting_is(begin: Begin, change: Any) -> None:
    life = begin("scheduled")
    change(life)
    follow(life)
    # Meanwhile the agenda has closed, but the item was on it in time.
    life.at("2025-09-12").put(tables.meetings, on=DAY, at="16:15", kind="regular")
    assert follow(life) == ["rbhs-2025"]
    item = life.facts.board.item
    assert (item.meeting_on, item.agenda, item.late, item.freed_at) == (DAY, (DAY,), (), None)
    assert life.faults() == []


@pytest.mark.promise("items-follow-the-calendar")
def test_people_read_what_the_change_does_to_the_first_day(begin: Begin) -> None:
    life = begin("scheduled")
    remove(life)
    follow(life)
    # Introduced on 1 October, acted on on 15 October; the agreement was to begin on 1 September.
    outlook = told(life)["outlook"]
    assert (outlook["acts"][:10], outlook["day"], outlook["possible"]) == ("2025-10-15", "2025-09-01", False)


def test_a_meeting_that_was_held_does_not_move_any_more(begin: Begin) -> None:
    life = begin("scheduled").at("2025-09-18")
    life.put(tables.meetings, on=DAY, at="15:00", kind="regular")
    assert follow(life) == []
    assert life.facts.board.item.meeting_on == DAY


@pytest.mark.promise("items-follow-the-calendar")
def test_nobody_is_asked_for_the_decision_of_a_meeting_that_was_called_off_in_its_last_hour(
    begin: Begin,
) -> None:
    life = begin("scheduled").at("2025-09-17 17:00")
    remove(life)
    assert follow(life) == ["rbhs-2025"]
    life.tick("2025-09-17 19:00")
    assert life.notices("decision-recorded") == []
    assert life.due("item-scheduled") == "2025-09-24 17:00"
