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
SECTIONS = re.compile(
    r"^(?:WHAT HAPPENED|WHAT YOU ARE ASKED TO DO|MORE)\n\n(.*?)\n\n(?=[A-Z ]+\n\n)", re.M | re.S
)


def test_every_row_has_words_and_all_words_have_a_row() -> None:
    written = {path.name for path in EMAIL.iterdir()} - LAYOUTS
    assert written == {f"{name}.j2" for name in (*CONFIG["notice"], *CONFIG["deadline"], *ALWAYS)}


@pytest.mark.parametrize("event", machine.EVENTS)
def test_a_form_says_what_will_happen_and_the_history_what_happened(event: str) -> None:
    words = tomllib.loads((ROOT / "templates" / "events.toml").read_text(encoding="utf-8"))[event]
    assert re.search(r"\bwill\b", words["does"].partition(".")[0])
    assert words["does"].endswith(".")
    assert "will" not in words["done"].split()
    assert words["done"][0].islower()
    assert not words["done"].endswith(".")


def test_no_name_stands_in_both_tables() -> None:
    assert not CONFIG["notice"].keys() & CONFIG["deadline"].keys()


def test_nothing_is_wrong_with_the_files() -> None:
    assert templates().problems(also=("names", "failure", "meeting", "changes")) == []


def test_every_event_with_a_notice_happens_in_the_samples() -> None:
    apart = FAILURES.keys() | REPLIES.keys() | {"meeting-changed", "directory-changed", "applications-held"}
    apart |= {"choice-overturned"}
    assert set(enabled("notice")) - apart <= {told.name for told in steps()}


@pytest.mark.parametrize("name", SENT)
def test_the_words_are_whole_sentences_for_everybody(name: str) -> None:
    told_to = set()
    for told, role, _, message in messages(name):
        told_to.add((role, told.kind))
        where = f"{name} to {role}, {told.kind}: {message.subject}\n{message.text}"
        assert len(message.subject) <= 100, where
        assert SCHOOL in message.subject or name in NO_SCHOOL, where
        assert message.subject == " ".join(message.subject.split()), where
        happened, asked, *more = SECTIONS.findall(message.text)
        for words in (message.subject, happened, asked, *more):
            assert words.strip(), where
            assert not re.search(r"[{}]|%\}|None|Undefined|@\d|\bnone\b(?! will do)", words), where
            assert not re.search(r"\S {2,}\S| [.,;:?!)]|\( |[.,;:]{2}|\(\)|\[\]", words), where
            assert not words.endswith((",", ";", ":")), where
        assert re.search(r"[.:?\w]$", happened), where
        assert (
            asked.startswith(("Please ", "You do not have to do anything now.", "If ")) or "Please " in asked
        ), where
    kinds = KINDS if name in CONFIG["deadline"] else (None,)
    assert told_to >= {(role, kind) for kind in kinds for role in roles_of(name, kind)}


@pytest.mark.parametrize("name", SENT)
def test_what_people_are_told_has_no_words_of_the_program(name: str) -> None:
    """Commands are for the person who runs the system, and stand below everything else."""
    hyphenated = {word for word in (*machine.EVENTS, *State) if "-" in word} - {"close-out"}  # a noun too
    for _, _, _, message in messages(name):
        happened, asked, *_ = SECTIONS.findall(message.text)
        plain = " ".join((message.subject, happened, asked))
        assert "partnershipctl" not in plain
        assert not hyphenated & set(re.findall(r"[a-z]+(?:-[a-z]+)+", plain)), plain


@pytest.mark.parametrize("name", SENT)
def test_the_two_parts_of_a_message_say_the_same(name: str) -> None:
    _, _, _, message = next(messages(name))
    happened = SECTIONS.findall(message.text)[0].split("\n\n")[0]
    plain = re.sub(r"<[^>]+>", "", message.html)
    assert " ".join(happened.split()) in " ".join(plain.replace("&#39;", "'").replace("&#34;", '"').split())


