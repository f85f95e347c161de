"""The statement of needs and the open call: who must agree, who may apply, how it closes."""

import pytest

from tests.support.facts import CBO, CHARITY, COLLEGE, REVIEWERS, Life, instant

# The statement of needs


def test_a_partnership_begins_with_a_school_and_a_title() -> None:
    life = Life().do("identify-needs", "principal", school="rainier-beach", title="Family center")
    assert (life.facts.school, life.facts.title) == ("rainier-beach", "Family center")


def test_the_statement_is_kept_as_it_was_written() -> None:
    statement = (
        Life().to("needs").do("describe-needs", needs=["tutoring", "meals"], gaps=[]).facts.needs.statement
    )
    assert statement is not None
    assert (statement.needs, statement.gaps, statement.qualities) == (
        ("tutoring", "meals"),
        (),
        ("patience",),
    )


def test_nothing_can_be_agreed_to_before_it_is_written() -> None:
    assert Life().to("needs").missing("agree-needs", "principal") == ["needs-described 4270.7"]


def test_the_statement_is_agreed_when_school_and_district_have_both_signed() -> None:
    one = Life().to("needs").do("describe-needs").do("agree-needs", "principal")
    assert one.facts.needs.agreed_at is None
    both = one.at("2025-07-09").do("agree-needs", "staff")
    assert both.facts.needs.agreed_at == instant("2025-07-09 09:00")
    assert {side: signature.by for side, signature in both.facts.needs.signatures.items()} == {
        "school": "principal@example.org",
        "district": "staff@example.org",
    }


@pytest.mark.parametrize("role", ["principal", "staff"])
def test_each_side_agrees_to_the_statement_once(role: str) -> None:
    life = Life().to("needs").do("describe-needs").do("agree-needs", role)
    assert life.missing("agree-needs", role) == ["side-has-not-agreed-to-needs 4270.7"]


@pytest.mark.clause("4270.7")
@pytest.mark.parametrize("signed", [["principal"], ["staff"], ["principal", "staff"]])
def test_a_changed_statement_needs_every_signature_again(signed: list[str]) -> None:
    life = Life().to("needs").do("describe-needs")
    for role in signed:
        life = life.do("agree-needs", role)
    changed = life.at("2025-07-10").do("describe-needs", needs=["mentors"])
    assert changed.facts.needs.signatures == {}
    assert changed.facts.needs.agreed_at is None
    assert changed.facts.needs.described_at == instant("2025-07-10 09:00")
    assert changed.allows("agree-needs", "principal")
    assert changed.allows("agree-needs", "staff")


# Opening the call


def test_a_refused_opening_names_everything_that_is_missing() -> None:
    about = {"invited_on": None, "strangers": (REVIEWERS[0],)}
    refused = (
        Life()
        .to("needs")
        .missing("open-selection", reviewers=[REVIEWERS[0]], closes_on="2025-07-08", around=about)
    )
    assert refused == [
        "needs-described 4270.7",
        "school-agreed-to-needs 4270.7",
        "district-agreed-to-needs 4270.7",
        "school-invited 4270.1",
        "panel-large-enough 4270.8",
        "panel-known 4270.8",
        "open-long-enough 4270.8",
    ]


@pytest.mark.clause("4270.7")
@pytest.mark.parametrize(("signed", "other"), [("principal", "district"), ("staff", "school")])
def test_one_signature_opens_no_call(signed: str, other: str) -> None:
    life = Life().to("needs").do("describe-needs").do("agree-needs", signed)
    assert life.missing("open-selection") == [f"{other}-agreed-to-needs 4270.7"]


@pytest.mark.clause("4270.1")
def test_the_board_must_have_invited_by_the_day_the_call_opens() -> None:
    life = Life().to("needs-agreed")
    invited = life.now.date()
    assert life.allows("open-selection", around={"invited_on": invited})
    tomorrow = {"invited_on": invited.replace(day=invited.day + 1)}
    assert life.missing("open-selection", around=tomorrow) == ["school-invited 4270.1"]
    assert life.missing("open-selection", around={"invited_on": None}) == ["school-invited 4270.1"]


def test_the_panel_has_at_least_the_number_that_the_procedure_says() -> None:
    life = Life().to("needs-agreed")
    two = list(REVIEWERS[:2])
    assert life.missing("open-selection", reviewers=two) == ["panel-large-enough 4270.8"]
    assert life.allows("open-selection", reviewers=two, around={"minimum_panel": 2})


@pytest.mark.clause("4270.8")
def test_the_call_is_open_for_at_least_the_time_that_the_procedure_says() -> None:
    life = Life().to("needs-agreed")  # on 7 July, for 21 days
    assert life.missing("open-selection", closes_on="2025-07-27") == ["open-long-enough 4270.8"]
    assert life.allows("open-selection", closes_on="2025-07-28")


def test_an_open_call_has_its_panel_and_its_closing_instant() -> None:
    selection = Life().to("open").facts.selection
    assert selection is not None
    assert selection.reviewers == REVIEWERS
    assert selection.closes_at == instant("2025-08-15 17:00")
    assert selection.closed_at is None


# Applications


