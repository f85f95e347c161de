"""Decides what everybody may know of a partnership, by its state and its facts alone.

Every correction is in the facts, so a corrected value shows as it counts. What the public learns grows with time:

1. From the opening of the first call on: the school, the title, and when each call opened and closed.
2. From the closing of a call: how many applied. A call that was withdrawn while open never tells.
3. From the Board's introduction of the agreement, or its vote, or from when the agreement is in force: the partner.
   The choice itself is not public, so before that the register says only that the call has closed.
4. While the Board has the agreement before it in public, and while it is in force: its amount and its term.
5. From when the agreement is in force: outcomes, reported values, changes, and how it ended.

`public_entry` is the allow-list: what it does not put in stays out. No other applicant is in it, no score, no
reviewer, no protest, no reason that anybody gave, and no change or termination that still waits for the Board's
introduction or for its day.
"""

from __future__ import annotations

from states.agreement import Item
from states.partnership import Partnership


def public_item(facts: Partnership) -> Item | None:
    """Return the item before the Board if the Board has introduced it; otherwise None."""
    item = facts.board.item
    # An agreement that expires before the Board leaves its item behind.
    return item if item and item.introduced and facts.ended is None else None


def is_choice_public(facts: Partnership) -> bool:
    """Return whether the public may know whom the school chose in the present call.

    It may from the Board's introduction, from a vote since the choice, or from when the agreement is in force.
    """
    choice = facts.selection.choice if facts.selection else None
    if choice is None:
        return False
    voted = any(decision.at > choice.at for decision in facts.board.decisions)
    return was_in_force(facts) or voted or public_item(facts) is not None


def was_in_force(facts: Partnership) -> bool:
    """Return whether the agreement is in force, or was until it ended."""
    return facts.agreement is not None and facts.agreement.in_force_at is not None
