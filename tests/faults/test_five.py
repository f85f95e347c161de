"""The five faults of a published benchmark of job queues, while deadlines fall due one after the other.

The benchmark is hardbyte/postgresql-job-queue-benchmarking. Three of its faults are of a PostgreSQL server, and two
of the process, which exist on SQLite too. A deadline counts as recovered if it was fired exactly once, with its
history, deadlines and notices. The messages wait: other tests follow them to the mail server. `CHAOS=200` lets as
many deadlines fall due.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.faults import dying
from tests.faults.account import (
    HISTORY,
    account,
    eventually,
    message_ids,
    newcomer,
    rows,
)
from tests.faults.conftest import CHAOS, Figures
from tests.faults.load import assert_closed_once, fall_due, open_call, told_twice
from tests.faults.server import Server, districts, served
from tests.faults.test_random import verified
from tests.support.desk import real
from tests.support.house import House, until
from workflow.session import current_time

DEADLINES = max(24, CHAOS)
GAP = timedelta(seconds=0.2)  # between two deadlines
LEASE = 2.0  # seconds; what a killed daemon held is free again after that
# One message a minute leaves, so that the daemon has its time for the deadlines.
MAIL = 'maildir = "mail"\nper_minute = 1\n'
BATCH = 6  # so that what piles up needs several transactions


class Stream:
    """Deadlines that fall due one after the other, and a daemon that fires them."""

    def __init__(self, house: House) -> None:
        """Let the deadlines fall due from about when a daemon would run that is started now."""
        self.house = house
        with newcomer(house) as life:
            self.calls = [open_call(life.another(f"call-{n}", "rainier-beach")) for n in range(DEADLINES)]
            self.before = set(message_ids(house))
            self.began = current_time() + timedelta(seconds=2)  # by then the daemon runs
            fall_due(life.system, lambda number: self.began + number * GAP)
        house.configure(mail=MAIL, daemon=f"batch = {BATCH}")
        self.struck = self.began  # when the fault began

    def flow(self) -> None:
        """Start the daemon, and wait until a quarter of the deadlines is fired."""
        self.start()
        eventually(lambda: self.fired() >= DEADLINES // 4, "a quarter of the deadlines is fired")
        self.struck = current_time()

    def start(self, die: str = "", call: int = 1) -> None:
        self.house.start(command=dying.command("partnershipd", die=die, call=call, lease=LEASE))

    def fired(self) -> int:
        """How many deadlines were fired so far."""
        (row,) = self.house.sql("SELECT count(*) FROM history WHERE event = 'close-applications'")
        return int(row[0])

    def ended(self) -> bool:
        """Whether every deadline was fired: those of the calls, and of the one that every district has."""
        return self.fired() > len(self.calls)

    def fires_more(self) -> None:
        """Wait until another deadline is fired, unless all were."""
        before = self.fired()
        eventually(lambda: self.fired() > before or self.ended(), "another deadline is fired")

    def fall_due(self, number: int) -> None:
        """Wait until so many more deadlines have fallen due."""
        last = current_time() + number * GAP
        until(lambda: current_time() > last, "they are due")

    def kill(self) -> None:
        self.house.signal(signal.SIGKILL)
        assert self.house.ended() == -9

    def check(self) -> str:
        """Let the daemon fire the rest, and hold what it did against what was due. The figures."""
        over = current_time()
        eventually(self.ended, "every deadline is fired")
        self.house.signal(signal.SIGTERM)
        assert self.house.ended() == 0
        assert_closed_once(self.house, self.calls)
        assert told_twice(self.house, self.before) == []
        assert account(self.house).faults == ()
        verify = real("--config", str(self.house.folder / "config.toml"), "verify")
        assert verify.returncode == 0, verify.stdout.decode() + verify.stderr.decode()
        assert verified(self.house) == 0
        return self._figures(over)

    def _figures(self, over: datetime) -> str:
        """What was fired, how fast before the fault and since it was over, and how late."""
        query = select(HISTORY.at).where(HISTORY.event == "close-applications").order_by(HISTORY.at)
        moments: list[datetime] = [row.at for row in rows(self.house, query)]
        # The n-th to be fired is the n-th to fall due, or later.
        late = max((at - self.began - number * GAP).total_seconds() for number, at in enumerate(moments))
        before, after = rate(moments, self.began, self.struck), rate(moments, over, moments[-1])
        return (
            f"{len(self.calls)} of {len(self.calls)} deadlines fired once (100 %), {before} a second before the"
            f" fault and {after} after it, the latest {late:.1f} s late"
        )


def rate(moments: Sequence[datetime], begin: datetime, end: datetime) -> str:
    """How many of the moments a second there are after one instant until another."""
    if end <= begin:
        return "none"
    return f"{sum(begin < at <= end for at in moments) / (end - begin).total_seconds():.1f}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    yield from served()


@pytest.fixture
def on_server(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A district on a PostgreSQL server of the test's own."""
    yield from districts(server, tmp_path, monkeypatch)


