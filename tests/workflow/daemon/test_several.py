"""Several daemons on one PostgreSQL database: they share what is due; what one lets fall another takes up."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.district import Life, found
from tests.support.facts import LA
from tests.support.house import House, until
from workflow.clock import replan
from workflow.procedure import config
from workflow.session import System
from workflow.store import database

pytestmark = pytest.mark.skipif(
    not databases.POSTGRESQL, reason="SQLite has one daemon; TEST_DATABASE=postgresql"
)
DAEMONS = 4
CALLS = int(os.environ.get("SEVERAL_CALLS", "60"))


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with calls that have all run out, and of which nobody has been told yet."""
    folder = tmp_path_factory.mktemp("calls")
    found(folder)
    settings = config.load(configured(folder), words=False)
    opened = System(settings, databases.quick(database.open_store(settings.database_url)))
    now = datetime.now(LA).replace(microsecond=0)
    for number in range(CALLS):
        call = Life(opened, f"call-{number}", "franklin" if number % 2 else "rainier-beach")
        call.now = now - timedelta(days=30)
        for event, by in (("identify-needs", None), ("describe-needs", None), ("agree-needs", "principal"),
                          ("agree-needs", "staff")):  # fmt: skip
            call.do(event, by)
        call.do("open-selection", closes_on=(call.now + timedelta(days=21)).date().isoformat())
    opened.transact(lambda session: replan.replan(session, now.astimezone(UTC)))
    call.set_up("DELETE FROM notices")
    opened.engine.dispose()
    return folder


def configured(folder: Path) -> Path:
    path = folder / "config.toml"
    path.write_text(f'[database]\nurl = "{databases.address(folder)}"\n', encoding="utf-8")
    return path


@pytest.fixture
def street(calls: Path, tmp_path: Path) -> Iterator[list[House]]:
    """Houses side by side on one database."""
    first = House(calls, tmp_path)
    houses = [first, *(first.neighbour(tmp_path / f"house-{n}") for n in range(2, DAEMONS + 1))]
    for house in houses:
        house.configure(tick=0.3, mail='maildir = "mail"\nper_minute = 0\n')
    yield houses
    first.end()
    databases.drop(tmp_path)


def waiting(house: House) -> int:
    """How many deadlines are due and not over, and how many notices have not been sent."""
    ((deadlines,),) = house.sql("SELECT count(*) FROM deadlines WHERE status = 'open' AND next_at <= now()")
    ((notices,),) = house.sql("SELECT count(*) FROM notices WHERE status != 'sent'")
    return int(deadlines) + int(notices)


def closings(house: House) -> dict[str, int]:
    """How often each call was closed."""
    rows = house.sql(
        "SELECT p.ref, count(*) FROM history h JOIN partnerships p ON p.id = h.partnership"
        " WHERE h.event = 'close-applications' GROUP BY p.ref"
    )
    return {str(ref): int(number) for ref, number in rows}


def each_once(house: House) -> None:
    """Every call closed once, every notice sent once by somebody, nothing wrong with the record."""
    assert closings(house) == {f"call-{number}": 1 for number in range(CALLS)}
    twice = house.sql("SELECT deadline, \"to\" FROM notices GROUP BY deadline, seq, partnership, \"to\", template"
                      " HAVING count(*) > 1")  # fmt: skip
    assert twice == []
    assert house.sql("SELECT DISTINCT status, attempts FROM notices") == [("sent", 1)]
    assert house.faults() == []


@pytest.mark.promise("deadline-fires-once")
def test_four_daemons_fire_each_deadline_once_and_send_each_notice_once(street: list[House]) -> None:
    for house in street:
        house.start()
    until(lambda: len(closings(street[0])) == CALLS and not waiting(street[0]), "all is done", timeout=120)
    assert [house.asked_to_end() for house in street] == [0] * DAEMONS
    each_once(street[0])
    delivered = [letter.name for house in street for letter in house.letters()]
    assert max(Counter(delivered).values()) == 1, "no message was delivered by two of them"
    assert [line for house in street for line in house.logged() if line["level"] == "error"] == []


@pytest.mark.promise("daemons-share-work")
def test_what_a_daemon_lets_fall_as_it_is_killed_another_takes_up(street: list[House]) -> None:
    street[0].start()
    until(lambda: len(closings(street[0])) > 0, "it is in the midst of it", timeout=60)
    street[0].end()  # by SIGKILL
    street[1].start()
    until(lambda: len(closings(street[1])) == CALLS, "the other has done the rest", timeout=60)
    assert closings(street[1]) == {f"call-{number}": 1 for number in range(CALLS)}
    assert street[1].faults() == []


@pytest.mark.promise("daemons-share-work")
def test_a_daemon_that_stands_still_in_a_transaction_holds_up_the_others_for_no_longer_than_its_lease(
    street: list[House],
) -> None:
    """Stopped while it writes; the server ends its transaction, and when it goes on it writes nothing late."""
    still, other = street[0], street[1]
    stops = (
        "import signal, threading\nfrom workflow import engine\nfrom workflow.daemon import service\n"
        "from workflow.store import dialects\ndialects.HOLDER_SECONDS = 2\nwrite = engine.write\n"
        "def stop(*given, **more):\n"
        "    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)\n"
        "    return write(*given, **more)\n"
        "engine.write = stop\nservice.main()\n"
    )
    still.start(command=(sys.executable, "-c", stops))
    until(lambda: stopped(still), "it stands still with a transaction open", timeout=60)
    began = time.monotonic()
    other.start()
    until(lambda: len(closings(other)) == CALLS, "the other has done all", timeout=60)
    assert time.monotonic() - began < 20
    still.signal(signal.SIGCONT)
    until(lambda: not stopped(still) or still.signal(signal.SIGCONT), "it goes on", timeout=60)
    still.end()
    assert closings(other) == {f"call-{number}": 1 for number in range(CALLS)}
    assert other.faults() == []


def stopped(house: House) -> bool:
    """Whether the daemon's process stands still."""
    assert house.running is not None
    status = Path(f"/proc/{house.running.pid}/stat").read_text(encoding="utf-8")
    return status.rpartition(")")[2].split()[0] == "T"