@pytest.mark.clause("4270.8")
def test_an_application_at_the_closing_instant_is_late_and_a_microsecond_earlier_in_time() -> None:
    life = Life().to("open")
    assert life.at("2025-08-15 16:59:59.999999").allows("receive-application")
    assert life.at("2025-08-15 17:00").missing("receive-application") == ["call-open 4270.8"]


def test_a_late_application_is_late_though_the_closing_is_not_recorded_yet() -> None:
    life = Life().to("open").at("2025-08-16")
    assert life.facts.selection is not None
    assert life.facts.selection.closed_at is None
    assert not life.allows("receive-application")


@pytest.mark.clause("4270.3a", "4270.3b", "4270.3c", "4270.3d", "4270.3e")
def test_an_application_that_lacks_everything_is_told_so_at_once() -> None:
    refused = Life().to("open").at("2025-08-16").missing(
        "receive-application", organization=CHARITY, abilities={}
    )  # fmt: skip
    assert refused == [
        "call-open 4270.8",
        "other-kind-demonstrated 4270.2",
        "addresses-collaboration 4270.3a",
        "addresses-high-expectations 4270.3b",
        "addresses-diversity 4270.3c",
        "addresses-connecting-assets 4270.3d",
        "addresses-shared-accountability 4270.3e",
    ]


@pytest.mark.clause("4270.2")
def test_another_kind_of_entity_shows_its_ability_in_writing() -> None:
    life = Life().to("open")
    assert life.missing("receive-application", organization=CHARITY) == ["other-kind-demonstrated 4270.2"]
    applied = life.do(
        "receive-application", "applicant", organization=CHARITY, demonstration="ten years of it"
    )
    assert applied.facts.selection is not None
    assert applied.facts.selection.applications.keys() == {CHARITY}


@pytest.mark.clause("4270.2")
def test_an_organization_of_unknown_kind_cannot_apply() -> None:
    refused = Life().to("open").missing("receive-application", organization="who-is-this")
    assert refused == ["other-kind-demonstrated 4270.2"]


def test_the_kind_of_an_applicant_is_recorded_with_the_application() -> None:
    selection = Life().to("closed").facts.selection
    assert selection is not None
    assert {name: a.kind for name, a in selection.applications.items()} == {
        CBO: "community-based-organization",
        COLLEGE: "higher-education",
    }


def test_an_organization_has_one_application_and_may_replace_it_until_closing() -> None:
    life = Life().to("open").do("receive-application").at("2025-08-02")
    again = life.do("receive-application", contact_name="Another contact").facts.selection
    assert again is not None
    assert list(again.applications) == [CBO]
    assert again.applications[CBO].contact_name == "Another contact"
    assert again.applications[CBO].replaces == 1


def test_an_application_is_withdrawn_only_by_who_has_one() -> None:
    life = Life().to("closed")
    left = life.do("withdraw-application", "applicant").facts.selection
    assert left is not None
    assert list(left.applications) == [COLLEGE]
    (unmet,) = life.refusal("withdraw-application", "staff", organization=CHARITY)
    assert unmet.reason == f"{CHARITY} has no application; applied have: {CBO}, {COLLEGE}"
    (unmet,) = life.refusal("withdraw-application", "applicant", organization=CHARITY)
    assert unmet.reason == f"{CHARITY} has no application"
    (none_yet,) = Life().to("open").refusal("withdraw-application", "staff")
    assert none_yet.reason == f"{CBO} has no application; applied have: nobody"


# Extending and closing


def test_an_extension_needs_a_later_day_and_a_call_that_is_open() -> None:
    life = Life().to("open")
    assert life.missing("extend-selection", closes_on="2025-08-15") == ["extended-to-later 4270.8"]
    assert life.do("extend-selection").facts.selection.closes_at == instant("2025-08-29 17:00")
    late = life.at("2025-08-15 17:00").missing("extend-selection", closes_on="2025-08-15")
    assert late == ["call-open 4270.8", "extended-to-later 4270.8"]


def test_an_extended_call_takes_applications_until_its_new_closing() -> None:
    life = Life().to("open").do("extend-selection")
    assert life.at("2025-08-29 16:59").allows("receive-application")
    assert not life.at("2025-08-29 17:00").allows("receive-application")


def test_the_closing_is_recorded_once_and_not_before_its_instant() -> None:
    life = Life().to("open")
    assert life.at("2025-08-15 16:59").missing("close-applications") == ["call-closed 4270.8"]
    closed = life.at("2025-08-15 17:00").do("close-applications")
    assert closed.facts.selection.closed_at == instant("2025-08-15 17:00")
    assert closed.missing("close-applications") == ["closing-not-recorded 4270.8"]


# The end before it began


@pytest.mark.parametrize("role", ["principal", "staff"])
@pytest.mark.parametrize("life", [Life().to("needs"), Life().to("drafted")], ids=lambda life: life.state)
def test_a_partnership_can_be_withdrawn_before_its_agreement(life: Life, role: str) -> None:
    ended = life.do("withdraw", role).facts.ended
    assert ended is not None
    assert (ended.how, ended.reason) == ("withdrawn", "the school has other plans")
    assert (ended.by, ended.effective_on) == (f"{role}@example.org", life.now.date())
