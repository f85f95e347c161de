"""The two meetings of an item: what is on record counts, and the rest is the earliest that is possible."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.district import Begin, Life, regular_meetings
from tests.support.facts import MEETING_1, MEETING_2, MEETING_3
from workflow import directory_changes
from workflow.publishing.readings import Readings, find_readings
from workflow.record.board_items import follow_calendar
from workflow.session import Session
from workflow.store import tables


def found(life: Life) -> Readings:
    with life.system.reading() as session:
        return find_readings(session, life.facts.board.item, life.now)


def told(life: Life) -> list[tuple[str, str] | None]:
    """The introduction and the action, each as its day and how it stands."""
    return [one and (str(one.on), one.stands) for one in (found(life).introduction, found(life).action)]


def test_before_it_is_scheduled_both_are_the_earliest_whose_agendas_allow_it(begin: Begin) -> None:
    life = begin("referred")  # on September 2: the agenda of the 3rd has closed
    assert told(life) == [(MEETING_1, "expected"), (MEETING_2, "expected")]


def test_once_it_is_scheduled_its_agenda_counts(begin: Begin) -> None:
    assert told(begin("scheduled")) == [(MEETING_1, "agenda"), (MEETING_2, "expected")]


@pytest.mark.clause("4270.9")
def test_once_it_is_introduced_the_next_agenda_is_for_action(begin: Begin) -> None:
    assert told(begin("introduced")) == [(MEETING_1, "held"), (MEETING_2, "agenda")]


def test_immediate_action_is_at_the_meeting_of_the_introduction(begin: Begin) -> None:
    life = begin("scheduled").at(MEETING_1 + " 17:00")
    life.do("introduce-item", immediate_action=True)
    assert told(life) == [(MEETING_1, "held"), (MEETING_1, "unrecorded")]
    assert found(life).at_once
    life.do("defer-item", meeting_on=MEETING_3)
    assert told(life) == [(MEETING_1, "held"), (MEETING_3, "agenda")]
    assert not found(life).at_once


def test_a_deferral_moves_the_reading_that_was_next(begin: Begin) -> None:
    life = begin("scheduled")
    life.at("2025-09-18").do("defer-item", meeting_on=MEETING_2)
    assert told(life) == [(MEETING_2, "agenda"), (MEETING_3, "expected")]
    life = begin("introduced").at("2025-10-02")
    life.do("defer-item", meeting_on=MEETING_3)
    assert told(life) == [(MEETING_1, "held"), (MEETING_3, "agenda")]


def test_a_late_item_is_marked(begin: Begin) -> None:
    life = begin("introduced").at("2025-10-02")
    life.at("2025-10-14").do("defer-item", meeting_on=MEETING_3)
    reading = found(life).action
    assert reading is not None
    assert (str(reading.on), reading.is_late) == (MEETING_3, True)


def cancel(life: Life, *days: str) -> None:
    def work(session: Session) -> None:
        for day in map(date.fromisoformat, days):
            directory_changes.remove(
                session.connection, tables.meetings, day, by="staff@example.org", now=life.now
            )

    life.system.transact(work)
    life.system.transact(lambda session: follow_calendar(session, life.now))


def test_a_cancelled_meeting_leaves_the_earliest_one_after_it(begin: Begin) -> None:
    life = begin("introduced").at("2025-09-19")
    cancel(life, MEETING_2)
    assert told(life) == [(MEETING_1, "held"), (MEETING_3, "expected")]
    life = begin("scheduled")
    cancel(life, MEETING_1)
    assert told(life) == [(MEETING_2, "expected"), (MEETING_3, "expected")]


def test_a_calendar_without_a_meeting_promises_none(begin: Begin) -> None:
    life = begin("referred")
    cancel(life, *map(str, regular_meetings()))
    assert told(life) == [None, None]


def test_with_one_reading_there_is_no_introduction(begin: Begin) -> None:
    life = begin("scheduled", "[board]\nreadings = 1\n")
    assert told(life) == [None, (MEETING_1, "agenda")]
    assert found(life).single
