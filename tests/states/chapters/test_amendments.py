"""Changes of an agreement in force: what takes effect at once, and what waits for the Board."""

from typing import Any

import pytest

from states.agreement import Approval
from states.fact import Attachment
from tests.states.chapters.test_agreement import THRESHOLD
from tests.support.facts import CBO, COLLEGE, Life, day

# Amendments


def test_an_amendment_that_stays_small_takes_effect_and_is_signed_anew() -> None:
    life = Life().to("active").do("amend-agreement", amount_cents=THRESHOLD - 1, ends_on="2026-08-30")
    agreement = life.facts.agreement
    assert (agreement.amount_cents, agreement.ends_on) == (THRESHOLD - 1, day("2026-08-30"))
    assert (agreement.signatures, agreement.awaits_signature) == ({}, life.now)
    assert agreement.pending is None
    assert [change.purpose for change in agreement.changes] == ["amendment"]
    signed = life.do("sign-agreement", "staff").do("sign-agreement", "lead-partner")
    assert signed.facts.agreement.signed_at == signed.now
    assert signed.facts.agreement.awaits_signature is None


@pytest.mark.parametrize(
    "terms",
    [{"amount_cents": THRESHOLD}, {"ends_on": "2026-09-01"}],
    ids=["the whole amount reaches the threshold", "the whole term exceeds a year"],
)
def test_an_amendment_that_calls_for_the_board_does_not_take_effect(terms: dict) -> None:
    before = Life().to("active")
    life = before.do("amend-agreement", **terms)
    assert life.facts.agreement.pending is not None
    assert life.facts.agreement.but(pending=None) == before.facts.agreement
    referred = life.do("refer-to-board", purpose="amendment")
    assert len(referred.facts.board.item.because) == 1


@pytest.mark.clause("4270.9a")
def test_small_steps_add_up_to_one_agreement() -> None:
    life = Life().to("active", amount_cents=20_000_000)
    life = life.do("amend-agreement", amount_cents=24_000_000).do("amend-agreement", amount_cents=24_999_999)
    assert life.facts.agreement.amount_cents == 24_999_999
    assert life.do("amend-agreement", amount_cents=25_000_000).facts.agreement.pending is not None


def test_a_second_amendment_joins_the_one_that_waits_for_the_board() -> None:
    first = Life().to("active").do("amend-agreement", amount_cents=THRESHOLD, reason="more students")
    both = first.do("amend-agreement", ends_on="2026-12-31", terms="a nurse", reason="a longer year")
    pending = both.facts.agreement.pending
    assert (pending.amount_cents, pending.ends_on) == (THRESHOLD, day("2026-12-31"))
    assert pending.terms == "one more tutor\n\na nurse"
    assert pending.reason == "more students\n\na longer year"
    file = Attachment(name="terms.pdf")
    agreement = first.facts.agreement
    filed = first.having("agreement", pending=agreement.pending.but(document=file))
    later = filed.do("amend-agreement", ends_on="2026-12-31").facts.agreement.pending
    assert later.document == file
    # Histories from before this rule are folded as they were judged.
    earlier = first.under(joins=False).do("amend-agreement", ends_on="2026-12-31", terms="a nurse")
    assert earlier.facts.agreement.pending.amount_cents == first.facts.agreement.amount_cents


def test_an_amendment_of_money_or_term_changes_what_waits_for_the_board() -> None:
    waiting = Life().to("active").do("amend-agreement", amount_cents=THRESHOLD)
    assert waiting.do("amend-agreement").facts.agreement.pending is not None  # mere words
    assert waiting.do("amend-agreement", amount_cents=1_000).facts.agreement.pending is None
    larger = waiting.do("amend-agreement", amount_cents=THRESHOLD + 1)
    assert larger.facts.agreement.pending.amount_cents == THRESHOLD + 1


def test_mere_words_leave_the_amount_and_the_last_day_that_wait_for_the_board() -> None:
    terms = {"amount_cents": 40_000_000, "ends_on": "2027-08-31"}
    waiting = Life().to("approved").do("amend-agreement", **terms)
    pending = waiting.do("amend-agreement", terms="two more tutors").facts.agreement.pending
    assert (pending.amount_cents, pending.ends_on) == (40_000_000, day("2027-08-31"))
    assert pending.terms == "one more tutor\n\ntwo more tutors"


