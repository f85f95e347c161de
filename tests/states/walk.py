"""Random lives: at every step some event that the table knows, with an input made up for the moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from states import machine
from states.errors import Refused
from states.inputs import ABILITIES
from states.partnership import Role, State
from tests.states.life import CBO, CHARITY, COLLEGE, MEETINGS, OUTCOMES, REVIEWERS, Life

ENDS = {"withdraw", "terminate", "expire"}  # seldom tried, else every walk is short
REGULAR = [on for on, meeting in MEETINGS.items() if meeting.kind == "regular"]
_AMOUNTS = (0, 1_000, 24_999_999, 25_000_000, 90_000_000)


def _near(life: Life, rng: Random) -> date:
    return life.now.date() + timedelta(days=rng.choice((-1, 0, 30, 400)))


def _meeting(life: Life, rng: Random) -> date:
    """Some meeting: the last one, one of the next, or any."""
    last = max((on for on in REGULAR if on <= life.now.date()), default=REGULAR[0])
    ahead = [on for on in REGULAR if on > life.now.date()][:3]
    item = life.facts.board.item
    known = [item.meeting_on] if item and item.meeting_on else []
    return rng.choice([last, last, *ahead, *known, *known, *list(MEETINGS)[:2]])


def _organization(life: Life, rng: Random) -> str:
    return rng.choice((CBO, COLLEGE, CHARITY))


def _outcomes(life: Life, rng: Random) -> list[dict[str, Any]]:
    return OUTCOMES[: rng.choice((1, 2))]


def _values(life: Life, rng: Random) -> dict[str, float]:
    return {outcome.name: float(rng.randint(0, 100)) for outcome in life.facts.outcomes.items}


# What is made up for a key, wherever it is taken. All other keys are as usual.
MADE_UP: dict[str, Callable[[Life, Random], Any]] = {
    "closes_on": lambda life, rng: life.now.date() + timedelta(days=rng.choice((1, 21, 40))),
    "organization": _organization,
    "demonstration": lambda life, rng: rng.choice((None, "ten years of it")),
    "scores": lambda life, rng: {ability: rng.randint(1, 5) for ability in ABILITIES},
    "amount_cents": lambda life, rng: rng.choice(_AMOUNTS),
    "starts_on": lambda life, rng: life.now.date() + timedelta(days=10),
    "ends_on": lambda life, rng: life.now.date() + timedelta(days=rng.choice((10, 200, 374, 375, 900))),
    "autonomy_requested_by": lambda life, rng: rng.choice((None, None, None, "school", "board")),
    "outcomes": _outcomes,
    "signed_on": lambda life, rng: life.now.date(),
    "on": _near,
    "purpose": lambda life, rng: rng.choice(("new", "amendment", "renewal", "termination")),
    "meeting_on": _meeting,
    "immediate_action": lambda life, rng: rng.random() < 0.3,
    "ayes": lambda life, rng: rng.randint(2, 5),
    "noes": lambda life, rng: rng.randint(0, 3),
    "effective_on": lambda life, rng: life.now.date() + timedelta(days=rng.choice((0, 30, 90))),
    "values": _values,
    "impact": lambda life, rng: rng.random() < 0.7,
    "improvement_plan": lambda life, rng: rng.choice((None, "a tutor more")),
}


def made_up(life: Life, event: str, rng: Random) -> dict[str, Any]:
    """An input for the event that the law may or may not accept."""
    keys = life.row(event).takes.model_fields
    given = {key: make(life, rng) for key, make in MADE_UP.items() if key in keys}
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in given.items()}


def later(life: Life, rng: Random) -> Life:
    return life.at(life.now + timedelta(minutes=rng.choice((0, 1, 60, 1440, 1440, 7 * 1440, 15 * 1440))))


def step(life: Life, rng: Random) -> Life:
    """The life after one event that the law accepts, or as it was if twenty tries found none."""
    for _ in range(20):
        row = rng.choice(machine.events_of(life.state))
        if row.name in ENDS and rng.random() < 0.95:
            continue
        role = rng.choice(row.who)
        by = rng.choice(REVIEWERS) if role is Role.REVIEWER else None
        about = {"overdue": ("annual-report",)} if rng.random() < 0.5 else {}
        try:
            return life.do(row.name, role, by=by, about=about, **made_up(life, row.name, rng))
        except Refused:
            continue
    return life


def walk(life: Life, rng: Random, steps: int) -> Life:
    for _ in range(steps):
        life = step(later(life, rng), rng)
    return life


def way_out(life: Life) -> Life:
    """The life brought to its end by people alone, unless its last day comes before the Board meets."""
    while life.state is not State.TERMINATED:
        if life.state in (State.NEEDS_IDENTIFIED, State.OPEN_SELECTION):
            life = life.do("withdraw", "principal")
        elif life.state is State.BOARD_REVIEW:
            meeting = next(m for m in map(MEETINGS.get, REGULAR) if m.agenda_closes_at > life.now)
            vote = {"meeting_on": meeting.on.isoformat()}
            life = life.do("schedule-item", **vote).at(meeting.on + timedelta(days=1))
            if life.facts.in_force and meeting.on > life.facts.agreement.ends_on:
                life = life.do("expire")
            elif life.facts.in_force:
                life = life.do("terminate", effective_on=life.facts.agreement.ends_on.isoformat(), **vote)
            else:
                life = life.do("send-back", **vote)
        else:
            life = life.do("refer-to-board", purpose="termination")
    return life
