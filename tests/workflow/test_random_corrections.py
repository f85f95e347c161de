"""Random corrections of lives at every station: the sum of the history is the row, and the law allows all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from states.errors import LawError, Unmet
from states.history import fold
from states.partnership import State
from tests.support.district import Begin, Life, regular_meetings
from tests.support.facts import ABSENT, LA, ORGANIZATIONS, REVIEWERS
from tests.support.inputs import Moment, sensible
from workflow.record import export
from workflow.store import past

VERIFIER = Path(__file__).parents[2] / "docs" / "verify_export.py"
TRIES = 60
WORDS = {"title", "reason", "reasons", "comment", "contact_name", "summary", "narrative", "text"}
STATIONS = ("applied", "scored", "chosen", "signed", "active", "reported", "ended", "introduced", "approved")


def correction(life: Life, rng: Random) -> tuple[str, dict[str, Any]]:
    """Who corrects a row of a life, and how: with some keys as somebody might have meant them, or taken back."""
    row = rng.choice(life.history())
    by = rng.choice((*[row["actor"]] * 4, "staff@example.org", "board-office@example.org"))
    by = "staff@example.org" if by == "clock" else by
    given: dict[str, Any] = {"seq": row["seq"], "reason": "mistyped"}
    if rng.random() < 0.2:
        return by, given | {"void": True, "input": ABSENT}
    at, days = row["at"].astimezone(LA), tuple(regular_meetings())
    moment = Moment(life.state, life.facts, at, days, tuple(ORGANIZATIONS), REVIEWERS, "rainier-beach")
    made = sensible(row["event"], moment, rng)
    changed = {key: value for key, value in made.items() if rng.random() < 0.5}
    fallen = [entry["seq"] for entry in life.history() if entry["role"] == "clock" and rng.random() < 0.1]
    recorded = json.loads(row["input"])
    changed |= {
        key: f"{recorded[key]}, as it should be"
        for key in sorted(WORDS & recorded.keys())
        if rng.random() < 0.6
    }
    return by, given | {"input": recorded | changed, "takes_back": fallen}


def find_unmet(life: Life) -> dict[int, tuple[Unmet, ...]]:
    """What the law has against the rows of a history as they count now, by their numbers."""
    with life.system.reading() as session:
        entries = past.read_entries(session.connection, life.record.key, session.config.calendar.local)
    return {seq: unmet for seq, unmet in fold(entries, judged=True).unmet.items() if unmet}


def check_export(life: Life) -> str:
    """Export the whole record. Return what the script finds that knows nothing of this program."""
    file = life.system.config.folder / "export.json"
    with life.system.reading() as session:
        pieces = export.as_json(session, export.select_records(session, ()), life.now)
        file.write_text("".join(pieces), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(file)], capture_output=True, check=False, text=True
    )
    return f"{done.returncode}: {done.stdout}"


@pytest.mark.promise("corrected-in-the-open")
@pytest.mark.parametrize("station", STATIONS)
def test_no_correction_makes_a_history_that_the_law_would_have_refused(begin: Begin, station: str) -> None:
    rng, life, made = Random(station), begin(station), 0
    for _ in range(TRIES):
        by, given = correction(life, rng)
        rows = len(life.history())
        try:
            life.do("correct-entry", by, **given)
        except LawError:
            assert len(life.history()) == rows
            continue
        made += 1
        assert life.faults() == []
        assert find_unmet(life) == {}
        assert life.state is State.TERMINATED or life.running()
    assert made
    assert check_export(life).startswith("0: 1 partnerships, 0 faults")
