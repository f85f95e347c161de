"""The clock jumps while the daemon runs: nothing is early, nothing twice, and mail and deadlines go on at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select

from tests.faults.account import (
    HISTORY,
    NOTICES,
    RUNGS,
    account,
    eventually,
    message_ids,
    newcomer,
    of_ref,
    opened,
    rows,
    statuses,
)
from tests.faults.load import fall_due, open_call, told_twice
from tests.support import district
from tests.support.district import Life
from tests.support.facts import LA
from tests.support.house import CALL, House
from tests.support.office import preload, program
from workflow import session
from workflow.daemon.every import Every

# A clock that jumps.


class Clock:
    """What the processes that are given `environment` take for the time."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.environment = {
            **preload(program("faketime")),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.off = timedelta()
        self.jump(timedelta())

    def jump(self, off: timedelta) -> None:
        """Let it be that much later than it really is, or earlier, from now on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{off.total_seconds():+.0f}\n", encoding="ascii")
        fresh.rename(self._file)
        self.off = off

    def now(self) -> datetime:
        return (session.current_time() + self.off).astimezone(UTC)


# The tests

NONE, HOUR, DAY = timedelta(), timedelta(hours=1), timedelta(days=1)
TICK = 2


def note(house: House, clock: Clock) -> None:
    """Let the needs be described at what the clock says, of which people are told."""
    with newcomer(house) as life:
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
               and [ref for ref, _ in closed(house)] == expected, what)  # fmt: skip


@pytest.mark.promise("deadline-fires-once")
def test_the_clock_jumps_an_hour_and_a_day_both_ways_while_it_runs(house: House) -> None:
    clock, began = Clock(house.folder), session.current_time()
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


# The nights on which the clocks of the district change

NIGHT = """
[deadline.at-{name}]
label = "At {at}"
state = "needs-identified"
due = "30 days after entering"
roll = "stay"
at = "{at}"
until = "needs.agreed"
to = ["staff"]
overdue = [{{ after = "300 days", to = ["staff"] }}]
"""
NIGHTS = "".join(NIGHT.format(name=at.replace(":", ""), at=at) for at in ("01:30", "02:30"))
OF_NIGHT = (
    "{% block subject %}{{ deadline.name }}{% endblock %}{% block happened %}It is time.{% endblock %}"
    "{% block asked %}Please look.{% endblock %}"
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# In autumn 01:30 comes twice, and the first counts; in spring 02:30 never comes, and 03:00 stands for it.
AUTUMN = {"at-0130": utc("2026-11-01 08:30"), "at-0230": utc("2026-11-01 10:30")}
SPRING = {"at-0130": utc("2027-03-14 09:30"), "at-0230": utc("2027-03-14 10:00")}


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[House]:
    """A district with a partnership that has two deadlines in each of the two nights."""
    (tmp_path / "source").mkdir()
    (tmp_path / "house").mkdir()
    district.found(tmp_path / "source")
    house = House(tmp_path / "source", tmp_path / "house")
    words = house.folder / "templates" / "email"
    words.mkdir(parents=True)
    for name in AUTUMN:
        (words / f"{name}.j2").write_text(OF_NIGHT, encoding="utf-8")
    house.configure(NIGHTS, tick=TICK)
    with opened(house) as found:
        for ref, entered in (("autumn", "2026-10-02 12:00"), ("spring", "2027-02-12 12:00")):
            life = Life(found, ref).at(entered)
            life.do("identify-needs")
    yield house
    house.end()


def rung(house: House, ref: str, name: str) -> Any:
    columns = (RUNGS.due_at, RUNGS.status, RUNGS.done_at)
    query = of_ref(RUNGS.name, RUNGS.kind, *columns)
    (found,) = [row for row in rows(house, query) if (row.ref, row.name, row.kind) == (ref, name, "due")]
    return found


@pytest.mark.promise("deadline-fires-once")
def test_a_deadline_in_the_nights_on_which_the_clocks_change_is_never_early_and_rings_once(
    nights: House,
) -> None:
    clock, second = Clock(nights.folder), timedelta(seconds=1)
    clock.jump(utc("2026-10-31 20:00") - session.current_time())
    nights.start(**clock.environment)
    eventually(nights.healthy, "the daemon is healthy")
    for ref, night in (("autumn", AUTUMN), ("spring", SPRING)):
        for name, due in night.items():
            assert rung(nights, ref, name).due_at == due
            clock.jump(due - 7 * second - session.current_time())  # it looks several times before it is time
            eventually(lambda: rung(nights, ref, name).status == "fired", "it rings", 40)  # noqa: B023
            assert timedelta(0) <= rung(nights, ref, name).done_at - due <= 30 * second
    told = Counter(
        (row.ref, row.template, row.to) for row in rows(nights, of_ref(NOTICES.template, NOTICES.to))
    )
    mine = {key: number for key, number in told.items() if key[1] in AUTUMN}
    assert mine == {(ref, name, "staff@example.org"): 1 for ref in ("autumn", "spring") for name in AUTUMN}


def test_a_machine_that_began_in_1970_does_not_count_the_ticks_it_has_missed_since() -> None:
    jobs = BackgroundScheduler(timezone=UTC)
    tick = jobs.add_job(print, Every(20), next_run_time=datetime(1970, 1, 1, tzinfo=UTC))
    assert len(tick._get_run_times(session.current_time())) == 1
