"""What is required of terms, outcomes and signatures (4270.9a-c, 4270.10)."""

from __future__ import annotations

from states.case import Case, board_reasons
from states.partnership import SIDE_NAMES, SIDES
from states.requirements.requirement import Requirement, requirement


@requirement()
def agreement_drafted(case: Case) -> str | None:
    return None if case.facts.agreement else "no agreement has been drafted yet: draft-agreement"


@requirement("4270.10")
def outcomes_set(case: Case) -> str | None:
    return None if case.facts.outcomes.items else "no measurable outcomes have been set yet: set-outcomes"


@requirement("4270.10")
def side_has_not_agreed_to_outcomes(case: Case) -> str | None:
    side = SIDES[case.role]
    return (
        f"{SIDE_NAMES[side]} has already agreed to these" if side in case.facts.outcomes.signatures else None
    )


@requirement("4270.10")
def all_agreed_to_outcomes(case: Case) -> str | None:
    if not case.facts.outcomes.items:
        return None  # said by outcomes-set
    left = [name for side, name in SIDE_NAMES.items() if side not in case.facts.outcomes.signatures]
    return f"not yet agreed to the outcomes: {' and '.join(left)}" if left else None


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


@requirement()
def signed_by_both(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None  # said by agreement-drafted
    left = [SIDE_NAMES[side] for side in ("district", "partner") if side not in agreement.signatures]
    return f"not yet signed by {' and '.join(left)}" if left else None


@requirement()
def agreement_not_over(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None
    item = case.facts.board.item
    last = item.change.ends_on if item and item.change else agreement.ends_on
    return f"the agreement's last day, {last}, has passed" if case.today > last else None


def _board_need_not_act(clause: str, what: str) -> Requirement:
    def reason(case: Case) -> str | None:
        agreement = case.facts.agreement
        if agreement is None or clause not in board_reasons(agreement, case.setting.board):
            return None
        return f"{what}, so the Board must act first: refer-to-board"

    return Requirement(f"board-need-not-act-{clause[-1]}", clause, False, reason)


@requirement("4270.9")
def board_did_not_ask(case: Case) -> str | None:
    asked = case.facts.board.asked
    return f"the Board elected to review this ({asked.reason}): refer-to-board" if asked else None


board_need_not_act = (
    _board_need_not_act("4270.9a", "the whole amount meets or exceeds the Board's threshold"),
    _board_need_not_act("4270.9b", "a level of autonomy is requested"),
    _board_need_not_act("4270.9c", "the whole term is longer than the Board's limit"),
    board_did_not_ask,
)
