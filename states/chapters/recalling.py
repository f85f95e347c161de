"""Defines how staff take back what waits for the Board: an item before it, or an amendment (4270.9)."""

from __future__ import annotations

from states.case import Case
from states.chapters.board import READ_BY_BOARD
from states.chapters.decision import came_from
from states.event import ACTIVE, BOARD, OPEN, REVIEW, STAFF, Event, Form, partner_sees, requirement
from states.inputs import Reason
from states.partnership import Partnership, State


@requirement("4270.9")
def board_has_not_met(case: Case) -> str | None:
    on, at = case.item.meeting_on, case.item.meeting_at
    if at is None or case.at < at:
        return None
    return f"the Board met on {on}: its office records what it did, or defer-item"


@requirement("4270.9")
def amendment_waits(case: Case) -> str | None:
    agreement = case.facts.agreement
    return None if agreement and agreement.pending else "no amendment waits for the Board"


def recall_item(case: Case) -> Partnership:
    facts = case.facts.but(board=case.facts.board.but(item=None))
    if facts.agreement and facts.agreement.pending:
        # The amendment waits for the Board again, and the time to refer it begins anew.
        pending = facts.agreement.pending.but(at=case.at)
        facts = facts.but(agreement=facts.agreement.but(pending=pending))
    if facts.review and case.item.origin is State.ANNUAL_REVIEW:
        # The review goes on with what it has.
        facts = facts.but(review=facts.review.but(interrupted_at=None))
    return facts


def withdraw_amendment(case: Case) -> Partnership:
    return case.facts.but(agreement=case.agreement.but(pending=None))


def _recall_item(to: State) -> Event:
    return Event(
        name="recall-item",
        at=(BOARD,),
        to=to,
        who=(STAFF,),
        takes=Reason,
        records=recall_item,
        needs=(board_has_not_met,),
        when=came_from(to),
        audience=partner_sees("reason"),
        optional=True,
        form=Form(reads=READ_BY_BOARD),
        urgent=True,  # people expect the meeting
    )


EVENTS = (
    *(_recall_item(to) for to in (OPEN, ACTIVE, REVIEW)),
    Event(
        name="withdraw-amendment",
        at=(ACTIVE, REVIEW),
        who=(STAFF,),
        takes=Reason,
        records=withdraw_amendment,
        needs=(amendment_waits,),
        audience=partner_sees("reason"),
        optional=True,
        form=Form(reads=("terms",)),
    ),
)
