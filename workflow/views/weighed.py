"""Finds all agreements of one organization, for those who decide whether the Board must see one (4270.9a, b)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from notifications.written import long_day, money
from states.case import board_reasons
from states.names import Role, State
from states.partnership import Partnership
from states.weighing import Party, Share, Weighed, is_same, party_of, share_of, weigh
from workflow.agreements import find_earlier_agreements, home_domains
from workflow.session import Session
from workflow.store import tables
from workflow.store.partner_columns import may_be_of
from workflow.store.rows import Snapshot

# Those who bring an agreement to the Board. To others the agreements of other schools are no concern.
READERS = (Role.SUPERINTENDENT, Role.STAFF, Role.BOARD_OFFICE)


def weigh_for(session: Session, record: Snapshot, role: str) -> Weighed | None:
    """Return what a reader in `role` should weigh of an agreement; None if there is nothing besides its terms.

    Only an agreement that somebody still decides on or signs is weighed.
    """
    facts = record.facts
    own, party = share_of(record.ref, facts), party_of(facts)
    agreement = facts.agreement
    if role not in READERS or agreement is None or own is None or party is None or facts.ended:
        return None
    decided = agreement.in_force_at and not (agreement.pending or agreement.awaits_signature)
    if decided and record.state is not State.BOARD_REVIEW:
        return None
    others = [share for share in _read_shares(session, party) if share.ref != record.ref]
    weighed = weigh(agreement, own, others, session.config.procedure.board.rules)
    return weighed if weighed.autonomy or weighed.shares[1:] else None


def _read_shares(session: Session, party: Party) -> list[Share]:
    """Return each agreement of an organization as a share."""
    home = home_domains(session)
    query = select(tables.partnerships.c.ref, tables.partnerships.c.facts).where(may_be_of(party, home))
    shares = []
    for row in session.connection.execute(query):
        facts = Partnership.model_validate_json(row.facts)
        its, share = party_of(facts), share_of(row.ref, facts)
        if its is not None and share is not None and is_same(party, its, home):
            shares.append(share)
    return shares


def describe(session: Session, record: Snapshot, role: str) -> dict[str, Any] | None:
    """Return the same in words: the lists `autonomy` and `agreements`, and the sentences `sums`."""
    weighed = weigh_for(session, record, role)
    if weighed is None:
        return None
    agreements = [
        f"{session.directory.school_name(s.school)} ({s.ref}): {money(s.amount_cents)},"
        f" {long_day(s.starts_on)} to {long_day(s.ends_on)}"
        for s in weighed.shares
    ]
    term = f"from {long_day(weighed.starts_on)} to {long_day(weighed.ends_on)}"
    sums = f"Together {money(weighed.amount_cents)}, {term}."
    sums += f" The Board decides from {money(weighed.threshold_cents)} on (policy 4270.9a)."
    if weighed.clauses:
        sums += f" Taken together, these clauses call for the Board: {', '.join(weighed.clauses)}."
    several = bool(weighed.shares[1:])
    return {
        "autonomy": list(weighed.autonomy),
        "agreements": agreements if several else [],
        "sums": sums if several else "",
    }


def judge_terms(session: Session, record: Snapshot, now: datetime) -> str | None:
    """Return the whole amount, and whether its agreement needs the Board, in a line; None if there is no agreement.

    Terms that are proposed count in place of the present ones, and earlier agreements with the same organization
    count with them: "$250,000.00: the Board has to act, 4270.9a".
    """
    facts = record.facts
    agreement, item = facts.agreement, facts.board.item
    if agreement is None:
        return None
    proposed = agreement.pending or (item.change if item else None)
    amount = proposed.amount_cents if proposed else agreement.amount_cents
    rules = session.config.procedure.board.rules
    earlier = find_earlier_agreements(session, record, now)
    reasons = board_reasons(agreement, rules, amount, proposed.ends_on if proposed else None, earlier)
    why = ["the Board approved other terms" if each == "approved" else each for each in reasons]
    why += ["its review was asked for"] if facts.board.asked else []
    whole = money(amount)
    if earlier:
        whole += f", together with {', '.join(earlier.refs)} {money(amount + earlier.amount_cents)}"
    if why:
        return f"{whole}: the Board has to act, {', '.join(why)}"
    return f"{whole}: nothing calls for the Board, 4270.9"
