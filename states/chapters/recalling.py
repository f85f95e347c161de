"""Defines how an item leaves an agenda without the Board, and how a waiting amendment is taken back (4270.9).

Staff call an item back, or the Board's calendar changes under it.
"""

from pydantic import Field

from states.case import Case, require_recorded
from states.chapters.board import READ_BY_BOARD, change_item, meeting_is_regular, put_on_agenda
from states.chapters.decision import came_from
from states.event import ACTIVE, BOARD, CLOCK, OPEN, REVIEW, STAFF, Event, Form, partner_sees, requirement
from states.inputs import Day, Input, Reason, Text
from states.names import State
from states.partnership import Partnership


class MoveItem(Input):
    meeting_on: Day | None = Field(
        default=None,
        title="Meeting of the Board",
        description="day to which the meeting moved; none if it is not held as a regular one",
    )
    reason: Text = Field(description="what changed in the calendar")


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


def move_item(case: Case) -> Partnership:
    item = case.item
    left = item.meeting_on or item.freed_on
    was_late = left in item.late
    # The meeting of that day was not held, so nothing can be decided there. What was on its agenda late stays late.
    item = item.but(
        agenda=tuple(day for day in item.agenda if day != left),
        late=tuple(day for day in item.late if day != left),
    )
    if case.input.meeting_on is None:
        freed = item.but(meeting_on=None, meeting_at=None, freed_at=case.at, freed_on=left)
        return change_item(case, freed)
    meeting = require_recorded(case.setting.meeting)
    # Its agenda moves with the meeting, so the item came onto it when it did.
    moved = put_on_agenda(case, item, meeting).but(scheduled_at=item.scheduled_at or case.at)
    if was_late:
        moved = moved.but(late=tuple(sorted({*moved.late, meeting.on})))
    return change_item(case, moved)


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
        name="move-item",
        at=(BOARD,),
        who=(CLOCK,),
        takes=MoveItem,
        records=move_item,
        needs=(meeting_is_regular,),
        asks=("meeting",),
        audience=partner_sees("meeting_on", "reason"),
        optional=True,
    ),
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
