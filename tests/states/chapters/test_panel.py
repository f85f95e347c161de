"""A panel that changes: who joins or leaves, what counts, and what the choice waits for."""

import pytest

from states.errors import BadInput
from tests.support.facts import CBO, COLLEGE, REVIEWERS, Life

NEW = "reviewer-4@example.org"


@pytest.mark.clause("4270.8")
def test_the_choice_waits_only_for_those_on_the_panel() -> None:
    life = Life().to("closed")
    for reviewer in REVIEWERS[:2]:
        for organization in (CBO, COLLEGE):
            life = life.do("score-application", by=reviewer, organization=organization)
    assert life.missing("choose-partner") == ["everybody-has-scored 4270.8"]
    smaller = life.do("change-panel", add=[], around={"minimum_panel": 2})
    assert smaller.facts.selection.scored_at == life.now
    assert smaller.allows("choose-partner")
    changed = life.do("change-panel")
    assert changed.facts.selection.reviewers == (*REVIEWERS[:2], NEW)
    (unmet,) = changed.refusal("choose-partner")
    assert unmet.reason == f"{NEW} still has to score: {CBO}, {COLLEGE}"


@pytest.mark.clause("4270.8")
def test_the_scores_of_a_removed_reviewer_stay_on_record_and_no_longer_count() -> None:
    life = Life().to("closed").do("score-application", by=REVIEWERS[2])
    for reviewer in REVIEWERS[:2]:
        life = life.do("declare-conflict", by=reviewer)
        life = life.do("score-application", by=reviewer, organization=COLLEGE)
    life = life.do("change-panel", add=[], around={"minimum_panel": 2})
    selection = life.facts.selection
    assert {score.reviewer for score in selection.scores} == set(REVIEWERS)
    assert {score.reviewer for score in selection.counting_scores} == set(REVIEWERS[:2])
    assert life.missing("choose-partner") == ["chosen-has-a-score 4270.8"]
    assert life.allows("choose-partner", organization=COLLEGE)


def test_a_reviewer_who_joins_late_reopens_the_scoring() -> None:
    life = Life().to("scored").do("change-panel", remove=[])
    assert life.facts.selection.scored_at is None
    assert life.missing("choose-partner") == ["everybody-has-scored 4270.8"]


def test_the_scores_of_somebody_who_comes_back_count_again() -> None:
    gone = Life().to("scored").do("change-panel", add=[], around={"minimum_panel": 1})
    back = gone.do("change-panel", add=[REVIEWERS[2]], remove=[])
    assert len(back.facts.selection.counting_scores) == 2 * len(REVIEWERS)
    assert back.allows("choose-partner")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"add": [], "remove": []}, "nobody joins the panel and nobody leaves it"),
        ({"add": [NEW], "remove": [NEW]}, "the same person cannot join and leave"),
        ({"add": [NEW, NEW.upper()]}, "one is named twice"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_change_of_the_panel_says_who_and_why(given: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Life().to("open").do("change-panel", **given)


def test_a_panel_below_the_minimum_may_still_grow() -> None:
    life = Life().to("open")
    assert life.allows("change-panel", remove=[], around={"minimum_panel": 9})
    assert life.missing("change-panel", around={"minimum_panel": 9}) == ["panel-stays-large-enough 4270.8"]
