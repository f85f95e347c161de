"""Who is being waited for, at every station of a life: who, as what, for what, since when and until when."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.district import Begin, Life
from workflow.views import pending


def waits(life: Life) -> list[tuple[str, str, str]]:
    with life.system.reading() as session:
        found = pending.list_waits(session, life.record, life.now)
    return [(one.person.email.removesuffix("@example.org"), str(one.role), one.event) for one in found]


SCORES = [(f"reviewer-{n}", "reviewer", "score-application") for n in (1, 2, 3)]
OUTCOMES = [(who, who, "agree-outcomes") for who in ("principal", "staff", "lead-partner")]


@pytest.mark.parametrize(
    ("station", "expected"),
    [
        ("needs", {("principal", "principal", "describe-needs"), ("staff", "staff", "describe-needs")}),
        ("needs-agreed", {("staff", "staff", "open-selection")}),
        ("open", set()),
        ("closed", set(SCORES)),
        ("scored", {("staff", "staff", "choose-partner")}),
        ("referred", {("board-office", "board-office", "schedule-item")}),
        # The duties go on beside the review.
        (
            "annual-review",
            {
                ("lead-partner", "lead-partner", "submit-report"),
                ("lead-partner", "lead-partner", "record-assessment"),
                ("lead-partner", "lead-partner", "record-meeting"),
            },
        ),
        ("ended", {("lead-partner", "lead-partner", "close-out"), ("staff", "staff", "close-out")}),
    ],
)
def test_who_is_waited_for(begin: Begin, station: str, expected: set[tuple[str, str, str]]) -> None:
    assert set(waits(begin(station))) == expected


def test_who_has_signed_is_not_waited_for_any_more(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    assert {who for who, _, event in waits(life) if event == "agree-needs"} == {"principal", "staff"}
    life.do("agree-needs", "principal")
    assert waits(life) == [("staff", "staff", "agree-needs")]


def test_a_reviewer_who_has_finished_is_not_waited_for(begin: Begin) -> None:
    life = begin("closed")
    for organization in ("harbor-house", "city-college"):
        life.do("score-application", "reviewer-1@example.org", organization=organization)
    assert waits(life) == SCORES[1:]


def test_outcomes_are_waited_for_though_no_deadline_offers_them(begin: Begin) -> None:
    life = begin("chosen")
    life.do("set-outcomes")
    assert set(OUTCOMES) <= set(waits(life))


def test_both_findings_are_waited_for_after_the_report(begin: Begin) -> None:
    life = begin("reported")
    assert {("principal", "principal", "give-finding"), ("staff", "staff", "give-finding")} <= set(
        waits(life)
    )


def test_it_is_said_since_when_until_when_and_who_stands_in(begin: Begin) -> None:
    life = begin("needs")
    life.person("principal", away_until=date(2025, 8, 1), delegate="superintendent@example.org")
    life.at("2025-07-09").do("describe-needs")
    with life.system.reading() as session:
        (found,) = [
            pending.document(session, one, life.now)
            for one in pending.list_waits(session, life.record, life.now)
            if one.role == "principal"
        ]
    assert found == {
        "person": "principal@example.org",
        "name": "Principal",
        "role": "principal",
        "event": "agree-needs",
        "label": "Agree to the statement of needs",
        "since": "2025-07-09T09:00:00-07:00",
        "by": "2025-08-06T17:00:00-07:00",
        "deadline": "needs-agreed",
        "overdue": False,
        "delegate": "superintendent@example.org",
    }


def test_what_is_overdue_is_still_waited_for(begin: Begin) -> None:
    life = begin("needs").at("2025-08-20")
    life.tick()
    with life.system.reading() as session:
        found = [
            pending.document(session, one, life.now)
            for one in pending.list_waits(session, life.record, life.now)
        ]
    assert found
    assert all(one["overdue"] for one in found)


STATIONS = (
    "needs", "needs-agreed", "open", "applied", "closed", "scored", "chosen", "agreed", "active",
    "annual-review", "reported", "ended", "referred", "scheduled", "introduced", "approved", "renewal",
)  # fmt: skip


@pytest.mark.parametrize("station", STATIONS)
def test_at_every_station_somebody_or_the_clock_is_waited_for(begin: Begin, station: str) -> None:
    """Where nobody is named, a deadline makes something happen by itself."""
    life = begin(station)
    fires = any(row["fires"] and row["status"] == "open" for row in life.deadlines())
    assert waits(life) or fires


def test_nobody_is_waited_for_while_the_protest_window_is_open(begin: Begin) -> None:
    life = begin("drafted")
    assert waits(life) == []
    life.at("2025-08-28")
    assert {event for _, _, event in waits(life)} == {"sign-agreement"}
