"""What is recorded of terms, outcomes and signatures."""

from __future__ import annotations

from states.case import Case, board_reasons
from states.effects.effect import changed, signed
from states.partnership import (
    SIDES,
    Agreement,
    Change,
    Outcome,
    Outcomes,
    Partnership,
    Request,
)


def draft_agreement(case: Case) -> Partnership:
    agreement = Agreement(**case.input.model_dump(), drafted_at=case.at)
    return case.facts.but(agreement=agreement)


def set_outcomes(case: Case) -> Partnership:
    items = tuple(Outcome(**outcome.model_dump()) for outcome in case.input.outcomes)
    agreement = case.facts.agreement
    if agreement is not None:
        # Whoever signed had other outcomes before them.
        agreement = agreement.but(signatures={}, signed_at=None)
    return case.facts.but(outcomes=Outcomes(items=items, set_at=case.at), agreement=agreement)


def agree_outcomes(case: Case) -> Partnership:
    signatures = signed(case.facts.outcomes.signatures, case)
    all_three = set(SIDES.values()) <= signatures.keys()
    return case.facts.but(
        outcomes=case.facts.outcomes.but(signatures=signatures, agreed_at=case.at if all_three else None)
    )


def ask_for_review(case: Case) -> Partnership:
    asked = Request(role=case.role, by=case.actor, reason=case.input.reason, at=case.at)
    return case.facts.but(board=case.facts.board.but(asked=asked))


def sign_agreement(case: Case) -> Partnership:
    signatures = signed(case.agreement.signatures, case, on=case.input.signed_on)
    both = {"district", "partner"} <= signatures.keys()
    return _agreement(
        case,
        signatures=signatures,
        signed_at=case.at if both else None,
        awaits_signature=None if both else case.agreement.awaits_signature,
    )


def activate(case: Case) -> Partnership:
    return _agreement(case, in_force_at=case.at)


def amend_agreement(case: Case) -> Partnership:
    given, agreement = case.input, case.agreement
    # An amendment that states amount or last day anew takes the place of one that waits for the Board.
    superseded = given.amount_cents is not None or given.ends_on is not None
    change = Change(
        purpose="amendment",
        amount_cents=agreement.amount_cents if given.amount_cents is None else given.amount_cents,
        ends_on=given.ends_on or agreement.ends_on,
        terms=given.terms,
        reason=given.reason,
        at=case.at,
    )
    if board_reasons(agreement, case.setting.board, change.amount_cents, change.ends_on):
        if agreement.pending and not superseded:
            # New words go before the Board with the amount and the last day that wait for it already.
            waits = agreement.pending
            change = change.but(amount_cents=waits.amount_cents, ends_on=waits.ends_on)
        return _agreement(case, pending=change)
    pending = None if superseded else agreement.pending
    return case.facts.but(agreement=changed(agreement, change, case).but(pending=pending))


def _agreement(case: Case, **changes: object) -> Partnership:
    return case.facts.but(agreement=case.agreement.but(**changes))
