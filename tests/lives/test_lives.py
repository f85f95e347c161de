"""Whole lives, lived at random through the engine and the clock: whatever is tried, what must hold does.

LIVES=1000 lives so many more, from SEED on.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from random import Random
from typing import Any

import pytest

from states.errors import LawError
from states.event import Event
from states.machine import EVENTS, events_of
from states.names import Role
from tests.lives import invariants
from tests.support.district import Begin, Life, regular_meetings
from tests.support.facts import LA, ORGANIZATIONS, REVIEWERS
from tests.support.inputs import Moment, damaged, sensible
from workflow import engine
from workflow.clock import fire
from workflow.store import loading, tables
from workflow.store.errors import Conflict, NotFound

# A life that is lived at random.

MEETINGS = tuple(regular_meetings())
PEOPLE = (
    "principal", "franklin-principal", "staff", "superintendent", "board-office", "lead-partner", "applicant",
    "reviewer-1", "reviewer-2", "reviewer-3",
)  # fmt: skip
# Seldom, else every walk is short, or says nothing.
ENDS = ("withdraw", "terminate", "restart", "withdraw-application")
ON = ("open-annual-review", "refer-to-board")  # which leave the state in which most can happen
ASIDE = (
    "add-note",
    "attach-document",
    "change-contact",
    "extend-selection",
    "ask-for-changes",
    "ask-for-review",
    "set-outcomes",
)
PASSES = (0, 0, 0, 1, 30, 60, 1440, 1440, 3 * 1440, 8 * 1440, 15 * 1440, 32 * 1440)  # minutes


@dataclass
class Walk:
    """A life that is lived at random, and what came of it."""

    life: Life
    rng: Random
    watch: invariants.Watch = field(default_factory=invariants.Watch)
    came: Counter[str] = field(default_factory=Counter)
    trail: list[str] = field(default_factory=list)

    @property
    def moment(self) -> Moment:
        record = self.record
        return Moment(
            record.state if record else None,
            record.facts if record else engine.Partnership(school="", title=""),
            self.life.now.astimezone(LA),
            MEETINGS,
            tuple(ORGANIZATIONS),
            REVIEWERS,
            self.life.school,
        )

    @property
    def record(self) -> engine.Record | None:
        with self.life.system.reading() as session:
            return loading.load(session.connection, [self.life.ref]).get(self.life.ref)

    def step(self) -> None:
        """One step, after which everything must still be right."""
        self.pass_time()
        what = self.rng.random()
        if what < 0.08:
            self.change_the_directory()
        else:
            self.act(astray=what > 0.7)
        self.look()

    def pass_time(self) -> None:
        self.life.now += timedelta(minutes=self.rng.choice(PASSES))
        tally = fire.fire_due(self.life.system, self.life.now.astimezone(UTC))
        self.came.update({"fired": tally.fired, "told": tally.told, "failed": tally.failed})
        self.trail.append(f"{self.life.now:%Y-%m-%d %H:%M}")
        assert tally.failed == 0, (self.trail, tally.failures)

    def change_the_directory(self) -> None:
        """Somebody goes away, leaves or comes back; a meeting of the Board is moved or called off."""
        if self.rng.random() < 0.5:
            name = self.rng.choice(PEOPLE)
            away = self.life.now.date() + timedelta(days=self.rng.randint(-5, 20))
            delegate = f"{self.rng.choice(PEOPLE)}@example.org"
            active = self.rng.random() < 0.8
            self.life.person(name, active=active, away_until=away, delegate=delegate)
            self.trail.append(f"{name} is away until {away}, active {active}")
            return
        on = self.rng.choice([day for day in MEETINGS if day > self.life.now.date()][:3])
        kind, at = self.rng.choice((("special", "16:15"), ("regular", "18:00"), ("regular", "09:00")))
        self.life.put(tables.meetings, on=on, at=at, kind=kind)
        self.trail.append(f"the meeting on {on} is {kind} at {at}")

    def act(self, *, astray: bool) -> None:
        """Somebody does something: what their role may do here, or astray anything as anybody."""
        moment = self.moment
        event, who, role, channel = self._astray(moment) if astray else self._likely(moment)
        given = sensible(event, moment, self.rng)
        if astray and self.rng.random() < 0.6:
            given = damaged(given, self.rng)
        self.trail.append(f"{who} as {role}: {event} {str(given)[:300]}")
        before = self.life.dump()
        try:
            self._do(event, given, who, role, channel)
        except (LawError, Conflict, NotFound) as error:
            self._refused(error, before)
        else:
            self.came["done"] += 1
            self.came[f"{moment.state} {event}"] += 1

    def _refused(self, error: Exception, before: object) -> None:
        """What was not done has changed nothing, and says why."""
        self.trail[-1] += f" -- {error}"
        assert self.life.dump() == before, self.trail
        assert not isinstance(error, LawError) or invariants.of_a_refusal(error) == [], self.trail
        self.came[type(error).__name__] += 1

    def _likely(self, moment: Moment) -> tuple[str, str, Role | None, str]:
        rows = [row for row in events_of(moment.state) if row.who != (Role.CLOCK,)]
        seldom = {**dict.fromkeys(ENDS, 0.03), **dict.fromkeys(ASIDE, 0.15), **dict.fromkeys(ON, 0.3)}
        plain = [row for row in rows if self.rng.random() < seldom.get(row.name, 1)]
        row = self.rng.choice(plain or rows)
        role = self.rng.choice([role for role in row.who if role is not Role.CLOCK])
        return row.name, self._holder(role, row), role, "cli"

    def _holder(self, role: Role, row: Event) -> str:
        if role is Role.REVIEWER:
            return self.rng.choice(REVIEWERS)
        if role is Role.LEAD_PARTNER and (record := self.record) and record.facts.contact:
            return record.facts.contact.email
        if role is Role.APPLICANT:
            return f"{self.rng.choice(('applicant', 'lead-partner'))}@example.org"
        return f"{role}@example.org"

    def _astray(self, moment: Moment) -> tuple[str, str, Role | None, str]:
        strangers = ("nobody@example.org", "clock", "", "Staff@Example.org", "staff@example.org\x00")
        who = self.rng.choice([f"{name}@example.org" for name in PEOPLE] * 2 + list(strangers))
        event = self.rng.choice((*EVENTS, *EVENTS, "no-such-event", "to_active", ""))
        return event, who, self.rng.choice((None, None, *Role)), self.rng.choice(("cli", "link", "reply"))

    def _do(self, event: str, given: dict[str, Any], who: str, role: Role | None, channel: str) -> None:
        version = self.rng.choice((None, None, None, 0, 1)) if self.rng.random() < 0.05 else None
        self.life.system.transact(
            lambda session: engine.advance(
                session, self.life.ref, event, given, who, channel, self.life.now, version, role=role
            )
        )

    def look(self) -> None:
        system, now = self.life.system, self.life.now.astimezone(UTC)
        tally = fire.fire_due(system, now)  # what fell due by what was just done
        assert tally.failed == 0, (self.trail, tally.failures)
        found = invariants.of_the_state(system, now)
        if len(self.trail) % 5 == 0:
            found += invariants.of_the_history(system) + self.watch.faults(system)
            found += self.life.faults()
        assert found == [], (found, self.trail)


# The tests

STARTS = (None, "needs-agreed", "open", "scored", "chosen", "drafted", "scheduled", "introduced", "active",
          "approved", "renewal", "reported", "ended")  # fmt: skip
SEED = int(os.environ.get("SEED", "4270"))
LIVES = int(os.environ.get("LIVES", "0"))
STEPS = 40


@pytest.mark.promise("law-has-no-gaps")
@pytest.mark.parametrize("start", STARTS, ids=str)
def test_whatever_is_tried_in_a_life_what_must_hold_does(begin: Begin, start: str | None) -> None:
    came: Counter[str] = Counter()
    for number in range(1 + LIVES // len(STARTS)):
        walk = Walk(begin(start), Random(f"{SEED} {start} {number}"))
        for _ in range(STEPS):
            walk.step()
        came += walk.came
    print(f"from {start or 'nothing'}: {dict(came)}")
