"""Anybody asks about an open call from a confirmed address, and the office answers where everybody can read it."""

from __future__ import annotations

from typing import Any

import pytest

from states.selection import Question
from tests.support.district import Begin, Life
from tests.support.letters import delivered, got
from tests.support.visitor import Guest, Visitor, count, words
from tests.workflow.web.test_application import Applying
from tests.workflow.web.test_reach import reached
from workflow.actions import questions

ASKER = "asker@example.org"
TEXT = "May two organizations apply together?"
TICK = {"wanted": "yes"}


def link_of(life: Life, to: str = "asker") -> str:
    """The link in the message that confirms the last question of somebody."""
    text = got(life, "question-link", to).get_body(("plain",)).get_content()
    assert TEXT not in text, "nobody has words of their own mailed to others"
    (link,) = [line.strip() for line in text.splitlines() if "/a/" in line]
    return str(link)


def ask(life: Life, email: str = ASKER, text: str = TEXT) -> Any:
    return Guest(life).post(f"/calls/{life.ref}/question", email=email, text=text)


def asked(life: Life) -> tuple[Question, ...]:
    assert life.facts.selection is not None
    return life.facts.selection.questions


def page(life: Life) -> str:
    return words(Guest(life).get(f"/calls/{life.ref}").text)


@pytest.mark.promise("questions-in-public")
def test_a_question_is_asked_by_a_press_on_the_link_and_by_nothing_before(begin: Begin) -> None:
    life = begin("open")
    guest = Guest(life)
    assert "Check your email" in ask(life).text
    link = link_of(life)
    assert TEXT in guest.get(link).text
    assert guest.post(link, x="y").status_code == 422
    assert asked(life) == ()
    assert TEXT not in page(life)
    assert "Your question is asked" in guest.post(link, **TICK).text
    assert "Your question is asked" in guest.post(link, **TICK).text
    assert [each.text for each in asked(life)] == [TEXT]
    assert f"{TEXT} The office has not answered yet." in page(life)
    assert life.told("ask-question") == ["staff"]
    assert life.faults() == []


@pytest.mark.promise("questions-in-public")
def test_the_answer_stands_below_the_question_and_is_mailed_to_all_whom_it_concerns(begin: Begin) -> None:
    life = begin("applied")
    Applying(life, "drafting@example.org").post("save", name="Half an application")
    for email, text in ((ASKER, TEXT), ("other@example.org", "Until when?")):
        ask(life, email, text)
        Guest(life).post(link_of(life, email.partition("@")[0]), **TICK)
    life.do("answer-question", question=1, text="Yes, they may.")
    assert life.told("answer-question") == ["applicant", "asker", "drafting", "lead-partner"]
    shown = page(life)
    assert shown.index(TEXT) < shown.index("Yes, they may.") < shown.index("Until when?")
    body = got(life, "answer-question", "asker").get_body(("plain",)).get_content()
    assert TEXT in body
    assert "Yes, they may." in body
    # A new answer takes the place of the earlier one, and everybody hears of it.
    life.do("answer-question", question=1, text="Yes, up to three.")
    assert "Yes, they may." not in page(life)
    assert "Yes, up to three." in page(life)
    assert len(life.told("answer-question")) == 8
    assert life.faults() == []


@pytest.mark.promise("questions-in-public")
def test_nobody_reads_who_asked(begin: Begin) -> None:
    life = begin("applied")
    ask(life)
    Guest(life).post(link_of(life), **TICK)
    life.do("answer-question")
    delivered(life)
    row = next(row for row in life.history() if row["event"] == "ask-question")
    assert (row["actor"], row["role"]) == ("public", "public")
    assert all(ASKER not in str(row) for row in life.history())
    assert ASKER not in page(life)
    others = [row for row in life.notices() if row["to"] != ASKER]
    assert all(ASKER.encode() not in row["message"] for row in others)
    for person in ("staff@example.org", "applicant@example.org"):
        visitor = Visitor(life)
        assert ASKER not in visitor.sign_in(person).page.text


