"""The clock jumps while the daemon runs: nothing is early, nothing twice, and mail and deadlines go on at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from tests.daemon.house import CALL, NEW, House
from tests.faults.account import (
    HISTORY,
    NOTICES,
    account,
    eventually,
    message_ids,
    of_ref,
    opened,
    rows,
    statuses,
)
from tests.faults.load import fall_due, open_call, told_twice
from tests.faults.shifting import Clock
from tests.states.life import LA
from tests.workflow.district import Life
from workflow import system

NONE, HOUR, DAY = timedelta(), timedelta(hours=1), timedelta(days=1)
TICK = 2


def note(house: House, clock: Clock) -> None:
    """Let the needs be described at what the clock says, of which people are told."""
    with opened(house) as found:
        life = Life(found, NEW, "franklin")
        life.now = clock.now().astimezone(LA)
        life.do("describe-needs", "staff")


def told(house: House) -> list[Any]:
    query = select(NOTICES.status, NOTICES.queued_at, NOTICES.sent_at).where(
        NOTICES.template == "describe-needs"
    )
    return rows(house, query)


def closed(house: House) -> list[tuple[str, datetime]]:
    """Which calls were closed, and when, in order."""
    found = rows(house, of_ref(HISTORY.event, HISTORY.at).order_by(HISTORY.at))
    return [(row.ref, row.at) for row in found if row.event == "close-applications"]


def goes_on(house: House, expected: list[str], what: str) -> None:
    """Within seconds what was queued has left, and these calls are closed."""
    eventually(lambda: {row.status for row in told(house)} == {"sent"}
               and [ref for ref, _ in closed(house)] == expected, what, 20)  # fmt: skip


def test_the_clock_jumps_an_hour_and_a_day_both_ways_while_it_runs(house: House) -> None:
    clock, began = Clock(house.folder), system.now()
    due = {CALL: began, "call-hour": began + HOUR / 2, "call-day": began + DAY / 2}
    with opened(house) as found:
        for ref in ("call-hour", "call-day"):
            open_call(Life(found, ref))
        fall_due(found, lambda number: list(due.values())[number])
    before = set(message_ids(house))
    house.configure(tick=TICK)
    house.start(**clock.environment)
    expected = [CALL]
    goes_on(house, expected, "what is due now happens")
    for off, fires in ((-DAY, None), (NONE, None), (-HOUR, None), (NONE, None), (HOUR, "call-hour"), (NONE, None),
                       (DAY, "call-day"), (NONE, None)):  # fmt: skip
        clock.jump(off)
        note(house, clock)
        expected += [fires] if fires else []
        goes_on(house, expected, f"mail leaves and what fell due happens after a jump to {off}")
    assert [(ref, at) for ref, at in closed(house) if at < due[ref]] == [], "never early"
    assert told_twice(house, before) == []
    eventually(lambda: set(statuses(house)) == {"sent"}, "everything has left")
    assert house.healthy()
    assert account(house).faults == ()
