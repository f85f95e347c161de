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
from workflow.store.saving import digest_of
from workflow.views import desk

AT_SCHOOL = 10
START = "deadlines explain --help"
COMMANDS = (
    "list",
    "list --json",
    "list --overdue",
    f"list --waiting-on {district.principal(5)}",
    "deadlines --within 30d",
    "show {ref}",
    "history {ref}",
    "events {ref}",
)
_CHUNK = 1000


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


def look(system: System) -> Iterator[tuple[str, Cost]]:
    """What the daemon reads, in this process: its pages and its tick."""
    now = datetime.now(UTC)
    metrics = Metrics()
    reads: dict[str, Callable[[Session], object]] = {
        "(the desk)": lambda session: desk.partnerships(session, Role.STAFF, now, desk.Filters()),
        "(the metrics)": lambda session: metrics.measure(session, now.timestamp()),
        "(plans at a tick)": starts.has_changed,
    }
    for name, read in reads.items():
        # The directory is read once, and not by every page.
        with system.reading() as session:
            began, before = time.perf_counter(), time.process_time()
            read(session)
            yield name, Cost(time.perf_counter() - began, time.process_time() - before, 0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000], metavar="N")
    parser.add_argument("--only", default="", metavar="TEXT", help="only commands that contain this text")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    costs: dict[str, dict[int, Cost]] = {}
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        for size in given.sizes:
            folder = Path(name) / str(size)
            ref = prepare(folder, size)
            print(f"{size:,} partnerships", flush=True)
            for words, cost in _measure(folder, ref, given.only):
                costs.setdefault(words, {})[size] = cost
                memory = (
                    f"{cost.megabytes:5.0f} MB, the first line after {cost.first:.2f} s" if cost.first else ""
                )
                print(
                    f"  {words:41} {cost.seconds:7.2f} s, {cost.processor:7.2f} s of the processor  {memory}",
                    flush=True,
                )
    print("exponent of growth of processor time above the start, from the first size to the last")
    start = {size: cost.processor for size, cost in costs.get(START, {}).items()}
    for words, by_size in costs.items():
        small, large = min(by_size), max(by_size)
        net = [
            max(by_size[size].processor - (start.get(size, 0) if by_size[size].first else 0), 0.001)
            for size in (small, large)
        ]
        if words != START and small < large:
            print(f"  {words:41} {math.log(net[1] / net[0]) / math.log(large / small):5.2f}")


def _measure(folder: Path, ref: str, only: str) -> Iterator[tuple[str, Cost]]:
    for words in (START, *COMMANDS):
        if only in words or words == START:
            yield words, run(folder, words.format(ref=ref))
    if not only:
        system = district.opened(folder)
        yield from look(system)
        system.engine.dispose()


if __name__ == "__main__":
    main()
