"""Outcomes against their targets: where a value stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workflow.web import charts

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_every_value_stands_inside_the_drawing(baseline: float, target: float, value: float) -> None:
    assert 0 < charts.place(baseline, target, value) < charts.WIDTH


@given(NUMBERS.filter(bool), NUMBERS)
def test_the_baseline_stands_left_and_the_target_right(way: float, baseline: float) -> None:
    target = baseline + way
    if target != baseline:
        assert charts.place(baseline, target, baseline) == charts.LEFT
        assert charts.place(baseline, target, target) == charts.RIGHT
