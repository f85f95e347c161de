"""Defines the referral to the Board: what may come before it, with which terms, and why (4270.9)."""

from pydantic import Field

from states.agreement import Agreement, Change, Item
from states.case import Case, attachments_of, board_reasons, require_recorded
from states.chapters.agreement import BEFORE_SIGNING, new_term_possible, shortening_keeps_notice
from states.chapters.succession import referral_ends_before_successor
from states.event import (
    ACTIVE,
    BOARD,
    OPEN,
    REVIEW,
    STAFF,
    Event,
    Form,
    Requirement,
    partner_sees,
    requirement,
)
from states.inputs import Cents, Day, Files, Input, Text, documents_field
from states.names import Purpose, State
from states.partnership import Partnership


class ReferToBoard(Input):
    purpose: Purpose = Field(title="Purpose", description="what the Board is asked for")
    reason: Text = Field(description="why")
    amount_cents: Cents | None = Field(
        default=None, title="New whole amount", description="new whole amount in cents"
    )
    ends_on: Day | None = Field(default=None, description="new last day")
    documents: Files = documents_field("files for the agenda packet")


def _reasons(case: Case, agreement: Agreement) -> tuple[str, ...]:
    return board_reasons(agreement, case.setting.board, earlier=case.setting.earlier)


@requirement("4270.9")
def board_has_a_reason(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None or case.facts.board.asked or _reasons(case, agreement):
        return None
    return "nothing calls for the Board: the agreement can be signed and activated, or ask-for-review first"


@requirement("4270.9", of_input=True)
def purpose_is_new(case: Case) -> str | None:
    values = case.input
    if values.purpose != "new":
        return "a partnership in selection goes to the Board as 'new'"
    if values.amount_cents is None and values.ends_on is None:
        return None
    return "a new agreement has its terms in the draft: leave out amount_cents and ends_on"


@requirement("4270.9", of_input=True)
def purpose_is_of_agreement(case: Case) -> str | None:
    if case.input.purpose != "new":
        return None
    return "the agreement is in force: the purpose is amendment, renewal or termination"


@requirement("4270.9", of_input=True)
def change_stated(case: Case) -> str | None:
    values = case.input
    given = values.amount_cents is not None or values.ends_on is not None
    if values.purpose == "termination":
        return "a termination changes no terms: leave out amount_cents and ends_on" if given else None
    if values.purpose == "new" or case.agreement.pending or given:
        return None
    return "what the Board is to approve is missing: give amount_cents, ends_on or both"


@requirement("4270.9c", of_input=True)
def renewal_goes_later(case: Case) -> str | None:
    values, agreement = case.input, case.agreement
    if values.purpose != "renewal" or change_stated.reason(case):
        return None  # `change_stated` refuses a renewal without terms
    last = values.ends_on or (agreement.pending or agreement).ends_on
    if last > agreement.ends_on:
        return None
    return (
        f"a renewal goes on after the present last day, {agreement.ends_on}, and {last} does not; to end the"
        " agreement earlier, refer an amendment"
    )


@requirement("4270.12", of_input=True)
def change_keeps_notice(case: Case) -> str | None:
    # A termination has its own days of notice.
    return None if case.input.purpose == "termination" else shortening_keeps_notice.reason(case)


def refer_to_board(case: Case) -> Partnership:
    values, agreement = case.input, case.agreement
    change = None
    if values.purpose in ("amendment", "renewal"):
        # What the form leaves out comes from the amendment
        # that already waits, or else from the present terms.
        basis = agreement.pending or agreement
        change = Change(
            purpose=values.purpose,
            amount_cents=basis.amount_cents if values.amount_cents is None else values.amount_cents,
            ends_on=values.ends_on or basis.ends_on,
            terms=agreement.pending.terms if agreement.pending else None,
            reason=values.reason,
            at=case.at,
            document=agreement.pending.document if agreement.pending else None,
        )
    basis = change or agreement
    # Keep the clauses with the item: the procedure may change later, and the reason must stay readable.
    because = board_reasons(
        agreement, case.setting.board, basis.amount_cents, basis.ends_on, case.setting.earlier
    )
    if case.facts.board.asked:
        because = (*because, "asked")
    item = Item(
        purpose=values.purpose,
        reason=values.reason,
        because=because,
        origin=require_recorded(case.state),
        change=change,
        referred_at=case.at,
        documents=attachments_of(values.documents),
    )
    facts = case.facts
    if case.state is State.ANNUAL_REVIEW:
        # The review is only interrupted: unless the agreement ends, it goes on with what it has.
        facts = facts.but(review=case.review.but(interrupted_at=case.at))
    return facts.but(board=facts.board.but(item=item))


_IN_FORCE = ("terms", "outcomes", "report", "findings")


def _refer(
    at: State, needs: tuple[Requirement, ...], form: Form, *asks: str, optional: bool = False
) -> Event:
    return Event(
        name="refer-to-board",
        at=(at,),
        to=BOARD,
        who=(STAFF,),
        takes=ReferToBoard,
        records=refer_to_board,
        needs=needs,
        asks=("board", "earlier", "longest_notice", *asks),
        audience=partner_sees("purpose", "reason", "amount_cents", "ends_on", "documents"),
        optional=optional,
        document="documents",
        form=form,
    )


_REFER_IN_FORCE = (
    purpose_is_of_agreement, change_stated, renewal_goes_later, new_term_possible, change_keeps_notice,
    referral_ends_before_successor,
)  # fmt: skip
_FORM_IN_FORCE = Form(
    reads=_IN_FORCE,
    choices={"purpose": "purposes-in-force"},
    replaces="pending-change",
    beside={"amount_cents": "present-amount", "ends_on": "present-last-day"},
)


EVENTS = (
    _refer(
        OPEN,
        (*BEFORE_SIGNING, purpose_is_new, board_has_a_reason),
        Form(
            reads=_IN_FORCE,
            choices={"purpose": "purpose-new"},
            beside={"amount_cents": "present-amount", "ends_on": "present-last-day"},
            without=frozenset({"amount_cents", "ends_on"}),
        ),
    ),
    _refer(ACTIVE, _REFER_IN_FORCE, _FORM_IN_FORCE, "leads"),
    # Optional here: a review waits for the report and the findings, and a referral is the other way to end
    # it.
    _refer(REVIEW, _REFER_IN_FORCE, _FORM_IN_FORCE, "leads", optional=True),
)
