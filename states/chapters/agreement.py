"""Defines the events of the agreement: drafting, signing, activating, amending it (4270.9a-c, 4270.10)."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import Field, model_validator

from states.case import Case, add_signature, board_reasons
from states.chapters.call import no_other_lead_partner
from states.chapters.choice import partner_chosen, protest_window_closed, protests_answered
from states.chapters.needs import another_person_for_each_side
from states.chapters.outcomes import all_agreed_to_outcomes, outcomes_set
from states.event import (
    ACTIVE,
    ASK_FOR_CHANGES,
    BOARD_OFFICE,
    DISAGREES,
    LEAD_PARTNER,
    OPEN,
    STAFF,
    SUPERINTENDENT,
    Event,
    Form,
    ReplyWord,
    Requirement,
    partner_sees,
    requirement,
    sides_left,
)
from states.inputs import Cents, Day, Input, Nothing, Reason, Text
from states.partnership import (
    SIDE_NAMES,
    SIDES,
    Agreement,
    Change,
    Instrument,
    Partnership,
    Request,
    Requester,
    State,
)


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

    @model_validator(mode="after")
    def _in_order(self) -> DraftAgreement:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on: the last day cannot come before the first")
        return self


class SignAgreement(Input):
    signed_on: Day = Field(description="day of the signature")


class AmendAgreement(Input):
    amount_cents: Cents | None = Field(
        default=None, title="New whole amount", description="new whole amount in cents"
    )
    ends_on: Day | None = Field(default=None, description="new last day")
    terms: Text | None = Field(default=None, description="new terms in words")
    reason: Text = Field(description="why")

    @model_validator(mode="after")
    def _changes_something(self) -> AmendAgreement:
        if self.amount_cents is None and self.ends_on is None and self.terms is None:
            raise ValueError("nothing is changed: give amount_cents, ends_on or terms")
        return self


@requirement()
def agreement_drafted(case: Case) -> str | None:
    return None if case.facts.agreement else "no agreement has been drafted yet: draft-agreement"


@requirement()
def side_has_not_signed(case: Case) -> str | None:
    agreement = case.facts.agreement
    side = SIDES[case.role]
    signed = agreement is not None and side in agreement.signatures
    return f"{SIDE_NAMES[side]} has already signed" if signed else None


@requirement()
def signature_awaited(case: Case) -> str | None:
    agreement = case.facts.agreement
    return None if agreement and agreement.awaits_signature else "the agreement is signed; nothing is awaited"


@requirement(of_input=True)
def signed_by_today(case: Case) -> str | None:
    if case.input.signed_on <= case.today:
        return None
    return f"{case.input.signed_on} is still to come; a signature has the day on which it was given"


@requirement(of_input=True)
def signed_after_draft(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None  # `agreement_drafted` refuses this
    # A changed agreement is signed anew, so the last change counts, and what the Board approved since.
    zone = case.at.tzinfo
    written = [agreement.drafted_at, *(change.at for change in agreement.changes[-1:])]
    days = [at.astimezone(zone).date() for at in written]
    days += [agreement.approval.meeting_on] if agreement.approval else []
    if case.input.signed_on >= max(days):
        return None
    return (
        f"{case.input.signed_on} is before {max(days)}, the day of these terms; nobody signs before the draft"
    )


@requirement()
def signed_by_both(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None  # `agreement_drafted` refuses this
    left = [SIDE_NAMES[side] for side in ("district", "partner") if side not in agreement.signatures]
    return f"not yet signed by {' and '.join(left)}" if left else None


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
        if agreement is None or clause not in board_reasons(agreement, case.setting.board):
            return None
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
def shortening_keeps_notice(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None
    # What the input leaves out comes from the amendment that already waits, or else from the present terms.
    last = case.input.ends_on or (agreement.pending or agreement).ends_on
    if new_term_possible.reason(case):
        return None
    return find_short_notice(case, last, case.today)


def find_short_notice(case: Case, last: date, since: date) -> str | None:
    """Return why a new last day gives less notice than a termination. The notice begins on the day `since`."""
    present = case.agreement.ends_on
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
    agreement = Agreement(**case.input.model_dump(), drafted_at=case.at)
    return case.facts.but(agreement=agreement)


def ask_for_review(case: Case) -> Partnership:
    asked = Request(role=case.role, by=case.actor, reason=case.input.reason, at=case.at)
    return case.facts.but(board=case.facts.board.but(asked=asked))


def sign_agreement(case: Case) -> Partnership:
    signatures = add_signature(case.agreement.signatures, case, on=case.input.signed_on)
    both = {"district", "partner"} <= signatures.keys()
    return _change_agreement(
        case,
        signatures=signatures,
        signed_at=case.at if both else None,
        awaits_signature=None if both else case.agreement.awaits_signature,
    )


def activate(case: Case) -> Partnership:
    # This is the way without the Board. `approve` puts an agreement into force by the Board's decision.
    return _change_agreement(case, in_force_at=case.at)


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
    )
    change = _join(waiting, change)
    # Judge the agreement as it would be after the change. What needs the Board waits as pending.
    if board_reasons(agreement, case.setting.board, change.amount_cents, change.ends_on):
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


_SIGNING = (side_has_not_signed, signed_by_today, signed_after_draft, another_person_for_each_side)


def _terms_read(facts: Partnership) -> tuple[object, ...]:
    agreement = facts.agreement
    # A signature is given to exact terms and outcomes.
    # A link from before a change must not sign the new ones.
    return (agreement and agreement.drafted_at, agreement and len(agreement.changes), facts.outcomes.set_at)


def _sign(at: State, needs: tuple[Requirement, ...], asks: tuple[str, ...]) -> Event:
    return Event(
        name="sign-agreement",
        at=(at,),
        who=(STAFF, LEAD_PARTNER),
        takes=SignAgreement,
        records=sign_agreement,
        needs=needs,
        asks=asks,
        audience=partner_sees("signed_on"),
        awaited_since="agreement.awaits_signature",
        collected=lambda facts: sides_left(
            ("district", "partner"), facts.agreement.signatures if facts.agreement else {}
        ),
        consents_to=_terms_read,
        instead=ASK_FOR_CHANGES,
        reply_words={"sign": ReplyWord("sign-agreement", day="signed_on"), "no": DISAGREES},
        form=Form(reads=("terms", "outcomes"), today="signed_on"),
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
            "instrument", "amount_cents", "starts_on", "ends_on", "autonomy_requested_by", "responsibilities"
        ),
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
    _sign(OPEN, (*BEFORE_SIGNING, *board_need_not_act, *_SIGNING), asks=("board", "through")),
    _sign(ACTIVE, (signature_awaited, *_SIGNING), asks=("through",)),
    Event(
        name="activate",
        at=(OPEN,),
        to=ACTIVE,
        who=(STAFF,),
        takes=Nothing,
        records=activate,
        needs=(
            *BEFORE_SIGNING,
            *board_need_not_act,
            signed_by_both,
            agreement_not_over,
            no_other_lead_partner,
        ),
        asks=("board", "other_lead"),
        audience=partner_sees(),
        consents_to=_terms_read,
        form=Form(reads=("terms", "outcomes")),
    ),
    Event(
        name="amend-agreement",
        at=(ACTIVE,),
        who=(STAFF,),
        takes=AmendAgreement,
        records=amend_agreement,
        needs=(agreement_not_over, new_term_possible, shortening_keeps_notice),
        asks=("board", "longest_notice"),
        audience=partner_sees("amount_cents", "ends_on", "terms", "reason"),
        form=Form(reads=("terms",), beside={"amount_cents": "present-amount", "ends_on": "present-last-day"}),
    ),
)
