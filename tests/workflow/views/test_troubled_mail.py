"""The mail that needs a person: what did not arrive, and what somebody answered. Sealed names stay sealed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.district import Begin, Life
from tests.support.facts import CBO
from tests.support.letters import answer, comes, got
from tests.support.visitor import Visitor, page_of
from tests.workflow.inbox.test_questions import question
from workflow.views import troubled_mail
from workflow.views.troubled_mail import TroubledMail


def mail(life: Life) -> TroubledMail:
    with life.system.reading() as session:
        return troubled_mail.mail(session, life.now)


def shown(life: Life) -> str:
    return page_of(life, "desk.mail(troubled)", troubled=mail(life)).said


def fail(life: Life, template: str, status: str = "dead", reason: str = "no such mailbox") -> None:
    life.run(
        "UPDATE notices SET status = :status, attempts = 8, reason = :reason WHERE template = :template",
        status=status, reason=reason, template=template,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("dead", "It did not arrive: given up after 8 attempts. No such mailbox."),
        ("in-doubt", "It may have arrived"),
        ("failed", "The next attempt is on"),
    ],
)
def test_a_message_that_did_not_arrive_says_to_whom_about_what_and_why(
    begin: Begin, status: str, words: str
) -> None:
    life = begin("needs")
    fail(life, "identify-needs", status)
    first = mail(life).undelivered[0]
    assert (first.to, first.role, first.ref) == ("Staff", "staff", "rbhs-2025") or first.role == "principal"
    assert first.since == life.notices("identify-needs")[-1]["queued_at"]
    assert words in shown(life)


def test_what_is_queued_sent_or_revoked_needs_nobody(begin: Begin) -> None:
    life = begin("needs")
    assert mail(life).undelivered == ()
    fail(life, "identify-needs", "sent")
    assert mail(life).undelivered == ()
    fail(life, "identify-needs")
    life.run("UPDATE notices SET revoked_at = queued_at")
    assert mail(life).undelivered == ()
    assert "All mail was delivered" in shown(life)


def test_a_digest_stands_for_the_messages_in_it(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    fail(life, "describe-needs")
    fail(life, "identify-needs")
    before = len(mail(life).undelivered)
    whole = life.notices("describe-needs")[0]["id"]
    life.run("UPDATE notices SET within = :whole WHERE template = 'identify-needs'", whole=whole)
    assert len(mail(life).undelivered) == before - len(life.notices("identify-needs"))


@pytest.mark.promise("sealed-until-closing")
@pytest.mark.parametrize("template", ["receive-application", "withdraw-application", "applications-close"])
def test_who_withdrew_before_the_closing_is_named_nowhere(begin: Begin, template: str) -> None:
    life = begin("applied")
    life.tick("2025-08-13")  # everybody is reminded that the call closes
    life.do("withdraw-application", "lead-partner@example.org")
    fail(life, template, reason="550 lead-partner@example.org is unknown")
    life.run("UPDATE notices SET subject = 'Harbor House and lead-partner@example.org'")
    troubled = mail(life)
    assert troubled.undelivered
    withdrawn = {row["seq"] for row in life.history() if CBO in row["input"]}
    about_them = {
        row["id"]
        for row in life.notices(template)
        if row["to"] == "lead-partner@example.org" or row["seq"] in withdrawn
    }
    hidden = [one for one in troubled.undelivered if one.id in about_them]
    assert hidden
    for one in hidden:
        assert one.to in ("an applicant", "Staff")
        text = repr(one).lower()
        assert "harbor" not in text
        assert "lead-partner@" not in text


def test_an_applicant_whose_application_is_on_record_is_named(begin: Begin) -> None:
    life = begin("closed")
    fail(life, "close-applications")
    assert {one.to for one in mail(life).undelivered if one.role == "applicant"} == {
        "Applicant", "Lead partner",
    }  # fmt: skip


def test_somebody_who_only_asked_for_a_link_is_not_named(begin: Begin) -> None:
    life = begin("open")
    life.run(
        'INSERT INTO notices (partnership, template, "to", role, status, attempts, message_id, queued_at, next_at)'
        " SELECT partnership, 'apply-link', 'curious@example.org', 'applicant', 'dead', 1, 'm', queued_at, next_at"
        " FROM notices LIMIT 1"
    )
    (one,) = mail(life).undelivered
    assert "curious" not in repr(one)


def test_an_answer_in_their_own_words_needs_a_person_until_they_have_acted(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    asked = got(life, "describe-needs", "principal")
    comes(life, answer(asked, "What does this mean for our budget?"))
    (one,) = mail(life).answers
    assert (one.sender, one.email, one.ref) == ("Principal", "principal@example.org", "rbhs-2025")
    assert "in their own words" in one.why
    assert "Answer principal@example.org" in shown(life)
    life.now += timedelta(hours=1)
    comes(life, answer(asked, "agree"))
    assert mail(life).answers == ()


def test_a_question_of_a_stranger_shows_and_its_address_breaks_nothing(begin: Begin) -> None:
    life = begin("needs")
    comes(life, question('"o\'neil <b>"@elsewhere.example.org'))
    comes(life, question("parent@elsewhere.example.org", 1))
    assert "parent@elsewhere.example.org wrote to us" in shown(life)
    assert len(mail(life).answers) == 2


def test_an_old_answer_is_taken_as_read(begin: Begin) -> None:
    life = begin("needs")
    comes(life, question("parent@elsewhere.example.org"))
    life.now += troubled_mail.RECENT + timedelta(minutes=1)
    assert mail(life).answers == ()


def test_there_is_an_end_to_what_is_shown(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubled_mail, "MOST", 1)
    life = begin("needs")
    fail(life, "identify-needs")
    assert (len(mail(life).undelivered), mail(life).more) == (1, True)
    assert "There is more." in shown(life)


def test_only_who_may_send_again_gets_a_button_that_names_its_message(begin: Begin) -> None:
    life = begin("needs")
    fail(life, "identify-needs")
    call = "desk.mail(troubled, '/me/again/', 'secret')"
    page = page_of(life, call, troubled=mail(life))
    assert [form.action for form in page.forms] == [f"/me/again/{one.id}" for one in mail(life).undelivered]
    assert page.forms[0].texts["code"] == ["secret"]
    assert page_of(life, "desk.mail(troubled)", troubled=mail(life)).forms == []


def test_an_answer_that_staff_have_handled_leaves_the_desk(begin: Begin) -> None:
    life = begin("needs")
    comes(life, question("parent@elsewhere.example.org"))
    visitor = Visitor(life)
    page = visitor.sign_in("staff@example.org")
    (form,) = [form for form in page.page.forms if "/me/answer/" in form.action]
    assert "parent@elsewhere.example.org" in page.said
    others = Visitor(life)
    theirs = others.sign_in("superintendent@example.org")
    assert not [form for form in theirs.page.forms if "/me/answer/" in form.action]
    code = theirs.page.forms[0].texts["code"]
    assert "Only staff" in others.post(visitor.path_of(form.action), {"code": code}).said
    visitor.follow(visitor.post(visitor.path_of(form.action), form.texts))
    assert mail(life).answers == ()
    with life.system.reading() as session:
        assert list(troubled_mail.list_handled(session).values()) == [("staff@example.org", life.now)]
