"""Reads from the facts the moments that deadlines count from, and the days on which duties were done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from states.partnership import Partnership
from states.starting import next_limit

Moment = date | datetime | None


def _selection(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.selection, name) if facts.selection else None


def _agreement(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.agreement, name) if facts.agreement else None


def _item(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.board.item, name) if facts.board.item else None


def _meets(facts: Partnership) -> Moment:
    item = facts.board.item
    # Early histories have the day alone.
    return (item.meeting_at or item.meeting_on) if item else None


def _review(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.review, name) if facts.review else None


def _chosen(facts: Partnership) -> Moment:
    return facts.selection.choice.at if facts.selection and facts.selection.choice else None


def _protest_until(facts: Partnership) -> Moment:
    return facts.selection.choice.protest_until if facts.selection and facts.selection.choice else None


def _protest_waits(facts: Partnership) -> Moment:
    waiting = facts.selection.unanswered() if facts.selection else ()
    # The oldest protest decides when an answer is due.
    return min((protest.at for protest in waiting), default=None)


def _question_waits(facts: Partnership) -> Moment:
    call = facts.selection
    if call is None or call.closed_at is not None:
        return None
    # The oldest question decides when an answer is due. After the closing nobody can use one.
    return min((question.at for question in call.questions if question.answer is None), default=None)


def _reported(facts: Partnership) -> Moment:
    return facts.review.reports[-1].at if facts.review and facts.review.reports else None


def _agreement_ended(facts: Partnership) -> Moment:
    ended = facts.ended
    # A partnership that ended before its agreement was in force has nothing to close out.
    if ended is None or facts.agreement is None or facts.agreement.in_force_at is None:
        return None
    # Count from the day from which nothing is in force: the day after the last one, or that of the termination.
    return ended.effective_on + timedelta(days=1) if ended.how == "expired" else ended.effective_on


def _amendment_waits(facts: Partnership) -> Moment:
    return facts.agreement.pending.at if facts.agreement and facts.agreement.pending else None


def _next_contact(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.next_contact, name) if facts.next_contact else None


# By name, the moments at which a deadline may start or end, besides "entering". None: it has not happened.
MOMENTS: dict[str, Callable[[Partnership], Moment]] = {
    "needs.described": lambda facts: facts.needs.described_at,
    "needs.agreed": lambda facts: facts.needs.agreed_at,
    "selection.closes_at": _selection("closes_at"),
    "selection.closed": _selection("closed_at"),
    "selection.scored": _selection("scored_at"),
    "selection.anew": _selection("anew_at"),
    "selection.chosen": _chosen,
    "selection.protest_until": _protest_until,
    "selection.protest_waits": _protest_waits,
    "selection.question_waits": _question_waits,
    "outcomes.set": lambda facts: facts.outcomes.set_at,
    "outcomes.proposed": lambda facts: facts.proposed_outcomes.set_at if facts.proposed_outcomes else None,
    "outcomes.agreed": lambda facts: facts.outcomes.agreed_at,
    "agreement.drafted": _agreement("drafted_at"),
    "agreement.starts_on": _agreement("starts_on"),
    "agreement.ends_on": lambda facts: facts.last_day,
    "agreement.in_force": _agreement("in_force_at"),
    "agreement.signed": _agreement("signed_at"),
    "agreement.awaits_signature": _agreement("awaits_signature"),
    "agreement.amendment_waits": _amendment_waits,
    "board.referred": _item("referred_at"),
    "board.scheduled": _item("scheduled_at"),
    "board.meeting": _item("meeting_on"),
    "board.meets": _meets,
    "board.freed": _item("freed_at"),
    "contact.asked": _next_contact("asked_at"),
    "contact.accept_until": _next_contact("until"),
    "review.opened": _review("opened_at"),
    "review.reported": _reported,
    "review.found": _review("found_at"),
    "review.decided": _review("decided_at"),
    "review.interrupted": _review("interrupted_at"),
    "ending.effective_on": lambda facts: facts.ending.effective_on if facts.ending else None,
    "ended.agreement": _agreement_ended,
    "start.next_step": next_limit,
    "closed_out": lambda facts: facts.closed_out.at if facts.closed_out else None,
}

DUTIES = ("assessment", "gap", "meeting", "engagement", "responsibility", "annual-review")


def done_on(facts: Partnership, duty: str, day_of: Callable[[datetime], date]) -> tuple[date, ...]:
    """Return the days on which a recurring duty was done. `day_of` gives the local day of an instant."""
    # A review counts from its opening: the next one must not move because a report or a finding came late.
    if duty == "annual-review":
        reviews = (*facts.earlier_reviews, *((facts.review,) if facts.review else ()))
        return tuple(day_of(review.opened_at) for review in reviews)
    return tuple(done.on for done in facts.duties if done.duty == duty)


def counts_from(facts: Partnership) -> date | None:
    """Return the day from which duties and reviews count: the first one on which the agreement is in force.

    None before the agreement is approved or started. An approved one may begin on a later day.
    """
    is_started = facts.agreement is not None and facts.agreement.in_force_at is not None
    return facts.first_day if is_started else None


def begins_on(facts: Partnership, today: date) -> date | None:
    """Return the first day of an agreement that is approved or started and has not begun; None for all others."""
    first = counts_from(facts) if facts.in_force else None
    return first if first and first > today else None


def moments(facts: Partnership, entered_at: datetime) -> dict[str, Moment]:
    """Return every moment that is on record, by name."""
    recorded = {name: value for name, of in MOMENTS.items() if (value := of(facts)) is not None}
    return {"entering": entered_at, **recorded}
