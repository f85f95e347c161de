"""The choice of a Lead Partner: what it rests on, how it is protested, made again or undone."""

import pytest

from states.names import State
from tests.support.facts import CBO, CHARITY, COLLEGE, REVIEWERS, Life, instant


def test_a_refused_choice_names_everything_that_is_missing() -> None:
    refused = Life().to("open").do("receive-application").missing("choose-partner", organization=CHARITY)
    assert refused == [
        "call-closed 4270.8",
        "everybody-has-scored 4270.8",
        "has-applied 4270.8",
        "chosen-has-a-score 4270.8",
    ]


@pytest.mark.clause("4270.8")
def test_one_missing_score_of_one_reviewer_forbids_the_choice_and_is_named() -> None:
    life = Life().to("closed")
    for reviewer in REVIEWERS:
        life = life.do("score-application", by=reviewer)
        if reviewer != REVIEWERS[2]:
            life = life.do("score-application", by=reviewer, organization=COLLEGE)
    (unmet,) = life.refusal("choose-partner")
    assert (unmet.requirement, unmet.clause) == ("everybody-has-scored", "4270.8")
    assert f"{REVIEWERS[2]} still has to score: {COLLEGE}" in unmet.reason
    assert life.do("declare-conflict", by=REVIEWERS[2], organization=COLLEGE).allows("choose-partner")


def test_who_was_scored_by_nobody_cannot_be_chosen() -> None:
    life = Life().to("scored")
    for reviewer in REVIEWERS:
        life = life.do("declare-conflict", by=reviewer, organization=COLLEGE)
    assert life.missing("choose-partner", organization=COLLEGE) == ["chosen-has-a-score 4270.8"]
    assert life.allows("choose-partner", organization=CBO)


def test_the_choice_is_recorded_with_its_reasons_and_its_protest_window() -> None:
    life = Life().to("scored").at("2025-08-20").do("choose-partner", reasons="closest to the families")
    choice = life.facts.selection.choice
    assert choice is not None
    assert (choice.organization, choice.reasons, choice.by) == (
        CBO,
        "closest to the families",
        "staff@example.org",
    )
    assert choice.protest_until == instant("2025-08-27 16:00")


@pytest.mark.clause("4270.4")
def test_the_contact_of_the_chosen_becomes_the_one_contact() -> None:
    contact = Life().to("chosen").facts.contact
    assert contact is not None
    assert contact.email == "lead-partner@example.org"
    asked = Life().to("chosen").do("change-contact")
    assert asked.facts.contact == contact
    changed = asked.do("accept-contact").facts.contact
    assert changed is not None
    assert (changed.email, changed.name) == ("next-contact@example.org", "Next contact")


# Protests


def test_a_protest_is_in_time_until_the_window_closes() -> None:
    life = Life().to("chosen")
    assert life.at("2025-08-27 15:59:59").allows("file-protest")
    assert life.at("2025-08-27 16:00").missing("file-protest") == ["protest-window-open 4270.8"]


def test_a_refused_protest_names_everything_that_is_missing() -> None:
    assert Life().to("scored").missing("file-protest", organization=CHARITY) == [
        "partner-chosen 4270.8",
        "has-applied 4270.8",
    ]
    late = Life().to("chosen").do("file-protest").at("2025-08-28")
    assert late.missing("file-protest") == ["protest-window-open 4270.8", "no-protest-waits 4270.8"]


def test_an_applicant_has_one_unanswered_protest_at_a_time() -> None:
    life = Life().to("chosen").do("file-protest")
    assert life.missing("file-protest") == ["no-protest-waits 4270.8"]
    assert life.allows("file-protest", organization=CBO)
    assert life.do("answer-protest").allows("file-protest")


def test_an_answer_goes_to_a_protest_that_waits_for_it() -> None:
    life = Life().to("chosen")
    assert life.missing("answer-protest") == ["protest-waits 4270.8"]
    answered = life.do("file-protest").at("2025-08-21").do("answer-protest", text="no error was found")
    (protest,) = answered.facts.selection.protests
    assert (protest.answer, protest.answered_at) == ("no error was found", instant("2025-08-21 09:00"))
    assert answered.missing("answer-protest") == ["protest-waits 4270.8"]


READY = Life().to("drafted")
READY_FOR_BOARD = Life().to("drafted", autonomy_requested_by="school")


@pytest.mark.clause("4270.8")
@pytest.mark.parametrize(
    ("event", "life"),
    [
        ("sign-agreement", READY),
        ("activate", Life().to("signed")),
        ("refer-to-board", READY_FOR_BOARD),
    ],
    ids=["sign-agreement", "activate", "refer-to-board"],
)
def test_nothing_is_signed_started_or_referred_while_a_protest_is_possible_or_unanswered(
    event: str, life: Life
) -> None:
    given = {"signed_on": "2025-08-20"} if event == "sign-agreement" else {}
    protested = life.at("2025-08-26").do("file-protest")
    assert protested.missing(event, **given) == ["protest-window-closed 4270.8", "protests-answered 4270.8"]
    assert life.at("2025-08-27 15:59").missing(event, **given) == ["protest-window-closed 4270.8"]
    assert protested.at("2025-08-27 16:00").missing(event, **given) == ["protests-answered 4270.8"]
    assert protested.do("answer-protest").at("2025-08-27 16:00").allows(event, **given)


def test_the_lead_partner_does_not_learn_who_protested() -> None:
    protested = READY.at("2025-08-26").do("file-protest").at("2025-08-28")
    reasons = {
        role: [unmet.reason for unmet in protested.refusal("sign-agreement", role)]
        for role in ("staff", "lead-partner")
    }
    assert reasons == {
        "staff": [f"a protest is unanswered: {COLLEGE}"],
        "lead-partner": ["a protest is unanswered"],
    }


