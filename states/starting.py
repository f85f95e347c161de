"""Reads from the facts how far the steps towards a wanted first day have got, and when the next one is too late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from states.partnership import Partnership, PlannedStep


def steps_done(facts: Partnership) -> Mapping[str, bool]:
    """Return by step whether it is done, or will be done in time by what is on record."""
    call, item, agreement = facts.selection, facts.board.item, facts.agreement
    in_force = agreement is not None and agreement.in_force_at is not None
    choice = call.choice if call else None
    return {
        "agree": call is not None or facts.needs.agreed_at is not None,
        "open": call is not None,
        "close": call is not None and call.closed_at is not None,
        "choose": choice is not None,
        "refer": in_force or item is not None,
        "agenda": in_force or (item is not None and item.meeting_on is not None),
        "introduce": in_force or (item is not None and bool(item.introduced)),
        "act": in_force,
        "sign": in_force or (agreement is not None and agreement.signed_at is not None),
        "start": in_force,
    }


def next_step(facts: Partnership) -> PlannedStep | None:
    """Return the first step towards the wanted first day that still has to be done; None if there is none.

    A step that happens at an instant on record, such as the closing of a call, needs nobody while that is in time.
    """
    if facts.wanted is None:
        return None
    done = steps_done(facts)
    for step in facts.wanted.steps:
        expected = _expected(facts).get(step.name)
        comes = expected is not None and step.by is not None and expected <= step.by
        if not done[step.name] and not (comes and step.name in _BY_ITSELF):
            return step
    return None


def next_limit(facts: Partnership) -> datetime | None:
    """Return the last instant for the next step; None without a wanted first day, or where nothing is left to do.

    A step that can come only after its last instant, by what is on record, was too late when that was recorded. So
    is one for which no instant serves, since the Board's calendar has no meeting that is early enough.
    """
    step = next_step(facts)
    if step is None or facts.wanted is None:
        return None
    if step.by is None:
        return facts.wanted.at
    expected = _expected(facts).get(step.name)
    if expected is None or expected <= step.by:
        return step.by
    return max(_recorded(facts, step.name), facts.wanted.at)


# What happens at its instant without anybody, or is recorded only afterwards.
_BY_ITSELF = frozenset({"close", "introduce", "act"})


def _expected(facts: Partnership) -> Mapping[str, datetime | None]:
    """Return by step the earliest instant at which it can happen, as far as the record fixes it."""
    call, item = facts.selection, facts.board.item
    protests = call.choice.protest_until if call and call.choice else None
    meets = item.meeting_at if item else None
    reads = item is not None and not item.introduced
    return {
        "close": call.closes_at if call else None,
        "refer": protests,
        "sign": protests,
        "introduce": meets if reads else None,
        "act": meets if not reads or _is_read_once(facts) else None,
    }


def _is_read_once(facts: Partnership) -> bool:
    return facts.wanted is not None and all(step.name != "introduce" for step in facts.wanted.steps)


def _recorded(facts: Partnership, step: str) -> datetime:
    """Return when the fact was recorded that says when a step can happen."""
    call, item = facts.selection, facts.board.item
    choice = call.choice if call else None
    recorded = {
        "close": call.opened_at if call else None,
        "refer": choice.at if choice else None,
        "sign": choice.at if choice else None,
    }
    return recorded.get(step) or (item.scheduled_at if item else None) or _wanted_at(facts)


def _wanted_at(facts: Partnership) -> datetime:
    assert facts.wanted is not None
    return facts.wanted.at
