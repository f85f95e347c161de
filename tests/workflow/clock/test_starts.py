"""A wanted first day on record: staff hear of the step that comes too late, and the plan follows what changes."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import pytest
from sqlalchemy import select

from tests.support import databases
from tests.support.district import Begin, Life
from tests.support.plans import plan_of
from workflow.clock import starts
from workflow.outbox import writing
from workflow.store import tables
from workflow.store.rows import Notice


def follow(life: Life) -> list[str]:
    return life.system.transact(lambda session: starts.follow_plans(session, life.now.astimezone(UTC)))


def written(life: Life, notice: int) -> str:
    """The text of a message in one line."""
    with life.system.reading() as session:
        row = session.connection.execute(select(tables.notices).where(tables.notices.c.id == notice)).one()
        mail = Notice.from_row(row)
        draft = writing.render(session.config, mail, writing.gather(session, mail))
    assert draft.rendered is not None, draft.problem
    return " ".join(draft.rendered.text.split())


def test_staff_are_warned_before_the_next_step_and_when_it_is_too_late(begin: Begin) -> None:
    life = begin("needs")
    life.do("want-start", on="2025-12-01")
    # The call has to open two weeks before Sunday 5 October (see the test of the command `plan`).
    assert life.ladder("start-kept") == ["remind 2025-09-14 17:00", "due 2025-09-21 17:00"]
    life.tick("2025-09-14 17:00")
    assert life.told("start-kept") == ["staff"]
    life.tick("2025-09-21 17:00")
    assert life.told("start-kept") == ["staff", "staff"]
    assert life.faults() == []
    first, second = (written(life, notice["id"]) for notice in life.notices("start-kept"))
    assert "can start on Monday, December 1" in first
    assert "The call opens: Sunday, September 21" in first
    assert "the next step is done by Sunday, September 21" in first
    assert "The next step comes too late for that day: the call opens." in second


def test_the_deadline_goes_on_to_the_next_step_when_one_is_done(begin: Begin) -> None:
    life = begin("needs-agreed")
    life.do("want-start", on="2025-12-01")
    life.do("open-selection")
    assert life.due("start-kept") == "2025-10-17 17:00", "the call closes in time, so the choice comes next"
    assert life.faults() == []


def test_a_call_that_closes_too_late_is_told_at_once(begin: Begin) -> None:
    life = begin("needs-agreed")
    life.do("want-start", on="2025-12-01")
    life.do("open-selection", closes_on="2025-10-06")
    life.tick()
    assert life.told("start-kept") == ["staff"]


def test_a_day_that_is_too_near_is_told_at_once(begin: Begin) -> None:
    life = begin("needs")
    life.do("want-start", on="2025-08-01")
    life.tick()
    assert life.told("start-kept") == ["staff"]
    (notice,) = life.notices("start-kept")
    assert "The Board's calendar has no regular meeting that is early enough" in written(life, notice["id"])
    life.now += timedelta(hours=1)
    life.do("want-start", on="2025-09-10")
    life.tick()
    assert life.told("start-kept") == ["staff", "staff"]
    assert life.faults() == []


def test_the_plan_follows_the_calendar_of_the_board(begin: Begin) -> None:
    life = begin("needs")
    life.do("want-start", on="2025-12-01")
    assert follow(life) == []
    life.put(tables.meetings, on=date(2025, 11, 19), at="16:15", kind="special")
    assert follow(life) == [life.ref]
    # The Board acts on 5 November, and reads first on 15 October, whose agenda closes on Friday the 3rd. The choice
    # is on 26 September, and the ten business days before it begin after Sunday the 14th.
    assert life.due("start-kept") == "2025-08-31 17:00"
    assert follow(life) == []
    assert life.history()[-1]["event"] == "replan-start"
    assert life.faults() == []


def test_the_plan_follows_the_terms(begin: Begin) -> None:
    life = begin("agreed")
    life.do("want-start", on="2025-12-01")
    assert [step.name for step in life.facts.wanted.steps][-3:] == ["introduce", "act", "start"]
    life.do("draft-agreement")
    assert follow(life) == [life.ref]
    assert [step.name for step in life.facts.wanted.steps][-2:] == ["sign", "start"]
    assert life.due("start-kept") == "2025-12-01 17:00"


def test_no_first_day_is_wanted_once_the_agreement_is_in_force(begin: Begin) -> None:
    life = begin("signed")
    life.do("want-start", on="2025-12-01")
    life.do("activate")
    assert follow(life) == []
    assert life.due("start-kept") is None


def test_a_correction_of_the_wanted_day_plans_anew(begin: Begin) -> None:
    life = begin("needs")
    life.do("want-start", on="2025-12-01")
    seq = life.record.version
    life.do("correct-entry", seq=seq, input={"on": "2026-03-02"}, reason="mistyped")
    assert life.facts.wanted.on == date(2026, 3, 2)
    assert life.faults() == []
    assert follow(life) == []


def has_changed(life: Life) -> bool:
    with life.system.reading() as session:
        return starts.has_changed(session)


def test_only_an_event_at_a_school_with_a_plan_is_a_reason_to_look_at_plans(begin: Begin) -> None:
    life = begin("needs")
    assert not has_changed(life), "nobody wants a first day"
    life.do("want-start", on="2025-12-01")
    assert has_changed(life)
    follow(life)
    assert not has_changed(life)
    life.another("elsewhere", "franklin").do("identify-needs")
    assert not has_changed(life)
    life.do("describe-needs")
    assert has_changed(life)


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL reads the whole of a small table")
def test_a_tick_finds_the_wanted_days_by_an_index(begin: Begin) -> None:
    life = begin("needs")
    plan = plan_of(life.system.engine, "wanted", lambda: has_changed(life))
    assert "ix_partnerships_wanted" in plan
    assert "COVERING INDEX ix_partnerships_school_version" in plan
