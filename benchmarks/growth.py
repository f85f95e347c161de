"""How long the commands that read take as a district grows: seconds, memory, and the exponent of growth.

Each school has ten partnerships: one in force, two that wait for a signature, three with an open call, and four
whose needs are to be agreed. An exponent of 1 is a cost that grows with their number, 0 one that does not grow. The
start of the program is that of a command that reads next to nothing, and is taken off before the exponent is worked
out. Other programs make the seconds longer; the seconds of processor time are less disturbed.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import district
from sqlalchemy import Connection, select

from states.names import Role
from states.partnership import Partnership
from workflow.clock import starts
from workflow.daemon.metrics import Metrics
from workflow.session import Session, System
from workflow.store import chain, database, tables
from workflow.store.partner_columns import partner_columns
from workflow.store.rows import Snapshot
from workflow.store.saving import digest_of
from workflow.views import desk, feed, weighed
from workflow.web.app import application

AT_SCHOOL = 10
START = "deadlines explain --help"
COMMANDS = (
    "list",
    "list --json",
    "list --overdue",
    f"list --waiting-on {district.principal(5)}",
    f"list --waiting-on {district.STAFF}",
    "deadlines --within 30d",
    "show {ref}",
    "history {ref}",
    "events {ref}",
    "export",
    "verify",
)
_CHUNK = 1000
_START_VARIES = 0.1  # seconds


def prepare(folder: Path, number: int, closed: date | None = None) -> str:
    """A district with so many partnerships, ten at each school; the reference of one of them.

    With `closed`, one call of each school ended on this past day, and no daemon has closed it yet.
    """
    folder.mkdir()
    district.settings(folder)
    district.found(folder, list(_stories(closed)), datetime.now(UTC))
    system = district.opened(folder)
    system.transact(lambda session: _spread(session, number))
    with system.reading() as session:
        query = select(tables.partnerships.c.ref).where(tables.partnerships.c.id == number // 2)
        ref = session.connection.scalar(query)
    system.engine.dispose()
    return str(ref)


def _stories(ended: date | None) -> Iterator[dict[str, Any]]:
    """The ten partnerships of a school, each at a school of its own until they are copied."""
    now = datetime.now(UTC)
    closed, closes = district.today() - timedelta(days=80), district.today() + timedelta(days=20)
    for n in range(AT_SCHOOL):
        began = now - timedelta(days=120 if n < 3 else 10)
        story = district.Story(f"partnership-{n}", n, began)
        if n < 3:
            story.active(closed)
        elif n == 3 and ended:
            story.at = now - timedelta(days=40)
            story.applied(ended)
        elif n < 6:
            story.applied(closes)
        else:
            story.described()
        # Of those in force a school has one.
        if n in (1, 2):
            story.events.pop()
        yield story.given()


def _spread(session: Session, number: int) -> None:
    """Add the schools, each with a principal and an organization, and copy the ten partnerships to each of them."""
    connection = session.connection
    invited = district.today() - timedelta(days=400)
    schools = range(district.SCHOOLS, number // AT_SCHOOL)
    places = [{"id": f"school-{n}", "name": f"School {n}", "invited_on": invited} for n in schools]
    people = [
        {
            "email": district.principal(n),
            "name": f"Principal {n}",
            "roles": '["principal"]',
            "schools": f'["school-{n}"]',
        }
        for n in schools
    ]
    houses = [
        {"id": f"house-{n}", "name": f"House {n}", "kind": "community-based-organization"}
        for n in range(number // AT_SCHOOL)
    ]
    for table, rows in ((tables.schools, places), (tables.people, people), (tables.organizations, houses)):
        for first in range(0, len(rows), _CHUNK):
            chain.execute(connection, table.insert(), rows[first : first + _CHUNK])
    # Programs that have the directory read it again.
    database.remember(connection, "directory", "1000")
    originals = district.originals(connection)
    keys = range(len(originals) + 1, number + 1)
    for first in range(0, len(keys), _CHUNK):
        _copy(connection, originals, keys[first : first + _CHUNK])


def _copy(connection: Connection, originals: Sequence[district.Original], keys: Sequence[int]) -> None:
    rows, entries, rungs = [], [], []
    for key in keys:
        school, kind = divmod(key - 1, AT_SCHOOL)
        row, history, ladder = originals[kind]
        ref, facts = f"{row['ref']}-{key}", _moved(row["facts"], row["school"], school)
        words = ("actor", "input", "setting")
        moved = [
            {**entry, **{name: _moved(entry[name], row["school"], school) for name in words}}
            for entry in history
        ]
        moved[-1]["facts"] = digest_of(facts)
        mine = list(district.chained(ref, key, moved))
        changed = {
            "id": key,
            "ref": ref,
            "school": f"school-{school}",
            "facts": facts,
            "head": mine[-1]["hash"],
        }
        rows.append({**row, **changed, **partner_columns(Partnership.model_validate_json(facts))})
        entries += mine
        rungs += [{**rung, "id": None, "partnership": key} for rung in ladder]
    connection.execute(tables.partnerships.insert(), rows)
    connection.execute(tables.history.insert(), entries)
    chain.execute(connection, tables.deadlines.insert(), rungs)
    chain.append(connection)


def _moved(text: str, was: str, school: int) -> str:
    """The same text of another school, whose partner is an organization of its own."""
    text = text.replace(f'"{was}"', f'"school-{school}"')
    return text.replace("harbor-house", f"house-{school}").replace("Harbor House", f"House {school}")


class Cost(NamedTuple):
    """What one run of a command took."""

    seconds: float
    processor: float  # seconds of processor time
    first: float  # seconds until its first output
    megabytes: float  # the most memory that it had


# The process itself tells the most memory it has had; `wait4` would tell that of its parent, if that had more.
_CODE = """
import atexit, pathlib, sys
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/status").read_text()))
from workflow.admin.program import main
main()
"""


def run(folder: Path, words: str) -> Cost:
    """Run a command of `partnershipctl` as a process of its own."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, *shlex.split(words)],
        cwd=folder,
        env={**os.environ, "PARTNERSHIPS_CONFIG": "config.toml"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    first = time.perf_counter() - began
    while process.stdout.read(1 << 20):
        pass
    seconds = time.perf_counter() - began
    told = process.stderr.read().decode()
    peak = re.search(r"VmHWM:\s+(\d+) kB", told)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status or not peak:
        sys.exit(f"partnershipctl {words} failed: {told[:1000]}")
    return Cost(seconds, used.ru_utime + used.ru_stime, first, int(peak[1]) / 1024)


def look(system: System, rounds: int = 3) -> Iterator[tuple[str, Cost]]:
    """What the daemon reads, in this process: its pages, its tick and its messages. The lowest of some rounds."""
    now, metrics = datetime.now(UTC), Metrics()
    pages = application(system, lambda: (True, {}), metrics.registry).test_client()
    with system.reading() as session:
        signing = _read_signing(session)
    reads: dict[str, Callable[[Session], object]] = {
        "(the desk)": lambda session: desk.partnerships(session, Role.STAFF, now, desk.Filters()),
        "(/metrics)": lambda session: (metrics.measure(session, now.timestamp()), pages.get("/metrics").data),
        "(/partnerships.json)": lambda _: pages.get("/partnerships.json").data,
        "(/calls)": lambda _: pages.get("/calls").data,
        "(a calendar of a principal)": lambda session: feed.calendar(session, district.principal(5), now),
        "(a calendar of staff)": lambda session: feed.calendar(session, district.STAFF, now),
        "(what staff weigh)": lambda session: weighed.describe(session, signing, Role.STAFF),
        "(plans at a tick)": starts.has_changed,
    }
    for name, read in reads.items():
        costs = []
        for _ in range(rounds):
            # The directory is read once, and not by every page.
            with system.reading() as session:
                began, before = time.perf_counter(), time.process_time()
                read(session)
                costs.append(Cost(time.perf_counter() - began, time.process_time() - before, 0, 0))
        yield name, min(costs, key=lambda cost: cost.processor)


def _read_signing(session: Session) -> Snapshot:
    """A partnership whose agreement waits for a signature, so that messages about it weigh it."""
    table = tables.partnerships
    query = select(table).where(table.c.partner.is_not(None), table.c.state == "open-selection").limit(1)
    return Snapshot.from_row(session.connection.execute(query).one())


Costs = dict[str, dict[int, Cost]]  # by what reads, and by the number of partnerships


def measure(
    sizes: Sequence[int],
    folder: Path,
    *,
    only: str = "",
    rounds: int = 1,
    tell: Callable[[str], None] = lambda line: None,
) -> Costs:
    """What everything that reads costs at each size: the lowest of some rounds, by processor time.

    `only` takes the commands that contain a text. `tell` gets a line for each figure as it comes.
    """
    costs: Costs = {}
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for size in sizes:
            place = Path(name) / str(size)
            ref = prepare(place, size)
            tell(f"{size:,} partnerships")
            for words, cost in _measure(place, ref, only, rounds):
                costs.setdefault(words, {})[size] = cost
                tell(f"  {words:41} {_describe(cost)}")
    return costs


def above_start(costs: Costs, words: str) -> dict[int, float]:
    """The seconds of processor time at each size, for a command without the start of the program.

    Less than the start varies says nothing, so it counts as that much, and so does less than a millisecond.
    """
    starts = min((cost.processor for cost in costs.get(START, {}).values()), default=0)
    return {
        size: max(cost.processor - starts, _START_VARIES) if cost.first else max(cost.processor, 0.001)
        for size, cost in costs[words].items()
    }


def exponents(costs: Costs) -> dict[str, float]:
    """With which power of the number of partnerships each cost grows, from the first size to the last."""
    powers = {}
    for words in costs.keys() - {START}:
        seconds = above_start(costs, words)
        small, large = min(seconds), max(seconds)
        if small < large:
            powers[words] = math.log(seconds[large] / seconds[small]) / math.log(large / small)
    return {words: powers[words] for words in costs if words in powers}


def _measure(folder: Path, ref: str, only: str, rounds: int) -> Iterator[tuple[str, Cost]]:
    for words in (START, *COMMANDS):
        if only in words or words == START:
            costs = [run(folder, words.format(ref=ref)) for _ in range(rounds)]
            yield words, min(costs, key=lambda cost: cost.processor)
    if not only:
        system = district.opened(folder)
        yield from look(system)
        system.engine.dispose()


def _describe(cost: Cost) -> str:
    figures = f"{cost.seconds:8.3f} s, {cost.processor:8.3f} s of the processor"
    return figures + (
        f"  {cost.megabytes:5.0f} MB, the first line after {cost.first:.2f} s" if cost.first else ""
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000], metavar="N")
    parser.add_argument("--only", default="", metavar="TEXT", help="only commands that contain this text")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="take the lowest of so many runs")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    costs = measure(
        given.sizes,
        given.folder,
        only=given.only,
        rounds=given.rounds,
        tell=lambda line: print(line, flush=True),
    )
    print("exponent of growth of processor time above the start, from the first size to the last")
    for words, power in exponents(costs).items():
        print(f"  {words:41} {power:5.2f}")


if __name__ == "__main__":
    main()
