"""Assumed people do what is waited for, when the assumption says, and the law judges them as ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from states.errors import BadInput
from states.names import State
from tests.support.district import Begin, Life
from tests.support.facts import LA, STATIONS
from workflow.rehearsal.assumed import Assumed, OnTime
from workflow.rehearsal.assumption import read_assumption
from workflow.rehearsal.copying import copied
from workflow.rehearsal.happenings import Kind, read_happenings
from workflow.rehearsal.living import Postbox, live
from workflow.rehearsal.rehearse import Rehearsal, rehearse
from workflow.rehearsal.usual import USUAL


def lived(life: Life, days: int, late: int = 0) -> tuple[Rehearsal, Assumed]:
    people = Assumed(OnTime(late))
    return rehearse(life.system, life.now, life.now + timedelta(days=days), people=people), people


def events(future: Rehearsal) -> dict[str, str]:
    """The day on which each event happened last."""
    return {
        each.name: f"{each.at.astimezone(LA):%Y-%m-%d}"
        for each in future.happenings
        if each.kind is Kind.EVENT
    }


def test_everybody_acts_in_the_morning_of_the_last_day(begin: Begin) -> None:
    life = begin("closed")
    due = life.due("scores-due")
    future, people = lived(life, 30)
    happened = [each for each in future.happenings if each.kind is Kind.EVENT]
    scores = [each for each in happened if each.name == "score-application"]
    assert due == "2025-08-29 17:00"
    assert {each.at.astimezone(LA).isoformat() for each in scores} == {"2025-08-29T09:00:00-07:00"}
    assert len(scores) == 6, "three reviewers score two applications"
    assert people.refusals == []
    assert not [missed for end in future.ends for missed in end.missed if missed.deadline == "scores-due"]


def test_nobody_scores_at_the_moment_at_which_the_call_closes(begin: Begin) -> None:
    future, _ = lived(begin("applied"), 60)
    instants = {
        f"{each.at.astimezone(LA):%Y-%m-%d %H:%M}"
        for each in future.happenings
        if each.name == "score-application" and each.kind is Kind.EVENT
    }
    assert instants == {"2025-08-29 09:00"}


@pytest.mark.parametrize("station", ["open", "applied", "referred"])
def test_the_clock_stands_still_only_where_something_may_happen(begin: Begin, station: str) -> None:
    life = begin(station)
    until = life.now + timedelta(days=120)
    with copied(life.system) as copy:
        instants = live(copy, life.now, until, Assumed(OnTime()), Postbox())
        with copy.reading() as session:
            told = {each.at for each in read_happenings(session, life.now, until)}
    assert instants < 2 * len(told)


def test_people_who_are_late_miss_the_deadline(begin: Begin) -> None:
    future, _ = lived(begin("closed"), 30, late=3)
    assert events(future)["score-application"] == "2025-09-01"
    assert "scores-due" in [missed.deadline for end in future.ends for missed in end.missed]


@pytest.mark.parametrize(
    "station", ["needs", "open", "chosen", "referred", "active", "annual-review", "ending"]
)
def test_a_year_goes_its_usual_way_from_each_station(begin: Begin, station: str) -> None:
    life = begin(station)
    future, people = lived(life, 400)
    (end,) = future.ends
    assert people.refusals == []
    assert end.record.state in (State.ACTIVE, State.ANNUAL_REVIEW, State.BOARD_REVIEW, State.TERMINATED)
    assert end.record.version > life.record.version
    assert len({each.at for each in future.happenings}) > 5


def test_a_call_without_an_application_gets_one_on_its_last_day(begin: Begin) -> None:
    future, _ = lived(begin("open"), 40)
    assert events(future)["receive-application"] == "2025-08-15"


def test_what_is_assumed_is_an_event_that_people_do() -> None:
    done = {step.event for _, steps in STATIONS.values() for step in steps}
    assert done - USUAL.keys() == {
        "identify-needs", "receive-application", "close-applications", "open-annual-review", "terminate", "expire",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["late", "late=", "late=-1", "never", "late=1.5"])
def test_another_way_of_acting_is_an_error_that_names_the_ways(text: str) -> None:
    with pytest.raises(BadInput, match="nobody, on-time, late=DAYS such as late=7, or as-before"):
        read_assumption(text)


def test_a_rehearsal_ends_with_its_last_instant(begin: Begin) -> None:
    life = begin("active")
    until = datetime(2026, 1, 31, 12, tzinfo=LA)
    future = rehearse(life.system, life.now, until, people=Assumed(OnTime()))
    assert max(each.at for each in future.happenings) <= until
