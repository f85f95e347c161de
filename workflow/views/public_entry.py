"""Makes the public entry of a partnership: an allow-list from the facts alone, by the rules of `public_rules`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from states.case import require_recorded
from states.names import State
from states.partnership import Outcomes, Partnership
from states.selection import Selection
from workflow.session import Session
from workflow.store.public_columns import public_state
from workflow.store.rows import Snapshot
from workflow.views import present_names
from workflow.views.public_rules import (
    is_choice_public,
    public_item,
    was_in_force,
)
from workflow.views.public_texts import cleaner_for, hide_addresses
from workflow.views.sealing import is_sealed


@dataclass(frozen=True, slots=True)
class Terms:
    """The whole amount in cents and the days of an agreement. `proposed` before it is in force."""

    amount_cents: int
    starts_on: date
    ends_on: date
    proposed: bool


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """What the Board has before it in public: the purpose, and the new terms of an amendment or renewal."""

    purpose: str
    introduced: tuple[date, ...]
    amount_cents: int | None
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Vote:
    """A decision of the Board (4270.9)."""

    on: date
    purpose: str
    decision: str
    ayes: int
    noes: int
    abstentions: int


@dataclass(frozen=True, slots=True)
class CallResult:
    """A call and its result.

    `applied` is None while the applications are sealed, and `partner` until the choice is public.
    """

    opened_at: datetime
    closes_at: datetime
    stands: str  # "open", "waits" for a result that is not public yet, "chosen", "nobody" or "withdrawn"
    applied: int | None
    partner: str | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a partnership ended, or will end by a vote of the Board. `ground` only where the Board voted on it."""

    how: str
    on: date
    by_board: bool
    ground: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One partnership as everybody may read it. `facts` is the allowed part that the charts read."""

    ref: str
    school: str
    school_name: str
    title: str
    state: State
    begins_on: date | None  # the first day of an agreement that is approved and not begun
    partner: str | None
    terms: Terms | None
    before_board: ProposedChange | None
    votes: tuple[Vote, ...]
    calls: tuple[CallResult, ...]
    ending: Ending | None
    outcomes: dict[str, Any]


def make_entry(session: Session, record: Snapshot, now: datetime) -> Entry | None:
    """Return what the public may read of a partnership. Return None if no call of it was ever opened."""
    record = present_names.rename_record(session.directory, record)
    facts = record.facts
    if not facts.selections:
        return None
    clean = cleaner_for(facts)
    calls = tuple(_describe_call(facts, call, now) for call in facts.selections)
    partner = calls[-1].partner
    today = session.config.calendar.day(now)
    first = facts.first_day
    begins = facts.in_force and first is not None and first > today
    return Entry(
        ref=record.ref,
        school=session.directory.present_school(facts.school),
        school_name=session.directory.school_name(facts.school),
        title=clean(facts.title),
        state=public_state(record.state, facts),
        begins_on=first if begins else None,
        partner=partner,
        terms=_terms(facts),
        before_board=_before_board(facts),
        votes=_votes(facts),
        calls=calls,
        ending=_ending(facts),
        outcomes=_outcomes(facts, clean),
    )


def _describe_call(facts: Partnership, call: Selection, now: datetime) -> CallResult:
    """Return a call with its result, as far as that is public."""
    present, partner = call is facts.selection, None
    if present and is_sealed(facts, now):
        return CallResult(call.opened_at, call.closes_at, "withdrawn" if facts.ended else "open", None, None)
    if present and is_choice_public(facts):
        partner = _name_partner(call)
    # An earlier call ended without a result, also where a choice was made and overturned by a protest.
    stands = "chosen" if partner else "waits" if present and not facts.ended else "nobody"
    return CallResult(call.opened_at, call.closes_at, stands, len(call.applications), partner)


def _name_partner(call: Selection) -> str:
    organization = require_recorded(call.choice).organization
    application = call.applications.get(organization)
    return hide_addresses(application.name if application else organization)


def _terms(facts: Partnership) -> Terms | None:
    """Return the terms in force, or those of a new agreement that the Board has before it in public."""
    item, agreement = public_item(facts), facts.agreement
    if agreement is None or not (was_in_force(facts) or item):
        return None
    proposed = not was_in_force(facts)
    return Terms(agreement.amount_cents, agreement.starts_on, agreement.ends_on, proposed)


def _before_board(facts: Partnership) -> ProposedChange | None:
    item = public_item(facts)
    if item is None:
        return None
    change = item.change
    return ProposedChange(
        item.purpose,
        item.introduced,
        change.amount_cents if change else None,
        change.ends_on if change else None,
    )


def _votes(facts: Partnership) -> tuple[Vote, ...]:
    return tuple(
        Vote(
            each.meeting_on,
            each.purpose,
            each.decision,
            each.vote.ayes,
            each.vote.noes,
            each.vote.abstentions,
        )
        for each in facts.board.decisions
    )


def _ending(facts: Partnership) -> Ending | None:
    """Return how the partnership ended. A termination that waits for its day is public if the Board voted on it."""
    end = facts.ended or (facts.ending if facts.ending and facts.ending.board else None)
    if end is None:
        return None
    return Ending(end.how, end.effective_on, end.board, end.ground if end.board else None)


def _outcomes(facts: Partnership, clean: Callable[[str], str]) -> dict[str, Any]:
    """Return the outcomes that count or counted, with the reported values, in the form that the charts read."""
    if not was_in_force(facts):
        return {"outcomes": None, "earlier_outcomes": [], "review": None, "earlier_reviews": []}

    def describe(outcomes: Outcomes) -> dict[str, Any]:
        texts = ("name", "measure", "unit", "goal")
        return {
            "items": [
                {
                    **{key: clean(getattr(item, key)) for key in texts},
                    "baseline": item.baseline,
                    "target": item.target,
                    "direction": item.direction,
                }
                for item in outcomes.items
            ]
        }

    reviews = [
        {
            "reports": [
                {"at": r.at, "values": {clean(k): v for k, v in r.values.items()}} for r in review.reports
            ]
        }
        for review in (*facts.earlier_reviews, *((facts.review,) if facts.review else ()))
    ]
    return {
        "outcomes": describe(facts.outcomes),
        "earlier_outcomes": [describe(each) for each in facts.earlier_outcomes],
        "review": None,
        "earlier_reviews": reviews,
    }
