"""How a partnership stands: the moments that deadlines count from, and who still has to do what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from states.partnership import Partnership, Role, Side, State

Moment = date | datetime | None


def _selection(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.selection, name) if facts.selection else None


def _agreement(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.agreement, name) if facts.agreement else None


def _item(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.board.item, name) if facts.board.item else None


def _review(name: str) -> Callable[[Partnership], Moment]:
    return lambda facts: getattr(facts.review, name) if facts.review else None


def _chosen(facts: Partnership) -> Moment:
    return facts.selection.choice.at if facts.selection and facts.selection.choice else None


def _protest_until(facts: Partnership) -> Moment:
    return facts.selection.choice.protest_until if facts.selection and facts.selection.choice else None


def _protest_waits(facts: Partnership) -> Moment:
    waiting = facts.selection.unanswered() if facts.selection else ()
    return min((protest.at for protest in waiting), default=None)


def _reported(facts: Partnership) -> Moment:
    return facts.review.reports[-1].at if facts.review and facts.review.reports else None


def _served(facts: Partnership) -> Moment:
    return facts.ended.at if facts.ended and facts.agreement and facts.agreement.in_force_at else None


def _amendment_waits(facts: Partnership) -> Moment:
    return facts.agreement.pending.at if facts.agreement and facts.agreement.pending else None


# By name, what a deadline may be counted from or end with, besides "entering".
MOMENTS: dict[str, Callable[[Partnership], Moment]] = {
    "needs.described": lambda facts: facts.needs.described_at,
    "needs.agreed": lambda facts: facts.needs.agreed_at,
    "selection.closes_at": _selection("closes_at"),
    "selection.closed": _selection("closed_at"),
    "selection.scored": _selection("scored_at"),
    "selection.chosen": _chosen,
    "selection.protest_until": _protest_until,
    "selection.protest_waits": _protest_waits,
    "outcomes.agreed": lambda facts: facts.outcomes.agreed_at,
    "agreement.drafted": _agreement("drafted_at"),
    "agreement.starts_on": _agreement("starts_on"),
    "agreement.ends_on": _agreement("ends_on"),
    "agreement.in_force": _agreement("in_force_at"),
    "agreement.signed": _agreement("signed_at"),
    "agreement.awaits_signature": _agreement("awaits_signature"),
    "agreement.amendment_waits": _amendment_waits,
    "board.referred": _item("referred_at"),
    "board.scheduled": _item("scheduled_at"),
    "board.meeting": _item("meeting_on"),
    "review.opened": _review("opened_at"),
    "review.reported": _reported,
    "review.found": _review("found_at"),
    "review.decided": _review("decided_at"),
    "review.interrupted": _review("interrupted_at"),
    "ended.agreement": _served,
    "closed_out": lambda facts: facts.closed_out.at if facts.closed_out else None,
}

# Moments that every partnership in a state has, whatever its facts: deadlines counted from them always arm.
CERTAIN: dict[State, frozenset[str]] = {
    State.NEEDS_IDENTIFIED: frozenset(),
    State.OPEN_SELECTION: frozenset({"selection.closes_at"}),
    State.BOARD_REVIEW: frozenset({"board.referred", "agreement.ends_on", "agreement.drafted"}),
    State.ACTIVE: frozenset({"agreement.starts_on", "agreement.ends_on", "agreement.in_force"}),
    State.ANNUAL_REVIEW: frozenset(
        {"agreement.starts_on", "agreement.ends_on", "agreement.in_force", "review.opened"}
    ),
    State.TERMINATED: frozenset(),
}

DUTIES = ("assessment", "gap", "meeting", "engagement", "responsibility", "annual-review")


def done_on(facts: Partnership, duty: str, day_of: Callable[[datetime], date]) -> tuple[date, ...]:
    """The days on which a recurring duty was done."""
    if duty == "annual-review":
        reviews = (*facts.earlier_reviews, *((facts.review,) if facts.review else ()))
        return tuple(day_of(review.opened_at) for review in reviews)
    return tuple(done.on for done in facts.duties if done.duty == duty)


def moments(facts: Partnership, entered_at: datetime) -> dict[str, Moment]:
    """Every moment that is known, by name."""
    known = {name: value for name, of in MOMENTS.items() if (value := of(facts)) is not None}
    return {"entering": entered_at, **known}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who still has to do something: a role, and the one person of it if it is one."""

    role: Role
    email: str | None = None


_ROLE_OF: dict[Side, Role] = {
    "school": Role.PRINCIPAL,
    "district": Role.STAFF,
    "partner": Role.LEAD_PARTNER,
}


def waiting_on(facts: Partnership, event: str) -> Sequence[Waiting]:
    """Who still has to do this event; empty if nobody, or if it is not one that several have to do."""
    if event == "score-application":
        return [
            Waiting(Role.REVIEWER, email) for email in (facts.selection.unscored() if facts.selection else ())
        ]
    sides: dict[str, tuple[tuple[Side, ...], object]] = {
        "agree-needs": (("school", "district"), facts.needs.signatures),
        "agree-outcomes": (("school", "district", "partner"), facts.outcomes.signatures),
        "sign-agreement": (("district", "partner"), facts.agreement.signatures if facts.agreement else {}),
        "give-finding": (("school", "district"), facts.review.findings if facts.review else {}),
    }
    needed, given = sides.get(event, ((), {}))
    return [Waiting(_ROLE_OF[side]) for side in needed if side not in given]  # type: ignore[operator]


def _terms(facts: Partnership) -> tuple[object, ...]:
    agreement = facts.agreement
    return (agreement and agreement.drafted_at, agreement and len(agreement.changes), facts.outcomes.set_at)


def _referred(facts: Partnership) -> tuple[object, ...]:
    return (facts.board.item and facts.board.item.referred_at,)


def _report(facts: Partnership) -> tuple[object, ...]:
    return (_reported(facts),)


# What somebody has read who does one of these: once that has changed, it has to be read again first.
_READ: dict[str, Callable[[Partnership], tuple[object, ...]]] = {
    "agree-needs": lambda facts: (facts.needs.described_at,),
    "agree-outcomes": lambda facts: (facts.outcomes.set_at,),
    "sign-agreement": _terms,
    "activate": _terms,
    "approve": _referred,
    "send-back": _referred,
    "give-finding": _report,
    "continue": _report,
}


def version_read(facts: Partnership, event: str) -> str | None:
    """A text that changes when what the event consents to is another; None for events that consent to nothing."""
    of = _READ.get(event)
    return " ".join(map(str, of(facts))) if of else None


COLLECTED = ("score-application", "agree-needs", "agree-outcomes", "sign-agreement", "give-finding")
