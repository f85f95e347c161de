"""Defines the events that end a partnership: withdrawal, termination, expiry, close-out (4270.9, 4270.12)."""

from collections.abc import Callable

from pydantic import Field

from states.case import Case, attachments_of, require_recorded
from states.chapters.call import of_call
from states.chapters.decision import DECISION, VoteInput, record_decision, vote_carried
from states.chapters.succession import goes_on_before_successor, termination_before_successor
from states.event import (
    ACTIVE,
    BOARD,
    BOARD_OFFICE,
    CLOCK,
    LEAD_PARTNER,
    NEEDS,
    OPEN,
    PRINCIPAL,
    REVIEW,
    STAFF,
    TERMINATED,
    Effect,
    Event,
    Form,
    partner_sees,
    requirement,
)
from states.inputs import Day, Files, Input, Nothing, Reason, Text, documents_field
from states.names import Ground, State
from states.partnership import ClosedOut, Ended, Partnership


class Terminate(Input):
    ground: Ground = Field(title="Ground", description="the ground")
    reason: Text = Field(description="why")
    effective_on: Day = Field(description="when it takes effect")
    documents: Files = documents_field("files that belong to it, such as the notice")


class BoardTerminate(VoteInput, Terminate):
    """The input of a termination by the Board, with its vote."""


class CloseOut(Input):
    summary: Text = Field(title="Summary", description="final report, return of property and records")
    documents: Files = documents_field("files of the final report, receipts")


@requirement("4270.9")
def board_did_not_approve(case: Case) -> str | None:
    # Staff must not undo what the Board decided, unless the procedure leaves it to them.
    if case.agreement.approval is None or not case.setting.board.terminates:
        return None
    return "the Board approved this agreement, so the Board ends it: refer-to-board with purpose termination"


@requirement("4270.12", of_input=True)
def notice_given(case: Case) -> str | None:
    # The procedure gives each ground its own notice, so that a breach can end sooner than weak results.
    days = case.setting.notice_days
    wait = (case.input.effective_on - case.today).days
    if wait >= days:
        return None
    ground, effective = case.input.ground, case.input.effective_on
    return f"ground '{ground}' needs {days} days of notice; {effective} is {wait} days away"


@requirement("4270.12", of_input=True)
def effective_after_decision(case: Case) -> str | None:
    effective, met = case.input.effective_on, case.input.meeting_on
    if effective >= met:
        return None
    return f"{effective} is before the meeting on {met}; a termination takes effect that day or later"


@requirement("4270.9")
def board_did_not_end(case: Case) -> str | None:
    ending = case.facts.ending
    if ending is None or not ending.board or not case.setting.board.terminates:
        return None
    return f"the Board ends this agreement on {ending.effective_on}, and only it changes that: refer-to-board"


@requirement("4270.12", of_input=True)
def ends_earlier_than_on_record(case: Case) -> str | None:
    ending = case.facts.ending
    if ending is None or case.input.effective_on < ending.effective_on:
        return None
    return (
        f"a termination takes effect on {ending.effective_on}, and another can only come earlier; to let the"
        " agreement go on longer, take it back: withdraw-termination"
    )


@requirement("4270.12")
def termination_waits(case: Case) -> str | None:
    return None if case.facts.ending else "no termination waits for its effective day"


@requirement(of_input=True)
def ends_before_last_day(case: Case) -> str | None:
    agreement = case.facts.agreement
    # A termination after the last day would make the agreement longer than its term.
    if agreement is None or case.input.effective_on <= agreement.ends_on:
        return None
    return f"the agreement ends by itself on {agreement.ends_on}"


@requirement()
def past_last_day(case: Case) -> str | None:
    # An item before the Board may be a new agreement, which has a last day and cannot expire yet.
    if not case.facts.in_force:
        return "no agreement is in force"
    last = require_recorded(case.facts.last_day)
    return None if case.today > last else f"the agreement runs through {last}"


@requirement()
def not_closed_out(case: Case) -> str | None:
    return "the partnership has already been closed out" if case.facts.closed_out else None


def make_termination(case: Case, *, board: bool) -> Ended:
    values = case.input
    return Ended(
        how="terminated",
        ground=values.ground,
        reason=values.reason,
        effective_on=values.effective_on,
        by=case.actor,
        board=board,
        at=case.at,
        documents=attachments_of(values.documents),
    )


def withdraw(case: Case) -> Partnership:
    return case.facts.but(
        ended=Ended(
            how="withdrawn", reason=case.input.reason, effective_on=case.today, by=case.actor, at=case.at
        )
    )


def takes_effect_later(case: Case) -> bool:
    """Return whether a termination waits for a later day, until which the agreement and its duties go on."""
    # Before an agreement is in force nothing can go on.
    return case.setting.ends_later and case.facts.in_force and case.input.effective_on > case.today


def takes_effect_now(case: Case) -> bool:
    return not takes_effect_later(case)


def terminate(case: Case) -> Partnership:
    return case.facts.but(ended=make_termination(case, board=False), ending=None)


