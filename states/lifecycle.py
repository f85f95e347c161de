"""THE table: every event, in which state, by whom, what it takes, what must be true first, what it records.

Start here. A row without `to` records something in the state the partnership is in. `asks` names the parts
of the setting that a row's requirements and record look at; whoever applies the law provides them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from states import inputs
from states.case import Case
from states.effects import agreement as terms
from states.effects import board as decisions
from states.effects import selection as call
from states.effects import service as duties
from states.effects.effect import Effect, nothing
from states.partnership import Duty, Role, State
from states.requirements import agreement, board, selection, service
from states.requirements.requirement import Requirement

PRINCIPAL, STAFF, SUPERINTENDENT = Role.PRINCIPAL, Role.STAFF, Role.SUPERINTENDENT
BOARD_OFFICE, REVIEWER, CLOCK = Role.BOARD_OFFICE, Role.REVIEWER, Role.CLOCK
LEAD_PARTNER, APPLICANT = Role.LEAD_PARTNER, Role.APPLICANT
NEEDS, OPEN, BOARD = State.NEEDS_IDENTIFIED, State.OPEN_SELECTION, State.BOARD_REVIEW
ACTIVE, REVIEW, TERMINATED = State.ACTIVE, State.ANNUAL_REVIEW, State.TERMINATED


@dataclass(frozen=True, slots=True)
class Row:
    event: str
    at: tuple[State | None, ...]  # None: before there is a partnership
    to: State | None  # None: it stays where it is
    who: tuple[Role, ...]
    takes: type[inputs.Input]
    records: Effect
    needs: tuple[Requirement, ...] = ()
    asks: tuple[str, ...] = ()
    when: Callable[[Case], bool] | None = None  # tells rows of the same event and state apart
    final: bool = False  # nothing takes it back, so whoever does it confirms it


_BEFORE_SIGNING = (
    selection.partner_chosen,
    selection.protest_window_closed,
    selection.protests_answered,
    agreement.agreement_drafted,
    agreement.outcomes_set,
    agreement.all_agreed_to_outcomes,
)
_CHOICE_OPEN = (selection.partner_chosen,)
_DECISION = (
    board.item_scheduled,
    board.meeting_is_regular,
    board.meeting_held,
    board.item_on_that_agenda,
    board.quorum_present,
)


def _came_from(state: State) -> Callable[[Case], bool]:
    return lambda case: case.item.origin is state


def _duty(duty: Duty) -> Row:
    return Row(
        f"record-{duty}", (ACTIVE,), None, (LEAD_PARTNER, STAFF), inputs.RecordDuty, duties.record(duty),
        (service.done_by_today,),
    )  # fmt: skip


# fmt: off
TABLE: tuple[Row, ...] = (
    # The statement of needs (4270.7)
    Row("identify-needs", (None,), NEEDS, (PRINCIPAL, STAFF), inputs.IdentifyNeeds, call.identify_needs),
    Row("describe-needs", (NEEDS,), None, (PRINCIPAL, STAFF), inputs.DescribeNeeds, call.describe_needs),
    Row("agree-needs", (NEEDS,), None, (PRINCIPAL, STAFF), inputs.Nothing, call.agree_needs,
        (selection.needs_described, selection.side_has_not_agreed_to_needs)),
    Row("open-selection", (NEEDS,), OPEN, (STAFF,), inputs.OpenSelection, call.open_selection,
        (selection.needs_described, selection.school_agreed_to_needs, selection.district_agreed_to_needs,
         selection.school_invited, selection.no_other_lead_partner, selection.panel_large_enough,
         selection.panel_known, selection.open_long_enough),
        ("invited_on", "other_lead", "closes_at", "opens_until", "minimum_panel", "strangers")),
    Row("withdraw", (NEEDS, OPEN), TERMINATED, (PRINCIPAL, STAFF), inputs.Reason, duties.withdraw, final=True),

    # The open call (4270.2, 4270.3, 4270.8)
    Row("receive-application", (OPEN,), None, (APPLICANT, STAFF), inputs.ReceiveApplication,
        call.receive_application,
        (selection.call_open, selection.other_kind_demonstrated, *selection.all_five_addressed),
        ("organization",)),
    Row("withdraw-application", (OPEN,), None, (APPLICANT, STAFF), inputs.OfOrganization,
        call.withdraw_application, (selection.has_applied,), final=True),
    Row("extend-selection", (OPEN,), None, (STAFF,), inputs.ExtendSelection, call.extend_selection,
        (selection.call_open, selection.extended_to_later), ("closes_at",)),
    Row("close-applications", (OPEN,), None, (CLOCK,), inputs.Nothing, call.close_applications,
        (selection.call_closed, selection.closing_not_recorded)),
    Row("declare-conflict", (OPEN,), None, (REVIEWER,), inputs.DeclareConflict, call.declare_conflict,
        (selection.call_closed, selection.not_chosen_yet, selection.has_applied,
         selection.no_conflict_declared)),
    Row("score-application", (OPEN,), None, (REVIEWER,), inputs.ScoreApplication, call.score_application,
        (selection.call_closed, selection.not_chosen_yet, selection.has_applied,
         selection.no_conflict_declared)),
    Row("choose-partner", (OPEN,), None, (STAFF,), inputs.ChoosePartner, call.choose_partner,
        (selection.call_closed, selection.choice_may_be_made, selection.everybody_has_scored,
         selection.has_applied, selection.chosen_has_a_score),
        ("protest_until",), final=True),
    Row("file-protest", (OPEN,), None, (APPLICANT,), inputs.FileProtest, call.file_protest,
        (selection.partner_chosen, selection.protest_window_open, selection.has_applied,
         selection.no_protest_waits)),
    Row("answer-protest", (OPEN,), None, (STAFF,), inputs.AnswerProtest, call.answer_protest,
        (selection.protest_waits,)),
    Row("restart", (OPEN,), NEEDS, (STAFF,), inputs.Reason, call.restart,
        (selection.call_closed, selection.nobody_chosen), final=True),

    # Terms, outcomes and signatures (4270.9a-c, 4270.10)
    Row("draft-agreement", (OPEN,), None, (STAFF,), inputs.DraftAgreement, terms.draft_agreement,
        _CHOICE_OPEN),
    Row("set-outcomes", (OPEN,), None, (STAFF, PRINCIPAL, LEAD_PARTNER), inputs.SetOutcomes,
        terms.set_outcomes, _CHOICE_OPEN),
    Row("agree-outcomes", (OPEN, ACTIVE), None, (PRINCIPAL, STAFF, LEAD_PARTNER), inputs.Nothing,
        terms.agree_outcomes, (agreement.outcomes_set, agreement.side_has_not_agreed_to_outcomes)),
    Row("ask-for-review", (OPEN,), None, (BOARD_OFFICE, SUPERINTENDENT), inputs.Reason,
        terms.ask_for_review),
    Row("sign-agreement", (OPEN,), None, (STAFF, LEAD_PARTNER), inputs.SignAgreement, terms.sign_agreement,
        (*_BEFORE_SIGNING, *agreement.board_need_not_act, agreement.side_has_not_signed,
         agreement.signed_by_today),
        ("board",)),
    Row("activate", (OPEN,), ACTIVE, (STAFF,), inputs.Nothing, terms.activate,
        (*_BEFORE_SIGNING, *agreement.board_need_not_act, agreement.signed_by_both,
         agreement.agreement_not_over, selection.no_other_lead_partner),
        ("board", "other_lead")),

    # The Board (4270.9)
    Row("refer-to-board", (OPEN,), BOARD, (STAFF,), inputs.ReferToBoard, decisions.refer_to_board,
        (*_BEFORE_SIGNING, board.purpose_is_new, board.board_has_a_reason), ("board",)),
    Row("refer-to-board", (ACTIVE, REVIEW), BOARD, (STAFF,), inputs.ReferToBoard, decisions.refer_to_board,
        (board.purpose_is_of_agreement, board.change_stated, board.new_term_possible), ("board",)),
    Row("schedule-item", (BOARD,), None, (BOARD_OFFICE,), inputs.ScheduleItem, decisions.schedule_item,
        (board.meeting_is_regular, board.agenda_open), ("meeting",)),
    Row("introduce-item", (BOARD,), None, (BOARD_OFFICE,), inputs.IntroduceItem, decisions.introduce_item,
        (board.meeting_is_regular, board.meeting_held, board.meeting_after_referral), ("meeting",)),
    Row("defer-item", (BOARD,), None, (BOARD_OFFICE, CLOCK), inputs.DeferItem, decisions.defer_item,
        (board.meeting_is_regular, board.deferred_to_later), ("meeting",)),
    Row("approve", (BOARD,), ACTIVE, (BOARD_OFFICE,), inputs.Decide, decisions.approve,
        (board.item_can_be_approved, *_DECISION, board.readings_done, board.vote_carried,
         board.met_before_the_end, agreement.agreement_not_over, selection.no_other_lead_partner),
        ("meeting", "board", "other_lead"), final=True),
    *(
        Row("send-back", (BOARD,), back, (BOARD_OFFICE,), inputs.Decide, decisions.send_back,
            _DECISION, ("meeting", "board"), _came_from(back))
        for back in (OPEN, ACTIVE, REVIEW)
    ),
    Row("terminate", (BOARD,), TERMINATED, (BOARD_OFFICE,), inputs.BoardTerminate,
        decisions.board_terminate, (*_DECISION, board.vote_carried, service.effective_after_decision,
         service.ends_before_last_day),
        ("meeting", "board"), final=True),

    # The agreement in force (4270.5, 4270.6)
    *(_duty(duty) for duty in get_args(Duty)),
    Row("add-agreement", (ACTIVE,), None, (LEAD_PARTNER, STAFF), inputs.AddAgreement, duties.add_agreement,
        (service.school_gave_input, service.district_gave_input)),
    Row("sign-agreement", (ACTIVE,), None, (STAFF, LEAD_PARTNER), inputs.SignAgreement,
        terms.sign_agreement,
        (agreement.signature_awaited, agreement.side_has_not_signed, agreement.signed_by_today)),
    Row("amend-agreement", (ACTIVE,), None, (STAFF,), inputs.AmendAgreement, terms.amend_agreement,
        (agreement.agreement_not_over, board.new_term_possible), ("board",)),

    # The annual review (4270.11, 4270.12)
    Row("open-annual-review", (ACTIVE,), REVIEW, (CLOCK, STAFF), inputs.Nothing, duties.open_annual_review),
    Row("submit-report", (REVIEW,), None, (LEAD_PARTNER,), inputs.SubmitReport, duties.submit_report,
        (service.every_outcome_has_a_value, service.every_value_has_an_outcome)),
    Row("give-finding", (REVIEW,), None, (PRINCIPAL, STAFF), inputs.GiveFinding, duties.give_finding,
        (service.report_in_or_overdue, service.side_has_given_no_finding), ("overdue",)),
    Row("continue", (REVIEW,), ACTIVE, (STAFF,), inputs.Continue, duties.continue_,
        (service.report_received, service.both_findings_given, service.improvement_planned)),

    # The end (4270.12)
    Row("terminate", (ACTIVE, REVIEW), TERMINATED, (STAFF,), inputs.Terminate, duties.terminate,
        (board.board_did_not_approve, service.notice_given, service.ends_before_last_day),
        ("board", "notice_days"), final=True),
    Row("expire", (ACTIVE, REVIEW, BOARD), TERMINATED, (CLOCK,), inputs.Nothing, duties.expire,
        (service.past_last_day,)),
    Row("close-out", (TERMINATED,), None, (STAFF, LEAD_PARTNER), inputs.CloseOut, duties.close_out,
        (service.not_closed_out,), final=True),

    # At any time
    Row("add-note", tuple(State), None, (STAFF, PRINCIPAL), inputs.AddNote, nothing),
    Row("attach-document", tuple(State), None, (STAFF,), inputs.AttachDocument, duties.add_document),
    Row("change-contact", tuple(State), None, (STAFF,), inputs.ChangeContact, duties.change_contact),
)
# fmt: on
