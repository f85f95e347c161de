"""Asking for changes: by a side that is asked to agree, about a text that there is, and without any consequence."""

from __future__ import annotations

import pytest

from states.errors import BadInput, Refused, WrongRole
from tests.support.facts import Life


@pytest.mark.clause("4270.7")
def test_the_school_asks_for_changes_to_a_statement_and_agrees_to_nothing() -> None:
    life = Life().to("needs").do("describe-needs")
    asked = life.do("ask-for-changes", "principal", about="needs")
    assert asked.facts == life.facts
    assert asked.do("agree-needs", "principal").facts.needs.signatures


def test_the_lead_partner_asks_for_changes_to_the_terms_or_the_outcomes() -> None:
    for about in ("agreement", "outcomes"):
        life = Life().to("drafted")
        assert life.do("ask-for-changes", "lead-partner", about=about).facts == life.facts


@pytest.mark.parametrize(
    ("station", "about", "reason"),
    [
        ("needs", "needs", "nothing yet that anybody is asked to agree to: describe-needs"),
        ("chosen", "agreement", "nothing yet that anybody is asked to agree to: draft-agreement"),
        (
            "drafted",
            "needs",
            "nobody is asked to agree to the needs now; ask about the agreement or outcomes",
        ),
    ],
)
def test_what_is_not_there_cannot_be_changed(station: str, about: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        Life().to(station).do("ask-for-changes", "principal", about=about)


def test_staff_change_the_text_themselves() -> None:
    with pytest.raises(WrongRole):
        Life().to("drafted").do("ask-for-changes", "staff")


def test_it_says_what_should_change_and_why() -> None:
    with pytest.raises(BadInput):
        Life().to("drafted").do("ask-for-changes", "lead-partner", reason="")
