"""Places the bars of a chart over weeks. The template draws them as SVG, and names the weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from workflow.rehearsal.ahead import Weekly

# In units of the drawing, which is as wide as a phone: its letters are then of the size of the page's own.
WIDTH, LEFT, LONGEST, STEP = 320, 56, 110, 22


@dataclass(frozen=True, slots=True)
class Bar:
    """One week: its bar, and the words at its end. `y` is the middle of its line."""

    y: int
    words: str  # the week
    length: int
    count: int
    is_busy: bool  # with more than usual


@dataclass(frozen=True, slots=True)
class WeekChart:
    """One bar for each week, below each other."""

    height: int
    bars: tuple[Bar, ...]


def draw_weeks(weeks: Sequence[date], weekly: Weekly) -> WeekChart:
    """Return where the bars stand. The week with the most has the longest."""
    most = max(weekly.counts, default=0) or 1
    bars = tuple(
        Bar(
            STEP * place + STEP // 2,
            write_week(week),
            # A bar of one unit could not be seen.
            max(round(LONGEST * count / most), 3) if count else 0,
            count,
            place in weekly.busy,
        )
        for place, (week, count) in enumerate(zip(weeks, weekly.counts, strict=True))
    )
    return WeekChart(STEP * len(bars), bars)


def write_week(monday: date) -> str:
    """Return the first day of a week in few letters, such as "Dec 7"."""
    return f"{monday:%b} {monday.day}"
