"""Finds what the Board is asked for: the item before it, or what is being prepared for it (4270.9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from states.agreement import Agreement, Change, Item
from states.case import board_reasons
from states.errors import Refused, Unmet
from states.names import Purpose
from states.partnership import Partnership
from workflow.agreements import find_earlier_agreements
from workflow.session import Session
from workflow.store.rows import Snapshot


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the Board is asked for. `because` are the clauses that call for it, "approved" or "asked".

    `since` is when it was referred, or when what is being prepared was drafted. `item` is None until the referral.
    """

    purpose: Purpose
    agreement: Agreement
    because: tuple[str, ...]
    since: datetime
    reason: str | None = None
    change: Change | None = None
    item: Item | None = None


def find_proposal(session: Session, record: Snapshot, now: datetime) -> Proposal:
    """Return what the Board is asked for. Raise `Refused` with what is needed first, if there is nothing yet."""
    facts = record.facts
    agreement, item = facts.agreement, facts.board.item
    if facts.ended is not None:
        raise _refused("partnership-goes-on", f"the partnership is over since {facts.ended.effective_on}")
    if agreement is None:
        raise _refused("agreement-drafted", "no agreement is drafted yet: draft-agreement comes first")
    if item is not None:
        return Proposal(
            item.purpose, agreement, item.because, item.referred_at, item.reason, item.change, item
        )
    change = agreement.pending
    if change is None and agreement.in_force_at is not None:
        raise _refused("item-before-board", _describe_nothing(facts))
    because = _reasons(session, record, agreement, change, now)
    if change is not None:
        return Proposal(change.purpose, agreement, because, change.at, change.reason, change)
    if not because:
        reason = (
            "nothing calls for the Board: ask-for-review comes first, or other terms with draft-agreement"
        )
        raise _refused("board-has-a-reason", reason)
    return Proposal("new", agreement, because, agreement.drafted_at)


def has_proposal(session: Session, record: Snapshot, now: datetime) -> bool:
    """Return whether something is before the Board or being prepared for it."""
    try:
        find_proposal(session, record, now)
    except Refused:
        return False
    return True


def _reasons(
    session: Session, record: Snapshot, agreement: Agreement, change: Change | None, now: datetime
) -> tuple[str, ...]:
    """Return why the Board would have to decide, if what is being prepared were referred now."""
    reasons = board_reasons(
        agreement,
        session.config.procedure.board.rules,
        change.amount_cents if change else None,
        change.ends_on if change else None,
        find_earlier_agreements(session, record, now),
    )
    return (*reasons, "asked") if record.facts.board.asked else reasons


def _describe_nothing(facts: Partnership) -> str:
    """Return why there is nothing for the Board while an agreement is in force, and what would change that."""
    last = facts.board.decisions[-1] if facts.board.decisions else None
    decided = f"; it decided last on {last.meeting_on} ({last.decision})" if last else ""
    return (
        f"nothing is before the Board, and no amendment waits for it{decided}: refer-to-board comes first, or an"
        " amend-agreement that the Board has to approve"
    )


def _refused(requirement: str, reason: str) -> Refused:
    return Refused([Unmet(requirement, reason, "4270.9")])
