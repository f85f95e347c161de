"""Staff split one organization's agreement over schools or steps, or grant autonomy in words alone (4270.9a, b)."""

from __future__ import annotations

from typing import Any

import pytest

from states.names import Role
from states.weighing import Party, autonomy_in_words, is_same
from tests.support.facts import COLLEGE, Life
from tests.support.letters import got
from tests.support.visitor import Visit

SUM = "Together $499,999.98"


def split(visit: Visit, **second: Any) -> Any:
    """A visitor to a partnership whose organization has just got a second agreement at another school."""
    visitor = visit("drafted")
    other = visitor.life.another("franklin-2025")
    other.to("drafted")
    if second:
        other.do("draft-agreement", **second)
    return visitor, other


def superintendent_reads(life: Any) -> str:
    body = got(life, "draft-agreement", "superintendent").get_body(("plain",))
    return " ".join(str(body.get_content()).split())


@pytest.mark.promise("split-agreements-shown")
def test_two_agreements_below_the_threshold_are_shown_with_their_sum(visit: Visit) -> None:
    visitor, other = split(visit)
    message = superintendent_reads(other)
    assert SUM in message
    assert "these clauses call for the Board: 4270.9a" in message
    assert "(rbhs-2025): $249,999.99" in message
    for role in (Role.SUPERINTENDENT, Role.STAFF, Role.BOARD_OFFICE):
        assert SUM in visitor.get(visitor.link("", role)).said
    for role in (Role.PRINCIPAL, Role.LEAD_PARTNER):
        assert "Together" not in visitor.get(visitor.link("", role)).said
    # The form with which the Superintendent asks for a review shows it as well.
    assert SUM in visitor.get(visitor.link("ask-for-review", Role.SUPERINTENDENT)).said


@pytest.mark.promise("split-agreements-shown")
def test_steps_of_one_agreement_that_follow_each_other_are_one_term(visit: Visit) -> None:
    _, other = split(visit, starts_on="2026-09-01", ends_on="2027-08-31", amount_cents=1_000_00)
    assert "these clauses call for the Board: 4270.9a, 4270.9c" in superintendent_reads(other)


@pytest.mark.promise("split-agreements-shown")
def test_an_agreement_years_later_is_no_step_of_it(visit: Visit) -> None:
    _, other = split(visit, starts_on="2029-09-01", ends_on="2030-08-31")
    assert "Together" not in superintendent_reads(other)


@pytest.mark.promise("split-agreements-shown")
@pytest.mark.parametrize("duty", [
    "The partner has full autonomy in hiring", "It selects staff at its own discretion",
    "It decides on programs without prior approval of the District", "It is self-governed",
    "It works independently",
])  # fmt: skip
def test_autonomy_in_words_alone_is_shown_to_the_superintendent(visit: Visit, duty: str) -> None:
    visitor = visit("drafted")
    visitor.life.do("draft-agreement", responsibilities=["a family center", duty])
    message = superintendent_reads(visitor.life)
    assert f"Autonomy in its words (policy 4270.9b): {duty}" in message
    assert duty in visitor.get(visitor.link("", Role.SUPERINTENDENT)).said


def test_other_words_are_no_autonomy() -> None:
    agreement = Life().to("drafted").facts.agreement
    assert agreement is not None
    assert autonomy_in_words(agreement) == ()


HOUSE = Party(id="harbor-house", name="Harbor House", email="ana@harbor.example")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Party(id="harbor-house", name="H.", email=None), True),
        (Party(id="hh-2", name="HARBOR  House, Inc.", email="ana@gmail.com"), True),
        (Party(id="hh-3", name="Harbour", email="ben@harbor.example"), True),
        (Party(id=COLLEGE, name="City College", email="ana@city.example"), False),
        (Party(id="x", name="X", email="x@district.example"), False),
    ],
)
def test_one_organization_is_known_by_id_name_or_mail_domain(other: Party, same: bool) -> None:
    assert is_same(HOUSE, other, ("district.example",)) is same


def test_a_common_domain_of_a_provider_or_of_the_district_tells_nothing() -> None:
    for domain in ("gmail.com", "district.example"):
        one, other = (Party(id=n, name=n, email=f"{n}@{domain}") for n in ("a", "b"))
        assert not is_same(one, other, ("district.example",))
