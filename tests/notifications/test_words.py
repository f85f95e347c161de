"""Every notice that the packaged configuration sends has words, and they read well to everybody who gets them.

The samples are whole lives of partnerships: each event with the facts after it, told to each role that its row
names, and each deadline of a state told in all three kinds. The same is said again with next to no facts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from notifications.render import Rendered, Templates
from states import machine
from states.case import Case
from states.inputs import read_input
from states.partnership import Partnership, Role, State
from tests.states.life import ABSENT, CBO, COLLEGE, MEETING_3, NOTHING_YET, ORGANIZATIONS, PEOPLE, REVIEWERS, Life

ROOT = Path(__file__).parents[2]
EMAIL = ROOT / "templates" / "email"
CONFIG = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))
LAYOUTS = {"layout.txt.j2", "layout.html.j2"}
SCHOOL = "Rainier Beach High School"
CHOSEN, OTHER = "lead-partner@example.org", "applicant@example.org"  # the contacts of the two applicants
NAMES = {
    **{key: organization.name for key, organization in ORGANIZATIONS.items()},
    **{address: f"The {role.replace('-', ' ')}" for role, address in PEOPLE.items()},
    **{address: f"Reviewer number {n}" for n, address in enumerate(REVIEWERS, 1)},
    CHOSEN: "Contact of Harbor House",
    OTHER: "Contact of City College",
}
FAILURES = {
    "message-failed": {"recipient": OTHER, "subject": "The call is open", "reason": "550 no such user",
                       "attempts": 7, "notice_id": 12},
    "deadline-failed": {"deadline": "decision-recorded", "due_at": "2025-09-18T12:00:00-07:00",
                        "reason": "the database is locked", "attempts": 5},
}  # fmt: skip
# Who still has to do what: the roles behind "waiting", by the first offer of the row.
WAITING = {
    "score-application": ("reviewer",),
    "agree-needs": ("principal", "staff"),
    "sign-agreement": ("staff", "lead-partner"),
    "give-finding": ("principal", "staff"),
}


class Told(NamedTuple):
    """What a notice tells of: an event and the facts after it, or a deadline and the facts of that moment."""

    name: str
    facts: Partnership
    state: State
    event: dict[str, Any] | None = None
    kind: str | None = None
    late: int = 0


def enabled(table: str) -> dict[str, Any]:
    return {name: row for name, row in CONFIG[table].items() if row.get("enabled", True)}


def roles_of(name: str, kind: str | None) -> list[str]:
    row = CONFIG["deadline" if kind else "notice"][name]
    groups = [*row["to"], *(group for rung in row.get("overdue", ()) for group in rung["to"])]
    found: list[str] = []
    for group in groups:
        found += WAITING[row["offers"][0]] if group == "waiting" else [group]
    return sorted({"applicant" if group == "this-applicant" else group for group in found})


def readers(told: Told, role: str) -> list[str]:
    """The addresses of those who are told in a role: of applicants each, as they read different words."""
    if role == "applicant":
        about = (told.event or {}).get("input", {}).get("organization")
        own = CONFIG["notice"].get(told.name, {}).get("to", ())
        if "this-applicant" in own and about:
            return [CHOSEN if about == CBO else OTHER]
        return [CHOSEN, OTHER]
    return [CHOSEN if role == "lead-partner" else PEOPLE[Role(role)]]


def context(told: Told, role: str, email: str, **changes: Any) -> dict[str, Any]:
    kind = told.kind
    deadline = kind and {
        "name": told.name,
        "label": CONFIG["deadline"][told.name]["label"],
        "due_at": "2025-11-19T17:00:00-08:00",
        "kind": kind,
        "overdue": kind == "escalate",
        "late_days": told.late,
    }
    return {
        "notice": told.name,
        "person": {"name": NAMES[email], "email": email, "role": role},
        "why": f"as {role.replace('-', ' ')} of {SCHOOL}",
        "delegate_for": None,
        "partnership": {
            "ref": "rbhs-2025",
            "title": told.facts.title,
            "state": str(told.state),
            "school_name": SCHOOL,
        },
        "standing": [
            {"state": str(s), "label": s.replace("-", " "), "current": s is told.state} for s in State
        ],
        "event": told.event,
        "facts": told.facts.model_dump(mode="json"),
        "deadline": deadline or None,
        "offers": [],
        "office": {"name": "Partnership Office", "email": "office@example.org", "phone": ""},
        "district": "Example Public Schools",
        "names": NAMES,
        "failure": FAILURES.get(told.name),
        **changes,
    }


@cache
def templates() -> Templates:
    return Templates([ROOT / "templates"], ZoneInfo("America/Los_Angeles"))


def rendered(told: Told, role: str, email: str, **changes: Any) -> Rendered:
    return templates().notice(told.name, context(told, role, email, **changes))


def events_of(life: Life) -> Iterator[Told]:
    """Every event of a life, with the facts after it."""
    state, facts = None, NOTHING_YET
    for done in life.history:
        given = read_input(machine.row_of(done.event, state).takes, done.input)
        case = Case(state, facts, given, done.actor, done.role, done.at, done.setting)
        change = machine.apply(done.event, case)
        state, facts = change.state, change.facts
        event = {
            "name": done.event,
            "at": done.at.isoformat(),
            "by": done.actor,
            "by_name": NAMES.get(done.actor, done.actor),
            "role": str(done.role),
            "input": dict(done.input),
            "note": None,
        }
        yield Told(done.event, facts, state, event)


def lives() -> Iterator[Life]:
    """Lives in which every event happens, in every way that its words tell apart."""
    closed, chosen, active = Life().at_closed(), Life().at_chosen(), Life().at_active()
    yield Life().at_needs().do("describe-needs", gaps=ABSENT).do("agree-needs", "staff")
    yield Life().at_needs().do("withdraw")
    opened = Life().at_open_selection().do("extend-selection").do("receive-application")
    yield opened.do("receive-application").do("withdraw-application").do("withdraw")
    yield Life().at_open_selection().at("2025-08-15 17:00").do("close-applications").do("restart")
    conflicted = closed
    for reviewer in REVIEWERS:
        conflicted = conflicted.do("declare-conflict", by=reviewer, reason="a cousin works there")
    yield conflicted.do("withdraw-application").do("withdraw-application", organization=COLLEGE)
    yield chosen.do("withdraw-application").do("restart")
    protested = chosen.do("file-protest").do("answer-protest")
    yield protested.do("ask-for-review").do("draft-agreement", autonomy_requested_by="superintendent")
    yield Life().at_board_review().do("schedule-item").do("defer-item").do("defer-item", "clock", meeting_on=MEETING_3)
    yield Life().at_board_review().do("schedule-item").do("defer-item", "clock", meeting_on=None)
    yield Life().at_introduced().do("send-back", reason="the price is too high")
    for purpose in ("amendment", "renewal"):
        before = Life().at_introduced(purpose)
        yield before.do("approve", reason="well done")
        yield before.do("send-back")
    yield Life().at_introduced("termination").do("terminate")
    summer = {"meeting_on": "2026-07-22"}
    reviewed = Life().at_board_review("renewal", "annual-review").do("schedule-item", **summer).at("2026-07-23")
    resumed = reviewed.do("introduce-item", immediate_action=True, **summer).do("approve", **summer)
    yield resumed.do("open-annual-review", "clock")
    yield Life().at_approved().do("sign-agreement", "lead-partner").do("sign-agreement", "staff")
    for duty in ("assessment", "gap", "meeting", "engagement", "responsibility"):
        active = active.do(f"record-{duty}")
    active = active.do("add-agreement").do("amend-agreement")
    active = active.do("amend-agreement", amount_cents=30_000_000, terms=ABSENT)
    yield active.do("change-contact")
    yield Life().at_reported().do("submit-report", values={"attendance": 93.0, "suspensions": 1_234_567.5})
    yield Life().at_found().do("continue")
    yield Life().at_found(school=False).do("continue", improvement_plan="a tutor in every class")
    yield active.do("terminate").do("close-out")
    yield Life().at_active().at("2026-09-01").do("expire", "clock")


@cache
def steps() -> list[Told]:
    """Every step of all these lives, each once."""
    found = {repr((told.name, told.event, told.facts)): told for life in lives() for told in events_of(life)}
    return list(found.values())


def samples(name: str) -> list[Told]:
    """All that a notice may have to tell of, with rich facts and with hardly any."""
    if name in FAILURES:
        return [Told(name, steps()[-1].facts, State.ACTIVE)]
    if name in CONFIG["notice"]:
        rich = [told for told in steps() if told.name == name]
    else:
        states = CONFIG["deadline"][name]["state"]
        moments = {repr(told.facts): told for told in steps() if told.state in states}.values()
        ways = (("remind", 0), ("due", 0), ("escalate", 8))
        rich = [Told(name, t.facts, t.state, None, kind, late) for t in moments for kind, late in ways]
    bare = Partnership(school="rainier-beach", title="A Lead Partner for the school")
    poor = [told._replace(facts=bare, late=min(told.late, 1)) for told in rich]
    return rich + (poor[:3] if name in CONFIG["deadline"] else poor)


def messages(name: str) -> Iterator[tuple[Told, str, str, Rendered]]:
    """Each of a notice's messages: what it tells of, in which role and to whom, and how it reads."""
    for told in samples(name):
        for role in roles_of(name, told.kind):
            for email in readers(told, role):
                yield told, role, email, rendered(told, role, email)
