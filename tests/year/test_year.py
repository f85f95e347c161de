"""The same seed gives the same year, on both databases and in whatever process; every day what must hold holds.

A short one in every run. YEAR=100 lives a whole year of so many partnerships, SEED another one; -rP shows what
came of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

YEAR = int(os.environ.get("YEAR", "0"))
SEED = os.environ.get("SEED", "3")
ASKED = ("--seed", SEED, "--partnerships", str(YEAR or 10), "--days", "365" if YEAR else "45")
TOP = Path(__file__).parents[2]
# Each in a process of its own, in which Python puts sets and dictionaries of text into another order.
KINDS = {"sqlite": "1", "postgresql": "2"}


def begun(kind: str, folder: Path) -> subprocess.Popen[str]:
    """A year that is lived on one kind of database."""
    folder.chmod(0o700)
    known = {"TEST_DATABASE": kind, "PYTHONHASHSEED": KINDS[kind], "XDG_RUNTIME_DIR": str(folder)}
    words = [sys.executable, "-W", "error", "-m", "tests.year", *ASKED, "--trace", str(folder / kind)]
    return subprocess.Popen(words, cwd=TOP, env=os.environ | known, text=True, stdout=subprocess.PIPE)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of the year on each kind of database; both are lived at the same time."""
    folder = tmp_path_factory.mktemp("year")
    running = {kind: begun(kind, folder) for kind in KINDS}
    found = {}
    for kind, process in running.items():
        out, _ = process.communicate()
        assert process.returncode == 0, f"the year on {kind} came to a bad end"
        found[kind] = json.loads(out) | {"trace": (folder / kind).read_text(encoding="utf-8").splitlines()}
        print(json.dumps({key: value for key, value in found[kind].items() if key != "trace"}))
    return found


@pytest.mark.promise("same-on-both-databases")
def test_the_same_seed_gives_the_same_year_on_both_databases(lived: dict[str, dict[str, Any]]) -> None:
    one, other = lived["sqlite"], lived["postgresql"]
    assert (one["database"], other["database"]) == ("sqlite", "postgresql")
    differs = set(one["trace"]) ^ set(other["trace"])
    assert differs == set(), sorted(differs)[:10]
    assert one["digest"] == other["digest"]


def test_in_a_year_people_act_by_every_door_and_are_refused_and_the_clock_acts_too(
    lived: dict[str, dict[str, Any]],
) -> None:
    counts = lived["sqlite"]["counts"]
    for what in (
        "cli done", "link done", "reply done", "page sent 200", "cli Refused", "cli WrongState", "link sent 409",
        "link shown 410", "reply refused", "reply note", "events of the clock", "rungs told", "mail sent",
        "mail failed", "absences", "meetings changed",
    ):  # fmt: skip
        assert counts.get(what, 0) > 0, what
    assert len(lived["sqlite"]["states"]) >= 4
