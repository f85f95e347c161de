"""What is recorded of the Board's items and decisions."""

from __future__ import annotations

from typing import Literal

from states.case import Case, board_reasons
from states.effects.effect import changed, recorded, terminated
from states.partnership import (
    Approval,
    Change,
    Decision,
    Item,
    Partnership,
    Role,
    State,
    Vote,
)


def refer_to_board(case: Case) -> Partnership:
    given, agreement = case.input, case.agreement
    change = None
    if given.purpose in ("amendment", "renewal"):
        basis = agreement.pending or agreement
        change = Change(
            purpose=given.purpose,
            amount_cents=basis.amount_cents if given.amount_cents is None else given.amount_cents,
            ends_on=given.ends_on or basis.ends_on,
            terms=agreement.pending.terms if agreement.pending else None,
            reason=given.reason,
            at=case.at,
        )
    basis = change or agreement
    because = board_reasons(agreement, case.setting.board, basis.amount_cents, basis.ends_on)
    if case.facts.board.asked:
        because = (*because, "asked")
    item = Item(
        purpose=given.purpose,
        reason=given.reason,
        because=because,
        origin=recorded(case.state),
        change=change,
        referred_at=case.at,
    )
    facts = case.facts
    if case.state is State.ANNUAL_REVIEW:
        facts = facts.but(review=case.review.but(interrupted_at=case.at))
    return facts.but(board=facts.board.but(item=item))


def schedule_item(case: Case) -> Partnership:
    item = case.item
    if item.meeting_on is not None and item.meeting_on >= case.today:
        # It was not dealt with there and will not be: the new date takes the place of that one.
        item = item.but(agenda=tuple(day for day in item.agenda if day != item.meeting_on))
    return _on_agenda(case, item)


def introduce_item(case: Case) -> Partnership:
    day = case.input.meeting_on
    immediate = case.input.immediate_action
    item = case.item.but(
        introduced=tuple(sorted({*case.item.introduced, day})),
        immediate_action=case.item.immediate_action or immediate,
        agenda=tuple(sorted({*case.item.agenda, day})) if immediate else case.item.agenda,
    )
    return _item(case, item)


def defer_item(case: Case) -> Partnership:
    item = case.item.but(deferred=case.item.deferred + 1)
    if case.role is not Role.CLOCK:
        # The Board itself took it off that agenda, so nothing can be decided there any more.
        item = item.but(agenda=tuple(day for day in item.agenda if day != item.meeting_on))
    if case.input.meeting_on is None:
        return _item(case, item.but(meeting_on=None, meeting_at=None))
    return _on_agenda(case, item)


def approve(case: Case) -> Partnership:
    item, agreement = case.item, case.agreement
    if item.change:
        agreement = changed(agreement, item.change, case).but(pending=None)
    agreement = agreement.but(
        approval=Approval(
            meeting_on=case.input.meeting_on,
            amount_cents=agreement.amount_cents,
            ends_on=agreement.ends_on,
        ),
        signatures={},
        signed_at=None,
        awaits_signature=case.at,
        in_force_at=agreement.in_force_at or case.at,
    )
    return _decided(case, "approve").but(agreement=agreement)


def send_back(case: Case) -> Partnership:
    facts = _decided(case, "send-back")
    if case.item.purpose == "new":
        # The Board has not approved what it elected to review, so it still has to.
        facts = facts.but(board=facts.board.but(asked=case.facts.board.asked))
    if case.facts.review and case.facts.review.interrupted_at and case.item.origin is State.ANNUAL_REVIEW:
        facts = facts.but(review=case.review.but(interrupted_at=None))
    if case.item.change:
        facts = facts.but(agreement=case.agreement.but(pending=None))
    return facts


def _item(case: Case, item: Item) -> Partnership:
    return case.facts.but(board=case.facts.board.but(item=item))


def _on_agenda(case: Case, item: Item) -> Partnership:
    meeting = recorded(case.setting.meeting)
    return _item(
        case,
        item.but(
            meeting_on=meeting.on,
            meeting_at=meeting.at,
            scheduled_at=case.at,
            agenda=tuple(sorted({*item.agenda, meeting.on})),
        ),
    )


def _decided(case: Case, decision: Literal["approve", "send-back", "terminate"]) -> Partnership:
    given = case.input
    vote = Vote(ayes=given.ayes, noes=given.noes, abstentions=given.abstentions)
    decided = Decision(
        purpose=case.item.purpose,
        decision=decision,
        meeting_on=given.meeting_on,
        vote=vote,
        reason=given.reason,
        at=case.at,
    )
    board = case.facts.board
    return case.facts.but(board=board.but(item=None, asked=None, decisions=(*board.decisions, decided)))


def board_terminate(case: Case) -> Partnership:
    return _decided(case, "terminate").but(ended=terminated(case, board=True))
