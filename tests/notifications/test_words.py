"""Every notice that the packaged configuration sends has words, and they read well to everybody who gets them.

The samples are whole lives of partnerships: each event with the facts after it, told to each role that its row
names, and each deadline of a state told in all three kinds. The same is said again with next to no facts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from states import machine
from states.names import Role, State
from states.partnership import Partnership
from tests.notifications.samples import (
    ALWAYS,
    CHOSEN,
    CONFIG,
    EMAIL,
    FAILURES,
    KINDS,
    LAYOUTS,
    NAMES,
    NO_SCHOOL,
    OTHER,
    REPLIES,
    ROOT,
    SCHOOL,
    SENT,
    Told,
    context,
    enabled,
    events_of,
    messages,
    readers,
    rendered,
    roles_of,
    samples,
    states_of,
    steps,
    templates,
)
from tests.support.facts import (
    CBO,
    COLLEGE,
    ORGANIZATIONS,
    PEOPLE,
    REVIEWERS,
    Life,
)

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
