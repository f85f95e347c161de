"""A message that answers nothing is kept as a note on the record, and the office reads it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from tests.support.letters import answer, comes, delivered, got, replies, untouched
from tests.workflow.inbox.test_judge import ask
from workflow.store import tables


@pytest.mark.parametrize(
    "text", ["I agree with most of it.", "agree, but not with the gaps", "agree or no", "Thanks!"]
)
def test_anything_else_is_a_note_on_record_and_staff_see_it(needs, text):
    judged = comes(needs, answer(ask(needs), text))
    assert judged.verdict == "note"
    entry = needs.history()[-1]
    assert (entry["event"], entry["actor"], entry["channel"]) == (
        "add-note",
        "principal@example.org",
        "reply",
    )
    assert json.loads(entry["input"])["text"] == text
    assert needs.facts.needs.signatures == {}
    shown = got(needs, "reply-note", "staff").get_body(("plain",)).get_content()
    assert text in shown
    assert "Principal" in shown


def test_a_word_that_was_not_offered_is_a_note(needs):
    assert comes(needs, answer(ask(needs), "sign")).verdict == "note"


def test_who_may_not_add_to_the_record_is_heard_all_the_same(begin):
    life = begin("applied")
    asked = got(life, "receive-application", "applicant")
    with untouched(life):
        assert comes(life, answer(asked, "When will we hear?")).verdict == "note"
    assert life.told("reply-note") == ["staff"]
    assert replies(life)[0]["text"] == "When will we hear?"


def test_a_note_of_the_only_one_in_the_office_is_not_told_to_the_one_who_wrote_it(needs):
    assert comes(needs, answer(ask(needs, "staff"), "Looks good.")).verdict == "note"
    assert needs.told("reply-note") == []


def test_a_message_of_somebody_known_to_no_message_in_particular_is_shown_to_staff(needs):
    content = answer(ask(needs), "agree", To="partnerships@example.org", In_Reply_To=None)
    with untouched(needs):
        assert comes(needs, content).verdict == "note"
    delivered(needs)
    with needs.system.reading() as session:
        rows = session.connection.execute(
            select(tables.notices).where(tables.notices.c.template == "reply-note")
        ).all()
    assert [(row.to, row.partnership, row.status) for row in rows] == [("staff@example.org", None, "sent")]


def test_an_answer_whose_address_was_lost_is_a_note_on_its_partnership_and_agrees_to_nothing(needs):
    content = answer(ask(needs), "agree", To="partnerships@example.org")
    with untouched(needs):
        assert comes(needs, content).verdict == "note"
    assert needs.told("reply-note") == ["staff"]


def test_a_stranger_who_writes_is_kept_and_nobody_is_told(needs):
    before = len(needs.notices())
    content = answer(
        ask(needs), "hello", To="partnerships@example.org", From="s@example.net", In_Reply_To=None
    )
    with untouched(needs):
        assert comes(needs, content).verdict == "unknown"
    assert len(needs.notices()) == before
