"""Draws how long a partnership was in each state: a line for each state, with lines for the years."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from states.names import State
from workflow.store.rows import HistoryEntry

# The drawing: its width, where the bars begin and how long they may be, the height of a line and of the years.
_WIDTH, _LEFT, _LONGEST, _LINE, _YEARS = 320, 4, 312, 40, 20
_MOST_YEARS = 7  # labels that have room


def list_stays(changes: Sequence[HistoryEntry], now: datetime) -> list[dict[str, Any]]:
    """Return each stay in a state with its days; the last one has no end. `changes` are the rows that move it."""
    ends = [each.at for each in changes[1:]]
    return [
        {
            "state": entry.to_state.replace("-", " "),
            "since": entry.at,
            "until": end,
            "is_final": entry.to_state == State.TERMINATED,
            "days": ((end or max(now, entry.at)) - entry.at).days,
        }
        for entry, end in zip(changes, [*ends, None], strict=False)
    ]


def draw(stays: Sequence[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Return the size of the timeline, a line of bars for each state, and where the years begin."""
    if not stays:
        return {"width": _WIDTH, "height": 0, "lines": [], "years": []}
    begin = stays[0]["since"]
    end = stays[-1]["since"] if stays[-1]["is_final"] else max(now, stays[-1]["since"])
    whole = max((end - begin).total_seconds(), 1)

    def place(at: datetime) -> float:
        share: float = (at - begin).total_seconds() / whole
        return _LEFT + share * _LONGEST

    lines: dict[str, dict[str, Any]] = {}
    for stay in stays:
        line = lines.setdefault(stay["state"], {"state": stay["state"], "days": 0, "bars": []})
        left, right = place(stay["since"]), place(min(stay["until"] or end, end))
        line["days"] = None if stay["is_final"] else line["days"] + stay["days"]
        width = max(right - left, 2)
        line["bars"].append({"x": round(min(left, _WIDTH - width), 1), "width": round(width, 1)})
    for number, line in enumerate(lines.values()):
        line["y"] = _YEARS + number * _LINE
    years = [datetime(year, 1, 1, tzinfo=UTC) for year in range(begin.year + 1, end.year + 1)]
    step = -(-len(years) // _MOST_YEARS) or 1
    return {
        "width": _WIDTH,
        "height": _YEARS + len(lines) * _LINE,
        "lines": list(lines.values()),
        # A year that begins at the very end has no room for its number.
        "years": [
            {"x": round(place(at), 1), "year": at.year} for at in years[::step] if place(at) < _WIDTH - 16
        ],
    }
