"""Outcomes against their targets, worked out as the places of a drawing and as the numbers of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# The drawing: a line from the baseline to the target, with room on both sides for what lies beyond them.
WIDTH, LEFT, RIGHT = 320, 50, 270


def number(value: float) -> str:
    """A number as people write it: 1,234.5, and no more decimals than it has."""
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def outcomes(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each outcome of what somebody sees, with its latest value and where that stands."""
    items = (seen["outcomes"] or {}).get("items", [])
    reports = _reports(seen)
    return [_outcome(item, reports) for item in items]


def _reports(seen: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The report that counts of each year, the earliest first."""
    reviews = [*(seen["earlier_reviews"] or []), *([seen["review"]] if seen["review"] else [])]
    return [review["reports"][-1] for review in reviews if review["reports"]]


def _outcome(item: Mapping[str, Any], reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [(r["values"][item["name"]], r["at"]) for r in reports if item["name"] in r["values"]]
    latest, at = values[-1] if values else (None, None)
    return {
        "name": item["name"],
        "measure": item["measure"],
        "unit": item["unit"],
        "goal": item["goal"],
        "direction": item["direction"],
        "baseline": number(item["baseline"]),
        "target": number(item["target"]),
        "latest": None if latest is None else number(latest),
        "latest_at": at,
        "says": says(item["baseline"], item["target"], latest),
        "places": [place(item["baseline"], item["target"], value) for value, _ in values],
        "width": WIDTH,
        "left": LEFT,
        "right": RIGHT,
    }


def share(baseline: float, target: float, value: float) -> float:
    """How much of the way from the baseline to the target is covered: 0 at the one, 1 at the other."""
    if target == baseline:
        return 1.0 if value == target else 0.0
    return (value - baseline) / (target - baseline)


def place(baseline: float, target: float, value: float) -> float:
    """Where a value stands in the drawing; what is far beyond stands at its edge."""
    edge = LEFT / (RIGHT - LEFT) * 0.8
    along = min(max(share(baseline, target, value), -edge), 1 + edge)
    return round(LEFT + along * (RIGHT - LEFT), 1)


def says(baseline: float, target: float, value: float | None) -> str:
    """On which way the outcome is, in words."""
    if value is None:
        return "not reported yet"
    if target == baseline:
        return "target kept" if value == target else "away from the target"
    covered = share(baseline, target, value)
    if covered >= 1:
        return "target reached"
    if covered < 0:
        return "moving away from the target"
    if covered == 0:
        return "at the baseline"
    return f"on the way, {max(1, min(99, round(covered * 100)))} % covered"