def test_a_new_last_day_lies_ahead() -> None:
    life = Life().to("active").at("2026-03-01")
    assert life.missing("amend-agreement", ends_on="2026-02-28") == ["new-term-possible"]
    assert life.missing("amend-agreement", ends_on="2026-03-01") == ["shortening-keeps-notice 4270.12"]
    early = Life().to("active", starts_on="2025-10-01", ends_on="2026-08-31")
    assert early.missing("amend-agreement", ends_on="2025-09-30") == ["new-term-possible"]


@pytest.mark.promise("approved-by-the-board")
def test_a_shorter_term_keeps_the_notice_of_a_termination() -> None:
    life = Life().to("active").at("2026-03-01")
    assert life.missing("amend-agreement", ends_on="2026-03-30") == ["shortening-keeps-notice 4270.12"]
    assert life.allows("amend-agreement", ends_on="2026-03-31")
    # An amendment that waited for the Board must still give the notice when it is referred.
    waiting = life.do("amend-agreement", ends_on="2026-03-31", amount_cents=25_000_000)
    late = waiting.at("2026-03-02")
    refused = late.missing("refer-to-board", purpose="amendment")
    assert refused == ["change-keeps-notice 4270.12"]


@pytest.mark.clause("4270.12")
@pytest.mark.promise("approved-by-the-board")
def test_the_notice_of_a_shorter_term_holds_at_the_vote_too() -> None:
    def voted(ends_on: str) -> Life:
        life = Life().to("active").at("2025-09-02")
        life = life.do("refer-to-board", purpose="amendment", ends_on=ends_on)
        return life.to("introduced", after="referred")

    # 30 days are counted from the meeting of October 1, however early the change was drafted.
    late, timely = voted("2025-10-30"), voted("2025-10-31")
    assert late.missing("approve") == ["notice-kept-at-vote 4270.12"]
    assert late.allows("send-back")
    assert timely.do("approve").facts.agreement.ends_on == day("2025-10-31")
    # A history from before this rule is replayed as it was.
    assert late.allows("approve", around={"longest_notice": None})


@pytest.mark.promise("approved-by-the-board")
@pytest.mark.parametrize("terms", [{"amount_cents": 1}, {"amount_cents": 40_000_000}, {"ends_on": "2026-08-30"},
                                   {"ends_on": "2028-08-31"}], ids=str)  # fmt: skip
def test_only_the_board_changes_what_it_approved_up_or_down(terms: dict[str, Any]) -> None:
    life = Life().to("approved")
    waiting = life.do("amend-agreement", **terms)
    before, after = life.facts.agreement, waiting.facts.agreement
    assert (after.amount_cents, after.ends_on) == (before.amount_cents, before.ends_on)
    assert after.pending is not None
    referred = waiting.do("refer-to-board", purpose="amendment")
    assert "approved" in referred.facts.board.item.because


def test_a_small_agreement_that_the_board_asked_to_review_is_kept_too() -> None:
    agreement = Life().to("active").facts.agreement
    terms = {"amount_cents": agreement.amount_cents, "ends_on": agreement.ends_on}
    approval = Approval(meeting_on=day("2025-10-01"), **terms)
    life = Life().to("active").having("agreement", approval=approval)
    assert life.do("amend-agreement", amount_cents=1).facts.agreement.pending.amount_cents == 1
    # A history from before this rule is replayed as it was.
    assert life.under(keeps=False).do("amend-agreement", amount_cents=1).facts.agreement.pending is None


def test_an_agreement_that_is_over_is_not_prolonged_though_its_end_is_not_recorded_yet() -> None:
    life = Life().to("active", ends_on="2026-06-30").at("2026-07-01")
    assert life.missing("amend-agreement", ends_on="2026-08-31") == ["agreement-not-over"]
    assert life.at("2026-06-30").allows("amend-agreement", ends_on="2026-08-31")


def test_nothing_is_signed_that_waits_for_no_signature() -> None:
    refused = Life().to("active").missing("sign-agreement", signed_on="2025-09-03")
    assert refused == ["signature-awaited", "side-has-not-signed", "signed-by-today"]


def test_the_chosen_partner_is_who_signs() -> None:
    life = Life().to("drafted").do("sign-agreement", "lead-partner")
    assert life.facts.selection.choice.organization == CBO != COLLEGE
    assert set(life.facts.agreement.signatures) == {"partner"}
