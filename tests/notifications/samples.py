"""Samples of everything that people are told: each notice and deadline, at each point of a few lives."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from notifications.render import Rendered, Templates
from states import machine
from states.case import Case
from states.inputs import read_input
from states.names import Role, State
from states.partnership import Partnership
from tests.support.facts import (
    ABSENT,
    CBO,
    COLLEGE,
    MEETING_3,
    NOTHING_YET,
    ORGANIZATIONS,
    PEOPLE,
    REVIEWERS,
    Life,
)

# No row names them: the program itself decides who gets them.
ALWAYS = (
    "receipt", "fresh-link", "sign-in", "invitation", "apply-link", "draft-saved", "application-held",
    "question-link", "new-calls-link", "reply-refused", "digest", "summary", "handed-over", "school-closed", "test",
    "checkpoint", "records-request",
)  # fmt: skip
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
    "address-failed": {"recipient": OTHER, "subject": "The call is open", "reason": "550 5.1.1 no such user",
                       "notice_id": 12},
    "mailbox-failed": {"mailbox": "imap", "reason": "mailbox mail.example.org:993: LOGIN failed"},
    "call-limit": {"what": "links", "most": 200},
    "deadline-failed": {"deadline": "decision-recorded", "due_at": "2025-09-18T12:00:00-07:00",
                        "reason": "the database is locked", "attempts": 5},
}  # fmt: skip
CHANGES = {"by": "partner-office", "lines": ["people new@example.org: added; roles staff"], "more": 2}
# Messages that came back, as staff are told of them.
REPLY = {
    "id": 7,
    "sender": OTHER,
    "name": "Contact of City College",
    "subject": "Re: The call is open",
    "text": "When will we hear from you?",
    "about": None,
    "word": None,
    "why": [],
}
NO_SCHOOL = ("message-failed", "address-failed", "mailbox-failed", "question", "directory-changed")
REPLIES = {
    "reply-note": REPLY,
    "question": REPLY | {"why": ["It is from somebody we do not know."]},
    "reply-doubtful": REPLY | {"about": "Agree to the outcomes", "why": ["It is from another address."]},
}  # fmt: skip
WAS, NOW = "2025-09-17T16:15:00-07:00", "2025-09-24T17:30:00-07:00"
OUTLOOK = {"acts": NOW, "day": "2025-10-01", "begins": True, "possible": False}
DATES = [{"label": "The agenda packet is due", "was": WAS, "now": now} for now in (NOW, None)]
MEETINGS = [
    {"was": WAS, "now": NOW, "dates": DATES, "outlook": OUTLOOK},
    {"was": WAS, "now": None, "dates": DATES, "outlook": OUTLOOK | {"acts": None}},
    {"was": WAS, "now": None, "special": True, "outlook": OUTLOOK | {"begins": False}},
    {"was": None, "now": NOW, "outlook": OUTLOOK | {"possible": True}},
]
KINDS = ("remind", "due", "escalate")
# Who still has to do what: the roles behind "waiting", by the first offer of the row.
WAITING = {
    "score-application": ("reviewer",),
    "agree-needs": ("principal", "staff"),
    "sign-agreement": ("staff", "lead-partner"),
    "agree-outcomes": ("principal", "staff", "lead-partner"),
    "give-finding": ("principal", "staff"),
    "accept-contact": ("next-contact",),
}


class Told(NamedTuple):
    """What a notice tells of: an event and the facts after it, or a deadline and the facts of that moment."""

    name: str
    facts: Partnership
    state: State
    event: dict[str, Any] | None = None
    kind: str | None = None
    late: int = 0
    meeting: dict[str, Any] | None = None


def enabled(table: str) -> dict[str, Any]:
    return {name: row for name, row in CONFIG[table].items() if row.get("enabled", True)}


def roles_of(name: str, kind: str | None) -> list[str]:
    row = CONFIG["deadline" if kind else "notice"][name]
    groups = [*row["to"], *(group for rung in row.get("overdue", ()) for group in rung["to"])]
    found: list[str] = []
    for group in groups:
        found += WAITING[row["offers"][0]] if group == "waiting" else [group]
    return sorted({SAME.get(group, group) for group in found})


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
        "late_days": told.late if kind == "escalate" else 0,
    }
    return {
        "notice": told.name,
        "person": {"name": NAMES[email], "email": email, "role": role},
        "why": f"as {role.replace('-', ' ')} of {SCHOOL}",
        "delegate_for": None,
        "stands_in_for": None,
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
        "hindered": [],
        "page": None,
        "digest": [],
        "feed": None,
        "dates_in": None,
        "me": "https://partnerships.example.org/me",
        "replies": True,
        "office": {"name": "Partnership Office", "email": "office@example.org", "phone": ""},
        "district": "Example Public Schools",
        "names": NAMES,
        "failure": FAILURES.get(told.name),
        "reply": REPLIES.get(told.name),
        "meeting": told.meeting,
        "changes": CHANGES,
        "held": {"name": "New Youth", "email": OTHER, "reason": "the call has 100 applications"},
        "missing": {},
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
    closed, chosen, active = Life().to("closed"), Life().to("chosen"), Life().to("active")
    yield Life().to("needs").do("describe-needs", gaps=ABSENT).do("agree-needs", "staff")
    yield Life().to("needs").do("withdraw")
    yield Life().to("needs").do("describe-needs").do("ask-for-changes", "principal", about="needs")
    asking = Life().to("drafted")
    for about, role in (("agreement", "lead-partner"), ("outcomes", "principal")):
        yield asking.do("ask-for-changes", role, about=about)
    opened = Life().to("open").do("extend-selection").do("receive-application")
    yield opened.do("receive-application").do("withdraw-application").do("withdraw")
    asked = opened.do("ask-question").do("ask-question", text="May a college apply?")
    yield asked.do("answer-question").do("answer-question", question=2, withhold=True)
    yield Life().to("open").at("2025-08-15 17:00").do("close-applications").do("restart")
    yield (
        Life().to("open").do("change-panel", add=[], remove=list(REVIEWERS[1:]), around={"minimum_panel": 1})
    )
    for leaves in REVIEWERS[:2]:
        yield closed.do("change-panel", remove=[leaves])
    conflicted = closed
    for reviewer in REVIEWERS:
        conflicted = conflicted.do("declare-conflict", by=reviewer, reason="a cousin works there")
    yield conflicted.do("withdraw-application").do("withdraw-application", organization=COLLEGE)
    yield chosen.do("withdraw-application").do("restart")
    protested = chosen.do("file-protest").do("answer-protest")
    yield protested.do("ask-for-review").do("draft-agreement", autonomy_requested_by="superintendent")
    yield (
        Life()
        .at_board_review()
        .do("schedule-item")
        .do("defer-item")
        .do("defer-item", "clock", meeting_on=MEETING_3)
    )
    yield Life().at_board_review().do("schedule-item").do("defer-item", "clock", meeting_on=None)
    yield Life().at_introduced().do("send-back", reason="the price is too high")
    for purpose in ("amendment", "renewal"):
        before = Life().at_introduced(purpose)
        yield before.do("approve", reason="well done")
        yield before.do("send-back")
    yield Life().at_introduced("termination").do("terminate")
    yield Life().at_introduced("termination").do("terminate", effective_on="2025-10-02")
    yield Life().at_board_review().do("schedule-item").do("recall-item")
    waiting = Life().to("active").do("amend-agreement", amount_cents=30_000_000)
    yield waiting.do("amend-agreement", ends_on="2027-08-31", reason="a second school year")
    yield waiting.do("refer-to-board", purpose="amendment").do("recall-item").do("withdraw-amendment")
    summer = {"meeting_on": "2026-07-22"}
    reviewed = (
        Life().at_board_review("renewal", "annual-review").do("schedule-item", **summer).at("2026-07-23")
    )
    resumed = reviewed.do("introduce-item", immediate_action=True, **summer).do("approve", **summer)
    yield resumed.do("open-annual-review", "clock")
    yield Life().to("approved").do("sign-agreement", "lead-partner").do("sign-agreement", "staff")
    yield Life().to("drafted").do("record-signature").do("record-signature", side="district", name="Bo Diaz")
    for duty in ("assessment", "gap", "meeting", "engagement", "responsibility"):
        active = active.do(f"record-{duty}")
    active = active.do("add-agreement").do("amend-agreement")
    active = active.do("amend-agreement", amount_cents=30_000_000, terms=ABSENT)
    yield active.do("change-contact").do("accept-contact")
    yield active.do("change-contact", email="lead-partner@example.org")
    yield Life().to("reported").do("submit-report", values={"attendance": 93.0, "suspensions": 1_234_567.5})
    yield Life().at_found().do("continue")
    yield Life().at_found(school=False).do("continue", improvement_plan="a tutor in every class")
    yield active.do("terminate").do("withdraw-termination")
    yield active.do("terminate").at("2026-06-30").do("expire").do("close-out")
    yield Life().to("active").at("2026-09-01").do("expire", "clock")


@cache
def steps() -> list[Told]:
    """Every step of all these lives, each once."""
    found = {repr((told.name, told.event, told.facts)): told for life in lives() for told in events_of(life)}
    return [*found.values(), *corrected(next(t for t in found.values() if t.name == "choose-partner"))]


def corrected(told: Told) -> Iterator[Told]:
    """A row that was corrected, and one that was taken back."""
    parts = [{"label": "Reasons", "was": "the best plan", "now": "the best plan for reading"}]
    for void, reason in ((False, "two words were missing"), (True, None)):
        made = {"done": "chose the Lead Partner", "on": told.event["at"], "void": void, "reason": reason}
        made["asks_again"] = () if void else ("agreement",)
        event = told.event | {"name": "correct-entry", "correction": made | {"parts": [] if void else parts}}
        yield Told("correct-entry", told.facts, told.state, event)


def states_of(name: str) -> list[str]:
    states = CONFIG["deadline"][name]["state"]
    return [states] if isinstance(states, str) else states


def sent_kinds(name: str) -> list[str]:
    """The kinds in which a deadline's notice leaves: where it makes an event happen, that has a notice."""
    row = CONFIG["deadline"][name]
    sent = {"remind": row.get("remind"), "due": not row.get("fires"), "escalate": row.get("overdue")}
    return [kind for kind, leaves in sent.items() if leaves]


