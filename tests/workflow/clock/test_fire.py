"""Door 1, the clock: whatever is due happens once and in order, however long nobody looked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from states.errors import Refused, Unmet
from states.names import State
from tests.support import databases
from tests.support.district import LA, Begin, Life
from workflow import engine
from workflow.clock import fire
from workflow.outbox import queue
from workflow.store.database import StoreLocked
from workflow.store.errors import Conflict


def did(tally: fire.Tally) -> tuple[int, int, int, int]:
    return tally.fired, tally.told, tally.skipped, tally.failed


def rung(life: Life, name: str, kind: str = "due") -> dict[str, Any]:
    return next(row for row in life.deadlines(name) if row["kind"] == kind)


# On time


def test_nothing_happens_before_its_instant(begin: Begin) -> None:
    life = begin("applied").at("2025-08-14 18:00")
    life.tick()
    before = life.dump()
    assert did(life.tick("2025-08-15 16:59")) == (0, 0, 0, 0)
    assert life.dump() == before
    assert life.facts.selection.closed_at is None


def test_a_deadline_fires_at_its_very_instant_and_only_once(begin: Begin) -> None:
    life = begin("applied").at("2025-08-12 17:00")
    assert did(life.tick()) == (0, 1, 2, 0), "the reminder; nobody has an application that is not sent"
    assert did(life.tick("2025-08-15 17:00")) == (1, 0, 2, 0)
    assert life.facts.selection.closed_at == life.now
    *_, row = life.history()
    assert (row["event"], row["actor"], row["role"], row["channel"]) == (
        "close-applications", "clock", "clock", "clock",
    )  # fmt: skip
    fired = rung(life, "applications-close")
    assert (fired["status"], fired["done_at"]) == ("fired", life.now)
    before = life.dump()
    assert did(life.tick()) == did(life.tick("2025-08-15 17:01")) == (0, 0, 0, 0)
    assert life.dump() == before


def test_people_are_told_of_what_the_clock_did_like_of_anything_else(begin: Begin) -> None:
    life = begin("applied")
    life.tick("2025-08-15 17:00")
    assert life.told("close-applications") == [
        "applicant", "lead-partner", "principal", "reviewer-1", "reviewer-2", "reviewer-3", "staff",
    ]  # fmt: skip


def test_the_annual_review_opens_by_itself(begin: Begin) -> None:
    life = begin("active")
    life.tick("2026-07-02 17:00")
    assert life.state is State.ANNUAL_REVIEW
    assert life.facts.review.opened_at == life.now
    assert life.due("report-due") == "2026-08-03 17:00"


@pytest.mark.parametrize("station", ["active", "annual-review", "renewal"])
def test_an_agreement_expires_after_its_last_day_in_each_state_it_can_be_in(
    begin: Begin, station: str
) -> None:
    life = begin(station)
    other = {row["id"] for row in life.deadlines() if row["name"] != "agreement-ends"}
    life.run("UPDATE deadlines SET status = 'cancelled' WHERE name != 'agreement-ends'")
    life.tick("2026-08-31 23:59")
    assert life.state != State.TERMINATED
    life.tick("2026-09-01 00:00")
    assert life.state is State.TERMINATED
    assert (life.facts.ended.how, life.facts.in_force) == ("expired", False)
    assert life.due("close-out-due") == "2026-10-01 17:00"
    assert {row["status"] for row in life.deadlines() if row["id"] in other} == {"cancelled"}


def test_a_new_agreement_before_the_board_does_not_expire(begin: Begin) -> None:
    life = begin("referred")
    assert "agreement-ends" not in {row["name"] for row in life.deadlines()}


def test_the_next_look_is_at_the_earliest_open_rung(begin: Begin) -> None:
    life = begin("applied")
    with life.system.reading() as session:
        following = fire.next_due(session.connection)
    assert following == datetime(2025, 8, 8, 17, tzinfo=LA)


# After an absence


def test_three_days_of_downtime_over_a_closing_lose_nothing(begin: Begin) -> None:
    life = begin("applied")
    tally = life.tick("2025-08-18 17:00")
    assert did(tally) == (1, 0, 5, 0), "with the four rungs of drafts, which nobody has"
    assert rung(life, "applications-close", "remind")["reason"] == "overtaken: due was due as well"
    assert life.facts.selection.closed_at == life.now
    assert life.facts.selection.closes_at == datetime(2025, 8, 15, 17, tzinfo=LA)
    assert life.due("scores-due") == "2025-09-02 17:00"


def test_an_application_after_the_closing_instant_is_late_even_while_the_clock_is_down(begin: Begin) -> None:
    life = begin("applied").at("2025-08-15 17:00")
    with pytest.raises(Refused, match="the call closed at 2025-08-15 17:00"):
        life.do("receive-application", "applicant@example.org", organization="city-college")


def test_three_days_of_downtime_over_a_board_meeting_defer_the_item_once(begin: Begin) -> None:
    life = begin("scheduled")
    assert life.tick("2025-09-20 09:00").fired == 1
    assert [row["event"] for row in life.history()].count("defer-item") == 1
    assert str(life.facts.board.item.meeting_on) == "2025-10-01"
    assert life.facts.board.item.deferred == 1
    assert life.due("decision-recorded") == "2025-10-03 12:00"


def test_downtime_over_two_meetings_defers_to_the_first_that_is_still_to_come(begin: Begin) -> None:
    life = begin("scheduled")
    life.tick("2025-10-03 09:00")
    assert str(life.facts.board.item.meeting_on) == "2025-10-15"


def test_three_days_of_downtime_over_a_report_send_the_latest_rung_and_skip_the_others(begin: Begin) -> None:
    life = begin("annual-review")
    life.tick("2026-08-02 12:00")
    life.tick("2026-08-05 18:00")
    rows = {life.wall(row["due_at"]): row for row in life.deadlines("report-due")}
    assert [(day[5:10], row["status"]) for day, row in rows.items()] == [
        ("07-20", "skipped"), ("07-27", "fired"), ("08-02", "skipped"), ("08-03", "skipped"),
        ("08-04", "skipped"), ("08-05", "fired"), ("08-06", "open"), ("08-07", "open"),
    ]  # fmt: skip
    assert rows["2026-08-03 17:00"]["reason"] == "overtaken: escalate was due as well"
    assert life.told("report-due") == ["lead-partner", "lead-partner"]


def test_what_happened_in_between_is_worked_off_one_after_the_other(begin: Begin) -> None:
    """A year without the daemon: the review opens, and the agreement ends, each at the time of the look."""
    life = begin("active")
    tally = life.tick("2026-09-02 09:00")
    assert [change.intent.event for change in tally.changes] == ["open-annual-review", "expire"]
    assert life.state is State.TERMINATED
    assert life.facts.ended.effective_on.isoformat() == "2026-08-31"
    assert life.faults() == []


def test_partnerships_are_served_in_the_order_in_which_they_fell_due(begin: Begin) -> None:
    first = begin("applied", "[daemon]\nbatch = 1\n")
    second = first.another("franklin-2025").to("open")
    second.do("extend-selection", closes_on="2025-08-22")
    tally = first.tick("2025-08-25 09:00")
    assert [change.record.ref for change in tally.changes] == ["rbhs-2025", "franklin-2025"]


def test_a_stop_between_two_batches_leaves_the_rest_for_the_next_time(begin: Begin) -> None:
    life = begin("applied").at("2025-08-18")
    tally = fire.fire_due(life.system, life.now, stop=lambda: True)
    assert did(tally) == (0, 0, 0, 0)
    seen: list[tuple[int, int, int, int]] = []
    fire.fire_due(life.system, life.now, stop=lambda: bool(seen), done=lambda tally: seen.append(did(tally)))
    assert seen == [(0, 0, 4, 0)], "the rungs of drafts, which nobody has"
    assert did(life.tick()) == (1, 0, 1, 0)


# The Board's meetings


def test_an_item_is_deferred_to_the_next_regular_meeting_not_to_a_special_one(begin: Begin) -> None:
    life = begin("scheduled")
    life.tick("2025-09-19 12:00")
    assert str(life.facts.board.item.meeting_on) == "2025-10-01", "24 September is a special meeting"
    assert life.told("defer-item") == ["board-office", "lead-partner", "principal", "staff", "superintendent"]


def test_an_item_is_left_unscheduled_where_no_regular_meeting_is_known(begin: Begin) -> None:
    life = begin("scheduled")
    life.run("DELETE FROM meetings WHERE \"on\" > '2025-09-17' AND kind = 'regular'")
    life.run("UPDATE meta SET value = '1000' WHERE key = 'directory'")
    tally = life.tick("2025-09-19 12:00")
    assert (tally.fired, tally.failed) == (1, 0)
    assert life.facts.board.item.meeting_on is None
    assert life.state is State.BOARD_REVIEW
    assert life.running() == {"item-scheduled"}
    assert life.told("item-scheduled") == ["superintendent"], "and this insists"


# Failures


@contextmanager
def failing(ref: str, error: Exception) -> Iterator[None]:
    """Let every decision on one partnership fail."""
    real = engine.decide

    def decide(session: Any, record: Any, intent: Any) -> Any:
        if intent.ref == ref:
            raise error
        return real(session, record, intent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "decide", decide)
        yield


@pytest.mark.parametrize(
    "error", [RuntimeError("out of luck"), Refused([Unmet("x", "out of luck")]), Conflict("out of luck")]
)
def test_a_deadline_that_fails_holds_up_no_other(begin: Begin, error: Exception) -> None:
    bad = begin("applied")
    good = bad.another("franklin-2025").to("open")
    with failing("rbhs-2025", error):
        tally = bad.tick("2025-08-15 17:00")
    assert (tally.fired, tally.failed) == (1, 1)
    assert "out of luck" in tally.failures[0]
    assert good.facts.selection.closed_at == bad.now
    assert bad.facts.selection.closed_at is None


def test_a_failing_deadline_is_tried_with_growing_waits_then_daily_and_staff_are_told_once(
    begin: Begin,
) -> None:
    life = begin("applied").at("2025-08-15 17:00")
    waits = []
    with failing(life.ref, RuntimeError("out of luck")):
        for attempt in range(1, 9):
            assert life.tick().failed == 1
            assert did(life.tick()) == (0, 0, 0, 0), "not again before its time"
            row = rung(life, "applications-close")
            assert (row["status"], row["attempts"]) == ("open", attempt)
            assert "out of luck" in row["reason"]
            assert len(life.notices("deadline-failed")) == (1 if attempt >= 6 else 0)
            waits.append((row["next_at"] - life.now) // timedelta(minutes=1))
            life.now = row["next_at"].astimezone(LA)
    assert waits == [1, 5, 30, 120, 720, 1440, 1440, 1440]
    assert life.told("deadline-failed") == ["staff"]
    assert life.tick().fired == 1
    assert life.facts.selection.closed_at == life.now


def test_other_deadlines_of_the_same_partnership_go_on_while_one_fails(begin: Begin) -> None:
    life = begin("active")
    life.run("UPDATE deadlines SET next_at = '2025-10-01 00:00:00.000000' WHERE fires = 'expire'")
    with failing(life.ref, RuntimeError("out of luck")):
        tally = life.tick("2025-10-01 17:00")
    assert (tally.failed, life.told("assessment-due")) == (1, ["lead-partner"])


@pytest.mark.parametrize(
    "error", [Conflict("moved"), Refused([Unmet("x", "moved")]), ValueError("moved"), KeyError("moved")]
)
def test_a_batch_that_cannot_be_written_is_written_one_by_one(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bad = begin("applied")
    good = bad.another("franklin-2025").to("open")
    real = engine.write

    def write(session: Any, changes: Any, **options: Any) -> Any:
        if any(change.record.ref == "rbhs-2025" for change in changes):
            raise error
        return real(session, changes, **options)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "write", write)
        tally = bad.tick("2025-08-15 17:00")
    assert (tally.fired, tally.failed) == (1, 1)
    assert good.facts.selection.closed_at is not None
    assert rung(bad, "applications-close")["attempts"] == 1
    bad.tick("2025-08-15 17:01")
    assert bad.facts.selection.closed_at == bad.now


ON_SQLITE = pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL takes nothing but a time")
DAMAGE = (
    "UPDATE partnerships SET facts = '{' WHERE ref = 'rbhs-2025'",
    "UPDATE partnerships SET state = 'asleep' WHERE ref = 'rbhs-2025'",
    pytest.param("UPDATE partnerships SET entered_at = 'once' WHERE ref = 'rbhs-2025'", marks=ON_SQLITE),
    pytest.param("UPDATE deadlines SET ladder = 'once' WHERE partnership = 1", marks=ON_SQLITE),
)


@pytest.mark.promise("failures-stay-alone")
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_partnership_whose_record_cannot_be_read_holds_up_no_other_however_often_it_is_tried(
    begin: Begin, damage: str
) -> None:
    bad = begin("applied")
    good = bad.another("franklin-2025").to("open")
    bad.run("UPDATE deadlines SET status = 'cancelled' WHERE name = 'draft-unsent'")  # so that each has one
    bad.run(damage)
    tally = bad.tick("2025-08-15 17:00")
    assert tally.failed == 1
    assert good.facts.selection.closed_at == bad.now
    for day in range(16, 31):  # until its tries are used up, and beyond
        tally = bad.tick(f"2025-08-{day} 17:00")
        assert tally.failed <= 1
        assert not [row for row in good.deadlines() if row["status"] == "open" and row["next_at"] <= bad.now]
    assert did(bad.tick()) == (0, 0, 0, 0), "not again before its time"


@ON_SQLITE
@pytest.mark.promise("failures-stay-alone")
def test_deadlines_that_cannot_be_read_leave_the_others_all_their_steps(begin: Begin) -> None:
    bad = begin("applied")
    good = bad.another("franklin-2025").to("open")
    bad.run("UPDATE deadlines SET ladder = 'once' WHERE partnership = 1")
    assert bad.tick("2025-08-15 17:00").failed == 1
    assert good.facts.selection.closed_at == bad.now, "after a step for the rungs of drafts"
    assert did(bad.tick()) == (0, 0, 0, 0), "not again before its time"
    assert bad.tick("2025-08-15 17:01").failed == 1


def test_what_somebody_holds_is_not_put_off_as_if_it_had_failed(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("applied")

    def held(*_: Any) -> fire.Tally:
        raise StoreLocked("the database is locked by another program; try again")

    with monkeypatch.context() as patch:
        patch.setattr(fire, "_step", held)
        assert life.tick("2025-08-15 17:00").failed == 1
    assert rung(life, "applications-close")["attempts"] == 0
    assert life.tick("2025-08-15 17:01").fired == 1


def test_a_notice_that_cannot_be_queued_holds_up_no_other(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = begin("needs")
    good = bad.another("franklin-2025").to("needs")
    real = queue.queue

    def refusing(session: Any, occasions: Any) -> Any:
        if any(occasion.record.facts.school == "rainier-beach" for occasion in occasions):
            raise LookupError("who was it")
        return real(session, occasions)

    with monkeypatch.context() as patch:
        patch.setattr(queue, "queue", refusing)
        tally = bad.tick("2025-07-30 17:00")
    assert (tally.told, tally.failed) == (1, 1)
    assert good.told("needs-agreed") == ["franklin-principal", "staff"]
    assert bad.notices("needs-agreed") == []
    bad.tick("2025-07-30 17:01")
    assert bad.told("needs-agreed") == ["principal", "staff"]


# Nobody to tell


def test_a_rung_whose_people_have_all_left_reaches_the_next_who_can_act(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    life.do("agree-needs", "principal")
    life.person("staff", active=False)
    life.person("superintendent", active=False)
    tally = life.tick("2025-07-30 17:00")
    assert did(tally) == (0, 1, 0, 0)
    row = rung(life, "needs-agreed", "remind")
    assert (row["status"], row["reason"]) == ("fired", None)
    assert life.told("needs-agreed") == ["board-office"]


def test_only_those_who_still_have_to_do_something_are_reminded_of_it(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    life.do("agree-needs", "principal")
    life.tick("2025-07-30 17:00")
    assert life.told("needs-agreed") == ["staff"]


def test_a_clock_that_is_set_back_does_nothing_twice(begin: Begin) -> None:
    life = begin("applied")
    life.tick("2025-08-15 17:00")
    told = len(life.notices())
    fire.fire_due(life.system, datetime(2025, 8, 15, 12, tzinfo=UTC))
    life.tick("2025-08-15 17:00")
    assert len(life.notices()) == told
