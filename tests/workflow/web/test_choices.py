"""What a form offers to choose: only what can work, each choice with what matters, and no choice among one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.support.facts import CBO, COLLEGE
from tests.support.visitor import Seen, Visit, Visitor


def labels(seen: Seen, name: str) -> dict[str, str]:
    """Return what is beside each choice, by its value."""
    options = re.findall(rf'name="{name}" value="([^"]+)".*?<label[^>]*>(.*?)</label>', seen.page.text)
    return dict(options or re.findall(r'<option value="([^"]+)"[^>]*>(.*?)</option>', seen.page.text))


def test_a_meeting_whose_agenda_has_closed_is_not_offered_and_the_others_say_until_when(visit: Visit) -> None:
    visitor = visit("referred")
    path = visitor.link("schedule-item")
    offered = labels(visitor.get(path), "meeting_on")
    first, *others = offered
    assert offered[first] == "Wednesday, September 17; the agenda closes September 5"
    visitor.life.at("2025-09-05 18:00")
    later = labels(visitor.get(path), "meeting_on")
    assert list(later)[: len(others)] == others
    assert later["2026-01-07"] == "Wednesday, January 7, 2026; the agenda closes December 26"


def test_without_a_meeting_to_choose_the_page_says_so_and_has_no_button(visit: Visit) -> None:
    visitor = visit("referred")
    visitor.life.now += timedelta(days=2_000)
    seen = visitor.get(visitor.link("schedule-item"))
    assert "The calendar has no coming regular meeting whose agenda is open" in seen.said
    assert seen.page.forms == []


def test_what_cannot_work_now_has_no_button(visit: Visit) -> None:
    visitor = visit("chosen")
    seen = visitor.get(visitor.link("sign-agreement"))
    assert "What prevents this now" in seen.said
    assert seen.page.forms == []


def test_an_item_is_deferred_to_a_meeting_that_says_that_its_agenda_has_closed(visit: Visit) -> None:
    visitor = visit("scheduled")
    path = visitor.link("defer-item")
    visitor.life.at("2025-09-30")
    offered = labels(visitor.get(path), "meeting_on")
    assert offered["2025-10-01"] == "Wednesday, October 1; the agenda closed September 19"


def test_a_decision_is_recorded_for_a_meeting_that_was_held(visit: Visit) -> None:
    visitor = visit("introduced")
    path = visitor.link("approve")
    assert "2025-10-01" not in labels(visitor.get(path), "meeting_on")
    visitor.life.at("2025-10-02")
    assert labels(visitor.get(path), "meeting_on")["2025-10-01"] == "Wednesday, October 1"


def test_one_meeting_is_said_and_not_asked_and_the_form_still_waits_for_somebody(visit: Visit) -> None:
    visitor = visit("scheduled")
    visitor.life.at("2025-09-18")
    path = visitor.link("introduce-item")
    seen = visitor.get(path)
    assert "Meeting of the Board: Wednesday, September 17" in seen.said
    assert "meeting_on" not in seen.form.choices
    assert seen.form.texts["meeting_on"] == ["2025-09-17"]
    # The form is complete as it comes, so a program that sends it as it is must do nothing.
    assert visitor.post(path, seen.form.texts | {"do": ["act"]}).status == 422
    assert visitor.follow(visitor.send(path, seen.form)).status == 200


def test_a_value_that_is_said_can_not_be_exchanged(visit: Visit) -> None:
    visitor = visit("scheduled")
    visitor.life.at("2025-09-18")
    path = visitor.link("introduce-item")
    sent = visitor.send(path, visitor.get(path).form, meeting_on="2025-10-01")
    assert sent.status == 422
    assert sent.form.texts["meeting_on"] == ["2025-09-17"]


def test_a_reviewer_says_which_organization_they_belong_to_and_until_when_they_are_away(visit: Visit) -> None:
    visitor = visit("needs-agreed")
    visitor.life.person("reviewer-1", organization=COLLEGE, away_until=visitor.life.now.date())
    words = labels(visitor.get(visitor.link("open-selection")), "reviewers")["reviewer-1@example.org"]
    assert "belongs to City College and cannot score it; away until" in words


def choice(visitor: Visitor) -> Seen:
    return visitor.get(visitor.link("choose-partner"))


def test_the_choice_has_a_table_of_scores_with_names_sums_and_averages(visit: Visit) -> None:
    visitor = visit("closed")
    life = visitor.life
    for reviewer, points in (("reviewer-1", 4), ("reviewer-2", 5)):
        scores = dict.fromkeys(life.input("score-application")["scores"], points)
        life.do("score-application", f"{reviewer}@example.org", organization=CBO, scores=scores)
        life.do("score-application", f"{reviewer}@example.org", organization=COLLEGE)
    life.do("declare-conflict", "reviewer-3@example.org", organization=CBO, reason="a cousin works there")
    seen = choice(visitor)
    said = seen.said
    assert "Harbor House 22.5 4.5 4.5 4.5 4.5 4.5 2 of 3 Reviewer 3 (conflict of interest)" in said
    assert "Reviewer 3 (not scored yet)" in said
    assert "Reviewer 2 5 5 5 5 5 25" in said
    assert "Conflict of interest of Reviewer 3 a cousin works there" in said
    assert "Comment of Reviewer 1" in said
    scopes = [given.get("scope") for tag, given in seen.page.tags if tag == "th"]
    assert set(scopes) == {"col", "row"}
    assert [tag for tag, _ in seen.page.tags].count("caption") == 3
    # Each table scrolls in a box of its own, which the keyboard reaches.
    boxes = [given for _, given in seen.page.tags if given.get("class") == "scroll"]
    assert [(box["role"], box["tabindex"]) for box in boxes] == [("region", "0")] * 3


@pytest.mark.parametrize("station", ["scored"])
def test_each_choice_says_what_its_application_got(visit: Visit, station: str) -> None:
    offered = labels(choice(visit(station)), "organization")
    assert all("of 25 on average, by" in words for words in offered.values())
