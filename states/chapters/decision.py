"""Defines the events by which the Board decides on an item, with its vote (4270.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from states.agreement import Approval, Decision, Vote
from states.case import Case, attachments_of
from states.chapters.agreement import agreement_not_over, find_short_notice
from states.chapters.board import (
    READ_BY_BOARD,
    HeldAtMeeting,
    meeting_held,
    meeting_is_regular,
    meeting_known_before,
)
from states.chapters.succession import no_other_lead_partner
from states.event import ACTIVE, BOARD, BOARD_OFFICE, OPEN, REVIEW, Event, Form, partner_sees, requirement
from states.inputs import Count, Files, Text, documents_field
from states.names import State
from states.partnership import Partnership


class VoteInput(HeldAtMeeting):
    ayes: Count = Field(description="votes for")
    noes: Count = Field(description="votes against")
    abstentions: Count = Field(default=0, description="abstentions")


class Decide(VoteInput):
    reason: Text | None = Field(default=None, description="what the Board said")
    documents: Files = documents_field("the minutes, and other files of the meeting")


@requirement("4270.9", of_input=True)
def quorum_present(case: Case) -> str | None:
    vote, rules = case.input, case.setting.board
    # Members who abstain are present, so they count for the quorum. They do not count for the result.
    present = vote.ayes + vote.noes + vote.abstentions
    if present > rules.members:
        return f"{present} votes are more than the Board's {rules.members} members"
    return f"{present} members are no quorum; {rules.quorum} are needed" if present < rules.quorum else None


@requirement("4270.9", of_input=True)
def readings_done(case: Case) -> str | None:
    item = case.item
    if case.setting.board.readings < 2:
        return None
    # The two readings need two meetings: an introduction at the same meeting is not an earlier reading.
    if any(day < case.input.meeting_on for day in item.introduced):
        return None
    # The Board acts at once at the meeting at which the item was introduced, not at one before.
    if item.immediate_action and all(day == case.input.meeting_on for day in item.introduced):
        return None
    return "the item must be introduced at an earlier regular meeting, or immediate action be recorded"


@requirement("4270.9", of_input=True)
def vote_carried(case: Case) -> str | None:
    ayes, noes = case.input.ayes, case.input.noes
    # A tie does not carry. `send-back` has no such requirement, since it is what follows a lost vote.
    return None if ayes > noes else f"{ayes} ayes to {noes} noes do not carry it; record send-back"


@requirement(of_input=True)
def met_before_the_end(case: Case) -> str | None:
    # An agreement that has ended stays in force on record until the clock records its end. It cannot be
    # renewed.
    met, agreement = case.input.meeting_on, case.facts.agreement
    last = case.facts.last_day
    if agreement is None or last is None or not case.facts.in_force or met <= last:
        return None
    return f"the agreement ended on {last}, before the meeting on {met}; a new one is needed"


@requirement("4270.12", of_input=True)
def notice_kept_at_vote(case: Case) -> str | None:
    change = case.item.change
    # A new agreement shortens nothing. Histories from before this rule do not name the notice period.
    if change is None or case.setting.longest_notice is None:
        return None
    # Time has passed since the change was drafted and referred, and until the vote nobody could rely on it.
    return find_short_notice(case, case.agreement.ends_on, change.ends_on, case.input.meeting_on)


@requirement("4270.9")
def item_can_be_approved(case: Case) -> str | None:
    # To approve an agreement and to end it are two decisions with different effects on the record.
    if case.item.purpose != "termination":
        return None
    return "the Board was asked for a termination: record terminate or send-back"


@requirement("4270.9")
def item_scheduled(case: Case) -> str | None:
    return None if case.item.agenda else "the item is on the agenda of no regular meeting yet: schedule-item"


@requirement("4270.9", of_input=True)
def item_on_that_agenda(case: Case) -> str | None:
    agenda = case.item.agenda
    if not agenda or case.input.meeting_on in agenda:
        return None
    if case.item.introduced and case.input.meeting_on > max(*agenda, case.item.introduced[0]):
        return None  # introduced before, and now up for action at a meeting after all on its agenda
    return f"the item is not on the agenda of {case.input.meeting_on}; it is on {', '.join(map(str, agenda))}"


def approve(case: Case) -> Partnership:
    item, agreement = case.item, case.agreement
    if item.change:
        agreement = agreement.with_change(item.change, case.at).but(pending=None)
    agreement = agreement.but(
        # Keep on record what was approved: an agreement that the Board approved is for the Board to end.
        approval=Approval(
            meeting_on=case.input.meeting_on,
            amount_cents=agreement.amount_cents,
            ends_on=agreement.ends_on,
        ),
        # Both sides sign the terms that the Board approved. Until then the clock reminds them.
        signatures={},
        signed_at=None,
        awaits_signature=case.at,
        # A renewal continues the same agreement, so the moment from which its duties count stays.
        in_force_at=agreement.in_force_at or case.at,
    )
    facts = record_decision(case, "approve").but(agreement=agreement)
    # By a renewal the Board lets the agreement go on, so a termination that waits does not take effect.
    return facts.but(ending=None) if item.purpose == "renewal" else facts


def send_back(case: Case) -> Partnership:
    facts = record_decision(case, "send-back")
    if case.item.purpose == "new":
        # The Board has not approved the agreement that it elected to review, so the request stays open.
        facts = facts.but(board=facts.board.but(asked=case.facts.board.asked))
    if case.facts.review and case.facts.review.interrupted_at and case.item.origin is State.ANNUAL_REVIEW:
        # The review goes on: the partnership returns to the state from which it was referred.
        facts = facts.but(review=case.review.but(interrupted_at=None))
    if case.item.change:
        # The Board did not accept the change, so it waits no longer. Staff may amend the agreement anew.
        facts = facts.but(agreement=case.agreement.but(pending=None))
    return facts


def record_decision(case: Case, decision: Literal["approve", "send-back", "terminate"]) -> Partnership:
    """Return the facts with the decision on record and no item before the Board."""
    values = case.input
    vote = Vote(ayes=values.ayes, noes=values.noes, abstentions=values.abstentions)
    outcome = Decision(
        purpose=case.item.purpose,
        decision=decision,
        meeting_on=values.meeting_on,
        vote=vote,
        reason=values.reason,
        at=case.at,
        documents=attachments_of(values.documents),
    )
    board = case.facts.board
    return case.facts.but(board=board.but(item=None, asked=None, decisions=(*board.decisions, outcome)))


DECISION = (
    item_scheduled,
    meeting_is_regular,
    meeting_held,
    meeting_known_before,
    item_on_that_agenda,
    quorum_present,
)


def _referral_read(facts: Partnership) -> tuple[object, ...]:
    return (facts.board.item and facts.board.item.referred_at,)


def came_from(state: State) -> Callable[[Case], bool]:
    # One event has three rows. The state that the item came from decides which of them is meant.
    return lambda case: case.item.origin is state


def _send_back(to: State) -> Event:
    return Event(
        name="send-back",
        at=(BOARD,),
        to=to,
        who=(BOARD_OFFICE,),
        takes=Decide,
        records=send_back,
        needs=DECISION,
        asks=("meeting", "board"),
        when=came_from(to),
        audience=partner_sees("meeting_on", "ayes", "noes", "abstentions", "reason", "documents"),
        consents_to=_referral_read,
        document="documents",
        form=Form(reads=READ_BY_BOARD, choices={"meeting_on": "agenda"}),
    )


EVENTS = (
    Event(
        name="approve",
        at=(BOARD,),
        to=ACTIVE,
        who=(BOARD_OFFICE,),
        takes=Decide,
        records=approve,
        needs=(
            item_can_be_approved,
            *DECISION,
            readings_done,
            vote_carried,
            met_before_the_end,
            agreement_not_over,
            notice_kept_at_vote,
            no_other_lead_partner,
        ),
        asks=("meeting", "board", "leads", "longest_notice"),
        audience=partner_sees("meeting_on", "ayes", "noes", "abstentions", "reason", "documents"),
        consents_to=_referral_read,
        document="documents",
        confirmed=True,
        final=True,
        form=Form(reads=READ_BY_BOARD, choices={"meeting_on": "agenda"}),
    ),
    *(_send_back(to) for to in (OPEN, ACTIVE, REVIEW)),
)