@pytest.mark.promise("deadline-fires-once", "database-returns")
def test_a_server_that_crashes_and_starts_again_loses_and_doubles_no_deadline(
    server: Server, on_server: House, figures: Figures
) -> None:
    stream = Stream(on_server)
    stream.flow()
    for _ in range(2):
        server.stop("immediate")
        eventually(lambda: "StoreError" in on_server.page("/healthz")[1], "it says that the database is away")
        server.start()
        stream.fires_more()
    figures(f"server restarted twice: {stream.check()}")


@pytest.mark.promise("deadline-fires-once", "database-returns")
def test_connections_killed_amid_transactions_lose_and_double_no_deadline(
    server: Server, on_server: House, figures: Figures
) -> None:
    stream, killed = Stream(on_server), 0
    stream.flow()
    for _ in range(5):
        killed += until(lambda: server.cut("state <> 'idle'"), "a connection is at work")
        killed += server.cut()
        stream.fires_more()
    figures(f"{killed} backends killed: {stream.check()}")


@pytest.mark.promise("deadline-fires-once", "database-returns")
def test_connections_all_taken_by_others_lose_and_double_no_deadline(
    server: Server, on_server: House, figures: Figures
) -> None:
    stream = Stream(on_server)
    stream.flow()
    with server.taken():
        eventually(lambda: "StoreError" in on_server.page("/healthz")[1], "it says that the database is away")
        stream.fall_due(DEADLINES // 4)
    until(on_server.healthy, "it goes on by itself")
    figures(f"connections exhausted: {stream.check()}")


@pytest.mark.promise("deadline-fires-once")
def test_a_daemon_killed_amid_a_burst_loses_and_doubles_no_deadline(house: House, figures: Figures) -> None:
    stream = Stream(house)
    stream.flow()
    stream.kill()
    stream.fall_due(DEADLINES // 4)
    before = stream.fired()
    stream.start(die="before a batch is committed", call=3)
    assert house.ended() == -9
    assert stream.fired() > before, "it was killed when a part of the burst was fired"
    stream.start()
    figures(f"process crashed: {stream.check()}")


@pytest.mark.promise("deadline-fires-once")
def test_a_daemon_killed_again_and_again_loses_and_doubles_no_deadline(
    house: House, figures: Figures
) -> None:
    stream, kills = Stream(house), 0
    while not stream.ended():
        # Each life commits one batch. Every other one then begins another and dies in it.
        point = ("before a batch is committed", 2) if kills % 2 else ("after a batch is committed", 1)
        stream.start(*point)
        eventually(lambda: house.is_over() or stream.ended(), "it has died, or everything is fired")
        kills += house.is_over()
    assert kills > 2
    house.end()
    stream.start()
    until(house.healthy, "it goes on")
    figures(f"process killed {kills} times: {stream.check()}")
