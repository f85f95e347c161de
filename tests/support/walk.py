"""Random lives: at every step some event that the table knows, with an input made up for the moment."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from states import machine
from states.errors import LawError
from states.names import Role
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
        if row.of_entry or (row.name in ENDS and rng.random() < 0.95):
            continue
        role = rng.choice(row.who)
        by = rng.choice(REVIEWERS) if role is Role.REVIEWER else None
        about = {"overdue": ("annual-report",)} if rng.random() < 0.5 else {}
        try:
            return life.do(row.name, role, by=by, around=about, **sensible(row.name, moment, rng))
        except LawError:
            continue
    return life