@pytest.mark.parametrize("name", enabled("deadline"))
def test_a_deadline_speaks_otherwise_when_it_is_overdue(name: str) -> None:
    role = roles_of(name, "due")[0]
    bare = Told(
        name, Partnership(school="rainier-beach", title="A Lead Partner"), State.ACTIVE, kind="remind"
    )
    said = {
        kind: rendered(bare._replace(kind=kind, late=late), role, readers(bare, role)[0])
        for kind, late in (("remind", 0), ("escalate", 8))
    }
    if CONFIG["deadline"][name].get("overdue"):
        assert said["remind"].subject != said["escalate"].subject
        assert said["escalate"].subject.startswith("Overdue")


# What is sealed: before the choice who else applied, and at all times how the panel scored and who sits on it

FIRST, SECOND, THIRD = REVIEWERS
PANEL = {*REVIEWERS, *(NAMES[address] for address in REVIEWERS), "a secret comment", "a secret cousin"}
WRITTEN = {"how we show"}  # what the samples say of each ability
APPLICANTS = {CHOSEN: CBO, OTHER: COLLEGE}
TO_APPLICANTS = [
    name for name in SENT if "applicant" in roles_of(name, "due" if name in CONFIG["deadline"] else None)
]


def sealed_lives() -> Iterator[Life]:
    """Calls in which each applicant acts for itself, and the panel leaves traces."""
    life = Life().to("open")
    for email, organization in APPLICANTS.items():
        contact = {"contact_email": email, "contact_name": NAMES[email]}
        life = life.do("receive-application", by=email, organization=organization, **contact)
    yield life.do("withdraw-application", by=OTHER, organization=COLLEGE)
    life = life.do("ask-question").do("answer-question")
    life = life.do("extend-selection", closes_on="2025-08-22").at("2025-08-22 17:00").do("close-applications")
    scored = [(FIRST, CBO), (FIRST, COLLEGE), (SECOND, CBO), (SECOND, COLLEGE), (THIRD, CBO)]
    for reviewer, organization in scored:
        given = {"organization": organization, "comment": "a secret comment"}
        life = life.do("score-application", by=reviewer, **given)
    life = life.do("declare-conflict", by=THIRD, organization=COLLEGE, reason="a secret cousin")
    yield life.do("withdraw")
    yield life.do("restart")
    yield life.do("choose-partner").do("file-protest", by=OTHER).do("answer-protest")


@cache
def sealed_steps() -> list[Told]:
    return [told for life in sealed_lives() for told in events_of(life)]


def sealed_samples(name: str) -> list[Told]:
    told = sealed_steps()
    if name == "choice-overturned":
        return [each._replace(name=name, event=None) for each in told if each.name == "restart"]
    if name in CONFIG["notice"]:
        return [each for each in told if each.name == name]
    if State.OPEN_SELECTION not in states_of(name):
        return []
    running = {repr(each.facts): each for each in told if each.state is State.OPEN_SELECTION}.values()
    return [each._replace(name=name, event=None, kind=kind) for each in running for kind in ("remind", "due")]


@pytest.mark.parametrize("name", TO_APPLICANTS)
def test_nothing_sealed_reaches_an_applicant(name: str) -> None:
    found = sealed_samples(name)
    assert found
    for told in found:
        for email in readers(told, "applicant"):
            other = OTHER if email == CHOSEN else CHOSEN
            secrets = PANEL | WRITTEN | {other, NAMES[other]}
            if name != "choose-partner":
                secrets |= {ORGANIZATIONS[APPLICANTS[other]].name}
            message = rendered(told, "applicant", email)
            everything = message.subject + message.text + message.html
            leaked = {secret for secret in secrets if secret in everything}
            assert not leaked, f"{name} tells {email} {leaked}"


@pytest.mark.parametrize(
    "name", [name for name in SENT if name not in ("declare-conflict", "score-application")]
)
def test_only_the_office_and_the_panel_read_of_the_panel(name: str) -> None:
    for told in sealed_samples(name):
        for role in set(roles_of(name, told.kind)) - {"staff", "reviewer"}:
            for email in readers(told, role):
                message = rendered(told, role, email)
                leaked = {secret for secret in PANEL | WRITTEN if secret in message.text + message.html}
                assert not leaked, f"{name} tells {role} {leaked}"


def choice(role: str, email: str, **changes: Any) -> str:
    told = next(told for told in sealed_samples("choose-partner"))
    message = rendered(told, role, email, **changes)
    return " ".join((message.subject + "\n" + message.text).split())


