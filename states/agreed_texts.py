"""Finds the texts that a correction changes under the signatures of people, and asks them to agree again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from states.case import AgreedText, Entry
from states.fact import Signatures
from states.partnership import Outcomes, Partnership


def ask_again(
    facts: Partnership, texts: Iterable[AgreedText], since: Entry, asked_at: datetime
) -> Partnership:
    """Return the facts without the signatures given since a row, where its correction changed the signed text."""
    for text in texts:
        if text == "needs":
            facts = facts.but(
                needs=facts.needs.but(signatures=_before(facts.needs.signatures, since), agreed_at=None)
            )
        if text == "outcomes":
            outcomes: Outcomes = facts.outcomes_to_agree
            asked = outcomes.but(signatures=_before(outcomes.signatures, since), agreed_at=None)
            place = "outcomes" if facts.proposed_outcomes is None else "proposed_outcomes"
            facts = facts.but(**{place: asked})
        if text == "agreement" and facts.agreement is not None:
            agreement = facts.agreement
            facts = facts.but(
                agreement=agreement.but(
                    signatures=_before(agreement.signatures, since),
                    signed_at=None,
                    signed_copy=None,
                    # While it is in force, a deadline has it signed again.
                    awaits_signature=asked_at if agreement.in_force_at else agreement.awaits_signature,
                )
            )
    return facts


def _before(signatures: Signatures, entry: Entry) -> Signatures:
    return {side: given for side, given in signatures.items() if given.at < entry.at}


def texts_changed(before: Partnership, after: Partnership, since: Entry) -> tuple[AgreedText, ...]:
    """Return the texts that a correction changes and that somebody has signed since the corrected row."""
    was, now = before.agreement, after.agreement
    outcomes = before.outcomes.items != after.outcomes.items
    asked = after.outcomes_to_agree
    changed: dict[AgreedText, tuple[bool, Signatures]] = {
        "needs": (before.needs.statement != after.needs.statement, after.needs.signatures),
        "outcomes": (before.outcomes_to_agree.items != asked.items, asked.signatures),
        # Who signs the agreement signs its outcomes too.
        "agreement": (
            was is not None and now is not None and (outcomes or was.terms != now.terms),
            now.signatures if now else {},
        ),
    }
    return tuple(
        text
        for text, (is_changed, signatures) in changed.items()
        if is_changed and any(given.at >= since.at for given in signatures.values())
    )
