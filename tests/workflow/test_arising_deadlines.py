"""Deadlines that arise from something that happens in between: a protest, a question, an amendment."""

from __future__ import annotations

import json

from tests.support.district import Begin


def test_an_unanswered_protest_is_due_ten_business_days_after_it_was_filed(begin: Begin) -> None:
    life = begin("chosen").at("2025-08-21")
    life.do("file-protest", "applicant")
    assert life.ladder("protest-answered") == [
        "remind 2025-08-28 17:00", "due 2025-09-05 17:00", "escalate 2025-09-08 17:00",
    ]  # fmt: skip
    life.do("answer-protest")
    assert life.ladder("protest-answered") == []


def test_the_oldest_question_is_to_be_answered_two_business_days_after_it_was_asked(begin: Begin) -> None:
    life = begin("open").at("2025-07-10")
    life.do("ask-question")
    asked = [
        "remind 2025-07-11 17:00", "due 2025-07-14 17:00", "escalate 2025-07-15 17:00",
    ]  # fmt: skip
    assert life.ladder("question-answered") == asked
    life.at("2025-07-11").do("ask-question")
    assert life.ladder("question-answered") == asked
    life.do("answer-question")
    assert life.due("question-answered") == "2025-07-15 17:00"
    life.do("answer-question", question=2)
    assert life.ladder("question-answered") == []


def test_after_a_protest_that_was_upheld_the_panel_is_asked_at_once_and_has_its_time_again(
    begin: Begin,
) -> None:
    life = begin("chosen").at("2025-08-21")
    life.do("file-protest", "applicant")
    life.at("2025-09-08").do("answer-protest", remedy="score-anew")
    assert (life.due("scores-due"), life.due("choice-due")) == ("2025-09-22 17:00", "2025-10-06 17:00")
    life.tick()
    assert life.told("scores-anew") == [
        "applicant", "lead-partner", "reviewer-1", "reviewer-2", "reviewer-3", "superintendent",
    ]  # fmt: skip


def test_after_a_protest_the_selection_starts_over_and_everybody_concerned_is_told(begin: Begin) -> None:
    life = begin("chosen").at("2025-08-21")
    life.do("file-protest", "applicant")
    life.at("2025-09-08").do("answer-protest", remedy="start-over")
    # Who protested gets the answer itself.
    assert life.told("answer-protest") == ["applicant", "principal", "staff"]
    assert life.told("choice-overturned") == [
        "lead-partner", "reviewer-1", "reviewer-2", "reviewer-3", "superintendent",
    ]  # fmt: skip
    by_role = {row["to"].partition("@")[0]: row["role"] for row in life.notices("choice-overturned")}
    assert by_role["lead-partner"] == "applicant"
    # Recorded by mistake: the same people hear that the choice counts again.
    answer = life.history()[-1]
    values = json.loads(answer["input"]) | {"remedy": None}
    life.do("correct-entry", "staff", seq=answer["seq"], input=values, reason="it was not upheld")
    assert life.facts.selection is not None
    again = {row["to"].partition("@")[0] for row in life.notices("choice-overturned")[len(by_role) :]}
    assert by_role.keys() <= again
    assert life.faults() == []


def test_a_call_that_ends_after_a_protest_tells_everybody_concerned(begin: Begin) -> None:
    life = begin("chosen").at("2025-08-21")
    life.do("file-protest", "applicant")
    life.at("2025-09-08").do("answer-protest", remedy="score-anew")
    assert life.told("choice-overturned") == []
    life.do("restart")
    assert life.told("restart") == [
        "applicant", "lead-partner", "principal", "reviewer-1", "reviewer-2", "reviewer-3",
    ]  # fmt: skip


def test_outcomes_that_are_set_anew_are_due_thirty_days_after_they_were_proposed(begin: Begin) -> None:
    life = begin("active").at("2025-09-10")
    assert life.ladder("outcomes-agreed") == []
    life.do("set-outcomes", "lead-partner")
    assert life.ladder("outcomes-agreed") == [
        "remind 2025-09-26 17:00", "remind 2025-10-07 17:00", "due 2025-10-10 17:00",
        "escalate 2025-10-11 17:00", "escalate 2025-10-24 17:00",
    ]  # fmt: skip
    # Another set takes the place of the first, with all its time.
    life.at("2025-09-15").do("set-outcomes", "principal")
    assert life.due("outcomes-agreed") == "2025-10-15 17:00"
    life.do("agree-outcomes", "principal")
    life.tick("2025-10-15 17:00")
    assert life.told("outcomes-agreed") == ["lead-partner", "staff"], "both have yet to agree"
    life.do("agree-outcomes", "lead-partner")
    life.tick("2025-10-30 17:00")
    assert "superintendent" in life.told("outcomes-agreed")
    life.do("agree-outcomes", "staff")
    assert life.ladder("outcomes-agreed") == []


def test_an_amendment_that_the_board_must_see_is_due_there_in_ten_business_days(begin: Begin) -> None:
    life = begin("active").at("2025-10-06")
    life.do("amend-agreement", amount_cents=25_000_000)
    assert life.due("amendment-referred") == "2025-10-20 17:00"
    assert life.due("agreement-signed") is None


def test_a_review_that_the_board_interrupted_is_due_at_once_when_it_is_active_again(begin: Begin) -> None:
    life = begin("annual-review")
    life.do("refer-to-board", purpose="renewal", ends_on="2027-08-31")
    life.do("schedule-item", meeting_on="2026-07-15")
    life.at("2026-07-16").do("introduce-item", meeting_on="2026-07-15", immediate_action=True)
    life.do("approve", meeting_on="2026-07-15")
    assert life.due("annual-review-resumes") == "2026-07-02 09:00"
    life.tick()
    assert life.state == "annual-review"
    assert life.due("report-due") == "2026-08-03 17:00", "counted from when the review was opened"
