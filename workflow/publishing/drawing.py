"""Places the marks of the charts: outcomes over the years, and bars. The templates draw them as SVG.

Every chart is 320 units wide, so that its letters can be read on a phone. Numbers may be of any size and sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from states.partnership import Outcome
from workflow.publishing.outcome_years import Point, Series
from workflow.views.progress import shorten_number

WIDTH = 320
# The field of a chart over the years, between the numbers at its left and the years below. Above it is
# room for the number of the last value.
LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 66.0, 308.0, 28.0, 144.0, 168
_LINE = 13.0  # the height of a line of letters
_LABELS = 5  # the most years that have room below a chart


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of a line, from the left to the right of one year."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A value or a word in a chart; of a word `y` is its base line."""

    x: float
    y: float
    words: str = ""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class YearsChart:
    """One outcome over the years. `path` joins the values that follow each other without a gap."""

    targets: tuple[Line, ...]
    baselines: tuple[Line, ...]
    values: tuple[Mark, ...]
    latest: tuple[Mark, ...]  # the last value in words, beside its dot; empty without one
    paths: tuple[str, ...]
    scale: tuple[Mark, ...]  # the numbers of the latest target and baseline
    years: tuple[Mark, ...]


def draw_years(series: Series) -> YearsChart:
    """Return where the marks of an outcome stand."""
    points = series.points
    numbers = [each for point in points for each in _numbers(point)]
    step = (RIGHT - LEFT) / len(points)
    scale = _Scale(numbers)

    def lines(name: str) -> tuple[Line, ...]:
        return tuple(
            Line(
                _round(LEFT + i * step),
                _round(LEFT + (i + 1) * step),
                scale.place(getattr(point.terms, name)),
            )
            for i, point in enumerate(points)
            if point.terms
        )

    middles = [_round(LEFT + (i + 0.5) * step) for i in range(len(points))]
    values = [
        None if point.value is None else Mark(x, scale.place(point.value))
        for x, point in zip(middles, points, strict=True)
    ]
    return YearsChart(
        targets=lines("target"),
        baselines=lines("baseline"),
        values=tuple(each for each in values if each),
        latest=tuple(_label_latest(series, values)),
        paths=tuple(_join(values)),
        scale=_label_scale(series.terms, scale),
        years=tuple(_label_years([point.label for point in points], middles)),
    )


def _numbers(point: Point) -> list[float]:
    terms = [point.terms.baseline, point.terms.target] if point.terms else []
    return [*terms, *([] if point.value is None else [point.value])]


class _Scale:
    """Places numbers between the top and the bottom of the field."""

    def __init__(self, numbers: Sequence[float]) -> None:
        # Divide first: the distance between two very large numbers may be more than a float can hold.
        self.unit = max(map(abs, numbers)) or 1.0
        low, high = min(numbers) / self.unit, max(numbers) / self.unit
        # Of equal numbers the line stands in the middle.
        self.low, self.high = (low - 1, high + 1) if low == high else (low, high)

    def place(self, number: float) -> float:
        along = (number / self.unit - self.low) / (self.high - self.low)
        return _round(BOTTOM - along * (BOTTOM - TOP))


def _round(place: float) -> float:
    return round(place, 1)


def _join(values: Sequence[Mark | None]) -> list[str]:
    """Return the corners of a line through values that follow each other. A year without a report interrupts it."""
    runs: list[list[Mark]] = [[]]
    for value in values:
        if value is None:
            runs.append([])
        else:
            runs[-1].append(value)
    return [" ".join(f"{each.x},{each.y}" for each in run) for run in runs if len(run) > 1]


def _label_latest(series: Series, values: Sequence[Mark | None]) -> Iterator[Mark]:
    """Yield the number of the last value, above its dot."""
    drawn = [(point, mark) for point, mark in zip(series.points, values, strict=True) if mark]
    if drawn:
        point, mark = drawn[-1]
        # Near the right edge the number would leave the drawing.
        x, anchor = (RIGHT, "end") if mark.x > RIGHT - 36 else (mark.x, "middle")
        yield Mark(x, _round(mark.y - 9), shorten_number(point.value or 0), anchor)


def _label_scale(terms: Outcome, scale: _Scale) -> tuple[Mark, ...]:
    """Return the numbers of target and baseline beside their lines, at least a line of letters apart."""
    target, baseline = scale.place(terms.target), scale.place(terms.baseline)
    words = shorten_number(terms.target), shorten_number(terms.baseline)
    if terms.target == terms.baseline:
        return (Mark(LEFT - 6, target + 4, words[0], "end"),)
    if abs(target - baseline) < _LINE:
        middle, half = (target + baseline) / 2, _LINE / 2 if target > baseline else -_LINE / 2
        target, baseline = _round(middle + half), _round(middle - half)
    return (
        Mark(LEFT - 6, _round(target + 4), words[0], "end"),
        Mark(LEFT - 6, _round(baseline + 4), words[1], "end"),
    )


def _label_years(labels: Sequence[str], middles: Sequence[float]) -> list[Mark]:
    """Return as many labels as have room, the first and the last among them."""
    every = -(-(len(labels) - 1) // (_LABELS - 1)) or 1
    last = len(labels) - 1
    # Count from the last one, which matters most.
    return [Mark(x, HEIGHT - 6, labels[i]) for i, x in enumerate(middles) if (last - i) % every == 0]


BAR, _BAR_STEP, _BAR_LEFT = 12, 38, 2


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its words above it. `length` is the whole bar, of which `marked` units at its end stand out."""

    y: float
    words: str
    length: float
    marked: float


@dataclass(frozen=True, slots=True)
class BarChart:
    bars: tuple[Bar, ...]
    height: int


def draw_bars(rows: Sequence[tuple[str, float, float]]) -> BarChart:
    """Return a chart of bars, each from its words, its number from 0 up, and the part of it that stands out."""
    longest = max((number for _, number, _ in rows), default=0) or 1
    room = WIDTH - 2 * _BAR_LEFT
    bars = (
        Bar(20 + i * _BAR_STEP, words, _round(number / longest * room), _round(marked / longest * room))
        for i, (words, number, marked) in enumerate(rows)
    )
    return BarChart(tuple(bars), len(rows) * _BAR_STEP + 4)