# Words that are for one role alone, and the roles whose they are

MEANT_FOR = {
    r"[Yy]our application|apply again|your interest|your protest|may file a protest": {
        "applicant",
        "lead-partner",
    },
    r"[Yy]our organization\b|Congratulations": {"applicant", "lead-partner"},
    r"your work on the panel|You are on the panel|five scores|[Yy]ou can score|Still to score": {"reviewer"},
    r"agree to (it|them) for the school": {"principal"},
    r"agree to (it|them) for the District|signed for the District": {"staff"},
    r"named you as the new contact": {"next-contact"},
}


@pytest.mark.promise("words-for-their-reader")
@pytest.mark.parametrize("name", SENT)
def test_nobody_reads_words_that_are_meant_for_another_role(name: str) -> None:
    """Also not a role to which a district tells it, beside those of the packaged configuration."""
    for told in samples(name)[:40]:
        for role in set(Role) - {Role.CLOCK}:
            for email in readers(told, role):
                pieces = templates().words(name, context(told, role, email))
                said = " ".join(" ".join(pieces[part] for part in ("subject", "happened", "asked")).split())
                for words, roles in MEANT_FOR.items():
                    found = re.search(words, said)
                    assert not found or role in roles, f"{name} tells {role}: {said}"


def test_a_subject_says_what_is_asked_of_its_reader_and_by_when() -> None:
    others = ("Decision on your application", "You are chosen. ")
    for name in SENT:
        for told, role, _, message in messages(name):
            asked = " ".join(SECTIONS.findall(message.text)[1].split())
            where = f"{name} to {role}, {told.kind}: {message.subject}\n{asked}"
            assert len(message.subject) <= 84, where
            if asked.startswith("Please ") and not message.subject.startswith(others):
                assert re.match(r"Please |Overdue since |Due now: ", message.subject), where
            if asked.startswith("You do not have to do anything now.") and told.kind is None:
                assert not message.subject.startswith("Please "), where
            if message.subject.startswith("Please ") and told.kind == "remind":
                assert " by November 19, " in message.subject, where


def test_the_chosen_organization_learns_that_it_is_chosen() -> None:
    for role in ("lead-partner", "applicant"):
        said = choice(role, CHOSEN)
        assert said.startswith("You are chosen. Please set the outcomes")
        assert "protest" not in said


def test_an_organization_that_is_not_chosen_learns_it_with_reasons_and_how_to_protest() -> None:
    said = choice("applicant", OTHER)
    assert said.startswith("Decision on your application")
    assert "Harbor House" in said
    assert "Your organization was not chosen" in said
    assert "the best scores" in said
    assert "you may file a protest until Friday, August 29, 2025, " in said
    assert "Congratulations" not in said


def test_whoever_stands_in_for_an_applicant_reads_what_the_applicant_would() -> None:
    names = NAMES | {"deputy@example.org": "The deputy"}
    person = {"name": "The deputy", "email": "deputy@example.org", "role": "applicant"}
    chosen = choice("applicant", CHOSEN, person=person, names=names, delegate_for=NAMES[CHOSEN])
    other = choice("applicant", OTHER, person=person, names=names, delegate_for=NAMES[OTHER])
    assert chosen.startswith("You are chosen. ")
    assert other.startswith("Decision on your application")


def test_a_reviewer_is_reminded_of_his_or_her_own_applications_only() -> None:
    facts = Life().to("closed").do("score-application", by=FIRST).facts
    told = Told("scores-due", facts, State.OPEN_SELECTION, kind="remind")
    said = {email: SECTIONS.findall(rendered(told, "reviewer", email).text)[2] for email in (FIRST, SECOND)}
    assert said == {
        FIRST: "Still to score:\n\n- City College",
        SECOND: "Still to score:\n\n- Harbor House\n- City College",
    }
    office = rendered(told, "staff", PEOPLE[Role.STAFF]).text
    assert "Reviewer number 3 still has to score:\n\n- Harbor House\n- City College" in office


def test_applicants_do_not_learn_how_many_applied() -> None:
    for name in ("close-applications", "applications-close"):
        for told in sealed_samples(name):
            message = rendered(told, "applicant", OTHER).text
            assert "received" not in message
            assert "2" not in SECTIONS.findall(message)[1]
