"""What a deadline costs when many fall due at once: the calls of 1,000 to 100,000 partnerships close together.

The real `partnershipd --once` fires them. Beside it, in the same run and on the same disk, the bare `sqlite3`
module writes the very rows that came of it, one transaction for each deadline. README.md says what is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import district

ROUNDS = {1_000: 5, 10_000: 3, 100_000: 1}
SILENT = "[notice.close-applications]\nenabled = false\n"
AIM, FLAT = 1.0, 1.5
_TICK = re.compile(r"event=tick fired=(\d+) told=(\d+) skipped=(\d+) failed=(\d+).* seconds=([\d.]+)")


# Its modules are compiled once, as after an installation, rather than again in every run.
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


class Fired(NamedTuple):
    """A run of the daemon: deadlines, seconds of its tick, seconds and memory of the whole process."""

    number: int
    seconds: float
    whole: float
    megabytes: float


def prepare(source: Path, number: int) -> None:
    """Partnerships whose call closed yesterday at 17:00, and which nobody has looked at since."""
    now = datetime.now(UTC)
    closed = district.today() - timedelta(days=1)
    opened = now - timedelta(days=40)
    source.mkdir()
    district.settings(source)
    district.found(
        source,
        [
            district.Story(f"open-{n}", n, opened).applied(closed).given()
            for n in range(min(number, district.SCHOOLS))
        ],
        now,
    )
    district.multiply(source, number)


def fire(folder: Path) -> Fired:
    """`partnershipd --once`, as a process of its own."""
    program = Path(sys.executable).with_name("partnershipd")
    with (folder / "log").open("w+", encoding="utf-8") as log:
        began = time.perf_counter()
        daemon = subprocess.Popen(
            [str(program), "--config", str(folder / "config.toml"), "--once"], stderr=log, env=_ENVIRONMENT
        )
        megabytes = 0.0
        while daemon.poll() is None:
            megabytes = max(megabytes, _peak(daemon.pid))
            time.sleep(0.02)
        whole = time.perf_counter() - began
        log.seek(0)
        text = log.read()
    found = _TICK.search(text)
    if daemon.returncode != 0 or not found or found[2] != "0" or found[4] != "0":
        sys.exit(f"partnershipd ended with {daemon.returncode} and did not fire all:\n{text[-2000:]}")
    return Fired(int(found[1]), float(found[5]), whole, megabytes)


def _peak(pid: int) -> float:
    """The most memory that a process has had so far; what `wait4` tells would include its parent's."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


Plan = list[list[tuple[str, list[Sequence[Any]]]]]


def rows_of(folder: Path, before: int) -> Plan:
    """By deadline, what the daemon wrote: each statement with its rows. `before` is the last old deadline."""
    connection = district.bare(folder)
    connection.row_factory = sqlite3.Row
    notices = _grouped(connection, "SELECT * FROM notices ORDER BY partnership, id")
    rungs = _grouped(connection, "SELECT * FROM deadlines ORDER BY partnership, id")
    new = (
        "SELECT history.* FROM history JOIN partnerships p"
        " ON p.id = history.partnership AND p.version = history.seq"
    )
    entries = _grouped(connection, new)
    plan = []
    for row in connection.execute("SELECT * FROM partnerships ORDER BY id"):
        key = row["id"]
        values = [row[name] for name in CHANGED]
        mine = rungs.get(key, [])
        became = [r for r in mine if r["id"] <= before and r["status"] == "fired"]
        statements: list[tuple[str, list[Sequence[Any]]]] = [
            (UPDATE, [(*values, key, row["version"] - 1)]),
            _insert("history", entries[key]),
            (CLOSE, [(*(r[name] for name in CLOSED), r["id"]) for r in became]),
            _insert("deadlines", [r for r in mine if r["id"] > before]),
            _insert("notices", notices.get(key, [])),
        ]
        plan.append([statement for statement in statements if statement[1]])
    connection.close()
    return plan


