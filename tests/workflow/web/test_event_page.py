"""Every event that a message can ask for is done from its link, and recorded as the admin script would."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from states.inputs import as_stored, read_input
from states.lifecycle import TABLE
from states.machine import row_of
from states.names import HELD_BY_NOBODY, Role
from tests.support.facts import COLLEGE
from tests.support.letters import delivered
from tests.support.visitor import Form, Visit, Visitor
from workflow.forms import parsing
from workflow.forms.fields import Offered

# Where each event can be done, and what has to be so first.
STATION = {
    "describe-needs": "needs", "agree-needs": "needs", "open-selection": "needs-agreed",
    "answer-question": "open",
    "withdraw": "needs", "receive-application": "open", "withdraw-application": "applied",
    "extend-selection": "open", "declare-conflict": "closed", "score-application": "closed",
    "choose-partner": "scored", "file-protest": "chosen", "answer-protest": "chosen", "restart": "open",
    "draft-agreement": "chosen", "set-outcomes": "chosen", "agree-outcomes": "chosen",
    "ask-for-changes": "drafted", "ask-for-review": "chosen", "sign-agreement": "drafted", "activate": "drafted",
    "refer-to-board": "drafted", "schedule-item": "referred", "introduce-item": "scheduled",
    "defer-item": "scheduled", "approve": "introduced", "send-back": "introduced",
    "terminate": "introduced", "submit-report": "annual-review", "give-finding": "reported",
    "continue": "reported", "close-out": "ended", "add-note": "needs", "attach-document": "active",
    "record-signature": "drafted",
    "change-panel": "open", "recall-item": "referred", "withdraw-amendment": "active",
    "change-contact": "active", "accept-contact": "active", "withdraw-termination": "ending",
    "want-start": "needs",
}  # fmt: skip
OFFERED = [
    pytest.param(event, str(role), id=f"{event} by {role}")
    for event in dict.fromkeys(row.name for row in TABLE if row.at != (None,))
    if event != "correct-entry"  # it is offered beside each entry, on the page of the partnership
    for role in dict.fromkeys(r for row in TABLE if row.name == event for r in row.who)
    if role not in HELD_BY_NOBODY
    and not (event in ("approve", "send-back") and role is not Role.BOARD_OFFICE)
    and not (event == "terminate" and role is not Role.BOARD_OFFICE)
]


def prepared(visit: Visit, event: str) -> Visitor:
    """A visitor where the event can be done."""
    station = STATION.get(event) or "active"
    visitor = visit(station)
    life = visitor.life
    if event == "change-panel":
        life.person("reviewer-4", roles=["reviewer"])
    if event == "agree-needs":
        life.do("describe-needs")
    if event == "accept-contact":
        life.do("change-contact")
    if event == "withdraw-amendment":
        life.do("amend-agreement", amount_cents=25_000_000)
    if event == "agree-outcomes":
        life.do("set-outcomes")
    if event == "answer-question":
        life.do("ask-question")
    if event == "answer-protest":
        life.do("file-protest", "applicant@example.org")
    if event == "restart":
        life.tick("2025-08-15 17:00")
    if event in ("sign-agreement", "record-signature", "activate", "refer-to-board"):
        life.at("2025-08-28")
    if event == "activate":
        life.do("sign-agreement", "staff")
        life.do("sign-agreement", "lead-partner")
    if event == "refer-to-board":
        life.do("draft-agreement", amount_cents=25_000_000)
    if event == "introduce-item":
        life.at("2025-09-18")
    if event == "continue":
        life.do("give-finding", "principal")
        life.do("give-finding", "staff")
    if event in ("approve", "send-back", "terminate"):
        life.at("2025-10-02")
    return visitor


def given_for(visitor: Visitor, event: str, role: str) -> dict[str, Any]:
    """The usual input of the event, of the applicant's own organization where an applicant acts."""
    about: dict[str, Any] = {}
    if role == "applicant" and "organization" in visitor.life.input(event):
        about["organization"] = COLLEGE
    if event == "receive-application":
        about = {"organization": COLLEGE, "contact_email": "applicant@example.org"}
    if event == "sign-agreement":
        about |= {"signed_on": "2025-08-28", "name": "Ann Lee", "consent": True}
    if event == "submit-report" and role == "staff":
        about["received_on"] = visitor.life.now.date().isoformat()
    if event == "introduce-item":
        about["immediate_action"] = False
    if event == "terminate":
        about["meeting_on"] = "2025-10-01"
    if (event.startswith("record-") and event != "record-signature") or event == "add-agreement":
        about["on" if event.startswith("record-") else "signed_on"] = "2025-09-02"
    return visitor.life.input(event, **about)


