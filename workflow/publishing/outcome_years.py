"""Follows each outcome over the years: its baseline, its target and the reported value (4270.10, 4270.11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from states.partnership import Outcome, Partnership, Report, Review
from workflow.procedure.calendar import Calendar
from workflow.publishing.school_year import SchoolYear
from workflow.views.progress import describe


@dataclass(frozen=True, slots=True)
class Point:
    """One outcome in one annual review. `value` is None without a report; `terms` None if it did not count then."""

    label: str
    opened_at: datetime | None  # None for a school year in which no review was opened
    terms: Outcome | None
    value: float | None

    @property
    def says(self) -> str:
        """Return in words how far the outcome had come."""
        if self.terms is None:
            return "not an outcome"
        return describe(self.terms.baseline, self.terms.target, self.value, self.terms.direction)


@dataclass(frozen=True, slots=True)
class Series:
    """One outcome over all reviews, with its latest terms. `counts` is false if it was given up."""

    terms: Outcome
    points: tuple[Point, ...]
    counts: bool

    @property
    def latest(self) -> Point | None:
        """Return the last point with a value."""
        return next((each for each in reversed(self.points) if each.value is not None), None)


@dataclass(frozen=True, slots=True)
class _Column:
    label: str
    review: Review | None
    counted: tuple[Outcome, ...]
    report: Report | None


def list_reviews(facts: Partnership) -> tuple[Review, ...]:
    """Return every annual review, the earliest first."""
    return (*facts.earlier_reviews, *((facts.review,) if facts.review else ()))


def follow(facts: Partnership, year: SchoolYear, now: datetime, calendar: Calendar) -> list[Series]:
    """Return the outcomes over the reviews up to the end of a school year, those that count first.

    The last report of a review counts, and is read by the outcomes that counted when it was made.
    """
    columns = _list_columns(facts, year, now, calendar)
    keys = dict.fromkeys(_key(each) for column in reversed(columns) for each in column.counted)
    series = [_follow_one(key, columns) for key in keys]
    return sorted(series, key=lambda each: not each.counts)


def _key(outcome: Outcome) -> tuple[str, str]:
    # Values in another unit cannot stand on one scale.
    return outcome.name, outcome.unit


def _list_columns(facts: Partnership, year: SchoolYear, now: datetime, calendar: Calendar) -> list[_Column]:
    reviews = [
        (review, opened)
        for review in list_reviews(facts)
        if (opened := SchoolYear.of(calendar.day(review.opened_at))) <= year
    ]
    labels = _label([opened for _, opened in reviews])
    columns = []
    for label, (review, opened) in zip(labels, reviews, strict=True):
        report = review.reports[-1] if review.reports else None
        at = report.at if report else min(now, calendar.end_of(opened.last))
        columns.append(_Column(label, review, facts.outcomes_at(at).items, report))
    present = facts.outcomes_at(min(now, calendar.end_of(year.last))).items
    if all(opened != year for _, opened in reviews):
        columns.append(_Column(str(year), None, present, None))
    elif present != columns[-1].counted:
        # Outcomes that were agreed to after the last review have no value yet.
        columns.append(_Column("since then", None, present, None))
    return columns


def _label(years: Sequence[SchoolYear]) -> Iterable[str]:
    """Yield a label for each review. An agreement may have two in one school year."""
    for number, year in enumerate(years):
        before = years[:number].count(year)
        yield f"{year} ({before + 1})" if years.count(year) > 1 else str(year)


def _follow_one(key: tuple[str, str], columns: Sequence[_Column]) -> Series:
    points = []
    for column in columns:
        terms = next((each for each in column.counted if _key(each) == key), None)
        value = column.report.values.get(key[0]) if terms and column.report else None
        opened_at = column.review.opened_at if column.review else None
        points.append(Point(column.label, opened_at, terms, value))
    latest = next(point.terms for point in reversed(points) if point.terms)
    return Series(latest, tuple(points), counts=points[-1].terms is not None)
