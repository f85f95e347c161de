"""The bars of a chart over weeks."""

from __future__ import annotations

from datetime import date, timedelta

from workflow.rehearsal.ahead import Weekly
from workflow.web.week_charts import LEFT, LONGEST, STEP, WIDTH, draw_weeks, write_week

MONDAYS = [date(2025, 12, 1) + timedelta(weeks=number) for number in range(4)]


def test_the_week_with_the_most_has_the_longest_bar() -> None:
    chart = draw_weeks(MONDAYS, Weekly(counts=(0, 5, 10, 1), busy=(2,)))
    assert [bar.length for bar in chart.bars] == [0, LONGEST // 2, LONGEST, LONGEST // 10]
    assert [bar.count for bar in chart.bars] == [0, 5, 10, 1]
    assert [bar.is_busy for bar in chart.bars] == [False, False, True, False]


def test_one_of_many_can_still_be_seen() -> None:
    chart = draw_weeks(MONDAYS, Weekly(counts=(1, 10_000, 0, 0), busy=()))
    assert [bar.length > 0 for bar in chart.bars] == [True, True, False, False]


def test_a_chart_of_nothing_has_no_bar() -> None:
    chart = draw_weeks(MONDAYS, Weekly(counts=(0, 0, 0, 0), busy=()))
    assert [bar.length for bar in chart.bars] == [0] * 4


def test_bars_stand_below_each_other_inside_of_the_drawing() -> None:
    chart = draw_weeks(MONDAYS, Weekly(counts=(3, 3, 3, 3), busy=()))
    assert chart.height == 4 * STEP
    assert [bar.y for bar in chart.bars] == [11, 33, 55, 77]
    # There is room for "1,000, more than usual" at the end of the longest.
    assert LEFT + LONGEST + 140 < WIDTH


def test_a_week_is_named_by_its_monday() -> None:
    assert [write_week(day) for day in MONDAYS] == ["Dec 1", "Dec 8", "Dec 15", "Dec 22"]
