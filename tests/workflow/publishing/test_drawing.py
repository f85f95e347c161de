"""Every chart stays inside its drawing, whatever the numbers are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.partnership import Outcome
from workflow.publishing import drawing
from workflow.publishing.outcome_years import Point, Series

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def terms(baseline=88, target=93):
    direction = "increase" if target >= baseline else "decrease"
    return Outcome(
        name="attendance",
        measure="days",
        unit="%",
        baseline=baseline,
        target=target,
        direction=direction,
        goal="all",
    )


def series(*values, of=None):
    of = of or terms()
    points = tuple(Point(f"{2025 + n}-{26 + n}", None, of, value) for n, value in enumerate(values))
    return Series(of, points, counts=True)


@given(NUMBERS, NUMBERS, st.lists(st.none() | NUMBERS, min_size=1, max_size=12))
def test_every_mark_is_inside(baseline, target, values):
    chart = drawing.draw_years(series(*values, of=terms(baseline, target)))
    for mark in (*chart.values, *chart.latest, *chart.scale, *chart.years):
        assert 0 <= mark.x <= drawing.WIDTH
        assert 0 <= mark.y <= drawing.HEIGHT
    for line in (*chart.targets, *chart.baselines):
        assert drawing.LEFT <= line.x1 < line.x2 <= drawing.RIGHT
        assert drawing.TOP <= line.y <= drawing.BOTTOM
    assert len(chart.values) == sum(value is not None for value in values)


@given(NUMBERS, NUMBERS)
def test_the_numbers_at_the_side_never_overlap(baseline, target):
    scale = drawing.draw_years(series(None, of=terms(baseline, target))).scale
    if target == baseline:
        assert len(scale) == 1
    else:
        assert abs(scale[0].y - scale[1].y) >= 12.9


def test_more_is_higher():
    chart = drawing.draw_years(series(88, 91, 93))
    assert [mark.y for mark in chart.values] == [144, 74.4, 28]
    assert [line.y for line in chart.targets] == [28, 28, 28]
    assert {line.y for line in chart.baselines} == {144}


@pytest.mark.parametrize("values", [[88], [93], [88, 91, 93], [90] * 12])
def test_the_last_value_is_written_beside_its_dot(values):
    chart = drawing.draw_years(series(*values, None))
    (latest,) = chart.latest
    assert latest.words == str(values[-1])
    assert latest.y == chart.values[-1].y - 9 > 12
    # A number of nine letters is about 63 units wide.
    right = latest.x + (0 if latest.anchor == "end" else 32)
    assert right <= drawing.WIDTH


def test_without_a_value_no_number_is_written():
    assert drawing.draw_years(series(None)).latest == ()


def test_a_target_below_the_baseline_is_drawn_below_it():
    chart = drawing.draw_years(series(30, of=terms(40, 20)))
    assert (chart.baselines[0].y, chart.values[0].y, chart.targets[0].y) == (28, 86, 144)
    assert [mark.words for mark in chart.scale] == ["20", "40"]


def test_a_target_that_equals_the_baseline_has_one_line_in_the_middle():
    chart = drawing.draw_years(series(5, of=terms(5, 5)))
    assert chart.targets[0].y == chart.baselines[0].y == chart.values[0].y == 86


def test_zeros_are_drawn():
    assert drawing.draw_years(series(0, of=terms(0, 0))).values[0].y == 86


def test_a_year_without_a_value_interrupts_the_line():
    chart = drawing.draw_years(series(88, 89, None, 91, 92))
    assert [path.count(",") for path in chart.paths] == [2, 2]
    assert drawing.draw_years(series(88, None, 91)).paths == ()


def test_an_outcome_has_no_line_in_a_year_in_which_it_did_not_count():
    of = terms()
    points = (Point("2025-26", None, None, None), Point("2026-27", None, of, 91))
    chart = drawing.draw_years(Series(of, points, counts=True))
    assert len(chart.targets) == len(chart.baselines) == 1
    assert chart.targets[0].x1 == 187


@pytest.mark.parametrize("years", range(1, 13))
def test_the_years_below_have_room_and_name_the_last(years):
    marks = drawing.draw_years(series(*[90] * years)).years
    assert marks[-1].words == f"{2024 + years}-{25 + years}"
    gaps = [after.x - before.x for before, after in pairwise(marks)]
    # A label such as 2025-26 is about 40 units wide.
    assert all(gap >= 45 for gap in gaps)
    assert len(marks) == years or years > 5


def test_bars_are_as_long_as_their_numbers():
    chart = drawing.draw_bars([("Active", 300, 0), ("Board review", 75, 15), ("Needs", 0, 0)])
    assert [(bar.length, bar.marked) for bar in chart.bars] == [(316, 0), (79, 15.8), (0, 0)]
    assert chart.bars[-1].y + drawing.BAR <= chart.height


@pytest.mark.parametrize("rows", [[], [("nothing", 0, 0)]])
def test_bars_of_nothing_are_drawn(rows):
    assert all(bar.length == 0 for bar in drawing.draw_bars(rows).bars)
