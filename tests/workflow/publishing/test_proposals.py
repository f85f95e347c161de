"""A packet exists while something is before the Board or prepared for it; else a refusal says what comes first."""

from __future__ import annotations

import pytest

from states.errors import Refused
from tests.support.district import Begin, Life
from workflow.publishing.proposals import Proposal, find_proposal, has_proposal


def found(life: Life) -> Proposal:
    with life.system.reading() as session:
        assert has_proposal(session, life.record, life.now)
        return find_proposal(session, life.record, life.now)


def refusal(life: Life) -> tuple[str, str]:
    with life.system.reading() as session:
        assert not has_proposal(session, life.record, life.now)
        with pytest.raises(Refused) as refused:
            find_proposal(session, life.record, life.now)
    (unmet,) = refused.value.unmet
    assert unmet.clause == "4270.9"
    return unmet.requirement, unmet.reason


@pytest.mark.clause("4270.9")
@pytest.mark.parametrize(
    ("station", "requirement", "first"),
    [
        ("needs", "agreement-drafted", "draft-agreement"),
        ("chosen", "agreement-drafted", "draft-agreement"),
        ("drafted", "board-has-a-reason", "ask-for-review"),
        ("active", "item-before-board", "refer-to-board"),
        ("annual-review", "item-before-board", "refer-to-board"),
        ("ended", "partnership-goes-on", "over since 2025-10-02"),
    ],
)
def test_without_an_item_the_refusal_says_what_comes_first(
    begin: Begin, station: str, requirement: str, first: str
) -> None:
    name, reason = refusal(begin(station))
    assert name == requirement
    assert first in reason


def test_after_the_decision_the_refusal_names_it(begin: Begin) -> None:
    assert "it decided last on 2025-10-01 (approve)" in refusal(begin("approved"))[1]


def test_a_draft_that_needs_the_board_is_prepared_with_its_clauses(begin: Begin) -> None:
    life = begin("agreed")
    life.do("draft-agreement", amount_cents=25_000_000)
    made = found(life)
    assert (made.purpose, made.because, made.item, made.reason) == ("new", ("4270.9a",), None, None)


def test_a_draft_is_prepared_once_a_review_was_asked_for(begin: Begin) -> None:
    life = begin("drafted")
    life.do("ask-for-review")
    assert found(life).because == ("asked",)


def test_an_item_keeps_the_clauses_of_its_referral(begin: Begin) -> None:
    life = begin("referred", "[board]\nthreshold_cents = 90_000_000\n")
    assert found(life).because == ("4270.9a", "4270.9c")


def test_a_recalled_renewal_is_no_longer_prepared_and_a_recalled_agreement_is(begin: Begin) -> None:
    life = begin("renewal")
    life.do("recall-item")
    assert refusal(life)[0] == "item-before-board"
    life = begin("scheduled")
    life.do("recall-item")
    assert (found(life).purpose, found(life).item) == ("new", None)