def announce_termination(case: Case) -> Partnership:
    # A termination on an earlier day replaces one that waits.
    return case.facts.but(ending=make_termination(case, board=False))


def withdraw_termination(case: Case) -> Partnership:
    return case.facts.but(ending=None)


def expire(case: Case) -> Partnership:
    last, ending = case.agreement.ends_on, case.facts.ending
    # A termination takes effect at the beginning of its day. The agreement may have had its last day before.
    if ending is not None and ending.effective_on <= last:
        ended = ending.but(at=case.at)
    else:
        ended = Ended(how="expired", effective_on=last, by=case.actor, at=case.at)
    return case.facts.but(ended=ended, ending=None)


def close_out(case: Case) -> Partnership:
    documents = attachments_of(case.input.documents)
    closed = ClosedOut(summary=case.input.summary, by=case.actor, at=case.at, documents=documents)
    return case.facts.but(closed_out=closed)


def board_terminate(case: Case) -> Partnership:
    return record_decision(case, "terminate").but(ended=make_termination(case, board=True), ending=None)


def announce_board_termination(case: Case) -> Partnership:
    facts, review = record_decision(case, "terminate"), case.facts.review
    if review is not None and case.item.origin is State.ANNUAL_REVIEW:
        # The review goes on until the end: the partnership returns to the state from which it was referred.
        facts = facts.but(review=review.but(interrupted_at=None))
    return facts.but(ending=make_termination(case, board=True))


_TERMINATION = partner_sees(
    "ground", "reason", "effective_on", "meeting_on", "ayes", "noes", "abstentions", "documents"
)
_READ_BEFORE_THE_END = ("item", "terms", "outcomes", "report", "findings")


def _later_from(origin: State) -> Callable[[Case], bool]:
    """Return whether the Board's termination waits for its day, in a partnership that goes back to `origin`."""
    return lambda case: takes_effect_later(case) and case.item.origin is origin


def _board_terminates(to: State, when: Callable[[Case], bool], records: Effect) -> Event:
    return Event(
        name="terminate",
        at=(BOARD,),
        to=to,
        who=(BOARD_OFFICE,),
        takes=BoardTerminate,
        records=records,
        needs=(
            *DECISION,
            vote_carried,
            effective_after_decision,
            ends_before_last_day,
            termination_before_successor,
        ),
        asks=("meeting", "board", "ends_later", "leads"),
        when=when,
        audience=_TERMINATION,
        document="documents",
        optional=True,
        confirmed=True,
        final=True,
        form=Form(reads=_READ_BEFORE_THE_END, choices={"meeting_on": "agenda"}),
    )


def _staff_terminate(to: State | None, when: Callable[[Case], bool], records: Effect) -> Event:
    return Event(
        name="terminate",
        at=(ACTIVE, REVIEW),
        to=to,
        who=(STAFF,),
        takes=Terminate,
        records=records,
        needs=(
            board_did_not_approve,
            board_did_not_end,
            notice_given,
            ends_before_last_day,
            ends_earlier_than_on_record,
        ),
        asks=("board", "notice_days", "ends_later"),
        when=when,
        audience=_TERMINATION,
        document="documents",
        optional=True,
        confirmed=True,
        final=True,
        form=Form(reads=_READ_BEFORE_THE_END),
    )


EVENTS = (
    Event(
        name="withdraw",
        at=(NEEDS, OPEN),
        to=TERMINATED,
        who=(PRINCIPAL, STAFF),
        takes=Reason,
        records=withdraw,
        audience=of_call("reason"),
        public=True,
        optional=True,
        confirmed=True,
        final=True,
    ),
    # A termination with a later day changes no state. The clock ends the agreement on that day, with `expire`.
    _board_terminates(TERMINATED, takes_effect_now, board_terminate),
    _board_terminates(ACTIVE, _later_from(ACTIVE), announce_board_termination),
    _board_terminates(REVIEW, _later_from(REVIEW), announce_board_termination),
    _staff_terminate(TERMINATED, takes_effect_now, terminate),
    _staff_terminate(None, takes_effect_later, announce_termination),
    Event(
        name="withdraw-termination",
        at=(ACTIVE, REVIEW),
        who=(STAFF,),
        takes=Reason,
        records=withdraw_termination,
        needs=(termination_waits, board_did_not_end, goes_on_before_successor),
        asks=("board", "leads"),
        audience=partner_sees("reason"),
        optional=True,
        form=Form(reads=("end",)),
    ),
    Event(
        # It may also expire before the Board, since an agreement does not go on while a renewal waits there.
        name="expire",
        at=(ACTIVE, REVIEW, BOARD),
        to=TERMINATED,
        who=(CLOCK,),
        takes=Nothing,
        records=expire,
        needs=(past_last_day,),
        audience=partner_sees(),
    ),
    Event(
        name="close-out",
        at=(TERMINATED,),
        who=(STAFF, LEAD_PARTNER),
        takes=CloseOut,
        records=close_out,
        needs=(not_closed_out,),
        audience=partner_sees("summary", "documents"),
        document="documents",
        confirmed=True,
        final=True,
        form=Form(reads=("end",)),
    ),
)
