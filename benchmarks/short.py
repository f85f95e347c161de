"""All that is measured, in a short form: three minutes on two cores. `make bench` runs it.

Each row is a ratio, the more the better, beside the one on record here. Other work on the machine disturbs ratios
least, since both of their sides share it. The program ends with 1 if one falls short of its record by more than a
fifth. A slow disk makes the first three higher, since the bare drivers wait for it too, and a slow processor lower.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import advance
import burst
import calls
import daemons
import district
import growth
import serving
import soak
import starting

# The lowest that each ratio was in some runs on two cores.
EXPECTED = {
    "advance() to bare sqlite3": 0.28,
    "advance() to bare psycopg": 0.23,
    "1,000 deadlines to bare sqlite3": 1.50,
    "two daemons to one": 1.00,
    "/calls: 100 open calls to 5,000": 0.90,
    "`list`: 100 partnerships to 1,000": 0.84,
    "`deadlines`: 100 partnerships to 1,000": 0.90,
    "`show`: 10 partnerships to 1,000": 0.85,
    "`import sqlalchemy` to `--help`": 4.00,
    "`import sqlalchemy` to `show`": 0.60,
    "`import sqlalchemy` to `list`": 0.60,
    "soak: memory of the second tenth to the last": 0.92,
}
SHORTFALL = 0.2  # a ratio may fall short by this share before the program complains
_ROUNDS, _STEPS = 3, 20  # of what writes, and partnerships of each kind in a round of advance()
_DEADLINES, _CALLS = 1_000, 5_000
_PAGES = 60  # of the list of calls; the fastest counts
_TRIES = 5  # of a command; the least processor time counts


class Row(NamedTuple):
    """A line of the table: a ratio, and what it is to be, in words."""

    name: str
    ratio: float
    aim: str
    note: str = ""


def compare_advance(folder: Path, url: str) -> Iterator[Row]:
    """Compare transitions per second with the bare drivers."""
    now = datetime.now(UTC)
    folder.mkdir()
    district.settings(folder)
    district.found(folder, advance.partnerships(_STEPS, now), now)
    todo = advance.steps(_STEPS)
    warm = advance.WARM * len(todo) // _STEPS
    options = Namespace(django=None)
    sqlite = advance.on_sqlite(options, folder, folder.with_name("work"), todo, warm)
    postgresql = advance.on_postgresql(url, folder, folder.with_name("moved"), todo, warm)
    for ways in (sqlite, postgresql):
        ours, bare = ways
        pairs = [(ways[ours](), ways[bare]()) for _ in range(_ROUNDS)]
        rate = statistics.median(ours for ours, _ in pairs)
        ratio = statistics.median(ours / bare for ours, bare in pairs)
        yield Row(f"{ours} to {bare}", ratio, f"{advance.AIM}", f"{rate:.0f} a second")
    daemons.drop(url)


def compare_burst(folder: Path, _url: str) -> Iterator[Row]:
    """Compare many deadlines due at once with the bare module."""
    burst.prepare(folder, _DEADLINES)
    found = list(burst.rounds(folder, folder.with_name("burst-work"), "", _ROUNDS))
    ratio = statistics.median(seconds / fired.seconds for fired, seconds in found)
    each = statistics.median(fired.seconds for fired, _ in found) * 1000 / _DEADLINES
    yield Row(f"{_DEADLINES:,} deadlines to bare sqlite3", ratio, f"{burst.AIM}", f"{each:.2f} ms each")


def compare_daemons(folder: Path, url: str) -> Iterator[Row]:
    """Compare two daemons on one server with one, by the seconds of their ticks: the least of some rounds."""
    folder.mkdir()
    daemons.fill(folder, url, _DEADLINES)
    least: dict[int, float] = {}
    for number in (1, 2) * _ROUNDS:
        daemons.copy(url)
        _, fired = daemons.fire(folder, url, number)
        closings, of_how_many = daemons.counted(url)
        assert closings == of_how_many == sum(fired) == _DEADLINES
        took = max(daemons.ticking(folder, number))
        least[number] = min(least.get(number, took), took)
    daemons.drop(url)
    note = f"{least[1]:.1f} and {least[2]:.1f} s"
    yield Row("two daemons to one", least[1] / least[2], "1 or more", note)


def compare_calls(folder: Path, _url: str) -> Iterator[Row]:
    """Compare the list of calls among few open calls and among many: two daemons, asked in turn."""
    folder.mkdir()
    least: dict[int, float] = {}
    with contextlib.ExitStack() as stack:
        served = {}
        for place, number in enumerate((100, _CALLS)):
            home, port = folder / str(number), calls.PORT + place
            home.mkdir()
            calls.prepare(home, number, port)
            served[number] = stack.enter_context(serving.serve(home, port))
        for _ in range(_PAGES):
            for number, daemon in served.items():
                least[number] = min(least.get(number, 60), daemon.ask("/calls").seconds)
    few, many = least[100], least[_CALLS]
    yield Row(f"/calls: 100 open calls to {_CALLS:,}", few / many, "1", f"{1000 * many:.0f} ms")


def compare_reading(folder: Path, _url: str) -> Iterator[Row]:
    """Compare commands in a small district and in one of 1,000 partnerships."""
    folder.mkdir()
    refs = {size: growth.prepare(folder / str(size), size) for size in (10, 100, 1_000)}
    for words, small, aim in (
        ("list", 100, ""),
        ("deadlines --within 30d", 100, ""),
        ("show {ref}", 10, "1"),
    ):
        costs = {
            size: min(
                growth.run(folder / str(size), words.format(ref=refs[size])).processor for _ in range(_TRIES)
            )
            for size in (small, 1_000)
        }
        name = f"`{words.split()[0]}`: {small} partnerships to 1,000"
        yield Row(name, costs[small] / costs[1_000], aim, f"{costs[1_000]:.2f} s of the processor")


def compare_starting(folder: Path, _url: str) -> Iterator[Row]:
    """Compare the shortest commands with the import of the library that takes longest."""
    base, ratios = starting.measure(folder, _TRIES)
    for name, ratio in ratios.items():
        aim = f"{1 / starting.COMMANDS[name].most:.2f}"
        yield Row(
            f"`import sqlalchemy` to `{name}`", 1 / ratio, aim, f"{base * ratio:.2f} s of the processor"
        )


def compare_soak(folder: Path, _url: str) -> Iterator[Row]:
    """Let a small district live through a busy time."""
    folder.mkdir()
    options = Namespace(minutes=0.5, partnerships=1_000, speed=20, visitors=soak.VISITORS)
    figures = soak.run(folder, options, None)
    ratio = 1 / figures.pop("memory, last tenth to second")
    yield Row("soak: memory of the second tenth to the last", ratio, "0.91")
    for name, figure in figures.items():
        print(f"  soak, {name}: {figure:.1f}  (aim at most {soak.AIMS[name]})")


PARTS: dict[str, Callable[[Path, str], Iterator[Row]]] = {
    "advance": compare_advance,
    "burst": compare_burst,
    "daemons": compare_daemons,
    "calls": compare_calls,
    "reading": compare_reading,
    "starting": compare_starting,
    "soak": compare_soak,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--url", help="postgresql+psycopg://... of a server; else one from a package")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    began = time.monotonic()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name, daemons.server(options.url) as url:
        for part in options.only:
            print(f"{part} ...", flush=True)
            rows += PARTS[part](Path(name) / part, url)
    print(f"\n{'':48}{'now':>6}{'was':>7}  aim")
    short = [row for row in rows if row.ratio < (1 - SHORTFALL) * EXPECTED[row.name]]
    for row in rows:
        mark = "  FALLS SHORT" if row in short else ""
        print(f"{row.name:48}{row.ratio:6.2f}{EXPECTED[row.name]:7.2f}  {row.aim:16}{row.note}{mark}")
    print(f"\n{(time.monotonic() - began) / 60:.1f} minutes")
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
