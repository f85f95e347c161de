"""People leave the directory while something waits for them: they get no mail, and staff hear who is missing."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest

from tests.support.desk import REF, Desk
from tests.support.letters import written
from tests.workflow.admin.conftest import Sit
from workflow import links
from workflow.actions.action import LinkClosed, find_action
from workflow.store import feeds
from workflow.store.rows import Notice


def mail(desk: Desk, template: str) -> dict[str, str]:
    """What each person reads who was told of this last, by the name before @example.org."""
    texts = {}
    for row in desk.life.notices(template):
        told, now = Notice(**row), desk.life.now
        content = desk.life.system.transact(lambda session: written(session, told, now))  # noqa: B023
        body = message_from_bytes(content, policy=policy.default).get_body(("plain",))
        assert body is not None
        texts[row["to"].partition("@")[0]] = " ".join(body.get_content().split())
    return texts


def waiting(desk: Desk) -> list[tuple[Any, str, str]]:
    return [(w["person"], w["role"], w["event"]) for w in desk.ask("show", REF)["waiting_on"]]


@pytest.mark.promise("nobody-missed")
def test_a_reviewer_who_was_removed_gets_no_mail_and_staff_hear_who_is_missing(sit: Sit) -> None:
    desk = sit("closed")
    vacant = desk.ask("people", "remove", "reviewer-3@example.org")["vacant"]
    assert [(one["role"], one["of"]) for one in vacant] == [("reviewer", REF)]
    assert (None, "reviewer", "score-application") in waiting(desk)
    before = len(desk.life.notices())
    desk.life.tick("2025-12-01")
    later = desk.life.notices()[before:]
    assert later
    assert "reviewer-3@example.org" not in {row["to"] for row in later}
    texts = mail(desk, "scores-due")
    assert "A reviewer is missing" in texts["staff"]
    assert "reviewer-3@example.org is no longer in the directory" in texts["staff"]
    assert "is missing" not in texts["reviewer-1"]


@pytest.mark.promise("nobody-missed")
def test_staff_are_reminded_in_place_of_the_only_reviewer_who_is_left(sit: Sit) -> None:
    desk = sit("closed")
    for name in ("reviewer-1", "reviewer-2"):
        for organization in ("harbor-house", "city-college"):
            desk.life.do("score-application", f"{name}@example.org", organization=organization)
    desk.ask("people", "remove", "reviewer-3@example.org")
    desk.life.tick(desk.life.ladder("scores-due")[0].removeprefix("remind "))
    assert set(mail(desk, "scores-due")) == {"staff"}


@pytest.mark.promise("left-means-left")
@pytest.mark.parametrize(
    ("station", "name"), [("closed", "reviewer-3"), ("annual-review", "lead-partner"), ("needs", "principal")]
)
def test_what_was_sent_to_somebody_who_was_removed_does_nothing(sit: Sit, station: str, name: str) -> None:
    desk = sit(station)
    address = f"{name}@example.org"
    mine = [row for row in desk.life.notices() if row["to"] == address]
    assert mine
    desk.ask("people", "remove", address)
    for row in mine:
        with desk.life.system.reading() as session, pytest.raises(LinkClosed) as closed:
            find_action(session, links.Claim(row["id"], "", address, REF), desk.life.now)
        assert closed.value.how == "revoked"
    waits = [row for row in desk.life.notices() if row["to"] == address and row["status"] == "queued"]
    assert waits == [], "what was not sent yet is never sent"
    assert desk.run("trigger", REF, "add-note", "--as", address, "--set", "text=x").status != 0


@pytest.mark.promise("left-means-left")
def test_whoever_is_made_inactive_has_no_role_and_no_mail_either(sit: Sit) -> None:
    desk = sit("annual-review")
    desk.life.person("lead-partner", active=False)
    life = desk.life
    with life.system.reading() as session:
        person = session.directory.people["lead-partner@example.org"]
        assert session.directory.roles_of(person, life.facts) == []
        assert session.directory.holders("lead-partner", life.facts) == []
    life.person("lead-partner", active=True)
    with life.system.reading() as session:
        assert session.directory.holders("lead-partner", life.facts) == [person_of(session)]


def person_of(session: Any) -> Any:
    return session.directory.people["lead-partner@example.org"]


@pytest.mark.promise("left-means-left")
def test_whoever_is_added_again_is_told_again(sit: Sit) -> None:
    desk = sit("closed")
    desk.ask("people", "remove", "reviewer-3@example.org")
    desk.ask("people", "add", "reviewer-3@example.org", "--name", "Reviewer", "--role", "reviewer")
    assert ("reviewer-3@example.org", "reviewer", "score-application") in waiting(desk)
    desk.life.tick("2025-12-01")
    assert "reviewer-3" in mail(desk, "scores-due")


@pytest.mark.promise("nobody-missed")
def test_staff_hear_that_the_contact_of_the_lead_partner_is_missing(sit: Sit) -> None:
    desk = sit("annual-review")
    said = desk.say("people", "remove", "lead-partner@example.org")
    assert "no contact of the Lead Partner: lead-partner@example.org is no longer in the directory" in said
    assert waiting(desk) == [(None, "lead-partner", "submit-report")]
    before = len(desk.life.notices())
    desk.life.tick("2026-12-01")
    assert "lead-partner@example.org" not in {row["to"] for row in desk.life.notices()[before:]}
    assert "has no contact of the Lead Partner" in mail(desk, "report-due")["staff"]
    desk.life.do("change-contact", email="new@example.org", name="New contact")
    assert "new" in mail(desk, "change-contact")
    desk.life.do("accept-contact", "new@example.org")
    assert "lead-partner" not in mail(desk, "change-contact")
    assert {person for person, role, _ in waiting(desk) if role == "lead-partner"} == {"new@example.org"}


@pytest.mark.promise("nobody-missed")
@pytest.mark.parametrize(
    "words",
    [
        ("people", "remove", "principal@example.org"),
        ("people", "change", "principal@example.org", "--school", "franklin"),
        ("people", "add", "principal@example.org", "--name", "P", "--role", "reviewer"),
    ],
)
def test_a_school_without_a_principal_is_named_wherever_it_is_waited_for(
    sit: Sit, words: tuple[str, ...]
) -> None:
    desk = sit("needs")
    desk.life.do("describe-needs")
    desk.life.do("agree-needs", "staff")
    sentence = "Rainier Beach School has no principal in the directory"
    answer = desk.ask(*words)
    (vacant,) = answer["vacant"]
    assert (vacant["role"], vacant["of"]) == ("principal", "rainier-beach")
    assert vacant["problem"].startswith(sentence)
    (wait,) = desk.ask("show", REF)["waiting_on"]
    assert (wait["person"], wait["role"], wait["event"]) == (None, "principal", "agree-needs")
    assert wait["name"].startswith(sentence)
    assert sentence in desk.say("show", REF)
    desk.life.tick("2025-07-30 17:00")
    text = mail(desk, "needs-agreed")["staff"]
    assert sentence in text, "staff are reminded in place of the principal"
    assert "help the principal" not in text
    assert "has no principal who could agree" in text


@pytest.mark.promise("nobody-missed")
def test_the_last_of_the_staff_is_missed_and_the_superintendent_is_told(sit: Sit) -> None:
    desk = sit("needs")
    desk.life.person("second", roles=["staff"])
    assert desk.ask("people", "remove", "second@example.org") == {
        "id": "second@example.org",
        "done": "removed",
    }
    said = desk.say("people", "remove", "staff@example.org")
    assert "has no partnership staff in the directory" in said
    desk.life.do("describe-needs", "principal")
    assert (None, "staff", "agree-needs") in waiting(desk)
    assert "has no partnership staff" in mail(desk, "describe-needs")["superintendent"]


def test_whoever_applies_after_leaving_the_district_is_an_applicant_like_others(sit: Sit) -> None:
    desk = sit("open")
    desk.life.person("former", roles=["reviewer"])
    desk.ask("people", "remove", "former@example.org")
    desk.life.at("2025-08-01")
    desk.life.do(
        "receive-application", "staff", organization="harbor-house", contact_email="former@example.org"
    )
    assert "former@example.org" in {row["to"] for row in desk.life.notices("receive-application")}


@pytest.mark.promise("nobody-missed")
def test_what_waits_for_a_delegate_who_leaves_goes_to_the_absent_person(sit: Sit) -> None:
    desk = sit("needs")
    words = ("--until", "2026-08-01", "--delegate", "superintendent@example.org")
    desk.ask("people", "away", "principal@example.org", *words)
    desk.life.do("describe-needs", "staff")
    (told,) = (row for row in desk.life.notices("describe-needs") if row["role"] == "principal")
    assert (told["to"], told["delegate_for"]) == ("superintendent@example.org", "principal@example.org")
    desk.ask("people", "remove", "superintendent@example.org")
    (told,) = (row for row in desk.life.notices("describe-needs") if row["role"] == "principal")
    assert (told["to"], told["delegate_for"], told["status"]) == ("principal@example.org", None, "queued")


def test_the_calendar_of_somebody_who_was_removed_has_another_address(sit: Sit) -> None:
    desk = sit("needs")
    desk.ask("people", "remove", "principal@example.org")
    with desk.life.system.reading() as session:
        assert feeds.generation_of(session.connection, "principal@example.org") == 1
