"""Defines the events of the agreement: drafting, signing, activating, amending it (4270.9a-c, 4270.10)."""

from datetime import date, timedelta
from typing import Self

from pydantic import Field, model_validator

from states.agreement import Agreement, Change, Request
from states.case import Case, attachment_of, board_reasons
from states.chapters.choice import partner_chosen, protest_window_closed, protests_answered
from states.chapters.outcomes import all_agreed_to_outcomes, outcomes_set
from states.chapters.succession import ends_before_successor
from states.event import (
    ACTIVE,
    BOARD_OFFICE,
    OPEN,
    STAFF,
    SUPERINTENDENT,
    Event,
    Form,
    ReplyWord,
    Requirement,
    partner_sees,
    requirement,
)
from states.inputs import Cents, Day, Input, OneFile, Reason, Text
from states.names import Instrument, Requester
from states.partnership import Partnership


class DraftAgreement(Input):
    instrument: Instrument = Field(
        title="Kind of agreement", description="memorandum of understanding or contract"
    )
    amount_cents: Cents = Field(title="Whole amount", description="whole amount in cents")
    starts_on: Day = Field(description="first day")
    ends_on: Day = Field(description="last day")
    autonomy_requested_by: Requester | None = Field(
        default=None, title="Autonomy", description="who wants autonomy, if anybody"
    )
    responsibilities: tuple[Text, ...] = Field(
        default=(), title="Responsibilities", description="responsibilities beyond the policy's"
    )
    document: OneFile | None = Field(
        default=None, title="Text of the agreement", description="the file that is signed"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on: the last day cannot come before the first")
        return self


class AmendAgreement(Input):
    amount_cents: Cents | None = Field(
        default=None, title="New whole amount", description="new whole amount in cents"
    )
    ends_on: Day | None = Field(default=None, description="new last day")
    terms: Text | None = Field(default=None, description="new terms in words")
    reason: Text = Field(description="why")
    document: OneFile | None = Field(
        default=None, title="Text of the agreement", description="the new file that is signed"
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.amount_cents is None and self.ends_on is None and self.terms is None:
            raise ValueError("nothing is changed: give amount_cents, ends_on or terms")
        return self


@requirement()
def agreement_drafted(case: Case) -> str | None:
    return None if case.facts.agreement else "no agreement has been drafted yet: draft-agreement"


@requirement()
def agreement_not_over(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None
    item = case.facts.board.item
    # The Board may have a renewal before it, which is judged by the last day that it would give.
    last = item.change.ends_on if item and item.change else agreement.ends_on
    return f"the agreement's last day, {last}, has passed" if case.today > last else None


def _board_need_not_act(clause: str, what: str) -> Requirement:
    """Return the requirement that this clause does not require the Board to act; `what` says when it does."""

    def reason(case: Case) -> str | None:
        agreement = case.facts.agreement
        # One requirement for each clause, so that a refusal cites every clause that applies (4270.9a-c).
        if agreement is None or clause not in board_reasons(
            agreement, case.setting.board, earlier=case.setting.earlier
        ):
            return None
        if case.setting.earlier and clause not in board_reasons(agreement, case.setting.board):
            refs = ", ".join(case.setting.earlier.refs)
            return f"together with {refs}, {what}, so the Board must act first: refer-to-board"
        return f"{what}, so the Board must act first: refer-to-board"

    return Requirement(f"board-need-not-act-{clause[-1]}", clause, False, reason)


@requirement("4270.9")
def board_did_not_ask(case: Case) -> str | None:
    # The Board may review an agreement that no threshold
    # sends to it, if its office or the Superintendent asks.
    asked = case.facts.board.asked
    return f"the Board elected to review this ({asked.reason}): refer-to-board" if asked else None


board_need_not_act = (
    _board_need_not_act("4270.9a", "the whole amount meets or exceeds the Board's threshold"),
    _board_need_not_act("4270.9b", "a level of autonomy is requested"),
    _board_need_not_act("4270.9c", "the whole term is longer than the Board's limit"),
    board_did_not_ask,
)


@requirement(of_input=True)
def new_term_possible(case: Case) -> str | None:
    last, agreement = case.input.ends_on, case.facts.agreement
    # A term cannot be cut short after the fact: a last day
    # in the past would end the agreement without notice.
    if last is None or agreement is None or last >= max(case.today, agreement.starts_on):
        return None
    return f"the new last day {last} has passed, or lies before the first day"


@requirement("4270.12", of_input=True)
def no_termination_waits(case: Case) -> str | None:
    agreement, ending, last = case.facts.agreement, case.facts.ending, case.input.ends_on
    if ending is None or agreement is None or last is None or last <= agreement.ends_on:
        return None
    return f"a termination takes effect on {ending.effective_on}; take it back first: withdraw-termination"


@requirement("4270.12", of_input=True)
def shortening_keeps_notice(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None
    # What the input leaves out comes from the amendment that already waits, or else from the present terms.
    last = case.input.ends_on or (agreement.pending or agreement).ends_on
    if new_term_possible.reason(case):
        return None
    return find_short_notice(case, agreement.ends_on, last, case.today)


def find_short_notice(case: Case, present: date, last: date, since: date) -> str | None:
    """Return why a new last day in place of the present one gives less notice than a termination.

    The notice begins on the day `since`.
    """
    if last >= present:
        return None
    # An earlier last day ends the agreement without a ground, so the longest notice period applies.
    days = case.setting.longest_notice or 0
    earliest = min(since + timedelta(days=days), present)
    if last >= earliest:
        return None
    return (
        f"the new last day {last} ends the agreement early, which needs {days} days of notice: {earliest} or"
        " later; or end it for a ground, with terminate"
    )


def draft_agreement(case: Case) -> Partnership:
    # A new draft replaces the old one with all its signatures, since they were for other terms.
    agreement = Agreement.model_validate({**case.input.model_dump(), "drafted_at": case.at})
    return case.facts.but(agreement=agreement)


def ask_for_review(case: Case) -> Partnership:
    asked = Request(role=case.role, by=case.actor, reason=case.input.reason, at=case.at)
    return case.facts.but(board=case.facts.board.but(asked=asked))


def amend_agreement(case: Case) -> Partnership:
    values, agreement = case.input, case.agreement
    # An amendment of the words alone may take effect while another one waits for the Board.
    superseded = values.amount_cents is not None or values.ends_on is not None
    waiting = agreement.pending if superseded and case.setting.board.joins else None
    basis = waiting or agreement
    change = Change(
        purpose="amendment",
        amount_cents=basis.amount_cents if values.amount_cents is None else values.amount_cents,
        ends_on=values.ends_on or basis.ends_on,
        terms=values.terms,
        reason=values.reason,
        at=case.at,
        document=attachment_of(values.document),
    )
    change = _join(waiting, change)
    # Judge the agreement as it would be after the change. What needs the Board waits as pending.
    earlier = case.setting.earlier
    if board_reasons(agreement, case.setting.board, change.amount_cents, change.ends_on, earlier):
        if agreement.pending and not superseded:
            # An amendment of the words alone goes to the Board with the amount and last day that already
            # wait.
            pending = agreement.pending
            change = change.but(amount_cents=pending.amount_cents, ends_on=pending.ends_on)
            change = _join(pending if case.setting.board.joins else None, change)
        return _change_agreement(case, pending=change)
    kept = None if superseded else agreement.pending
    return case.facts.but(agreement=agreement.with_change(change, case.at).but(pending=kept))


def _join(waiting: Change | None, change: Change) -> Change:
    """Return a change with the words of the one that waits before its own, so that none of them is lost."""
    if waiting is None:
        return change
    terms = [text for text in (waiting.terms, change.terms) if text]
    return change.but(
        terms="\n\n".join(dict.fromkeys(terms)) or None,
        reason="\n\n".join(dict.fromkeys((waiting.reason, change.reason))),
        # Both wait as one text of the agreement, and a newer text replaces the one before it.
        document=change.document or waiting.document,
    )


def _change_agreement(case: Case, **changes: object) -> Partnership:
    return case.facts.but(agreement=case.agreement.but(**changes))


BEFORE_SIGNING = (
    partner_chosen,
    protest_window_closed,
    protests_answered,
    agreement_drafted,
    outcomes_set,
    all_agreed_to_outcomes,
)

EVENTS = (
    Event(
        name="draft-agreement",
        at=(OPEN,),
        who=(STAFF,),
        takes=DraftAgreement,
        records=draft_agreement,
        needs=(partner_chosen,),
        audience=partner_sees(
            "instrument",
            "amount_cents",
            "starts_on",
            "ends_on",
            "autonomy_requested_by",
            "responsibilities",
            "document",
        ),
        document="document",
        awaited_since="selection.chosen",
        done_once="agreement.drafted",
        form=Form(replaces="terms"),
    ),
    Event(
        name="ask-for-review",
        in_own_name=True,
        at=(OPEN,),
        who=(BOARD_OFFICE, SUPERINTENDENT),
        takes=Reason,
        records=ask_for_review,
        audience=partner_sees("reason"),
        reply_words={"review": ReplyWord("ask-for-review", below="reason")},
        form=Form(reads=("terms",)),
    ),
    Event(
        name="amend-agreement",
        at=(ACTIVE,),
        who=(STAFF,),
        takes=AmendAgreement,
        records=amend_agreement,
        needs=(
            agreement_not_over,
            new_term_possible,
            no_termination_waits,
            shortening_keeps_notice,
            ends_before_successor,
        ),
        asks=("board", "earlier", "longest_notice", "leads"),
        audience=partner_sees("amount_cents", "ends_on", "terms", "reason", "document"),
        document="document",
        form=Form(reads=("terms",), beside={"amount_cents": "present-amount", "ends_on": "present-last-day"}),
    ),
)
