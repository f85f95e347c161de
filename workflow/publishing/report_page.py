"""Renders the annual report as one page of HTML that works without a network, and as a PDF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from states.names import State
from workflow.publishing.annual_report import AnnualReport, total_days
from workflow.publishing.district_report import DistrictReport
from workflow.publishing.drawing import BarChart, draw_bars, draw_years
from workflow.session import Session
from workflow.views.progress import shorten_number


def render(session: Session, report: AnnualReport) -> str:
    """Return the report of one partnership as a page."""
    return session.config.pages.render(
        "annual-report",
        report.document
        | {
            "dates_in": None,
            "office": session.config.procedure.district.office,
            "drawn_outcomes": list(map(draw_years, report.outcomes)),
            "drawn_days": _draw_days(total_days(report.stays)),
            "total_days": total_days(report.stays),
            "drawn_amounts": _draw_amounts(report.document["amounts"]),
        },
    )


def render_district(session: Session, report: DistrictReport) -> str:
    """Return the report of the whole district as a page."""
    return session.config.pages.render(
        "annual-report-district",
        report.document
        | {
            "dates_in": None,
            "office": session.config.procedure.district.office,
            "drawn_outcomes": _draw_counts(report.outcomes, "moving away"),
            "drawn_amounts": _draw_largest(report.document["amounts"]),
            "drawn_duties": _draw_counts(report.duties, "missed"),
            "drawn_days": _draw_days(report.days),
            "average_days": report.days,
        },
    )


def _draw_largest(amounts: list[dict[str, Any]]) -> BarChart:
    """Return the chart of the largest amounts of the district, each with its school."""
    largest = sorted(amounts, key=lambda each: -each["amount_cents"])[:_BARS]
    return draw_bars(
        [
            (
                f"${shorten_number(each['amount_cents'] / 100)}: {each['school']}",
                float(each["amount_cents"]),
                0.0,
            )
            for each in largest
        ]
    )


def _draw_counts(counts: Mapping[str, int], marked: str) -> BarChart:
    return draw_bars(
        [
            (f"{words.capitalize()}: {n}", float(n), float(n) * (words == marked))
            for words, n in counts.items()
        ]
    )


def _draw_days(total: Mapping[State, tuple[float, float]]) -> BarChart:
    return draw_bars(
        [
            (f"{str(state).replace('-', ' ').capitalize()}: {_write_days(days, over)}", days, over)
            for state, (days, over) in total.items()
        ]
    )


def _write_days(days: float, over: float) -> str:
    words = f"{days:,.0f} day{'s' * (round(days) != 1)}"
    return f"{words}, {over:,.0f} of them over" if round(over) else words


# The most bars of a chart that fit on a printed page. The table has all.
_BARS = 12


def _draw_amounts(amounts: list[dict[str, Any]]) -> BarChart | None:
    """Return the chart of an amount that was changed; None for one that was not."""
    if len(amounts) < 2:
        return None
    rows = [
        (f"{each['on']}: ${shorten_number(each['amount_cents'] / 100)}", float(each["amount_cents"]), 0.0)
        for each in amounts[-_BARS:]
    ]
    return draw_bars(rows)
