"""Outcomes against their targets: where a value stands, and how that is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.web import charts

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("baseline", "target", "value", "said"),
    [
        (88, 93, None, "not reported yet"),
        (88, 93, 88, "at the baseline"),
        (88, 93, 91, "on the way, 60 % covered"),
        (88, 93, 92.999, "on the way, 99 % covered"),
        (88, 93, 88.001, "on the way, 1 % covered"),
        (88, 93, 93, "target reached"),
        (88, 93, 99, "target reached"),
        (88, 93, 80, "moving away from the target"),
        (40, 20, 30, "on the way, 50 % covered"),
        (40, 20, 20, "target reached"),
        (40, 20, 5, "target reached"),
        (40, 20, 45, "moving away from the target"),
        (5, 5, 5, "target kept"),
        (5, 5, 6, "away from the target"),
    ],
)
def test_on_which_way_an_outcome_is(baseline: float, target: float, value: float | None, said: str) -> None:
    assert charts.describe(baseline, target, value) == said


@given(NUMBERS, NUMBERS, NUMBERS)
def test_every_value_stands_inside_the_drawing(baseline: float, target: float, value: float) -> None:
    assert 0 < charts.place(baseline, target, value) < charts.WIDTH


@given(NUMBERS.filter(bool), NUMBERS)
def test_the_baseline_stands_left_and_the_target_right(way: float, baseline: float) -> None:
    target = baseline + way
    if target != baseline:
        assert charts.place(baseline, target, baseline) == charts.LEFT
        assert charts.place(baseline, target, target) == charts.RIGHT


@pytest.mark.parametrize(
    ("value", "written"),
    [(88.0, "88"), (30.5, "30.5"), (1_234_567.25, "1,234,567.25"), (-0.00001, "0"), (0, "0"), (-3.0, "-3")],
)
def test_numbers_are_written_as_people_do(value: float, written: str) -> None:
    assert charts.format_number(value) == written