UPLOADED = {"attach-document": "file", "record-signature": "document"}  # events that need a file


def as_typed(visitor: Visitor, event: str, given: dict[str, Any], form: Form) -> dict[str, Any]:
    """What is to be typed into the form for this input; what a browser sends for what is not in it is nothing."""
    takes = row_of(event, visitor.life.state).takes
    offered = Offered(values=dict.fromkeys(given.get("values", {}), ""))
    prefix = f"{given['organization']}/" if event == "score-application" else ""
    texts = parsing.to_texts(takes, given, offered, prefix)
    if "reviewers" in form.choices:
        texts["reviewers"] = given["reviewers"]
    if event in UPLOADED:
        texts.pop(UPLOADED[event])
    if prefix:
        texts.pop(f"{prefix}organization")
    return texts | ({"confirm": visitor.life.ref} if form.texts.get("confirm") == [""] else {})


@pytest.mark.promise("reading-changes-nothing")
@pytest.mark.parametrize(("event", "role"), OFFERED)
def test_every_event_that_a_message_offers_is_done_from_its_link(visit: Visit, event: str, role: str) -> None:
    visitor = prepared(visit, event)
    if event == "receive-application" and role == "applicant":
        visitor.life.do("receive-application", "applicant@example.org", organization=COLLEGE,
                        contact_email="applicant@example.org")  # fmt: skip
    given = given_for(visitor, event, role)
    takes = row_of(event, visitor.life.state).takes
    expected = as_stored(read_input(takes, given))
    path = visitor.link(event, role)
    delivered(visitor.life)
    before = visitor.life.dump()
    seen = visitor.get(path)
    assert seen.status == 200
    assert visitor.get(path, "HEAD").status == 200
    assert visitor.life.dump() == before
    typed_in = as_typed(visitor, event, given, seen.form)
    while any(name.startswith("outcomes.") and name not in seen.form.texts for name in typed_in):
        seen = visitor.send(path, seen.form, "add")
        assert (seen.status, visitor.life.dump()) == (200, before)
    if event in UPLOADED:
        file = {UPLOADED[event]: (io.BytesIO(b"%PDF-1.7 x"), "letter.pdf")}
        sent = visitor.post(path, visitor.filled(seen.form, **typed_in) | file, seen.form.kind)
    else:
        sent = visitor.send(path, seen.form, **typed_in)
    done = visitor.follow(sent)
    assert done.status == 200
    assert "We are sending you a receipt" in done.said
    entry = visitor.life.history()[-1]
    assert (entry["event"], entry["role"], entry["channel"]) == (event, role, "link")
    recorded = json.loads(entry["input"])
    for key in ("sha256", "size"):
        recorded.pop(key, None)
    if event == "record-signature":
        assert recorded.pop("document")["sha256"]
        expected.pop("document")
    assert recorded == expected
    assert visitor.life.faults() == []
    assert [notice["role"] for notice in visitor.life.notices("receipt")] == [role]


def test_who_does_not_agree_finds_beside_it_how_to_ask_for_changes(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    page = visitor.get(visitor.link("agree-needs", "principal"))
    assert "If it is not right: Ask for changes" in page.said
    asked = visitor.path_of(
        next(a for a in page.page.links if a not in visitor.get("/me").page.links and "/a/" in a)
    )
    done = visitor.do(asked, reason="The goals are those of last year")
    assert "Ask for changes" in done.said
    assert visitor.events()[-1] == "ask-for-changes"
    assert visitor.life.told("ask-for-changes") == ["staff"]
    # Staff change the text themselves.
    assert "Ask for changes" not in visitor.get(visitor.link("agree-needs", "staff")).said


def test_only_staff_are_asked_when_a_report_came_on_paper(visit: Visit) -> None:
    visitor = visit("annual-review")
    for role, asked in (("lead-partner", False), ("staff", True)):
        form = visitor.get(visitor.link("submit-report", role)).form
        assert ("received_on" in form.texts) is asked
