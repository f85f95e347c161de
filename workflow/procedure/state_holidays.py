"""Lists the legal holidays of Washington State (RCW 1.16.050) and the days on which they are observed, by name.

The library `holidays` knows them and takes long to import, so the years that people plan for are kept in a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
YEARS = range(2015, 2051)  # those in the file


def holidays_of(year: int) -> dict[date, str]:
    """Return the holidays of a year, in order."""
    kept = _read_file().get(str(year))
    if kept is None:
        return work_out(year)
    return {date.fromisoformat(day): name for day, name in kept.items()}


def work_out(year: int) -> dict[date, str]:
    """Return the same from the library."""
    # Imported here, since a process that needs only the years of the file does without.
    from holidays import country_holidays

    return dict(sorted(country_holidays("US", subdiv="WA", years=year).items()))


def write_file(years: Iterable[int] = YEARS) -> None:
    """Work out the years of the file again, as after a new version of the library."""
    worked_out = {
        str(year): {day.isoformat(): name for day, name in work_out(year).items()} for year in years
    }
    FILE.write_text(json.dumps(worked_out, indent=1) + "\n", encoding="utf-8")


@cache
def _read_file() -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return kept
