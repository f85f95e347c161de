"""The referral to the Board: what may come before it, and what the item records."""

import pytest

from states.names import State
from tests.support.facts import Life, day


def test_a_refused_referral_names_everything_that_is_missing() -> None:
    refused = Life().to("chosen").missing("refer-to-board", purpose="renewal")
    assert refused == [
        "protest-window-closed 4270.8",
        "agreement-drafted",
        "outcomes-set 4270.10",
        "purpose-is-new 4270.9",
    ]


def test_an_agreement_that_nothing_calls_to_the_board_is_not_referred() -> None:
    life = Life().to("drafted")
    assert life.missing("refer-to-board") == ["board-has-a-reason 4270.9"]
    assert life.do("ask-for-review").allows("refer-to-board")


def test_the_item_records_why_the_board_has_it_and_where_it_came_from() -> None:
    item = (
        Life()
        .to("drafted", amount_cents=25_000_000, ends_on="2027-08-31")
        .do("refer-to-board")
        .facts.board.item
    )
    assert (item.purpose, item.because, item.origin) == ("new", ("4270.9a", "4270.9c"), State.OPEN_SELECTION)


@pytest.mark.parametrize(
    "life", [Life().to("active"), Life().to("annual-review")], ids=lambda life: life.state
)
def test_an_agreement_in_force_is_referred_for_change_or_termination(life: Life) -> None:
    assert life.missing("refer-to-board", purpose="new") == ["purpose-is-of-agreement 4270.9"]
    assert life.missing("refer-to-board", purpose="renewal") == ["change-stated 4270.9"]
    assert life.missing("refer-to-board", purpose="renewal", ends_on="2025-01-01") == [
        "renewal-goes-later 4270.9c",
        "new-term-possible",
    ]
    for last in ("2026-08-30", "2026-08-31"):
        missing = life.missing("refer-to-board", purpose="renewal", ends_on=last, amount_cents=1)
        assert missing[0] == "renewal-goes-later 4270.9c"
    assert life.allows("refer-to-board", purpose="amendment", amount_cents=1)
    assert life.allows("refer-to-board", purpose="termination")


def test_a_referral_carries_the_amendment_that_waits() -> None:
    waiting = Life().to("active").do("amend-agreement", amount_cents=30_000_000, terms="two more tutors")
    change = waiting.do("refer-to-board", purpose="amendment").facts.board.item.change
    assert (change.amount_cents, change.ends_on) == (30_000_000, day("2026-08-31"))
    assert change.terms == "two more tutors"


@pytest.mark.clause("4270.9c")
def test_a_renewal_is_judged_over_the_whole_term() -> None:
    item = Life().to("active").do("refer-to-board", purpose="renewal", ends_on="2026-09-01").facts.board.item
    assert item.because == ("4270.9c",)


def test_only_a_change_takes_other_terms_to_the_board() -> None:
    new = Life().to("drafted", amount_cents=25_000_000)
    assert new.missing("refer-to-board", amount_cents=100) == ["purpose-is-new 4270.9"]
    termination = Life().to("active").missing("refer-to-board", purpose="termination", ends_on="2026-01-01")
    assert "change-stated 4270.9" in termination
