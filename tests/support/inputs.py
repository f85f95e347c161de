"""Inputs made up for the moment: sensible ones, that the law may or may not take, and damaged ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from states.inputs import ABILITIES
from states.machine import row_of
from states.names import Purpose, State
from states.partnership import Partnership
from tests.support.facts import OUTCOMES, SAMPLES

AMOUNTS = (0, 1_000, 24_999_999, 24_999_999, 25_000_000, 25_000_001, 90_000_000)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Moment:
    """What somebody knows who makes up an input: the partnership, the time, and what the directory has."""

    state: State | None
    facts: Partnership
    now: datetime  # local
    meetings: tuple[date, ...]  # regular ones, in order
    organizations: tuple[str, ...]
    reviewers: tuple[str, ...]
    school: str
    about: str | None = None  # the organization that whoever acts is of

    @property
    def today(self) -> date:
        return self.now.date()

    @property
    def applied(self) -> tuple[str, ...]:
        return tuple(self.facts.selection.applications) if self.facts.selection else ()


def _after(days: tuple[int, ...]) -> Callable[[Moment, Random], date]:
    return lambda moment, rng: moment.today + rng.choice(days) * DAY


def _meeting(moment: Moment, rng: Random) -> date:
    """The meeting that the item is on the agenda of, the last one, one to come, or now and then any day."""
    last = [on for on in moment.meetings if on <= moment.today][-1:]
    ahead = [on for on in moment.meetings if on > moment.today][:3]
    item = moment.facts.board.item
    known = list(item.agenda) if item else []
    return rng.choice([*last, *known * 4, *ahead, *ahead, moment.today])


def _meeting_to_come(moment: Moment, rng: Random) -> date:
    return rng.choice([on for on in moment.meetings if on > moment.today][:4] or [moment.today])


def _organization(moment: Moment, rng: Random) -> str:
    mine = [moment.about] if moment.about else []
    return rng.choice([*mine * 6, *moment.applied * 2, *moment.organizations])


def _applicant(moment: Moment, rng: Random) -> str:
    call = moment.facts.selection
    unanswered = [protest.organization for protest in call.unanswered()] if call else []
    return rng.choice([*unanswered * 8, *moment.applied * 4, *moment.organizations])


def _purpose(moment: Moment, rng: Random) -> Purpose:
    usual: tuple[Purpose, ...] = ("new",) * 8 if moment.state is State.OPEN_SELECTION else ()
    return rng.choice((*usual, "new", "amendment", "renewal", "renewal", "termination"))


def _last_day(moment: Moment, rng: Random) -> date:
    """A last day for an agreement from `_after((0, 10))`: weeks, a year to the day, a day more, years."""
    return moment.today + rng.choice((9, 60, 200, 364, 374, 375, 900)) * DAY


def _new_last_day(moment: Moment, rng: Random) -> date | None:
    agreement = moment.facts.agreement
    if agreement is None or not moment.facts.in_force or rng.random() < 0.4:
        return None
    return agreement.ends_on + rng.choice((-30, 1, 30, 365)) * DAY


def _effective(moment: Moment, rng: Random) -> date:
    agreement = moment.facts.agreement
    last = [agreement.ends_on] if agreement else []
    return rng.choice([moment.today, moment.today + 30 * DAY, moment.today + 90 * DAY, *last])


# What is made up for a key, by event and key or by key alone. All other keys are as usual.
MADE_UP: dict[str, Callable[[Moment, Random], Any]] = {
    "school": lambda moment, rng: moment.school,
    "closes_on": _after((1, 14, 15, 21, 40)),
    "reviewers": lambda moment, rng: list(moment.reviewers[: rng.choice((2, 3, 3, 3, 3, 4))]),
    "organization": _organization,
    "answer-protest.organization": _applicant,
    "demonstration": lambda moment, rng: rng.choice((None, "ten years of it")),
    "scores": lambda moment, rng: {ability: rng.randint(1, 5) for ability in ABILITIES},
    "amount_cents": lambda moment, rng: rng.choice(AMOUNTS),
    "refer-to-board.amount_cents": lambda moment, rng: (
        rng.choice((None, None, *AMOUNTS)) if moment.facts.in_force else None
    ),
    "amend-agreement.amount_cents": lambda moment, rng: rng.choice((None, None, *AMOUNTS)),
    "starts_on": _after((0, 10)),
    "ends_on": _last_day,
    "refer-to-board.ends_on": _new_last_day,
    "amend-agreement.ends_on": _new_last_day,
    "amend-agreement.terms": lambda moment, rng: rng.choice((None, "one more tutor")),
    "autonomy_requested_by": lambda moment, rng: rng.choice((None,) * 5 + ("school", "board")),
    "outcomes": lambda moment, rng: OUTCOMES[: rng.choice((1, 2))],
    "signed_on": _after((0, 0, 0, 0, -1, 1)),
    "record-signature.side": lambda moment, rng: rng.choice(("district", "partner")),
    "record-signature.name": lambda moment, rng: rng.choice(("Ann Lee", "Bo Diaz", "Cy Roe")),
    "on": _after((0, 0, -1, -30, 1)),
    "purpose": _purpose,
    "meeting_on": _meeting,
    "schedule-item.meeting_on": _meeting_to_come,
    "defer-item.meeting_on": lambda moment, rng: rng.choice((None, *([_meeting_to_come(moment, rng)] * 5))),
    "immediate_action": lambda moment, rng: rng.random() < 0.3,
    "ayes": lambda moment, rng: rng.randint(2, 5),
    "noes": lambda moment, rng: rng.randint(0, 3),
    "abstentions": lambda moment, rng: rng.choice((0, 0, 1)),
    "ground": lambda moment, rng: rng.choice(("mutual", "breach", "unsatisfactory")),
    "effective_on": _effective,
    "values": lambda moment, rng: {o.name: float(rng.randint(0, 100)) for o in moment.facts.outcomes.items},
    "impact": lambda moment, rng: rng.random() < 0.7,
    "improvement_plan": lambda moment, rng: rng.choice((None, "a tutor more", "a tutor more")),
}


def sensible(event: str, moment: Moment, rng: Random) -> dict[str, Any]:
    """An input that somebody might give in good faith. It is of the right form; the law may still refuse it."""
    given = dict(SAMPLES.get(event, {}))
    try:
        keys = row_of(event, moment.state).takes.model_fields
    except Exception:  # noqa: BLE001 - of an event that is impossible here the usual will do
        return given
    for key in keys:
        make = MADE_UP.get(f"{event}.{key}") or MADE_UP.get(key)
        if make is not None:
            given[key] = make(moment, rng)
    if event in ("terminate", "approve", "send-back") and "ayes" in keys:
        given |= {"ayes": rng.choice((3, 4, 5)), "noes": rng.choice((0, 1, 2)), "abstentions": 1}
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in given.items()
        if value is not None
    }


# What comes in the place of a value, or of a key, when something goes wrong on the way.
JUNK: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1, True, 2**63, 2**200, 1e308, -0.5, [], {}, [[]], {"x": {"y": []}}, "x" * 30_000,
    "0001-01-01", "9999-12-31", "2025-02-30", "2025-06-31T00:00:00", "tomorrow", "\x00", "a\x00b", "\ud800",
    "\u202egnp.exe", "\u200b", "\u2028", "a\r\nBcc: x@example.org", "{{ 7 * 7 }}", "<script>alert(1)</script>",
    "'; DROP TABLE history; --", "nobody@example.org", "none-such", "Ⅷ", "١٢٣", ["x"] * 500, float("nan"),
    float("inf"), "clock", "../../etc/passwd",
)  # fmt: skip


def damaged(given: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The input with one to three things wrong: a key gone, added, or with a value that nobody would give."""
    made = dict(given)
    for _ in range(rng.choice((1, 1, 2, 3))):
        what = rng.randrange(5)
        key = rng.choice(list(made)) if made else "x"
        if what == 0:
            made.pop(key, None)
        elif what == 1:
            made[rng.choice(("x", "", "facts", "state", "actor", "\x00", "at"))] = rng.choice(JUNK)
        elif what == 2 and isinstance(made.get(key), dict) and made[key]:
            inner = dict(made[key])
            inner[rng.choice([*inner, "x"])] = rng.choice(JUNK)
            made[key] = inner
        elif what == 2 and isinstance(made.get(key), list) and made[key]:
            made[key] = [*made[key], rng.choice(JUNK)]
        else:
            made[key] = rng.choice(JUNK)
    return made
