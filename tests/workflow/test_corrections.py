"""Rows of the history that are corrected in the open: what counts then, what is refused, and who may do it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from states.errors import BadInput, Refused
from states.names import State
from tests.support.district import Begin, Life
from tests.support.facts import ABSENT, CBO, COLLEGE, OUTCOMES
from tests.support.letters import got
from workflow.change import Change


def seq_of(life: Life, event: str, nth: int = -1) -> int:
    return int([row["seq"] for row in life.history() if row["event"] == event][nth])


def correct(
    life: Life, event: str, by: str = "staff", nth: int = -1, takes_back: tuple[int, ...] = (), **changes: Any
) -> Change:
    """Correct these keys of the last row of an event, or of another one of it."""
    seq = seq_of(life, event, nth)
    values = json.loads(life.history()[seq - 1]["input"]) | changes
    more = {"takes_back": list(takes_back)} if takes_back else {}
    return life.do("correct-entry", by, seq=seq, input=values, reason="it was mistyped", **more)


def take_back(life: Life, event: str, by: str = "staff", nth: int = -1) -> Change:
    seq = seq_of(life, event, nth)
    return life.do("correct-entry", by, seq=seq, void=True, input=ABSENT, reason="it never happened")


def refusal(life: Life, *arguments: Any, **options: Any) -> list[str]:
    """Why a correction is refused."""
    before = life.dump()
    with pytest.raises(Refused) as refused:
        correct(life, *arguments, **options)
    assert life.dump() == before
    return [unmet.reason for unmet in refused.value.unmet]


# What counts after a correction


@pytest.mark.promise("corrected-in-the-open")
def test_the_title_is_corrected_and_the_row_stays(begin: Begin) -> None:
    life = begin("needs")
    correct(life, "identify-needs", title="Reading, grade 3")
    assert life.record.facts.title == "Reading, grade 3"
    first, last = life.history()
    assert json.loads(first["input"])["title"] == "A Lead Partner for the school"
    assert (last["event"], last["from_state"], last["to_state"]) == (
        "correct-entry",
        *["needs-identified"] * 2,
    )
    assert json.loads(last["input"])["input"]["title"] == "Reading, grade 3"
    assert life.faults() == []


def test_the_last_correction_of_a_row_counts(begin: Begin) -> None:
    life = begin("needs")
    correct(life, "identify-needs", title="Reading")
    correct(life, "identify-needs", title="Writing")
    assert life.facts.title == "Writing"
    with pytest.raises(Refused, match="correct row 1 again, and the last correction counts"):
        life.do("correct-entry", "staff", seq=2, input={}, reason="no")
    assert life.faults() == []


def test_a_partnership_that_was_ended_by_mistake_lives_on_as_before(begin: Begin) -> None:
    life = begin("active")
    entered, running = life.record.entered_at, life.running()
    life.at("2025-09-05").do("terminate", effective_on="2025-10-05")
    take_back(life.at("2025-09-08"), "terminate")
    assert (life.state, life.facts.ending, life.record.entered_at) == (State.ACTIVE, None, entered)
    assert life.running() == running
    # Once its day has come, what the clock did on that day falls with it.
    life.do("terminate", effective_on="2025-10-08")
    life.tick("2025-10-09 01:00")
    assert life.state is State.TERMINATED
    ended = life.history()[-1]["seq"]
    with pytest.raises(Refused, match=rf"takes_back = \[{ended}\]"):
        take_back(life, "terminate")
    taken = {"seq": seq_of(life, "terminate"), "void": True, "input": ABSENT, "takes_back": [ended]}
    change = life.do("correct-entry", "staff", **taken, reason="it was another partnership")
    # The clock had opened the review that every agreement gets before it ends. That stays.
    assert (change.before.state, life.state) == (State.TERMINATED, State.ANNUAL_REVIEW)
    assert life.facts.ended is None
    assert "agreement-ends" in life.running()
    assert life.faults() == []


def test_a_withdrawal_under_the_wrong_reference_is_taken_back(begin: Begin) -> None:
    life = begin("open").at("2025-07-20")
    life.do("withdraw")
    take_back(life, "withdraw")
    assert life.state is State.OPEN_SELECTION
    assert life.due("applications-close") == "2025-08-15 17:00"
    assert life.faults() == []


def test_what_was_taken_back_can_be_put_back(begin: Begin) -> None:
    life = begin("active")
    life.do("record-meeting", "staff", on="2025-09-02")
    take_back(life, "record-meeting")
    assert life.facts.duties == ()
    correct(life, "record-meeting")
    assert len(life.facts.duties) == 1
    assert life.faults() == []


def test_a_duty_on_another_day_moves_its_deadline(begin: Begin) -> None:
    life = begin("active").at("2025-10-10")
    life.do("record-meeting", "lead-partner", on="2025-10-10")
    due = life.due("meeting-due")
    correct(life, "record-meeting", on="2025-09-10")
    assert life.due("meeting-due") != due
    assert life.faults() == []


def test_the_closing_day_of_a_call_moves_with_its_deadlines(begin: Begin) -> None:
    life = begin("needs-agreed")
    life.do("open-selection", closes_on="2026-08-15")
    correct(life, "open-selection", closes_on="2025-08-15")
    assert life.wall(life.facts.selection.closes_at) == "2025-08-15 17:00"
    assert life.due("applications-close") == "2025-08-15 17:00"
    assert life.tick("2025-08-15 17:00").fired == 1
    assert life.facts.selection.closed_at is not None
    assert life.faults() == []


def test_a_vote_that_was_mistyped_is_corrected_by_the_board_office(begin: Begin) -> None:
    life = begin("approved")
    assert refusal(life, "approve", ayes=6) == [
        f"row {seq_of(life, 'approve')} (approve) is corrected by board-office, not staff"
    ]
    correct(life, "approve", "board-office", ayes=6, noes=0)
    assert life.facts.board.decisions[-1].vote.ayes == 6
    assert life.faults() == []


def test_a_vote_that_was_lost_cannot_have_approved(begin: Begin) -> None:
    life = begin("approved")
    reasons = refusal(life, "approve", "board-office", ayes=2, noes=4)
    assert all("(approve, 2025-10-02) itself would not have been allowed" in reason for reason in reasons)


def test_another_organization_was_chosen_and_those_who_lost_may_protest_from_now(begin: Begin) -> None:
    life = begin("chosen").at("2025-08-25")
    correct(life, "choose-partner", organization=COLLEGE)
    choice = life.facts.selection.choice
    assert choice.organization == COLLEGE
    assert life.facts.contact.email == "applicant@example.org"
    assert life.wall(choice.protest_until) == "2025-09-01 16:00"
    assert life.faults() == []


@pytest.mark.promise("corrected-in-the-open")
def test_each_later_row_that_stands_on_the_mistake_is_named_with_its_reason(begin: Begin) -> None:
    life = begin("signed")
    reasons = refusal(life, "choose-partner", organization=COLLEGE)
    for event in ("agree-outcomes", "sign-agreement"):
        assert any(f"row {seq_of(life, event)} ({event}" in reason for reason in reasons)
    assert any("lead-partner@example.org would not have been lead-partner here" in r for r in reasons)


@pytest.mark.promise("own-words")
def test_a_signature_gets_another_day_from_its_author_alone(begin: Begin) -> None:
    life = begin("signed")
    (reason,) = refusal(life, "sign-agreement", "staff", signed_on="2025-08-27")
    assert "lead-partner@example.org said in their own name" in reason
    correct(life, "sign-agreement", "lead-partner", signed_on="2025-08-27")
    assert str(life.facts.agreement.signatures["partner"].on) == "2025-08-27"
    assert life.faults() == []


@pytest.mark.promise("own-words")
def test_terms_that_were_signed_are_signed_again_when_they_are_corrected(begin: Begin) -> None:
    life = begin("active")
    correct(life, "draft-agreement", starts_on="2025-09-03")
    agreement = life.facts.agreement
    assert str(agreement.starts_on) == "2025-09-03"
    assert (agreement.signatures, agreement.signed_at) == ({}, None)
    assert "agreement-signed" in life.running()
    life.do("sign-agreement", "staff", signed_on="2025-09-02")
    life.do("sign-agreement", "lead-partner", signed_on="2025-09-02")
    assert life.facts.agreement.signed_at is not None
    assert life.faults() == []


@pytest.mark.promise("own-words")
def test_nobody_has_signed_a_document_that_a_correction_put_in_the_place_of_another(begin: Begin) -> None:
    life = begin("agreed")
    document = {"name": "agreement.pdf", "sha256": "a" * 64, "size": 9}
    life.do("draft-agreement", document=document)
    for who in ("staff", "lead-partner"):
        life.at("2025-08-28").do("sign-agreement", who)
    correct(life, "draft-agreement", document=document | {"sha256": "b" * 64})
    assert (life.facts.agreement.signatures, life.facts.agreement.signed_at) == ({}, None)
    assert life.faults() == []


@pytest.mark.clause("4270.10")
@pytest.mark.promise("own-words")
def test_a_proposal_of_outcomes_that_is_corrected_is_agreed_to_again(begin: Begin) -> None:
    life = begin("active").at("2025-09-05")
    life.do("set-outcomes", "staff", outcomes=[OUTCOMES[0] | {"target": 99}])
    life.do("agree-outcomes", "principal")
    correct(life, "set-outcomes", outcomes=[OUTCOMES[0] | {"target": 89}])
    assert life.facts.proposed_outcomes.signatures == {}
    assert life.facts.outcomes.agreed_at is not None
    assert "outcomes-agreed" in life.running()
    assert life.faults() == []


@pytest.mark.clause("4270.10", "4270.11")
def test_outcomes_that_all_three_agreed_to_count_until_they_agree_to_others(begin: Begin) -> None:
    life = begin("active").at("2025-09-05")
    lower = {"outcomes": [OUTCOMES[0] | {"target": 89}]}
    (reason,) = refusal(life, "set-outcomes", **lower)
    assert "which count until they agree to others: set-outcomes" in reason
    life.do("set-outcomes", "staff", outcomes=[OUTCOMES[0] | {"target": 99}])
    for who in ("principal", "staff", "lead-partner"):
        life.do("agree-outcomes", who)
    for nth in (0, 1):
        assert len(refusal(life, "set-outcomes", nth=nth, **lower)) == 1


def test_an_input_that_the_event_does_not_take_is_named_with_its_place(begin: Begin) -> None:
    life = begin("needs")
    with pytest.raises(BadInput) as bad:
        life.do("correct-entry", "staff", seq=1, input={"school": "franklin"}, reason="no")
    assert [problem.at for problem in bad.value.problems] == ["input.title"]
    with pytest.raises(BadInput, match="there is no school 'nowhere'"):
        correct(life, "identify-needs", school="nowhere")


def test_nothing_is_corrected_that_is_right_or_not_there(begin: Begin) -> None:
    life = begin("needs")
    assert refusal(life, "identify-needs") == [
        "the corrected input is what is on record; void = true takes the row back"
    ]
    with pytest.raises(Refused, match="there is no row 9: the history has 1 rows"):
        life.do("correct-entry", "staff", seq=9, input={}, reason="no")
    with pytest.raises(Refused, match="end it, with withdraw"):
        take_back(life, "identify-needs")


def test_what_the_clock_did_by_a_wrong_day_falls_with_it(begin: Begin) -> None:
    life = begin("active")
    life.tick("2026-09-01 01:00")
    assert life.state is State.TERMINATED
    expired = seq_of(life, "expire")
    assert any(
        f"takes_back = [{expired}]" in reason
        for reason in refusal(life, "draft-agreement", starts_on="2025-09-02", ends_on="2026-09-01")
    )
    correct(life, "draft-agreement", ends_on="2026-09-01", starts_on="2025-09-02", takes_back=(expired,))
    assert life.state is not State.TERMINATED
    assert life.due("agreement-ends") is not None
    assert life.faults() == []


@pytest.mark.promise("correction-opens-nothing")
def test_a_closed_call_is_not_sealed_again_and_an_open_one_not_opened_early(begin: Begin) -> None:
    open_ = begin("applied").at("2025-08-10")
    assert "take a day to come" in " ".join(refusal(open_, "open-selection", closes_on="2025-08-05"))
    closed = begin("closed").at("2025-08-18")
    assert "its applications were opened" in " ".join(
        refusal(closed, "open-selection", closes_on="2025-09-15")
    )


@pytest.mark.clause("4270.8")
def test_a_correction_leaves_applicants_as_long_as_a_new_call_would(begin: Begin) -> None:
    life = begin("open").at("2025-07-10")
    life.do("extend-selection", closes_on="2025-09-30")
    life.at("2025-08-01")
    reason = "a call that would have gone on to 2025-09-30 17:00 can close on 2025-08-15 at the earliest"
    assert refusal(life, "extend-selection", closes_on="2025-08-14") == [reason]
    correct(life, "extend-selection", closes_on="2025-08-18")
    assert life.due("applications-close") == "2025-08-18 17:00"


@pytest.mark.promise("correction-opens-nothing")
def test_an_application_stands_as_it_was_sent(begin: Begin) -> None:
    open_ = begin("applied")
    seq = seq_of(open_, "receive-application")
    with pytest.raises(Refused, match="its author sends it again"):
        correct(open_, "receive-application", "applicant@example.org", contact_name="Ann Other")
    closed = begin("closed")
    values = json.loads(closed.history()[seq - 1]["input"])
    texts = {**values["abilities"], "diversity": "better words"}
    with pytest.raises(Refused, match="they stand as they were sent"):
        correct(closed, "receive-application", "applicant@example.org", abilities=texts)
    correct(closed, "receive-application", "applicant@example.org", contact_name="Ann Other")
    assert closed.facts.selection.applications[COLLEGE].contact_name == "Ann Other"
    assert "abilities" not in json.loads(closed.history()[-1]["input"])["input"]
    assert closed.faults() == []


def test_an_application_that_was_withdrawn_by_mistake_after_the_closing_is_put_back_by_its_author(
    begin: Begin,
) -> None:
    life = begin("closed").at("2025-08-16")
    life.do("withdraw-application", "applicant@example.org", organization=COLLEGE)
    take_back(life, "withdraw-application", "applicant@example.org")
    assert COLLEGE in life.facts.selection.applications
    assert life.faults() == []


@pytest.mark.promise("own-words")
def test_a_score_is_corrected_by_its_reviewer_alone(begin: Begin) -> None:
    life = begin("scored")
    assert "in their own name" in refusal(life, "score-application", "staff", comment="better")[0]
    assert "in their own name" in refusal(life, "score-application", "reviewer-1@example.org", comment="b")[0]
    author = life.history()[seq_of(life, "score-application") - 1]["actor"]
    correct(life, "score-application", author, comment="I took one for the other")
    assert any(s.comment == "I took one for the other" for s in life.facts.selection.scores)
    assert (CBO in life.facts.selection.applications, life.faults()) == (True, [])


# Who is told, and who may know


def test_whoever_was_told_the_wrong_thing_is_told_the_right_one(begin: Begin) -> None:
    life = begin("chosen").at("2025-08-25")
    told = life.told("choose-partner")
    correct(life, "choose-partner", organization=COLLEGE)
    assert set(told) <= set(life.told("correct-entry"))


@pytest.mark.parametrize(
    ("station", "event", "by", "changes", "says"),
    [
        ("approved", "approve", "board-office", {"ayes": 6, "noes": 0}, "You are still asked to agree or to sign"),
        ("active", "draft-agreement", "staff", {"starts_on": "2025-09-03"}, "Words that were signed have changed"),
    ],
)  # fmt: skip
def test_who_has_to_sign_reads_whether_signed_words_have_changed(
    begin: Begin, station: str, event: str, by: str, changes: dict[str, Any], says: str
) -> None:
    life = begin(station)
    correct(life, event, by, **changes)
    body = got(life, "correct-entry", "lead-partner").get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert says in text
    assert "Sign the agreement" in text


@pytest.mark.promise("correction-opens-nothing")
def test_a_correction_is_no_news_to_those_who_may_not_read_what_it_changes(begin: Begin) -> None:
    life = begin("applied")
    panel = ["reviewer-1@example.org", "reviewer-2@example.org", "reviewer-3@example.org"]
    life.person("reviewer-4", roles=["reviewer"])
    correct(life, "open-selection", reviewers=[*panel, "reviewer-4@example.org"])
    assert life.told("correct-entry") == ["principal", "staff"]
    life = begin("applied")
    correct(life, "open-selection", closes_on="2025-08-20")
    assert "applicant" in life.told("correct-entry")
