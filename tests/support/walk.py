"""Random lives: at every step some event that the table knows, with an input made up for the moment."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from states import machine
from states.errors import LawError
from states.partnership import Role, State
from tests.support.facts import MEETINGS, ORGANIZATIONS, REVIEWERS, Life
from tests.support.inputs import Moment, sensible

ENDS = {"withdraw", "terminate", "expire"}  # seldom tried, else every walk is short
REGULAR = [on for on, meeting in MEETINGS.items() if meeting.kind == "regular"]


def later(life: Life, rng: Random) -> Life:
    return life.at(life.now + timedelta(minutes=rng.choice((0, 1, 60, 1440, 1440, 7 * 1440, 15 * 1440))))


def step(life: Life, rng: Random) -> Life:
    """The life after one event that the law accepts, or as it was if twenty tries found none."""
    moment = Moment(
        life.state, life.facts, life.now, tuple(REGULAR), tuple(ORGANIZATIONS), REVIEWERS, "rainier-beach"
    )
    for _ in range(20):
        row = rng.choice(machine.events_of(life.state))
        if row.name in ENDS and rng.random() < 0.95:
            continue
        role = rng.choice(row.who)
        by = rng.choice(REVIEWERS) if role is Role.REVIEWER else None
        about = {"overdue": ("annual-report",)} if rng.random() < 0.5 else {}
        try:
            return life.do(row.name, role, by=by, about=about, **sensible(row.name, moment, rng))
        except LawError:
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
