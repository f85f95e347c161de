"""What no correction may do: pass by the Board, cut notice short, name a contact, or change an agenda."""

from __future__ import annotations

import pytest

from states.errors import Refused
from tests.support.district import Begin
from tests.workflow.test_corrections import correct, refusal, take_back


@pytest.mark.promise("own-words")
def test_terms_that_the_board_approved_are_corrected_by_its_office_alone(begin: Begin) -> None:
    life = begin("approved")
    (reason, *_) = refusal(life, "draft-agreement", amount_cents=30_000_000)
    assert "so its office corrects them" in reason
    correct(life, "draft-agreement", "board-office", amount_cents=30_000_000)
    assert life.facts.agreement.approval.amount_cents == 30_000_000
    assert life.faults() == []


@pytest.mark.promise("corrected-in-the-open")
def test_a_correction_does_not_go_round_the_board(begin: Begin) -> None:
    life = begin("active")
    reasons = refusal(life, "draft-agreement", amount_cents=25_000_000)
    assert all("the Board's threshold" in reason for reason in reasons)
    assert len(reasons) == 3  # both signatures, and the start


@pytest.mark.clause("4270.9a", "4270.9c")
def test_a_correction_brings_no_agreement_nearer_to_an_earlier_one_without_the_board(begin: Begin) -> None:
    other = begin("active").another("rbhs-2026", "rainier-beach").to("agreed").at("2025-09-03")
    other.do("draft-agreement", amount_cents=100, starts_on="2027-10-02", ends_on="2028-06-30")
    for who in ("staff", "lead-partner"):
        other.do("sign-agreement", who, signed_on="2025-09-03")
    other.do("activate")
    (reason,) = refusal(other, "draft-agreement", starts_on="2026-09-01", ends_on="2027-06-30")
    assert "together with rbhs-2025 (4270.9a, 4270.9c): amend-agreement" in reason


@pytest.mark.clause("4270.9")
def test_what_is_on_the_agenda_of_the_board_is_called_back_before_it_is_corrected(begin: Begin) -> None:
    life = begin("introduced")
    (reason,) = refusal(life, "draft-agreement", amount_cents=40_000_000)
    assert reason == "the Board has these terms on its agenda: recall-item comes first"
    correct(life, "refer-to-board", reason="in other words")
    life.do("recall-item")
    correct(life, "draft-agreement", amount_cents=40_000_000)
    # Nor by two corrections: these terms have been on no agenda.
    with pytest.raises(Refused, match="comes onto another one with refer-to-board"):
        take_back(life, "recall-item")
    assert life.faults() == []


@pytest.mark.clause("4270.12")
def test_a_correction_ends_no_agreement_without_notice(begin: Begin) -> None:
    life = begin("active").at("2025-09-05")
    early = {"starts_on": "2025-09-02"}
    (reason,) = refusal(life, "draft-agreement", ends_on="2025-09-06", **early)
    assert "needs 30 days of notice: 2025-10-05 or later; or end it for a ground, with terminate" in reason
    with pytest.raises(Refused, match="the agreement has been in force since 2025-09-02"):
        take_back(life, "activate")
    life.do("terminate", effective_on="2025-12-15")
    life.at("2025-11-01")
    # By the day on which it was announced, each of these would have had its notice.
    for sooner in ({"effective_on": "2025-10-06"}, {"ground": "mutual", "effective_on": "2025-09-05"}):
        assert "2025-12-01 or later" in refusal(life, "terminate", **sooner)[0]
    correct(life, "terminate", effective_on="2025-12-10")
    assert life.faults() == []


@pytest.mark.clause("4270.4")
def test_nobody_becomes_the_contact_by_a_correction(begin: Begin) -> None:
    life = begin("chosen")
    (reason,) = refusal(life, "receive-application", "lead-partner", nth=0, contact_email="new@example.org")
    assert reason == "new@example.org has to accept this first: change-contact"
    # Only `change-contact` sends the link, and gives the days to accept.
    life.do("change-contact", email="old@example.org")
    assert refusal(life, "change-contact", email="new@example.org") == [reason]
    take_back(life, "change-contact")
    assert (life.facts.next_contact, life.faults()) == (None, [])