def test_a_question_is_withheld_from_everybody_but_the_office(begin: Begin) -> None:
    life = begin("applied")
    life.do("ask-question", text="Is Pat Doe a bad teacher?")
    life.do("answer-question", text="We answer questions about the call.", withhold=True)
    assert "Pat Doe" not in page(life)
    assert "We answer questions about the call." in page(life)
    guest = Guest(life)
    for role in ("applicant", "reviewer"):
        visitor = Visitor(life)
        seen = visitor.get(visitor.link("", role, to={"reviewer": "reviewer-1@example.org"}.get(role)))
        assert "Pat Doe" not in seen.said, role
    delivered(life)
    outside = [row for row in life.notices("answer-question") if row["role"] != "staff"]
    assert outside
    assert all(b"Pat Doe" not in row["message"] for row in outside)
    assert guest.get("/calls.atom").status_code == 200


def test_what_cannot_be_asked_comes_back_with_what_was_typed(begin: Begin) -> None:
    life = begin("open")
    for email, text, said in (
        ("no address", TEXT, "This is not an e-mail address"),
        (ASKER, " ", "There is no question"),
        (ASKER, "x" * 2_001, "It has 2,001 characters"),
    ):
        answer = ask(life, email, text)
        assert answer.status_code == 422
        assert said in answer.text
        assert (text.strip() or email) in answer.text
    assert count(life, "asked_questions") == 0


def test_after_the_closing_nobody_asks_and_nobody_answers(begin: Begin) -> None:
    life = begin("open")
    ask(life)
    link = link_of(life)
    life.at("2025-08-15 17:00")
    assert Guest(life).get(link).status_code == 410
    assert Guest(life).client.post(link.removeprefix("http://127.0.0.1:8427"), data=TICK).status_code == 410
    assert asked(life) == ()
    assert "Ask a question" not in page(life)


@pytest.mark.promise("limits-only-the-sender")
def test_a_flood_of_questions_is_stopped_and_staff_hear_of_it_once(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST_OF_CALL", 2)
    life = begin("open")
    for n in range(5):
        ask(life, f"asker{n}@example.org")
        answer = Guest(life).post(link_of(life, f"asker{n}"), **TICK)
        assert answer.status_code == (200 if n < 2 else 429)
    assert len(asked(life)) == 2
    assert life.told("call-limit") == ["staff"]


def test_one_mailbox_asks_five_times_a_day(begin: Begin) -> None:
    life = begin("open")
    for n in range(7):
        life.at(f"2025-07-08 {10 + n}:00")
        ask(life, f"asker+{n}@example.org")
        Guest(life).post(link_of(life, f"asker+{n}"), **TICK)
    assert len(asked(life)) == questions.MOST_OF_MAILBOX


def test_an_unanswered_question_is_chased_until_it_is_answered(begin: Begin) -> None:
    life = begin("open")
    life.do("ask-question")
    assert life.due("question-answered") == "2025-07-09 17:00"
    life.tick("2025-07-10 17:00")
    assert life.told("question-answered") == ["staff", "superintendent"]
    life.do("answer-question")
    assert "question-answered" not in life.running()
    # What nobody can use any more is not chased.
    life.do("ask-question")
    life.tick("2025-08-15 17:00")
    assert "question-answered" not in life.running()


def test_staff_reach_the_answer_in_two_presses_from_their_page(begin: Begin) -> None:
    life = begin("open")
    life.do("ask-question")
    browser = Visitor(life)
    mine = reached(browser, browser.sign_in("staff@example.org"))
    path = mine[life.ref, "staff", "answer-question"]
    assert TEXT in browser.get(path).said
    assert browser.do(path, text="Yes, they may.").status == 200
    assert asked(life)[0].answer == "Yes, they may."