SAME = {
    "told-before": "principal",
    "this-applicant": "applicant",
    "other-applicant": "applicant",
    "draft-author": "applicant",
    "asker": "public",
    "subscriber": "public",
    "former-lead-partner": "lead-partner",
    "new-reviewer": "reviewer",
    "former-reviewer": "reviewer",
}


def samples(name: str) -> list[Told]:
    """All that a notice may have to tell of, with rich facts and with hardly any."""
    bare = Partnership(school="rainier-beach", title="A Lead Partner for the school")
    if name in FAILURES or name in REPLIES or name in ("directory-changed", "applications-held"):
        return [Told(name, steps()[-1].facts, State.ACTIVE)]
    if name == "meeting-changed":
        scheduled = next(told for told in steps() if told.name == "schedule-item")
        return [scheduled._replace(name=name, meeting=meeting) for meeting in MEETINGS]
    if name == "choice-overturned":
        return [t._replace(name=name, event=None) for t in steps() if t.name in ("restart", "choose-partner")]
    if name in CONFIG["notice"]:
        rich = [told for told in steps() if told.name == name]
        return rich + [told._replace(facts=bare) for told in rich]
    moments = {repr(told.facts): told for told in steps() if told.state in states_of(name)}.values()
    found = [Told(name, t.facts, t.state, None, kind, 8) for t in moments for kind in sent_kinds(name)]
    return found + [Told(name, bare, State.ACTIVE, None, kind, 1) for kind in KINDS]


def messages(name: str) -> Iterator[tuple[Told, str, str, Rendered]]:
    """Each of a notice's messages: what it tells of, in which role and to whom, and how it reads."""
    for told in samples(name):
        for role in roles_of(name, told.kind):
            for email in readers(told, role):
                yield told, role, email, rendered(told, role, email)


SENT = [*enabled("notice"), *enabled("deadline")]