CHANGED = (
    "title", "state", "version", "entered_at", "facts", "head", "in_force", "first_day", "last_day", "public_state",
    "call_changed_at", "call_ends_at", "partner", "partner_name", "partner_domain",
)  # fmt: skip
CLOSED = ("status", "reason", "done_at", "due_at", "next_at", "attempts")
UPDATE = f"UPDATE partnerships SET {', '.join(f'{c}=?' for c in CHANGED)} WHERE id = ? AND version = ?"
CLOSE = f"UPDATE deadlines SET {', '.join(f'{c}=?' for c in CLOSED)} WHERE id = ?"


def _insert(table: str, rows: Sequence[sqlite3.Row]) -> tuple[str, list[Sequence[Any]]]:
    columns = [name for name in rows[0].keys() if name != "id"] if rows else []  # noqa: SIM118
    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({names}) VALUES ({marks})", [[r[name] for name in columns] for r in rows]


def _grouped(connection: sqlite3.Connection, query: str) -> dict[int, list[sqlite3.Row]]:
    found: dict[int, list[sqlite3.Row]] = {}
    for row in connection.execute(query):
        found.setdefault(row["partnership"], []).append(row)
    return found


def bare(folder: Path, plan: Plan) -> float:
    """The same rows by the bare module, each deadline in a transaction of its own: seconds."""
    connection = district.bare(folder)
    began = time.perf_counter()
    for statements in plan:
        connection.execute("BEGIN IMMEDIATE")
        for sql, rows in statements:
            connection.executemany(sql, rows)
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took


def last(folder: Path) -> int:
    connection = district.bare(folder)
    (found,) = connection.execute("SELECT max(id) FROM deadlines").fetchone()
    connection.close()
    return int(found)


def rounds(source: Path, work: Path, text: str, number: int) -> Iterator[tuple[Fired, float]]:
    """The daemon and the bare module in turn."""
    plan: Plan = []
    before = last(source)
    for _ in range(number):
        fired = fire(district.copied(source, work, text))
        plan = plan or rows_of(work, before)
        yield fired, bare(district.copied(source, work, text), plan)
    written = sum(len(rows) for statements in plan for _, rows in statements)
    print(f"  ({written / len(plan):.1f} rows for each deadline)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(ROUNDS), metavar="N", help="how many deadlines"
    )
    parser.add_argument("--rounds", type=int, help="the same number of rounds for every size")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        run(Path(name), given)


def run(folder: Path, given: argparse.Namespace) -> None:
    costs: dict[str, dict[int, float]] = {}
    for size in given.sizes:
        source = folder / f"source-{size}"
        prepare(source, size)
        for variant, text in (("with notices", ""), ("without notices", SILENT)):
            print(f"{size:,} deadlines, {variant}", flush=True)
            number = given.rounds or ROUNDS.get(size, 1)
            found = list(rounds(source, folder / "work", text, number))
            if any(fired.number != size for fired, _ in found):
                sys.exit(f"the daemon fired {[fired.number for fired, _ in found]} of {size}")
            took = statistics.median(fired.seconds for fired, _ in found)
            plain = statistics.median(seconds for _, seconds in found)
            ratio = statistics.median(seconds / fired.seconds for fired, seconds in found)
            costs.setdefault(variant, {})[size] = took / size
            print(f"  partnershipd {took:8.2f} s  {size / took:6.0f}/s  {1e3 * took / size:.3f} ms each")
            print(f"  bare sqlite3 {plain:8.2f} s  {size / plain:6.0f}/s  {1e3 * plain / size:.3f} ms each")
            print(f"  partnershipd to bare: {ratio:.2f}  (aim {AIM:.1f} or more)")
            whole, memory = (statistics.median(f[n] for f, _ in found) for n in (2, 3))
            print(f"  the whole process {whole:.1f} s, at most {memory:.0f} MB", flush=True)
        (source / "partnerships.db").unlink()
    for variant, of in costs.items():
        least, most = min(of.values()), max(of.values())
        print(f"{variant}: dearest deadline to cheapest {most / least:.2f}  (aim at most {FLAT})")


if __name__ == "__main__":
    main()
