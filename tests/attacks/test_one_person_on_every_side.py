"""One person tries to speak for several sides of an agreement, to date a signature back, or to judge themselves."""

from __future__ import annotations

from datetime import date

import pytest

from states.errors import Refused, WrongRole
from states.names import Role
from tests.support.district import Begin
from tests.support.facts import CBO, COLLEGE, REVIEWERS
from workflow.store import tables
from workflow.store.rows import Channel

BOTH = "both@example.org"


@pytest.mark.promise("different-people")
@pytest.mark.parametrize("first", [Role.PRINCIPAL, Role.STAFF])
def test_one_address_agrees_to_the_needs_for_both_sides(begin: Begin, first: Role) -> None:
    life = begin("needs")
    life.person("both", roles=["staff", "principal"], schools=["rainier-beach"])
    life.do("describe-needs")
    life.do("agree-needs", BOTH, role=first)
    other = Role.STAFF if first is Role.PRINCIPAL else Role.PRINCIPAL
    with pytest.raises(Refused, match="another person has to act"):
        life.do("agree-needs", BOTH, role=other)
    life.do("agree-needs", str(other))


@pytest.mark.promise("different-people")
def test_a_delegate_agrees_for_the_side_of_an_absent_person_after_their_own(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    life.do("agree-needs", "staff")
    for channel in (Channel.LINK, Channel.REPLY):
        with pytest.raises(Refused, match=r"staff@example\.org acted for the District"):
            life.do("agree-needs", "principal", channel=channel, ran_by="staff@example.org")


@pytest.mark.promise("different-people")
def test_a_delegate_agrees_for_their_own_side_after_that_of_an_absent_person(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    life.do("agree-needs", "principal", channel=Channel.LINK, ran_by="staff@example.org")
    with pytest.raises(Refused, match=r"staff@example\.org acted for the school"):
        life.do("agree-needs", "staff")
    assert life.faults() == []


@pytest.mark.promise("different-people")
def test_staff_become_the_contact_and_sign_for_the_partner_too(begin: Begin) -> None:
    life = begin("drafted")
    # Staff agreed to the needs and outcomes for the District.
    life.do("change-contact", email="staff@example.org", name="Staff")
    with pytest.raises(WrongRole):
        life.do("sign-agreement", "staff", role=Role.LEAD_PARTNER, signed_on=str(life.now.date()))
    with pytest.raises(Refused, match=r"staff@example\.org acted for the District"):
        life.do("accept-contact", "staff@example.org")


@pytest.mark.promise("different-people")
@pytest.mark.parametrize(("days", "reason"), [(-60, "nobody signs before the draft"), (1, "still to come")])
def test_a_signature_is_dated_before_the_draft_or_in_the_future(begin: Begin, days: int, reason: str) -> None:
    life = begin("drafted")
    signed_on = date.fromordinal(life.now.date().toordinal() + days)
    with pytest.raises(Refused, match=reason):
        life.do("sign-agreement", "staff", signed_on=str(signed_on))


@pytest.mark.promise("different-people")
def test_a_reviewer_scores_the_organization_they_belong_to(begin: Begin) -> None:
    life = begin("closed")
    life.person("reviewer-1", roles=["reviewer"], organization=CBO)
    with pytest.raises(Refused, match="declare a conflict"):
        life.do("score-application", "reviewer-1@example.org", organization=CBO)
    life.do("score-application", "reviewer-1@example.org", organization=COLLEGE)
    life.do("declare-conflict", "reviewer-1@example.org", organization=CBO)


@pytest.mark.promise("different-people")
@pytest.mark.parametrize(
    ("reviewer", "contact", "belongs"),
    [
        ("r.one@city.example", "dean@city.example", True),
        ("dean+panel@city.example", "dean@city.example", True),
        ("a.b@gmail.com", "ab+x@googlemail.com", True),
        ("a.b@gmail.com", "c@gmail.com", False),
        ("r.one@city.example", "dean@other.example", False),
        ("reviewer-1@example.org", "dean@example.org", False),  # the district's own domain
    ],
)
def test_a_reviewer_scores_where_their_address_shows_that_they_work(
    begin: Begin, reviewer: str, contact: str, belongs: bool
) -> None:
    life = begin("needs-agreed")
    life.put(tables.people, email=reviewer, name="R", roles='["reviewer"]', schools="[]", organization=None)
    life.do("open-selection", reviewers=[reviewer, *REVIEWERS[1:]])
    life.do("receive-application", "staff", contact_email=contact)
    life.tick("2025-08-15 17:00")
    if belongs:
        with pytest.raises(Refused, match="declare a conflict"):
            life.do("score-application", reviewer)
        life.do("declare-conflict", reviewer)
    else:
        life.do("score-application", reviewer)


@pytest.mark.promise("different-people")
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("ana@example.org", "ana+school@example.org", True),
        ("ana@example.org", "Ana@Example.org", True),
        ("a.na@gmail.com", "ana@googlemail.com", True),
        ("a.na@example.org", "ana@example.org", False),
    ],
)
def test_one_person_agrees_for_both_sides_by_two_ways_to_write_an_address(
    begin: Begin, first: str, second: str, same: bool
) -> None:
    life = begin("needs")
    schools = '["rainier-beach"]'
    life.put(tables.people, email=first, name="Ana", roles='["principal"]', schools=schools)
    life.put(tables.people, email=second, name="Ana", roles='["staff"]', schools="[]")
    life.do("describe-needs")
    life.do("agree-needs", first)
    if same:
        with pytest.raises(Refused, match="another person has to act"):
            life.do("agree-needs", second)
    else:
        life.do("agree-needs", second)


@pytest.mark.promise("different-people")
def test_a_delegate_scores_the_organization_they_belong_to_for_a_reviewer(begin: Begin) -> None:
    life = begin("closed")
    with pytest.raises(Refused, match="declare a conflict"):
        life.do(
            "score-application", "reviewer-1@example.org", organization=CBO, channel=Channel.LINK,
            ran_by="lead-partner@example.org",
        )  # fmt: skip
