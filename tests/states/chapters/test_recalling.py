"""What waits for the Board can be taken back: an item before the meeting, an amendment before its referral."""

import pytest

from states.names import State
from tests.support.facts import MEETING_1, Life


@pytest.mark.parametrize(
    ("life", "origin"),
    [
        (Life().at_board_review(), State.OPEN_SELECTION),
        (Life().at_board_review("renewal"), State.ACTIVE),
        (Life().at_board_review("termination"), State.ACTIVE),
        (Life().at_board_review("renewal", "annual-review"), State.ANNUAL_REVIEW),
    ],
    ids=["new", "renewal", "termination", "in review"],
)
def test_an_item_is_called_back_to_where_it_came_from(life: Life, origin: State) -> None:
    back = life.do("recall-item")
    assert (back.state, back.facts.board.item) == (origin, None)
    assert back.facts.board.decisions == ()
    assert back.facts.review is None or back.facts.review.interrupted_at is None


@pytest.mark.clause("4270.9")
def test_nothing_is_called_back_once_the_board_has_met() -> None:
    scheduled = Life().at_board_review().do("schedule-item", meeting_on=MEETING_1)
    assert scheduled.at(f"{MEETING_1} 16:14").allows("recall-item")
    assert scheduled.at(f"{MEETING_1} 16:15").missing("recall-item") == ["board-has-not-met 4270.9"]


def test_what_the_board_elected_to_review_goes_back_to_it_after_a_recall() -> None:
    asked = Life().to("signed").do("ask-for-review").do("refer-to-board").do("recall-item")
    assert asked.missing("activate") == ["board-did-not-ask 4270.9"]


def test_an_amendment_waits_again_after_its_item_was_called_back() -> None:
    waiting = Life().to("active").do("amend-agreement", amount_cents=30_000_000)
    back = waiting.do("refer-to-board", purpose="amendment").at("2025-09-20").do("recall-item")
    pending = back.facts.agreement.pending
    assert (pending.amount_cents, pending.at) == (30_000_000, back.now)
    assert back.allows("refer-to-board", purpose="amendment")


def test_a_waiting_amendment_is_taken_back_and_the_agreement_stays_as_it_is() -> None:
    active = Life().to("active")
    assert active.missing("withdraw-amendment") == ["amendment-waits 4270.9"]
    waiting = active.do("amend-agreement", amount_cents=30_000_000)
    back = waiting.do("withdraw-amendment")
    assert back.facts.agreement == active.facts.agreement
    in_review = waiting.at("2026-07-02").do("open-annual-review", "staff")
    assert in_review.do("withdraw-amendment").facts.agreement.pending is None
