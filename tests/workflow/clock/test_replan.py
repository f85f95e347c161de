"""4270.13: periods, thresholds and recipients are the Superintendent's to set, and setting them changes things."""

from __future__ import annotations

import shutil

import pytest

from states.errors import Refused
from states.names import State
from tests.support.district import Begin, Life, configured
from workflow.clock.procedure import tell_procedure
from workflow.clock.replan import replan
from workflow.procedure.config import DEFAULTS
from workflow.record.changes import describe_difference, list_changes


def reasons(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [unmet.requirement for unmet in refused.value.unmet]


@pytest.mark.clause("4270.13")
def test_how_long_a_call_stays_open(begin: Begin) -> None:
    begin("needs-agreed").do("open-selection", closes_on="2025-07-21")
    with pytest.raises(Refused) as refused:
        begin("needs-agreed", "[selection]\nminimum_days = 15\n").do("open-selection", closes_on="2025-07-21")
    assert reasons(refused) == ["open-long-enough"]


def test_how_many_reviewers_a_panel_has(begin: Begin) -> None:
    with pytest.raises(Refused) as refused:
        begin("needs-agreed", "[selection]\nminimum_panel = 4\n").do("open-selection")
    assert reasons(refused) == ["panel-large-enough"]


def test_at_what_hour_a_call_closes(begin: Begin) -> None:
    life = begin("needs-agreed", '[selection]\ncloses_at = "12:00"\n')
    life.do("open-selection")
    assert life.due("applications-close") == "2025-08-15 12:00"


@pytest.mark.clause("4270.13")
def test_from_what_amount_on_the_board_reviews(begin: Begin) -> None:
    life = begin("drafted", "[board]\nthreshold_cents = 24_999_999\n").at("2025-08-28")
    with pytest.raises(Refused) as refused:
        life.do("sign-agreement", "staff")
    assert reasons(refused) == ["board-need-not-act-a"]
    begin("drafted").at("2025-08-28").do("sign-agreement", "staff")


def test_from_what_term_on_the_board_reviews(begin: Begin) -> None:
    life = begin("agreed", "[board]\nmore_than_years = 2\n").at("2025-08-28")
    life.do("draft-agreement", ends_on="2027-08-31")
    life.do("sign-agreement", "staff")
    life.do("draft-agreement", ends_on="2027-09-01")
    with pytest.raises(Refused) as refused:
        life.do("sign-agreement", "staff")
    assert reasons(refused) == ["board-need-not-act-c"]


def test_how_often_the_board_reads_and_how_many_it_is(begin: Begin) -> None:
    vote = {"meeting_on": "2025-09-17", "ayes": 3, "noes": 0, "abstentions": 0}
    with pytest.raises(Refused) as refused:
        begin("scheduled").at("2025-09-18").do("approve", **vote)
    assert reasons(refused) == ["quorum-present", "readings-done"]
    life = begin("scheduled", "[board]\nreadings = 1\nquorum = 3\n").at("2025-09-18")
    life.do("approve", **vote)
    assert life.state is State.ACTIVE


def test_who_ends_what_the_board_approved(begin: Begin) -> None:
    with pytest.raises(Refused) as refused:
        begin("approved").do("terminate")
    assert reasons(refused) == ["board-did-not-approve"]
    life = begin("approved", "[board]\nterminates = false\n")
    life.do("terminate")
    assert life.facts.ending is not None, "which takes effect on a later day"
    life.at(life.due("agreement-ends")).tick()
    assert life.state is State.TERMINATED
    assert life.facts.ended.how == "terminated"


def test_how_long_the_protest_window_is(begin: Begin) -> None:
    life = begin("scored", '[selection]\nprotest_days = 3\nprotest_time = "12:00"\n').at("2025-08-20")
    life.do("choose-partner")
    assert life.due("protest-window") == "2025-08-23 12:00"
    with pytest.raises(Refused, match="protests were possible until 2025-08-23 12:00"):
        life.at("2025-08-23 12:00").do("file-protest", "applicant")


def test_how_much_notice_a_termination_needs(begin: Begin) -> None:
    begin("active").do("terminate", effective_on="2025-10-02")
    life = begin("active", "[termination.notice_days]\nunsatisfactory = 31\n")
    with pytest.raises(Refused) as refused:
        life.do("terminate", effective_on="2025-10-02")
    assert reasons(refused) == ["notice-given"]


@pytest.mark.clause("4270.13")
def test_when_people_are_reminded_and_who(begin: Begin) -> None:
    text = '[deadline.needs-agreed]\ndue = "20 days after entering"\nremind = ["2 days"]\nto = ["superintendent"]\n'
    life = begin(None, text).at("2025-07-07")
    life.do("identify-needs")
    assert life.ladder("needs-agreed")[:2] == ["remind 2025-07-26 17:00", "due 2025-07-28 17:00"]
    life.tick("2025-07-26 17:00")
    assert life.told("needs-agreed") == ["superintendent"]


@pytest.mark.clause("4270.13")
def test_who_is_told_of_an_event(begin: Begin) -> None:
    life = begin("needs", '[notice.describe-needs]\nto = ["superintendent"]\n')
    life.do("describe-needs")
    assert life.told("describe-needs") == ["superintendent"]
    life = begin("needs", "[notice.describe-needs]\nenabled = false\n")
    life.do("describe-needs")
    assert life.told("describe-needs") == []


def test_the_boards_meetings_can_stand_in_the_configuration(begin: Begin) -> None:
    life = begin("referred", '[board]\nmeeting_at = "18:00"\nmeetings = [2025-09-30]\n')
    life.do("schedule-item", meeting_on="2025-09-30")
    assert life.wall(life.facts.board.item.meeting_at) == "2025-09-30 18:00"


# A change of procedure while partnerships are on their way


def test_a_new_period_moves_what_is_open_and_tells_from_when_to_when(begin: Begin) -> None:
    life = begin("needs", '[deadline.needs-agreed]\ndue = "40 days after entering"\n')
    moved = life.system.transact(lambda session: replan(session, life.now))
    assert moved == [
        {
            "ref": "rbhs-2025",
            "school": "Rainier Beach School",
            "deadline": "needs-agreed",
            "label": "Agree to the statement of needs",
            "was": "2025-08-06T17:00:00-07:00",
            "is_now": "2025-08-18T17:00:00-07:00",
        }
    ]
    assert life.due("needs-agreed") == "2025-08-18 17:00", "16 August is a Saturday"
    assert life.system.transact(lambda session: replan(session, life.now)) == []


@pytest.mark.parametrize("changed", ["2026-08-03 18:00", "2026-08-04 17:00"])
def test_a_ladder_that_became_shorter_goes_on_after_its_last_rung(begin: Begin, changed: str) -> None:
    life = begin("annual-review")
    life.tick(changed)
    text = '[deadline.report-due]\noverdue = [{ after = "1 day", to = ["lead-partner"] }]\n'
    life.system.config = configured(life.system.config.folder, text)
    life.system.transact(lambda session: replan(session, life.now))
    for day in range(4, 31):
        assert life.tick(f"2026-08-{day:02} 17:00").failed == 0
        assert len(life.ladder("report-due")) == 1, "the next repetition"
    assert len(life.notices("report-due")) >= 4


def test_what_was_told_is_not_told_again_after_a_change_of_procedure(begin: Begin) -> None:
    text = '[deadline.needs-agreed]\noverdue = [{ after = "2 days", to = ["staff"] }]\n'
    life = begin("needs", text)
    life.tick("2025-07-30 17:00")
    life.system.transact(lambda session: replan(session, life.now))
    assert life.ladder("needs-agreed") == ["due 2025-08-06 17:00", "escalate 2025-08-08 17:00"]
    assert len(life.ladder("needs-agreed", "fired")) == 1


def test_a_reminder_that_a_new_procedure_adds_is_sent_after_those_that_were(begin: Begin) -> None:
    life = begin("needs")
    life.tick("2025-07-30 17:00")
    assert len(life.notices("needs-agreed")) == 2
    text = '[deadline.needs-agreed]\nremind = ["7 days", "1 day"]\n'
    life.system.config = configured(life.system.config.folder, text)
    life.system.transact(lambda session: replan(session, life.now))
    assert life.ladder("needs-agreed")[:2] == ["remind 2025-08-05 17:00", "due 2025-08-06 17:00"]
    life.tick("2025-08-05 17:00")
    assert len(life.notices("needs-agreed")) == 4
    life.system.transact(lambda session: replan(session, life.now))
    life.tick("2025-08-05 17:01")
    assert len(life.notices("needs-agreed")) == 4


def changed(life: Life, text: str) -> list[dict[str, str]]:
    """What moves when the procedure says this from now on."""
    life.system.config = configured(life.system.config.folder, text)
    return life.system.transact(lambda session: replan(session, life.now))


OWN = """
[deadline.needs-looked-at]
label = "Look at the needs"
state = "needs-identified"
due = "10 days after entering"
offers = ["describe-needs"]
to = ["staff"]
"""


def test_a_deadline_that_the_procedure_drops_ends_under_the_label_that_it_had(begin: Begin) -> None:
    life = begin("needs")
    words = life.system.config.folder / "templates" / "email"
    words.mkdir(parents=True)
    shutil.copy(DEFAULTS / "templates" / "email" / "needs-agreed.j2", words / "needs-looked-at.j2")
    (begins,) = changed(life, OWN)
    assert (begins["deadline"], begins["was"], begins["is_now"]) == (
        "needs-looked-at", "", "2025-07-17T17:00:00-07:00"
    )  # fmt: skip
    # The daemon looks at the settings after it has moved the deadlines.
    life.system.transact(lambda session: tell_procedure(session, life.now))
    (ends,) = changed(life, "")
    assert ends == begins | {"was": begins["is_now"], "is_now": ""}
    assert ends["label"] == "Look at the needs"


def test_what_moved_is_on_record_as_it_was_returned(begin: Begin) -> None:
    life = begin("needs")
    moved = changed(life, '[deadline.needs-agreed]\ndue = "40 days after entering"\n')
    with life.system.reading() as session:
        entries = [each for each in list_changes(session) if each["by"] == "procedure"]
    assert [(each["what"], each["after"]) for each in entries] == [("deadlines rbhs-2025", moved)]
    assert describe_difference(entries[0]) == (
        '"Agree to the statement of needs" 2025-08-06 17:00, now 2025-08-18 17:00'
    )


def test_a_deadline_of_which_every_step_is_over_does_not_begin_again(begin: Begin) -> None:
    life = begin("chosen")
    life.tick(life.due("protest-window"))
    assert "protest-window" not in life.running()
    moved = changed(life, '[deadline.agreement-due]\ndue = "40 days after selection.chosen"\n')
    assert [each["deadline"] for each in moved] == ["agreement-due"]
    assert "protest-window" not in life.running()


def test_other_reminders_alone_are_a_move_too_with_the_same_due_instant(begin: Begin) -> None:
    life = begin("needs")
    (moved,) = changed(life, '[deadline.needs-agreed]\nremind = ["7 days", "1 day"]\n')
    assert moved["was"] == moved["is_now"] == "2025-08-06T17:00:00-07:00"
    assert life.ladder("needs-agreed")[0] == "remind 2025-07-30 17:00"


def test_a_record_that_cannot_be_read_does_not_hold_up_the_others_when_the_procedure_changes(
    begin: Begin,
) -> None:
    life = begin("needs", '[deadline.needs-agreed]\ndue = "40 days after entering"\n')
    other = life.another("another", "garfield")
    other.do("identify-needs", "staff")
    life.run("UPDATE deadlines SET status = 'cancelled' WHERE name = 'needs-agreed'")
    life.run("UPDATE partnerships SET facts = '{' WHERE ref = 'rbhs-2025'")
    broken, moved = life.system.transact(lambda session: replan(session, life.now))
    assert broken == {"ref": "rbhs-2025", "problem": "its record cannot be read: partnershipctl verify"}
    assert (moved["ref"], moved["deadline"], moved["was"]) == ("another", "needs-agreed", "")
    assert other.due("needs-agreed") == "2025-08-18 17:00"
