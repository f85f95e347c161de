"""How long commands take to start: their processor time beside that of `import sqlalchemy` alone.

The database has ten partnerships. The commands take turns, and the lowest of several runs counts, since other
programs only ever make a run longer. The modules are compiled before, as those of an installed package are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import growth

_CTL = "from workflow.admin.program import main; main()"


class Aim(NamedTuple):
    """The arguments of Python for one command, and the most that it may take beside `import sqlalchemy`."""

    arguments: tuple[str, ...]
    most: float


BASE = ("-c", "import sqlalchemy")
COMMANDS = {
    "--help": Aim(("-c", _CTL, "--help"), 0.8),
    "show": Aim(("-c", _CTL, "show", "{ref}"), 1.8),
    "list": Aim(("-c", _CTL, "list"), 1.8),
}


def measure(folder: Path, runs: int = 10) -> tuple[float, dict[str, float]]:
    """Return the seconds of processor time of `import sqlalchemy`, and by command its time divided by that.

    Raises `CalledProcessError` if a command fails. The `folder` must not exist.
    """
    ref = growth.prepare(folder, growth.AT_SCHOOL)
    arguments = {name: [each.format(ref=ref) for each in aim.arguments] for name, aim in COMMANDS.items()}
    # These runs count for nothing: they write the compiled modules.
    for each in arguments.values():
        _run(folder, each)
    lowest = dict.fromkeys(arguments, float("inf"))
    base = float("inf")
    for _ in range(runs):
        base = min(base, _run(folder, BASE))
        for name, each in arguments.items():
            lowest[name] = min(lowest[name], _run(folder, each))
    return base, {name: seconds / base for name, seconds in lowest.items()}


def _run(folder: Path, arguments: Sequence[str]) -> float:
    """Return the seconds of processor time of a process of its own."""
    hidden = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, "PARTNERSHIPS_CONFIG": "config.toml"},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise subprocess.CalledProcessError(status, arguments)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=10, metavar="N", help="runs of each, of which the lowest counts"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base, ratios = measure(Path(name) / "district", given.runs)
    print(f"{'import sqlalchemy':20} {base * 1000:6.0f} ms of the processor")
    for command, ratio in ratios.items():
        most = COMMANDS[command].most
        missed = "" if ratio <= most else ", missed"
        print(f"{command:20} {ratio * base * 1000:6.0f} ms, {ratio:.2f} of it (aim {most}{missed})")


if __name__ == "__main__":
    main()
