"""What is due: which deadlines are listed, how each stands, and which partnerships are overdue."""

from __future__ import annotations

import pytest

from tests.support.desk import REF
from tests.workflow.admin.conftest import Sit


def test_only_what_is_open_is_listed_unless_all_is_asked_for(sit: Sit) -> None:
    desk = sit("open")
    listed, everything = desk.ask("deadlines"), desk.ask("deadlines", "--all")
    assert {one["status"] for one in listed} == {"open"}
    assert [one for one in everything if one["status"] == "open"] == listed
    assert len(everything) > len(listed)


@pytest.mark.parametrize(
    ("span", "due"), [("30d", False), ("5w", False), ("40d", True), ("6w", True), ("2m", True), ("1y", True)]
)
def test_within_a_span_is_what_falls_into_it(sit: Sit, span: str, due: bool) -> None:
    desk = sit("open")  # on 7 July; the call closes on 15 August, 39 days later
    listed = {(one["name"], one["kind"]) for one in desk.ask("deadlines", "--within", span)}
    assert (("applications-close", "due") in listed) is due


def test_without_deadlines_people_read_so(sit: Sit) -> None:
    assert sit().say("deadlines") == "No deadline is open.\n"
    assert sit("open").say("deadlines", "--within", "1d") == "No deadlines.\n"


def test_of_one_partnership_the_reference_is_not_repeated(sit: Sit) -> None:
    desk = sit("open")
    assert REF in desk.say("deadlines")
    assert REF not in desk.say("deadlines", REF)


def test_what_is_overdue_says_so_everywhere(sit: Sit) -> None:
    desk = sit("open")
    assert desk.ask("list", "--overdue") == []
    assert desk.say("list", "--overdue") == "No partnerships.\n"
    desk.life.at("2025-08-15 17:00")
    (late,) = [one for one in desk.ask("deadlines") if one["overdue"] and one["kind"] == "due"]
    assert (late["name"], late["due_at"], late["fires"]) == (
        "applications-close", "2025-08-15T17:00:00-07:00", "close-applications",
    )  # fmt: skip
    assert [one["ref"] for one in desk.ask("list", "--overdue")] == [REF]
    assert "applications-close: overdue" in desk.say("list")
    assert "overdue, fires close-applications" in desk.say("deadlines", REF)
    assert "overdue, fires close-applications" in desk.say("show", REF)


def test_what_was_skipped_or_cancelled_says_why(sit: Sit) -> None:
    desk = sit("open")
    text = desk.say("deadlines", REF, "--all")
    assert "cancelled: met" in text
    assert "cancelled: the partnership is in open-selection" in text


def test_partnerships_are_listed_by_state_and_school(sit: Sit) -> None:
    desk = sit("open")
    desk.ask("trigger", "other", "identify-needs", "--set", "school=franklin", "--set", "title=T")
    assert [one["ref"] for one in desk.ask("list")] == ["other", REF]
    assert [one["ref"] for one in desk.ask("list", "--state", "open-selection")] == [REF]
    assert [one["ref"] for one in desk.ask("list", "--school", "franklin")] == ["other"]
    assert desk.ask("list", "--school", "garfield") == []
    assert desk.ask("list", "--state", "active", "--school", "franklin") == []
