"""How long `partnershipctl rehearse` takes for many partnerships over a year, and how much memory.

A fifth of the partnerships begins at each of five stations: needs described, a call, and three agreements in force
that began at different times. It is lived with nobody acting, and with everybody acting on the last day.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import district

DAYS = 365
AIMS = {10: 6.0, 100: 60.0}  # seconds, by the number of partnerships
AIM_MEGABYTES = 300


def prepare(folder: Path, number: int) -> None:
    """A district with so many partnerships, each at a school of its own."""
    now, today = datetime.now(UTC), district.today()
    folder.mkdir()
    district.settings(folder)
    stories = [story(n, now, today) for n in range(number)]
    # The Board meets every other Wednesday, until well after the year.
    first = today + timedelta(days=(2 - today.weekday()) % 7)
    meetings = [{"on": first + timedelta(days=14 * n), "at": "16:15"} for n in range(40)]
    district.found(folder, [each.given() for each in stories], now, meetings)


def story(n: int, now: datetime, today: date) -> district.Story:
    """One partnership; those that follow one another are at different stations."""
    if n % 5 == 0:
        return district.Story(f"described-{n}", n, now - timedelta(days=5)).described()
    if n % 5 == 1:
        begun = district.Story(f"call-{n}", n, now - timedelta(days=10))
        return begun.applied(today + timedelta(days=7 + n % 20))
    started = today - timedelta(days=40 + 17 * n % 240)
    return district.Story(f"active-{n}", n, now - timedelta(days=400)).active(started)


def rehearse(folder: Path, assume: str) -> tuple[float, float, int]:
    """The seconds that the command takes, the most memory it has in MB, and how many lines it tells."""
    until = (district.today() + timedelta(days=DAYS)).isoformat()
    code = "from workflow.admin.program import main; main()"
    options = ("rehearse", "--until", until, "--assume", assume, "--config", "config.toml")
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"rehearse ended with status {status}")
    return time.perf_counter() - began, used.ru_maxrss / 1024, len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(AIMS), metavar="N")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for size in given.sizes:
            prepare(Path(name) / str(size), size)
            for assume in ("nobody", "on-time"):
                seconds, megabytes, lines = rehearse(Path(name) / str(size), assume)
                aim = f"  aim: {AIMS[size]:.0f} s, {AIM_MEGABYTES} MB" if size in AIMS else ""
                told = f"{seconds:6.1f} s  {megabytes:.0f} MB  {lines:,} lines{aim}"
                print(f"{size:>6,} partnerships, {assume:<8} {told}", flush=True)


if __name__ == "__main__":
    main()
