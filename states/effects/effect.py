"""What an effect is, and what several of them do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from states.case import Case
from states.partnership import (
    SIDES,
    Agreement,
    Change,
    Ended,
    Partnership,
    Signature,
)

Effect = Callable[[Case], Partnership]


def nothing(case: Case) -> Partnership:
    """The history row alone is the record."""
    return case.facts


def recorded(value: Any) -> Any:
    if value is None:
        raise LookupError("the history does not fit the law: what this event builds on is not on record")
    return value


def signed(signatures: Any, case: Case, on: Any = None) -> dict[Any, Signature]:
    return {**signatures, SIDES[case.role]: Signature(by=case.actor, at=case.at, on=on)}


def changed(agreement: Agreement, change: Change, case: Case) -> Agreement:
    """The agreement with new terms, which have to be signed anew."""
    return agreement.but(
        amount_cents=change.amount_cents,
        ends_on=change.ends_on,
        changes=(*agreement.changes, change),
        signatures={},
        signed_at=None,
        awaits_signature=case.at,
    )


def terminated(case: Case, *, board: bool) -> Ended:
    given = case.input
    return Ended(
        how="terminated",
        ground=given.ground,
        reason=given.reason,
        effective_on=given.effective_on,
        by=case.actor,
        board=board,
        at=case.at,
    )
