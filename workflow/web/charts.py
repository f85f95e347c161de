"""Computes the chart of each outcome: how far its reported values are from baseline to target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflow.views.progress import describe, format_number, measure_progress

# The chart in units of the drawing: its width, and where baseline and target stand. Values beyond them have room.
WIDTH, LEFT, RIGHT = 320, 50, 270


def chart_outcomes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the chart of each outcome in the facts that a reader may see, with its latest value."""
    items = (facts["outcomes"] or {}).get("items", [])
    reports = _last_reports(facts)
    # An outcome that was given up keeps its values, and a target that was changed stays beside the new one.
    before = [item for outcomes in facts["earlier_outcomes"] or [] for item in outcomes["items"]]
    names = {item["name"] for item in items}
    given_up = {item["name"]: item for item in before if item["name"] not in names}
    return [
        *(_chart(item, reports, before) for item in items),
        *(_chart(item, reports, before) | {"given_up": True} for item in given_up.values()),
    ]


def _last_reports(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the last report of each annual review, the earliest year first. It replaces those before it."""
    reviews = [*(facts["earlier_reviews"] or []), *([facts["review"]] if facts["review"] else [])]
    return [review["reports"][-1] for review in reviews if review["reports"]]


def _chart(
    item: Mapping[str, Any], reports: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    name = item["name"]
    values = [(report["values"][name], report["at"]) for report in reports if name in report["values"]]
    latest, at = values[-1] if values else (None, None)
    return {
        "name": name,
        "measure": item["measure"],
        "unit": item["unit"],
        "goal": item["goal"],
        "direction": item["direction"],
        "baseline": format_number(item["baseline"]),
        "target": format_number(item["target"]),
        "latest": None if latest is None else format_number(latest),
        "latest_at": at,
        "reported": [(format_number(value), when) for value, when in values],
        "given_up": False,
        "before": [
            f"from {format_number(each['baseline'])} to {format_number(each['target'])} {each['unit']}"
            for each in before
            if each["name"] == name and each != item
        ],
        "says": describe(item["baseline"], item["target"], latest, item["direction"]),
        "places": [place(item["baseline"], item["target"], value) for value, _ in values],
        "width": WIDTH,
        "left": LEFT,
        "right": RIGHT,
    }


def place(baseline: float, target: float, value: float) -> float:
    """Return the horizontal position of a value in the chart. Put a value far beyond the ends at the edge."""
    # Leave a fifth of the margin free, so that a mark at the edge is still inside the drawing.
    edge = LEFT / (RIGHT - LEFT) * 0.8
    along = min(max(measure_progress(baseline, target, value), -edge), 1 + edge)
    return round(LEFT + along * (RIGHT - LEFT), 1)
