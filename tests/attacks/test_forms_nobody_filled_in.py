"""Open a link and send its form as it is, as programs that check mail do. Nothing may come of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from states.inputs import ABILITIES
from states.machine import event_named
from states.names import Role
from tests.support.facts import PEOPLE
from tests.support.visitor import Form, Guest, Page, Seen, Visit, Visitor
from tests.workflow.web.test_application import Applying
from tests.workflow.web.test_event_page import OFFERED, given_for, prepared

Begin = Any


def send_untouched(visitor: Visitor, path: str, form: Form, button: str = "act") -> Seen:
    return visitor.post(path, form.texts | {"do": [button]}, form.kind)


def no_box_is_ticked(seen: Seen) -> bool:
    boxes = [given for tag, given in seen.page.tags if tag == "input" and given.get("type") == "checkbox"]
    return all("checked" not in given for given in boxes)


@pytest.mark.promise("nobody-filled-in")
@pytest.mark.parametrize(("event", "role"), OFFERED)
def test_no_event_comes_of_a_form_that_was_only_opened(visit: Visit, event: str, role: str) -> None:
    visitor = prepared(visit, event)
    if (event, role) == ("receive-application", "applicant"):
        visitor.life.do(event, PEOPLE[Role.APPLICANT], **given_for(visitor, event, role))
    path = visitor.link(event, role)
    before = visitor.life.dump()
    sent = send_untouched(visitor, path, visitor.get(path).form)
    assert (sent.status, visitor.life.dump()) == (422, before)
    assert no_box_is_ticked(sent)
    # The form comes back with what is wrong. It must not act when it is sent once more.
    assert send_untouched(visitor, path, sent.form).status == 422
    assert visitor.life.dump() == before


AGAIN = [case for case in OFFERED if event_named(str(case.values[0])).form.replaces]


@pytest.mark.promise("nobody-filled-in")
@pytest.mark.parametrize(("event", "role"), AGAIN)
def test_nothing_on_record_is_recorded_again_by_a_form_that_was_only_opened(
    visit: Visit, event: str, role: str
) -> None:
    visitor = prepared(visit, event)
    if event_named(event).repeatable:
        visitor.life.do(event, PEOPLE[Role(role)], **given_for(visitor, event, role))
    path = visitor.link(event, role)
    before = visitor.life.dump()
    assert send_untouched(visitor, path, visitor.get(path).form).status == 422
    assert visitor.life.dump() == before


@pytest.mark.promise("nobody-filled-in")
def test_a_changed_statement_needs_no_tick_and_an_unchanged_one_does(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    path = visitor.link("describe-needs", "principal")
    form = visitor.get(path).form
    changed = form.texts | {"needs": ["Something else"], "do": ["act"]}
    assert visitor.post(path, changed).status == 303
    form = visitor.get(path).form
    assert send_untouched(visitor, path, form).status == 422
    assert visitor.post(path, form.texts | {"confirm": ["yes"], "do": ["act"]}).status == 303


@pytest.mark.promise("nobody-filled-in")
@pytest.mark.parametrize("word", ["", "no", "on", "rbhs-2025", "YES", "yes\nyes"])
def test_only_the_tick_of_the_page_is_a_tick(visit: Visit, word: str) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    path = visitor.link("agree-needs", "principal")
    form = visitor.get(path).form
    assert visitor.post(path, form.texts | {"confirm": word.split("\n"), "do": ["act"]}).status == 422
    assert "agree-needs" not in visitor.events()


@pytest.mark.promise("nobody-filled-in")
def test_a_tick_for_what_the_page_showed_is_no_tick_for_what_it_shows_now(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    path = visitor.link("agree-needs", "principal")
    form = visitor.get(path).form
    visitor.life.do("describe-needs", needs=["Something else"])
    sent = visitor.send(path, form)
    assert sent.status in (409, 410)
    assert no_box_is_ticked(sent)
    assert "agree-needs" not in visitor.events()


@pytest.mark.promise("nobody-filled-in")
@pytest.mark.parametrize("button", ["send", "save", "withdraw"])
@pytest.mark.parametrize("stage", ["new", "draft", "sent", "withdrawn"])
def test_no_application_comes_of_a_form_that_was_only_opened(begin: Begin, stage: str, button: str) -> None:
    life = begin("open")
    who = Applying(life)
    if stage == "draft":
        who.post("save", **dict.fromkeys(ABILITIES, "a word"), name="A", kind="other",
                 contact_name="B", demonstration="C")  # fmt: skip
    elif stage != "new":
        who.send()
    if stage == "withdrawn":
        who.post("withdraw", confirm="withdraw")
    before = life.dump()
    page = Page(who.page(), "")
    for form in [form for form in page.forms if ("do", button) in form.buttons]:
        who.visitor.post(who.link, **(form.texts | {"do": button}))
    assert life.dump() == before


@pytest.mark.promise("nobody-filled-in")
def test_a_draft_is_sent_as_it_is_by_a_tick(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.send()
    who.post("withdraw", confirm="withdraw")
    form = Page(who.page(), "").forms[0]
    assert form.texts["unchanged"] == []
    assert who.visitor.post(who.link, **(form.texts | {"do": "send"})).status_code == 422
    sent = who.visitor.post(who.link, **(form.texts | {"do": "send", "unchanged": "yes"}))
    assert "We have your application" in sent.text


@pytest.mark.promise("nobody-filled-in")
def test_no_mail_leaves_because_the_page_of_an_old_link_was_opened(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs", "principal")
    visitor.life.now += timedelta(days=61)
    before = visitor.life.dump()
    (form,) = visitor.get(path).page.forms
    assert visitor.post(f"{path}/again", form.texts).status == 422
    assert visitor.life.dump() == before
    assert visitor.post(f"{path}/again", form.texts | {"wanted": "yes"}).status == 200
    assert visitor.life.dump() != before


@pytest.mark.promise("nobody-filled-in")
def test_no_link_is_asked_for_by_the_form_of_a_call_that_was_only_opened(begin: Begin) -> None:
    life = begin("open")
    visitor, before = Guest(life), life.dump()
    apply, ask = Page(visitor.get(f"/calls/{life.ref}").text, "").forms
    assert visitor.post(f"/calls/{life.ref}", **apply.texts).status_code == 422
    assert life.dump() == before
    assert visitor.post(f"/calls/{life.ref}/question", **ask.texts).status_code == 422
    assert life.dump() == before