# The choice made again


def test_only_an_answered_protest_lets_the_choice_be_made_again() -> None:
    life = Life().to("chosen")
    again = {"organization": COLLEGE}
    assert life.missing("choose-partner", **again) == ["choice-may-be-made 4270.8"]
    protested = life.do("file-protest").at("2025-08-21")
    assert protested.missing("choose-partner", **again) == ["choice-may-be-made 4270.8"]
    rechosen = protested.do("answer-protest").do("choose-partner", **again)
    assert rechosen.facts.selection.choice.organization == COLLEGE
    assert rechosen.facts.selection.choice.protest_until == instant("2025-08-28 16:00")
    assert rechosen.facts.contact.email == "applicant@example.org"


def test_a_protest_against_the_first_choice_does_not_open_the_second() -> None:
    life = Life().to("chosen").do("file-protest").at("2025-08-21").do("answer-protest")
    rechosen = life.do("choose-partner", organization=COLLEGE)
    assert rechosen.missing("choose-partner") == ["choice-may-be-made 4270.8"]


def test_a_new_choice_clears_the_terms_of_the_earlier_one() -> None:
    life = Life().to("chosen").do("draft-agreement").do("set-outcomes").do("agree-outcomes", "staff")
    rechosen = life.do("file-protest").do("answer-protest").do("choose-partner", organization=COLLEGE)
    assert rechosen.facts.agreement is None
    assert rechosen.facts.outcomes.items == ()
    assert rechosen.facts.outcomes.signatures == {}


def test_withdrawing_the_chosen_application_undoes_the_choice_and_all_that_rests_on_it() -> None:
    life = Life().to("signed").do("withdraw-application", "applicant", organization=CBO)
    assert life.facts.selection.choice is None
    assert life.facts.contact is None
    assert life.facts.agreement is None
    assert life.facts.outcomes.items == ()
    assert life.allows("choose-partner", organization=COLLEGE)
    assert life.allows("score-application", organization=COLLEGE)


def test_withdrawing_another_application_leaves_the_choice() -> None:
    life = Life().to("signed").do("withdraw-application", "applicant", organization=COLLEGE)
    assert life.facts.selection.choice is not None
    assert life.facts.agreement == Life().to("signed").facts.agreement
    assert life.allows("activate")


# The call begun again


def test_a_call_without_a_choice_can_be_begun_again_and_is_kept_on_record() -> None:
    life = Life().to("scored")
    again = life.do("restart", reason="no applicant fits")
    assert again.state == "needs-identified"
    assert again.facts.selection is None
    (earlier,) = again.facts.earlier_selections
    assert earlier.restarted == "no applicant fits"
    assert list(earlier.applications) == [CBO, COLLEGE]


def test_after_a_restart_the_statement_is_agreed_to_anew() -> None:
    again = Life().to("scored").do("restart")
    assert again.facts.needs.statement is not None
    assert again.facts.needs.agreed_at is None
    assert again.missing("open-selection", closes_on="2025-10-15") == [
        "school-agreed-to-needs 4270.7",
        "district-agreed-to-needs 4270.7",
    ]


def test_a_call_is_begun_again_neither_while_it_is_open_nor_after_the_choice() -> None:
    assert Life().to("open").missing("restart") == ["call-closed 4270.8"]
    assert Life().to("chosen").missing("restart") == ["nobody-chosen 4270.8"]
    assert Life().to("open").at("2025-08-16").allows("restart")  # nobody applied at all


# A protest that was upheld


@pytest.mark.clause("4270.8")
def test_after_a_protest_that_was_upheld_the_panel_scores_anew() -> None:
    drafted = Life().to("drafted").at("2025-08-21").do("file-protest")
    anew = drafted.do("answer-protest", remedy="score-anew")
    call = anew.facts.selection
    assert (anew.state, call.choice, call.scores, call.scored_at) == (State.OPEN_SELECTION, None, (), None)
    assert call.earlier_scores == drafted.facts.selection.scores
    assert (anew.facts.contact, anew.facts.agreement, anew.facts.outcomes.items) == (None, None, ())
    assert call.protests[0].remedy == "score-anew"
    assert "everybody-has-scored 4270.8" in anew.missing("choose-partner")
    scored = anew
    for reviewer in REVIEWERS:
        for organization in (CBO, COLLEGE):
            scored = scored.do("score-application", by=reviewer, organization=organization)
    assert scored.do("choose-partner", organization=COLLEGE).facts.selection.choice.organization == COLLEGE


@pytest.mark.clause("4270.8")
def test_after_a_protest_that_was_upheld_the_selection_starts_over() -> None:
    life = Life().to("drafted").at("2025-08-21").do("file-protest").do("answer-protest", remedy="start-over")
    assert (life.state, life.facts.selection, life.facts.agreement) == (State.NEEDS_IDENTIFIED, None, None)
    assert life.facts.contact is None
    assert life.facts.earlier_selections[-1].restarted == "A protest was upheld: they were added up again"
    assert life.facts.earlier_selections[-1].protests[0].answer == "they were added up again"
    assert life.facts.needs.signatures == {}
    again = (
        life.do("agree-needs", "principal")
        .do("agree-needs", "staff")
        .do("open-selection", closes_on="2025-10-01")
    )
    assert again.facts.selection.protests == ()


def test_an_answer_without_a_remedy_leaves_the_choice() -> None:
    protested = Life().to("chosen").do("file-protest")
    assert protested.do("answer-protest").facts.selection.choice == protested.facts.selection.choice
