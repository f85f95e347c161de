"""Who is told: by role, each person once, never the one who did it, and the delegate of whoever is away."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from states.machine import EVENTS
from tests.support.district import Begin, Life
from tests.support.facts import REVIEWERS
from tests.support.letters import written
from workflow.procedure.config import Config
from workflow.store.rows import Notice


def told(life: Life, template: str) -> dict[str, str]:
    """The role in which each person was told."""
    return {row["to"].removesuffix("@example.org"): row["role"] for row in life.notices(template)}


def away(life: Life, name: str, until: str, delegate: str, **more: Any) -> None:
    life.person(
        name, away_until=date.fromisoformat(until), delegate=f"{delegate}@example.org", **more
    )  # fmt: skip


@pytest.mark.parametrize(
    ("station", "template", "expected"),
    [
        ("needs", "identify-needs", {"principal": "principal", "staff": "staff"}),
        ("open", "open-selection", {
            "principal": "principal", "reviewer-1": "reviewer", "reviewer-2": "reviewer",
            "reviewer-3": "reviewer"}),
        ("chosen", "choose-partner", {
            "lead-partner": "lead-partner", "applicant": "applicant", "principal": "principal",
            "reviewer-1": "reviewer", "reviewer-2": "reviewer", "reviewer-3": "reviewer",
            "superintendent": "superintendent"}),
        ("referred", "refer-to-board", {
            "board-office": "board-office", "principal": "principal", "superintendent": "superintendent",
            "lead-partner": "lead-partner"}),
    ],
)  # fmt: skip
def test_the_holders_of_the_roles_are_told(
    begin: Begin, station: str, template: str, expected: dict[str, str]
) -> None:
    assert told(begin(station), template) == expected


def test_every_event_that_others_should_know_of_has_its_notice(settings: Config) -> None:
    kept = {"record-meeting", "record-engagement", "record-responsibility", "add-note", "attach-document"}
    # By `meeting-changed`, which tells of the meeting, and by the reminders of `start-kept`.
    told_otherwise = {"move-item", "want-start", "replan-start"}
    assert set(EVENTS) - settings.notices.keys() == kept | told_otherwise, "these are for the record alone"


def test_each_applicant_is_told_of_his_own_application_alone(begin: Begin) -> None:
    life = begin("applied")
    to = [row["to"] for row in life.notices("receive-application")]
    assert to == ["lead-partner@example.org", "staff@example.org", "applicant@example.org",
                  "staff@example.org"]  # fmt: skip


def test_the_principal_of_another_school_is_told_nothing(begin: Begin) -> None:
    life = begin("approved")
    assert "franklin-principal@example.org" not in {row["to"] for row in life.notices()}


def test_whoever_did_it_is_not_told_unless_asked_for_more(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "principal")
    assert set(told(life, "describe-needs")) == {"principal", "staff"}, "the principal is asked to agree"
    life.do("agree-needs", "principal")
    assert set(told(life, "agree-needs")) == {"staff"}
    life.do("withdraw", "staff")
    assert set(told(life, "withdraw")) == {"principal"}


def test_somebody_with_two_roles_is_told_once(begin: Begin) -> None:
    life = begin("needs")
    life.person("both", roles=["staff", "principal"], schools=["rainier-beach"])
    life.do("describe-needs", "principal")
    assert told(life, "describe-needs") == {"principal": "principal", "both": "principal", "staff": "staff"}


def test_somebody_who_has_left_is_told_nothing(begin: Begin) -> None:
    life = begin("needs")
    life.person("staff", active=False)
    life.do("describe-needs")
    assert set(told(life, "describe-needs")) == {"principal", "superintendent"}, (
        "in place of the last of the staff"
    )


def test_those_concerned_before_are_told_of_what_ended_their_concern(begin: Begin) -> None:
    life = begin("scored")
    life.do("restart")
    assert {"reviewer-1", "reviewer-2", "reviewer-3", "applicant", "lead-partner"} <= set(
        told(life, "restart")
    )
    life = begin("applied")
    life.do("withdraw-application", "staff", organization="city-college")
    assert told(life, "withdraw-application")["applicant"] == "applicant"


def test_the_contact_before_and_the_one_after_are_both_told_of_a_change(begin: Begin) -> None:
    life = begin("active")
    life.do("change-contact", email="next@example.org", name="Next contact")
    assert {"next", "lead-partner"} <= set(told(life, "change-contact"))


def test_only_reviewers_who_have_not_finished_are_reminded(begin: Begin) -> None:
    life = begin("closed").at("2025-08-18")
    for organization in ("harbor-house", "city-college"):
        life.do("score-application", REVIEWERS[0], organization=organization)
    life.do("score-application", REVIEWERS[1])
    life.tick("2025-08-22 17:00")
    assert life.told("scores-due") == ["reviewer-2", "reviewer-3"]


def test_reminders_and_escalations_go_to_whom_their_rows_name(begin: Begin) -> None:
    life = begin("annual-review")
    life.tick("2026-07-20 17:00")
    assert told(life, "report-due") == {"lead-partner": "lead-partner"}
    life.tick("2026-08-07 17:00")
    assert set(told(life, "report-due")) == {"lead-partner", "superintendent", "staff"}


# Away


def test_a_delegate_gets_the_notice_of_whoever_is_away_and_the_record_shows_both(begin: Begin) -> None:
    life = begin("needs")
    life.person("assistant")
    away(life, "principal", "2025-07-20", "assistant")
    life.do("describe-needs", "staff")
    (row,) = [row for row in life.notices("describe-needs") if row["role"] == "principal"]
    assert (row["to"], row["delegate_for"]) == ("assistant@example.org", "principal@example.org")
    content = life.system.transact(lambda session: written(session, Notice(**row), life.now))
    text = " ".join(content.decode().split())
    assert "For Principal, who is away." in text
    assert "in place of Principal" in text


@pytest.mark.parametrize(
    ("day", "expected"), [("2025-07-20 23:59", "assistant"), ("2025-07-21 00:00", "principal")]
)
def test_somebody_is_away_through_the_last_day_named(begin: Begin, day: str, expected: str) -> None:
    life = begin("needs").at(day)
    life.person("assistant")
    away(life, "principal", "2025-07-20", "assistant")
    life.do("describe-needs", "staff")
    assert expected in told(life, "describe-needs")


def test_a_delegate_who_is_away_too_passes_it_on_but_never_in_a_circle(begin: Begin) -> None:
    life = begin("needs")
    away(life, "assistant", "2025-07-20", "deputy")
    life.person("deputy")
    away(life, "principal", "2025-07-20", "assistant")
    life.do("describe-needs", "staff")
    assert set(told(life, "describe-needs")) == {"deputy", "staff"}
    away(life, "deputy", "2025-07-20", "principal")
    life.do("describe-needs", "staff")
    assert len(life.notices("describe-needs")) == 4


def test_somebody_away_without_a_delegate_is_told_all_the_same(begin: Begin) -> None:
    life = begin("needs")
    life.person("principal", away_until=date(2025, 7, 20))
    life.do("describe-needs", "staff")
    assert "principal" in told(life, "describe-needs")


def test_a_delegate_who_is_concerned_too_gets_a_message_in_each_capacity(begin: Begin) -> None:
    """Else the one asks what the other capacity has to do, and that is never asked."""
    life = begin("needs")
    away(life, "principal", "2025-07-20", "staff")
    life.do("describe-needs", "staff")
    rows = [(row["to"], row["role"], row["delegate_for"]) for row in life.notices("describe-needs")]
    assert rows == [
        ("staff@example.org", "principal", "principal@example.org"),
        ("staff@example.org", "staff", None),
    ]


def test_one_delegate_of_two_people_gets_a_message_for_each(begin: Begin) -> None:
    life = begin("open")
    life.person("deputy")
    for reviewer in ("reviewer-1", "reviewer-2"):
        away(life, reviewer, "2025-09-20", "deputy")
    life.tick("2025-08-15 17:00")
    stood_in_for = {
        row["delegate_for"] for row in life.notices("close-applications") if row["to"] == "deputy@example.org"
    }
    assert stood_in_for == {"reviewer-1@example.org", "reviewer-2@example.org"}
