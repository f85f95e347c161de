"""Who is told when the panel changes, and what ends for somebody who leaves it."""

from __future__ import annotations

import pytest

from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, REVIEWERS
from tests.workflow.outbox.test_invitations import Sent, quiet, sent
from workflow import links
from workflow.actions.action import LinkClosed, find_action
from workflow.views.standings import standings_of

NEW, LEAVES = "reviewer-4@example.org", REVIEWERS[2]


@pytest.fixture
def closed(begin: Begin) -> Life:
    life = begin("closed")
    life.person("reviewer-4", roles=["reviewer"])
    return life


@pytest.mark.promise("panel-changes")
def test_added_and_removed_are_told_and_nobody_else_on_the_panel(closed: Life) -> None:
    closed.do("change-panel")
    assert closed.told("change-panel") == ["principal", "reviewer-3", "reviewer-4"]
    assert closed.facts.selection.reviewers == (*REVIEWERS[:2], NEW)


@pytest.mark.promise("panel-changes")
def test_links_deadlines_and_waiting_messages_of_a_removed_reviewer_end(closed: Life) -> None:
    (asked,) = (row for row in closed.notices("close-applications") if row["to"] == LEAVES)
    assert asked["status"] == "queued"
    claim = links.Claim(asked["id"], "score-application", LEAVES, closed.ref)
    with closed.system.reading() as session:
        assert find_action(session, claim, closed.now).actor == LEAVES
    closed.do("change-panel")
    with closed.system.reading() as session, pytest.raises(LinkClosed):
        find_action(session, claim, closed.now)
    (asked,) = (row for row in closed.notices("close-applications") if row["to"] == LEAVES)
    assert asked["status"] == "dead"
    before = len(closed.notices())
    closed.tick("2025-12-01")
    later = {row["to"] for row in closed.notices()[before:]}
    assert NEW in later
    assert LEAVES not in later
    assert closed.faults() == []


def test_the_last_missing_score_may_be_that_of_somebody_who_leaves(begin: Begin) -> None:
    life = begin("closed", "[selection]\nminimum_panel = 2\n")
    for reviewer in REVIEWERS[:2]:
        for organization in (CBO, COLLEGE):
            life.do("score-application", reviewer, organization=organization)
    life.do("score-application", LEAVES, scores=dict.fromkeys(life.input("score-application")["scores"], 1))
    life.do("change-panel", add=[])
    assert "scores-due" not in life.running()
    assert "staff" in life.told("change-panel"), "staff are asked to choose"
    standing = standings_of(life.facts.selection)
    assert {each.average for each in standing} == {20.0}, "a score that no longer counts moves no average"


def test_a_removed_reviewer_gets_the_dates_cancelled(closed: Life) -> None:
    quiet(closed).do("change-panel")
    assert Sent("CANCEL", "scores-due", 1, "2025-08-29 17:00") in sent(closed, "reviewer-3")
    assert sent(closed, "reviewer-3") == []
