"""Defines the events that end a partnership: withdrawal, termination, expiry, close-out (4270.9, 4270.12)."""

from __future__ import annotations

from pydantic import Field

from states.case import Case, attachments_of
from states.chapters.call import of_call
from states.chapters.decision import DECISION, VoteInput, record_decision, vote_carried
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
    Event,
    Form,
    partner_sees,
    requirement,
)
from states.inputs import Day, Files, Input, Nothing, Reason, Text, documents_field
from states.partnership import ClosedOut, Ended, Ground, Partnership


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
    last = case.agreement.ends_on
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


def terminate(case: Case) -> Partnership:
    return case.facts.but(ended=make_termination(case, board=False))


def expire(case: Case) -> Partnership:
    last = case.agreement.ends_on
    return case.facts.but(ended=Ended(how="expired", effective_on=last, by=case.actor, at=case.at))


def close_out(case: Case) -> Partnership:
    documents = attachments_of(case.input.documents)
    closed = ClosedOut(summary=case.input.summary, by=case.actor, at=case.at, documents=documents)
    return case.facts.but(closed_out=closed)


def board_terminate(case: Case) -> Partnership:
    return record_decision(case, "terminate").but(ended=make_termination(case, board=True))


_TERMINATION = partner_sees(
    "ground", "reason", "effective_on", "meeting_on", "ayes", "noes", "abstentions", "documents"
)
_READ_BEFORE_THE_END = ("item", "terms", "outcomes", "report", "findings")

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
    Event(
        name="terminate",
        at=(BOARD,),
        to=TERMINATED,
        who=(BOARD_OFFICE,),
        takes=BoardTerminate,
        records=board_terminate,
        needs=(*DECISION, vote_carried, effective_after_decision, ends_before_last_day),
        asks=("meeting", "board"),
        audience=_TERMINATION,
        document="documents",
        optional=True,
        confirmed=True,
        final=True,
        form=Form(reads=_READ_BEFORE_THE_END, choices={"meeting_on": "agenda"}),
    ),
    Event(
        name="terminate",
        at=(ACTIVE, REVIEW),
        to=TERMINATED,
        who=(STAFF,),
        takes=Terminate,
        records=terminate,
        needs=(board_did_not_approve, notice_given, ends_before_last_day),
        asks=("board", "notice_days"),
        audience=_TERMINATION,
        document="documents",
        optional=True,
        confirmed=True,
        final=True,
        form=Form(reads=_READ_BEFORE_THE_END),
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
