"""An event is shown to the same people on the page of the partnership, on the page of an old link, and by mail.

The table below is written apart from the law: for each event, where it happens in these tests, and who of reviewer,
Lead Partner and applicant may know of it. A role that is not named must not find the event anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from freezegun import freeze_time
from sqlalchemy import select

from states.machine import EVENTS
from states.names import Role
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, REVIEWERS
from tests.support.letters import got
from tests.support.visitor import Visit, Visitor
from workflow.outbox import message
from workflow.procedure.config import Config
from workflow.store import tables
from workflow.store.rows import Notice
from workflow.views import visibility
from workflow.views.visibility import Viewer

REVIEWER, LEAD, APPLICANT = "reviewer", "lead-partner", "applicant"
# Somebody in each role who did none of these events themselves. The applicant is not the one that was chosen.
OUTSIDERS = {REVIEWER: REVIEWERS[2], LEAD: "lead-partner@example.org", APPLICANT: "applicant@example.org"}


class Happens(NamedTuple):
    """Where an event happens, who does it with which input, what has to be done first, and who may know of it."""

    station: str
    may_know: frozenset[str]
    by: str | None = None
    given: dict[str, Any] = {}  # noqa: RUF012 - a named tuple has no other default
    first: tuple[str, ...] = ()
    at: str | None = None


def happens(station: str, may_know: str = "", by: str | None = None, **rest: Any) -> Happens:
    return Happens(station, frozenset(may_know.split()), by, **rest)


SIGNED = ("2025-08-28", "sign-agreement staff", "sign-agreement lead-partner")
AGENDA = {"meeting_on": "2025-10-01", "ayes": 5, "noes": 1, "abstentions": 1}
ANOTHER_TITLE = {"seq": 24, "input": {"file": "letter.pdf", "title": "Another letter"}}
WHERE: dict[str, Happens] = {
    "open-selection": happens("needs-agreed"),
    "withdraw": happens("chosen", "reviewer lead-partner applicant"),
    "receive-application": happens("applied", "", "lead-partner", at="2025-08-02"),
    "withdraw-application": happens("closed", "reviewer", "lead-partner", given={"organization": CBO}),
    "ask-question": happens("applied", "reviewer applicant"),
    "answer-question": happens("applied", "reviewer applicant", first=("ask-question",)),
    "extend-selection": happens("applied", "reviewer applicant"),
    "close-applications": happens("applied", "reviewer applicant", "clock", at="2025-08-15 17:00"),
    "change-panel": happens("applied", "reviewer", given={"remove": [REVIEWERS[1]]}),
    "declare-conflict": happens("closed", "", REVIEWERS[0]),
    "score-application": happens("closed", "", REVIEWERS[0]),
    "choose-partner": happens("scored", "reviewer applicant"),
    "file-protest": happens("chosen", "applicant", "applicant", given={"organization": COLLEGE}),
    "answer-protest": happens(
        "chosen", "applicant", given={"organization": COLLEGE}, first=("file-protest",)
    ),
    "restart": happens("scored"),  # afterwards nobody is reviewer or applicant any more
    "draft-agreement": happens("chosen", "lead-partner"),
    "set-outcomes": happens("chosen", "lead-partner"),
    "agree-outcomes": happens("chosen", "lead-partner", "principal", first=("set-outcomes",)),
    "ask-for-changes": happens("drafted", "lead-partner"),
    "ask-for-review": happens("drafted", "lead-partner"),
    "sign-agreement": happens("drafted", "lead-partner", "staff", at="2025-08-28"),
    "record-signature": happens("drafted", "lead-partner", at="2025-08-28"),
    "activate": happens("drafted", "lead-partner", first=SIGNED, at="2025-09-02"),
    "refer-to-board": happens(
        "active", "lead-partner", given={"purpose": "renewal", "ends_on": "2027-08-31"}
    ),
    "schedule-item": happens("referred", "lead-partner"),
    "recall-item": happens("scheduled", "lead-partner"),
    "move-item": happens("scheduled", "lead-partner", "clock", given={"meeting_on": None}),
    "introduce-item": happens("scheduled", "lead-partner", at="2025-09-18"),
    "defer-item": happens("scheduled", "lead-partner", given={"meeting_on": "2025-10-01", "reason": "late"}),
    "approve": happens("introduced", "lead-partner", at="2025-10-02"),
    "send-back": happens("introduced", "lead-partner", at="2025-10-02", given=AGENDA),
    "record-assessment": happens("active", "lead-partner", "staff"),
    "record-gap": happens("active", "lead-partner", "staff"),
    "record-meeting": happens("active", "lead-partner", "staff"),
    "record-engagement": happens("active", "lead-partner", "staff"),
    "record-responsibility": happens("active", "lead-partner", "staff"),
    "add-agreement": happens("active", "lead-partner", "staff"),
    "amend-agreement": happens("active", "lead-partner"),
    "withdraw-amendment": happens("active", "lead-partner", first=("amend-agreement",)),
    "open-annual-review": happens("active", "lead-partner", "staff", at="2026-07-02"),
    "submit-report": happens("annual-review", "lead-partner", at="2026-07-14"),
    "give-finding": happens("reported", "lead-partner", "principal"),
    "continue": happens("reported", "lead-partner", first=("give-finding principal", "give-finding staff")),
    "terminate": happens("active", "lead-partner", given={"effective_on": "2025-10-02"}),
    "withdraw-termination": happens("ending", "lead-partner"),
    "expire": happens("active", "lead-partner", "clock", at="2026-09-01"),
    "close-out": happens("ended", "lead-partner", "staff"),
    "want-start": happens("drafted"),
    "replan-start": happens("drafted", "", "clock", first=("want-start",)),
    "add-note": happens("active"),
    "attach-document": happens("active", "lead-partner"),
    # Of the document, which is the 24th entry here.
    "correct-entry": happens("active", "lead-partner", given=ANOTHER_TITLE, first=("attach-document",)),
    "change-contact": happens("active", "lead-partner", given={"email": "next-contact@example.org"}),
    # The old one is no more.
    "accept-contact": happens("active", "", "next-contact", first=("change-contact",)),
}
EARLIER = {"amend-agreement": {"amount_cents": 25_000_000}}  # with which input, if not the usual one
BEFORE_ANY_OUTSIDER = {"identify-needs", "describe-needs", "agree-needs"}


def test_the_table_names_every_event_that_somebody_outside_could_hear_of() -> None:
    assert WHERE.keys() | BEFORE_ANY_OUTSIDER == set(EVENTS)


def prepared(visit: Visit, event: str) -> Visitor:
    where = WHERE[event]
    visitor = visit(where.station)
    visitor.life.person("reviewer-4", roles=["reviewer"])  # who can join the panel
    for step in where.first:
        name, _, by = step.partition(" ")
        if name[0].isdigit():
            visitor.life.at(name)
        else:
            visitor.life.do(name, by or None, **EARLIER.get(name, {}))
    if where.at:
        visitor.life.at(where.at)
    return visitor


def outsiders(life: Life) -> Iterator[tuple[str, str]]:
    """Everybody outside the office who has a role at this station."""
    with life.system.reading() as session:
        for role, email in OUTSIDERS.items():
            person = session.directory.person(email, life.facts)
            if person and Role(role) in session.directory.roles_of(person, life.facts):
                yield role, email


def words(config: Config, event: str, by: str | None) -> str:
    told = config.events[event]
    return told["automatic"] if by == "clock" else told["done"]


@pytest.mark.parametrize("event", WHERE)
def test_an_event_is_told_in_every_place_to_those_alone_who_may_know_of_it(visit: Visit, event: str) -> None:
    visitor, where = prepared(visit, event), WHERE[event]
    life = visitor.life
    watching = dict(outsiders(life))
    assert where.may_know <= watching.keys()
    with freeze_time(life.now - timedelta(days=200)):
        old = {role: visitor.path(visitor.claim("", role, to=to)) for role, to in watching.items()}
    links = {role: visitor.link("", role, to=to) for role, to in watching.items()}
    sentence = words(life.system.config, event, where.by)
    before = {role: visitor.get(links[role]).said.count(sentence) for role in watching}
    life.do(event, where.by, **where.given)
    for role in watching:
        told = role in where.may_know
        after = visitor.get(links[role]).said.count(sentence)
        assert (after > before[role]) is told, (role, "the page of the partnership")
        assert (sentence in visitor.get(old[role]).said) is told, (
            role,
            "the page of a link that has expired",
        )
    hears = {row["role"] for row in life.notices(event)} & set(OUTSIDERS)
    assert hears <= AUDIENCE[event], "a message"


# Besides those who may read of it on a page: whom the event itself is about, and who leaves with it.
AUDIENCE = {event: set(where.may_know) for event, where in WHERE.items()}
AUDIENCE["open-selection"] |= {REVIEWER}
for _event in ("receive-application", "withdraw-application"):
    AUDIENCE[_event] |= {APPLICANT}  # the one that it is about
AUDIENCE["choose-partner"] |= {LEAD}
AUDIENCE["restart"] |= {REVIEWER, APPLICANT}
AUDIENCE["accept-contact"] |= {LEAD}


@pytest.mark.parametrize("role", OUTSIDERS)
def test_the_office_and_nobody_else_hears_of_a_note(visit: Visit, role: str) -> None:
    """A Lead Partner once read on the page of an old link that staff had added a note."""
    visitor = visit("active")
    assert role in dict(outsiders(visitor.life))
    with freeze_time(visitor.life.now - timedelta(days=200)):
        old = visitor.path(visitor.claim("", role, to=OUTSIDERS[role]))
    visitor.life.do("add-note", text="called the office")
    seen = visitor.get(old)
    assert seen.status == 410
    assert "added a note" not in seen.said
    assert "called the office" not in seen.said


def test_a_reviewer_does_not_hear_of_another_reviewers_conflict_from_an_old_link(visit: Visit) -> None:
    visitor = visit("closed")
    with freeze_time(visitor.life.now - timedelta(days=200)):
        theirs = visitor.path(visitor.claim("", REVIEWER, to=REVIEWERS[1]))
        mine = visitor.path(visitor.claim("", REVIEWER, to=REVIEWERS[0]))
    visitor.life.do("declare-conflict", REVIEWERS[0])
    assert "declared a conflict of interest" not in visitor.get(theirs).said
    assert "declared a conflict of interest" in visitor.get(mine).said


def test_what_a_template_gets_holds_no_fact_that_its_reader_may_not_see(visit: Visit) -> None:
    visitor = visit("scored")
    life = visitor.life
    numbers = {role: visitor.notice(role, "", to=to) for role, to in dict(outsiders(life)).items()}
    table = tables.notices
    with life.system.reading() as session:

        def context(number: int) -> dict[str, Any]:
            row = session.connection.execute(select(table).where(table.c.id == number)).one()
            return message.context_of(session, Notice.from_row(row))

        contexts = {role: context(number) for role, number in numbers.items()}
    assert contexts.keys() == {REVIEWER, APPLICANT}
    for role, known in contexts.items():
        assert known["facts"]["agreement"] is known["facts"]["duties"] is None, role
    assert contexts[REVIEWER]["facts"]["selection"]["scores"], "their own"
    assert contexts[APPLICANT]["facts"]["selection"]["scores"] is None
    assert CBO not in str(contexts[APPLICANT]["facts"])
    assert CBO not in contexts[APPLICANT]["names"]


def body(life: Life, template: str, to: str) -> str:
    part = got(life, template, to).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_nobody_but_the_applicant_is_thanked_for_an_application(begin: Begin) -> None:
    life = begin("applied")
    life.do("withdraw-application", "staff", organization=COLLEGE)
    assert "Thank you for your interest" not in body(life, "withdraw-application", "principal")
    assert got(life, "withdraw-application", "principal")["Subject"].startswith(
        "An application was withdrawn"
    )
    assert "Thank you for your interest" in body(life, "withdraw-application", "applicant")


@pytest.mark.parametrize("station", ["chosen", "drafted", "signed"])
def test_a_principal_is_told_in_words_of_their_own_that_the_chosen_partner_withdrew(
    begin: Begin, station: str
) -> None:
    life = begin(station)
    life.do("withdraw-application", "staff", organization=CBO)
    with life.system.reading() as session:
        told = session.connection.exec_driver_sql(
            """SELECT "to", role FROM notices WHERE template = 'withdraw-application'"""
        ).all()
    for to, role in told:
        if role in ("applicant", "lead-partner"):
            continue
        name = to.removesuffix("@example.org")
        assert "Thank you for your interest" not in body(life, "withdraw-application", name)
        assert "Your application" not in got(life, "withdraw-application", name)["Subject"]
    assert {role for _, role in told} >= {"principal", "reviewer"}


def test_a_lead_partner_is_not_told_whether_somebody_protested(begin: Begin) -> None:
    life = begin("chosen")
    life.do("file-protest", "applicant@example.org")
    life.at("2025-09-02").tick()
    assert "protest waits" not in body(life, "protest-window", "lead-partner")
    assert "One protest waits for an answer." in body(life, "protest-window", "staff")


def test_a_lead_partner_knows_by_when_to_sign(begin: Begin) -> None:
    life = begin("drafted")
    due = life.system.config.deadlines["agreement-due"]
    assert visibility.can_see_deadline(Viewer(Role.LEAD_PARTNER, OUTSIDERS[LEAD]), due)
    assert not visibility.can_see_deadline(Viewer(Role.APPLICANT, OUTSIDERS[APPLICANT]), due)
