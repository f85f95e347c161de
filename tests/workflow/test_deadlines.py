"""Every deadline of the life of a partnership: when it is due, who meets it, what moves it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.support.district import Begin, Life
from tests.support.facts import REVIEWERS
from workflow.procedure.config import Config


class Ladder(NamedTuple):
    """A deadline at a station: its rungs as they stand when it is set, and the event of its due rung."""

    name: str
    station: str
    rungs: tuple[str, ...]
    fires: str | None = None


# When each deadline is due, worked out on paper for the life of the sample partnership.
# 1 September 2025 is Labor Day, 3 July 2026 the day on which Independence Day is observed.
TABLE = (
    Ladder("needs-agreed", "needs", (
        "remind 2025-07-30 17:00", "due 2025-08-06 17:00",
        "escalate 2025-08-07 17:00", "escalate 2025-08-13 17:00")),
    Ladder("selection-opens", "needs-agreed", (
        "remind 2025-07-28 17:00", "due 2025-08-04 17:00",
        "escalate 2025-08-05 17:00", "escalate 2025-08-11 17:00")),
    Ladder("applications-close", "open", (
        "remind 2025-08-12 17:00", "due 2025-08-15 17:00"), "close-applications"),
    Ladder("draft-unsent", "open", (
        "remind 2025-08-08 17:00", "remind 2025-08-12 17:00", "remind 2025-08-14 17:00",
        "due 2025-08-15 17:00")),
    Ladder("scores-due", "closed", (
        "remind 2025-08-22 17:00", "remind 2025-08-28 17:00", "due 2025-08-29 17:00",
        "escalate 2025-09-02 17:00")),
    Ladder("choice-due", "closed", (
        "remind 2025-09-08 17:00", "due 2025-09-15 17:00", "escalate 2025-09-16 17:00")),
    Ladder("protest-window", "chosen", ("due 2025-08-27 16:00",)),
    Ladder("agreement-due", "chosen", (
        "remind 2025-09-22 17:00", "due 2025-10-06 17:00",
        "escalate 2025-10-07 17:00", "escalate 2025-10-13 17:00")),
    Ladder("item-scheduled", "referred", (
        "remind 2025-09-05 17:00", "due 2025-09-09 17:00",
        "escalate 2025-09-10 17:00", "escalate 2025-09-16 17:00")),
    Ladder("agenda-packet", "scheduled", ("due 2025-09-05 17:00",)),
    Ladder("decision-recorded", "scheduled", (
        "remind 2025-09-17 19:00", "due 2025-09-19 12:00"), "defer-item"),
    Ladder("agreement-signed", "approved", (
        "remind 2025-10-20 17:00", "remind 2025-10-31 17:00", "due 2025-11-03 17:00",
        "escalate 2025-11-04 17:00", "escalate 2025-11-17 17:00")),
    Ladder("assessment-due", "active", (
        "remind 2025-10-01 17:00", "remind 2025-10-24 17:00", "due 2025-10-31 17:00",
        "escalate 2025-11-01 17:00")),
    Ladder("meeting-due", "active", (
        "remind 2025-10-20 17:00", "due 2025-11-03 17:00", "escalate 2025-11-10 17:00")),
    Ladder("annual-review-opens", "active", (
        "remind 2026-06-18 17:00", "due 2026-07-02 17:00"), "open-annual-review"),
    Ladder("renewal-decision", "active", ("remind 2026-04-01 17:00", "due 2026-05-01 17:00")),
    Ladder("report-due", "annual-review", (
        "remind 2026-07-20 17:00", "remind 2026-07-27 17:00", "remind 2026-08-02 17:00",
        "due 2026-08-03 17:00", "escalate 2026-08-04 17:00", "escalate 2026-08-05 17:00",
        "escalate 2026-08-06 17:00", "escalate 2026-08-07 17:00")),
    Ladder("findings-due", "reported", (
        "remind 2026-07-28 17:00", "remind 2026-08-03 17:00", "due 2026-08-04 17:00",
        "escalate 2026-08-05 17:00")),
    Ladder("review-decided", "annual-review", (
        "remind 2026-08-24 17:00", "due 2026-08-31 17:00", "escalate 2026-09-01 17:00")),
    Ladder("review-decided", "reported", (
        "remind 2026-08-18 17:00", "due 2026-08-25 17:00", "escalate 2026-08-26 17:00")),
    *(
        Ladder("agreement-ends", station, (
            "remind 2026-08-02 00:00", "remind 2026-08-25 00:00", "due 2026-09-01 00:00"), "expire")
        for station in ("active", "annual-review", "renewal")
    ),
    Ladder("agreement-ends", "ending", (
        "remind 2025-09-25 00:00", "due 2025-10-02 00:00"), "expire"),
    Ladder("close-out-due", "ended", (
        "remind 2025-10-27 17:00", "due 2025-11-03 17:00",
        "escalate 2025-11-04 17:00", "escalate 2025-11-17 17:00")),
)  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.name}-{row.station}")
def test_each_deadline_is_set_at_its_instant(begin: Begin, row: Ladder) -> None:
    life = begin(row.station)
    assert tuple(life.ladder(row.name)) == row.rungs
    rungs = life.deadlines(row.name)
    assert {rung["fires"] for rung in rungs if rung["kind"] == "due" and rung["status"] == "open"} == {
        row.fires
    }
    assert {rung["fires"] for rung in rungs if rung["kind"] != "due"} <= {None}


def test_every_deadline_of_the_packaged_procedure_is_looked_at_here(settings: Config) -> None:
    arising = {
        "protest-answered",
        "amendment-referred",
        "annual-review-resumes",
        "contact-accepted",
        "question-answered",
        "scores-anew",
        "outcomes-agreed",
        "start-kept",
    }  # looked at one by one
    assert set(settings.deadlines) == {row.name for row in TABLE} | arising


# What people are asked to do by each deadline.
ASKED = {
    "needs-agreed": "agree-needs describe-needs",
    "selection-opens": "open-selection withdraw",
    "applications-close": "receive-application",
    "draft-unsent": "",
    "question-answered": "answer-question",
    "scores-due": "score-application declare-conflict",
    "scores-anew": "",
    "choice-due": "choose-partner restart",
    "protest-window": "",
    "protest-answered": "answer-protest",
    "agreement-due": "draft-agreement set-outcomes agree-outcomes sign-agreement refer-to-board activate",
    "item-scheduled": "schedule-item",
    "agenda-packet": "attach-document",
    "decision-recorded": "approve send-back introduce-item defer-item terminate",
    "agreement-signed": "sign-agreement",
    "outcomes-agreed": "agree-outcomes",
    "assessment-due": "record-assessment",
    "meeting-due": "record-meeting",
    "annual-review-opens": "open-annual-review",
    "annual-review-resumes": "",
    "renewal-decision": "refer-to-board amend-agreement",
    "amendment-referred": "refer-to-board",
    "report-due": "submit-report",
    "findings-due": "give-finding",
    "review-decided": "continue refer-to-board terminate",
    "agreement-ends": "",
    "close-out-due": "close-out",
    "contact-accepted": "accept-contact",
    "start-kept": "",
}


def test_each_deadline_asks_for_what_meets_it(settings: Config) -> None:
    assert {name: " ".join(row.owed) for name, row in settings.deadlines.items()} == ASKED


# Which deadlines run at each station, and no others.
RUNNING = {
    "needs": {"needs-agreed"},
    "needs-agreed": {"selection-opens"},
    "open": {"applications-close", "draft-unsent"},
    # At the closing who has not sent an application hears so at the next tick, which no life here has.
    "closed": {"draft-unsent", "scores-due", "choice-due"},
    "scored": {"draft-unsent", "choice-due"},
    "chosen": {"draft-unsent", "protest-window", "agreement-due"},
    "referred": {"item-scheduled"},
    "scheduled": {"agenda-packet", "decision-recorded"},
    "active": {
        "agreement-ends", "annual-review-opens", "assessment-due", "meeting-due", "renewal-decision",
    },
    "approved": {
        "agreement-ends", "agreement-signed", "annual-review-opens", "assessment-due", "meeting-due",
        "renewal-decision",
    },
    "ending": {"agreement-ends", "annual-review-opens", "assessment-due", "meeting-due"},
    "renewal": {"agreement-ends", "annual-review-opens", "assessment-due", "item-scheduled", "meeting-due"},
    "annual-review": {"agreement-ends", "assessment-due", "meeting-due", "report-due", "review-decided"},
    "reported": {"agreement-ends", "assessment-due", "findings-due", "meeting-due", "review-decided"},
    "ended": {"close-out-due"},
}  # fmt: skip


@pytest.mark.parametrize("station", RUNNING)
def test_no_other_deadlines_run_than_those_of_the_state_and_its_facts(begin: Begin, station: str) -> None:
    assert begin(station).running() == RUNNING[station]


def test_a_partnership_that_never_had_an_agreement_has_nothing_to_close_out(begin: Begin) -> None:
    life = begin("drafted")
    life.do("withdraw")
    assert life.running() == set()


# What meets a deadline, or makes it pointless.

MET = [
    ("needs-agreed", "needs", ["describe-needs", "agree-needs principal", "agree-needs staff"], "met"),
    ("needs-agreed", "needs", ["withdraw"], "the partnership is in terminated"),
    ("selection-opens", "needs-agreed", ["open-selection"], "the partnership is in open-selection"),
    ("applications-close", "applied", ["withdraw"], "the partnership is in terminated"),
    ("choice-due", "scored", ["choose-partner"], "met"),
    ("choice-due", "scored", ["restart"], "the partnership is in needs-identified"),
    ("item-scheduled", "referred", ["schedule-item"], "met"),
    ("report-due", "annual-review", ["submit-report"], "met"),
    ("findings-due", "reported", ["give-finding principal", "give-finding staff"], "met"),
    ("close-out-due", "ended", ["close-out"], "met"),
]


@pytest.mark.parametrize(("name", "station", "events", "reason"), MET)
def test_what_meets_a_deadline_cancels_what_is_left_of_it(
    begin: Begin, name: str, station: str, events: list[str], reason: str
) -> None:
    life = begin(station)
    before = life.ladder(name)
    for event in events[:-1]:
        life.do(*event.split())
        assert life.ladder(name) == before
    life.do(*events[-1].split())
    assert life.ladder(name) == []
    cancelled = [row for row in life.deadlines(name) if row["status"] == "cancelled"]
    assert len(cancelled) == len(before)
    assert {row["reason"] for row in cancelled} == {reason}
    assert {row["done_at"] for row in cancelled} == {life.now}


def test_scores_are_met_by_the_last_reviewer(begin: Begin) -> None:
    life = begin("closed").at("2025-08-18")
    for reviewer in REVIEWERS:
        life.do("score-application", reviewer)
        life.do("declare-conflict", reviewer, organization="city-college")
        assert (life.due("scores-due") is None) == (reviewer == REVIEWERS[-1])


def test_both_signatures_meet_the_deadline_for_signing(begin: Begin) -> None:
    life = begin("approved")
    life.do("sign-agreement", "staff", signed_on="2025-10-02")
    assert life.due("agreement-signed") == "2025-11-03 17:00"
    life.do("sign-agreement", "lead-partner", signed_on="2025-10-02")
    assert life.due("agreement-signed") is None


def test_the_choice_closes_what_comes_before_and_a_new_statement_opens_it_again(begin: Begin) -> None:
    life = begin("needs-agreed").at("2025-07-10")
    life.do("describe-needs")
    assert life.running() == {"needs-agreed"}
    assert life.ladder("needs-agreed")[-3:] == [
        "due 2025-08-06 17:00", "escalate 2025-08-07 17:00", "escalate 2025-08-13 17:00",
    ]  # fmt: skip


# Duties that recur.


def test_each_recorded_meeting_moves_the_next_one_two_months_from_it(begin: Begin) -> None:
    life = begin("active").at("2025-09-20")
    life.do("record-meeting", on="2025-09-19")
    assert life.due("meeting-due") == "2025-11-19 17:00"
    life.at("2025-12-01").do("record-meeting", on="2025-12-01")
    assert life.due("meeting-due") == "2026-02-02 17:00", "1 February is a Sunday"


def test_a_meeting_on_the_first_day_is_followed_by_one_two_months_later(begin: Begin) -> None:
    life = begin("active")
    life.do("record-meeting", on="2025-09-01")
    assert life.due("meeting-due") == "2025-11-03 17:00"


def test_an_assessment_is_asked_for_again_in_the_next_october(begin: Begin) -> None:
    life = begin("active").at("2025-10-15")
    life.do("record-assessment", on="2025-10-15")
    assert life.due("assessment-due") == "2026-11-02 17:00", "31 October 2026 is a Saturday"


def test_another_duty_meets_neither(begin: Begin) -> None:
    life = begin("active")
    life.do("record-gap")
    assert (life.due("assessment-due"), life.due("meeting-due")) == ("2025-10-31 17:00", "2025-11-03 17:00")


def test_the_annual_review_comes_again_a_year_later(begin: Begin) -> None:
    life = begin("approved").at("2026-07-02")
    life.do("open-annual-review", "staff")
    life.do("submit-report")
    life.do("give-finding", "principal")
    life.do("give-finding", "staff")
    life.do("continue")
    assert life.due("annual-review-opens") == "2027-07-02 17:00"


# What moves a deadline.


def moved(life: Life, name: str) -> list[Any]:
    return [row["reason"] for row in life.deadlines(name) if row["status"] == "cancelled"]


def test_a_longer_call_moves_its_closing(begin: Begin) -> None:
    life = begin("applied")
    life.do("extend-selection", closes_on="2025-08-29")
    assert life.ladder("applications-close") == ["remind 2025-08-26 17:00", "due 2025-08-29 17:00"]
    assert moved(life, "applications-close") == ["now due 2025-08-29T17:00:00-07:00"] * 2


def test_a_deferral_moves_the_agenda_and_the_decision_to_the_next_meeting(begin: Begin) -> None:
    life = begin("scheduled").at("2025-09-17 20:00")
    life.do("defer-item", "board-office", meeting_on="2025-10-01")
    assert life.ladder("agenda-packet") == ["due 2025-09-19 17:00"]
    assert life.ladder("decision-recorded") == ["remind 2025-10-01 19:00", "due 2025-10-03 12:00"]
    assert set(moved(life, "decision-recorded")) == {"now due 2025-10-03T12:00:00-07:00"}


def test_an_item_deferred_to_no_meeting_is_to_be_scheduled_again(begin: Begin) -> None:
    life = begin("scheduled").at("2025-09-18 12:00")
    life.run("DELETE FROM meetings WHERE \"on\" > '2025-09-17'")
    life.run("UPDATE meta SET value = 'changed' WHERE key = 'directory'")
    life.do("defer-item", "clock", meeting_on=None)
    assert life.running() == {"item-scheduled"}
    assert life.due("item-scheduled") == "2025-09-09 17:00", "it insists at once"


def test_an_amended_last_day_moves_the_end_and_the_decision_on_renewal(begin: Begin) -> None:
    life = begin("active")
    life.do("amend-agreement", ends_on="2026-06-30")
    assert life.ladder("agreement-ends") == [
        "remind 2026-06-01 00:00", "remind 2026-06-24 00:00", "due 2026-07-01 00:00",
    ]  # fmt: skip
    assert life.ladder("renewal-decision") == ["remind 2026-01-31 17:00", "due 2026-03-02 17:00"]
    assert moved(life, "agreement-ends") == ["now due 2026-07-01T00:00:00-07:00"] * 3


def test_a_last_day_that_is_changed_back_has_the_ladder_that_it_had(begin: Begin) -> None:
    life = begin("active")
    before = {name: life.ladder(name) for name in life.running()}
    life.do("amend-agreement", ends_on="2026-06-30")
    life.do("amend-agreement", ends_on="2026-08-31")
    assert before == {name: life.ladder(name) for name in life.running() - {"agreement-signed"}}
