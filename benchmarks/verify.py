"""How long `partnershipctl verify` takes for many partnerships, and how much memory.

The partnerships have come through needs, call, choice and agreement up to the signatures: 23 events each. The last
size is compared with the first, for each partnership: it must cost the same at every size, and no more memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import district

AIM_SECONDS, AIM_SIZE = 120.0, 10_000


def prepare(folder: Path, number: int) -> None:
    """As many partnerships, each with a chain of its own."""
    now = datetime.now(UTC)
    folder.mkdir()
    district.settings(folder)
    started = district.today() - timedelta(days=80)
    stories = []
    for n in range(min(number, district.SCHOOLS)):
        story = district.Story(f"signed-{n}", n, now - timedelta(days=120)).active(started)
        story.events.pop()  # of those in force, a school has one, and here each has a hundred
        stories.append(story.given())
    district.found(folder, stories, now)
    district.multiply(folder, number)


def verify(folder: Path) -> tuple[float, float]:
    """The seconds that the command takes, and the most memory it has, in MB. Exits if there is a fault."""
    began = time.perf_counter()
    command = [
        sys.executable,
        "-c",
        "from workflow.admin.program import main; main()",
        "verify",
        "--config",
        "config.toml",
    ]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"verify found faults:\n{said[:2000]}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, AIM_SIZE], metavar="N")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        for size in given.sizes:
            prepare(Path(name) / str(size), size)
            seconds, megabytes = verify(Path(name) / str(size))
            found.append((size, seconds, megabytes))
            print(
                f"{size:>8,} partnerships {seconds:7.1f} s  {1e3 * seconds / size:.2f} ms each  {megabytes:.0f} MB",
                flush=True,
            )
    growth = found[-1][2] / found[0][2]
    print(f"aim: {AIM_SIZE:,} in at most {AIM_SECONDS:.0f} s; memory {growth:.2f} times that of the first")


if __name__ == "__main__":
    main()
