"""How people take what they are asked: some act at once, some late, some wrongly, some twice, some never."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from states.partnership import Partnership

# How likely it is that somebody does what a message offers. Most do what is not named here.
READINESS = {
    "withdraw": 0.02, "terminate": 0.05, "restart": 0.1, "withdraw-application": 0.03, "file-protest": 0.12,
    "declare-conflict": 0.05, "extend-selection": 0.05, "ask-for-review": 0.05, "describe-needs": 0.3,
    "receive-application": 0.1, "open-annual-review": 0.05, "refer-to-board": 0.5, "amend-agreement": 0.2,
    "close-out": 0.6,
}  # fmt: skip
DELAYS = (0, 0, 0, 1, 1, 2, 3, 5, 8, 13, 21)  # days


def wants_to(event: str, facts: Partnership, rng: Random) -> bool:
    """Whether somebody who is offered this means to do it."""
    if event == "describe-needs" and facts.needs.statement is None:
        return rng.random() < 0.95
    if event == "choose-partner" and facts.selection and not facts.selection.applications:
        return False
    if event == "refer-to-board" and facts.in_force and not (facts.agreement and facts.agreement.pending):
        return rng.random() < 0.1
    if event == "restart" and facts.selection and not facts.selection.applications:
        return rng.random() < 0.8
    return rng.random() < READINESS.get(event, 0.75)


def delay(rng: Random) -> timedelta:
    """How long somebody takes: hours, days, weeks, and now and then until the link has expired."""
    days = 64 if rng.random() < 0.01 else rng.choice(DELAYS)
    return timedelta(days=days, minutes=rng.randrange(5, 9 * 60))


def of_the_board(facts: Partnership, today: date, rng: Random) -> str:
    """What the Board office records of the item before the Board."""
    item = facts.board.item
    if item is None:
        return "send-back"
    if not item.agenda or item.meeting_on is None:
        return "schedule-item"
    held = [day for day in item.agenda if day <= today]
    if not held:
        return "defer-item" if rng.random() < 0.05 else "schedule-item"
    if not any(day < held[-1] for day in item.introduced) and not item.immediate_action:
        return "introduce-item" if rng.random() < 0.9 else "approve"
    if item.purpose == "termination":
        return "terminate" if rng.random() < 0.7 else "send-back"
    return "approve" if rng.random() < 0.8 else "send-back"
