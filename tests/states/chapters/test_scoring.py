"""The panel: its scores and its conflicts of interest."""

import pytest

from states.errors import BadInput
from tests.support.facts import CBO, CHARITY, COLLEGE, REVIEWERS, Life


@pytest.mark.clause("4270.8")
@pytest.mark.parametrize("event", ["score-application", "declare-conflict", "choose-partner", "restart"])
def test_applications_are_sealed_until_the_call_closes(event: str) -> None:
    life = Life().to("open").do("receive-application")
    assert "call-closed 4270.8" in life.missing(event)


def test_a_refused_score_names_everything_that_is_missing() -> None:
    refused = Life().to("open").missing("score-application", organization=CHARITY)
    assert refused == ["call-closed 4270.8", "has-applied 4270.8"]


def test_a_score_may_be_revised_until_the_choice() -> None:
    life = Life().to("scored").do("score-application", comment="read again").at("2025-08-20")
    selection = life.facts.selection
    assert selection is not None
    assert len(selection.scores) == 6
    assert selection.score(REVIEWERS[0], CBO).comment == "read again"
    assert life.do("choose-partner").missing("score-application") == ["not-chosen-yet 4270.8"]


def test_every_score_is_one_to_five() -> None:
    for score in (0, 6, 2.5):
        with pytest.raises(BadInput, match=r"scores\.diversity"):
            Life().to("closed").do("score-application", scores={"diversity": score})


@pytest.mark.clause("4270.8")
def test_a_conflict_of_interest_voids_the_score_and_forbids_another() -> None:
    life = Life().to("scored").do("declare-conflict")
    selection = life.facts.selection
    assert selection is not None
    assert selection.score(REVIEWERS[0], CBO) is None
    assert selection.score(REVIEWERS[0], COLLEGE) is not None
    assert selection.score(REVIEWERS[1], CBO) is not None
    assert life.missing("score-application") == ["no-conflict-declared 4270.8"]
    assert life.missing("declare-conflict") == ["no-conflict-declared 4270.8"]


def test_a_conflict_is_the_reviewers_own() -> None:
    life = Life().to("closed").do("declare-conflict")
    assert life.allows("score-application", by=REVIEWERS[1])
    assert life.allows("score-application", organization=COLLEGE)


def test_scoring_is_complete_when_everybody_has_scored_or_declared_a_conflict() -> None:
    life = Life().to("closed")
    for reviewer in REVIEWERS:
        life = life.do("score-application", by=reviewer)
        assert life.facts.selection.scored_at is None
        life = life.do("declare-conflict", by=reviewer, organization=COLLEGE)
    assert life.facts.selection.scored_at == life.now


def test_the_last_missing_score_may_go_with_its_application() -> None:
    life = Life().to("closed")
    for reviewer in REVIEWERS:
        life = life.do("score-application", by=reviewer)
    left = life.do("withdraw-application", organization=COLLEGE)
    assert left.facts.selection.scored_at == left.now
    assert left.allows("choose-partner")
