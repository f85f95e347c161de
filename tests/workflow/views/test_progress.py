"""How far an outcome has come, in words, and its numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.views import progress


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
        (5, 5, 4, "away from the target"),
        (5, 5, 6, "target kept"),
        (1e308, -1e308, 0, "on the way, 50 % covered"),
    ],
)
def test_on_which_way_an_outcome_is(baseline: float, target: float, value: float | None, said: str) -> None:
    direction = "increase" if target >= baseline else "decrease"
    assert progress.describe(baseline, target, value, direction) == said


def test_what_may_not_rise_is_kept_below_its_target() -> None:
    assert progress.describe(5, 5, 4, "decrease") == "target kept"
    assert progress.describe(5, 5, 6, "decrease") == "away from the target"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (88.0, "88"),
        (30.5, "30.5"),
        (1_234_567.25, "1,234,567.25"),
        (-0.00001, "0"),
        (0, "0"),
        (-3.0, "-3"),
        (1.5e300, "1.5e+300"),
    ],
)
def test_numbers_are_written_as_people_do(value: float, written: str) -> None:
    assert progress.format_number(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (88.256, "88.26"), (12_345.6, "12,346"), (999_999, "999,999"), (1_500_000, "1.5M"), (-25e9, "-25B"),
        (3e14, "300T"), (1.5e300, "1.5e+300"),
    ],
)  # fmt: skip
def test_a_chart_has_short_numbers(value: float, written: str) -> None:
    assert progress.shorten_number(value) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_has_room_in_a_chart(value: float) -> None:
    assert len(progress.shorten_number(value)) <= 9
