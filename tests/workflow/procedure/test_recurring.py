"""Deadlines that recur: every year, every few months, and around the anniversaries of an agreement."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.procedure.test_due import DAYS, DONE, RECURRING, SIDE, local_day, resolve, steady, utc
from workflow.procedure.due import parse_due

# Again and again


@pytest.mark.parametrize(
    ("since", "done", "expected"),
    [
        (date(2026, 9, 1), [], date(2026, 10, 31)),
        (date(2026, 10, 30), [], date(2026, 10, 31)),
        (date(2026, 10, 31), [], date(2027, 10, 31)),  # strictly after the day it came into force
        (date(2026, 11, 1), [], date(2027, 10, 31)),
        (date(2026, 9, 1), [date(2026, 9, 15)], date(2027, 10, 31)),  # early within its period
        (date(2026, 9, 1), [date(2026, 10, 31)], date(2027, 10, 31)),  # on the day
        (date(2026, 9, 1), [date(2026, 11, 20)], date(2027, 10, 31)),  # late, for the overdue one
        (date(2026, 9, 1), [date(2027, 11, 20)], date(2027, 10, 31)),  # very late: one year is still open
        (date(2026, 9, 1), [date(2026, 9, 15), date(2026, 10, 1)], date(2027, 10, 31)),  # an extra one
        (date(2026, 9, 1), [date(2026, 9, 15), date(2026, 10, 31)], date(2027, 10, 31)),  # still extra
        (date(2026, 9, 1), [date(2026, 9, 15), date(2026, 11, 1)], date(2028, 10, 31)),  # early for 2027
        (date(2026, 9, 1), [date(2027, 10, 1), date(2026, 10, 1)], date(2028, 10, 31)),  # in any order
        (date(2026, 9, 1), [date(2025, 10, 31)], date(2026, 10, 31)),  # of the period before
    ],
)
def test_a_day_of_every_year(since, done, expected):
    assert local_day("31 October every year", since=since, done=done) == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (date(2026, 1, 1), date(2026, 2, 28)),
        (date(2027, 3, 1), date(2028, 2, 29)),
        (date(2028, 2, 28), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2029, 2, 28)),
    ],
)
def test_29_february_of_every_year(since, expected):
    assert local_day("29 February every year", since=since) == expected


@pytest.mark.parametrize(
    ("text", "start", "since", "done", "expected"),
    [
        ("60 days before", date(2026, 9, 1), date(2026, 9, 1), [], date(2027, 7, 3)),
        ("60 days before", date(2026, 9, 1), date(2026, 9, 1), [date(2027, 6, 1)], date(2028, 7, 3)),
        ("60 days before", date(2026, 9, 1), date(2026, 9, 1), [date(2027, 9, 1)], date(2028, 7, 3)),
        ("60 days before", date(2026, 9, 1), date(2027, 7, 3), [], date(2028, 7, 3)),
        # The first day is not an anniversary, however early the agreement came into force.
        ("60 days before", date(2026, 9, 1), date(2026, 1, 1), [], date(2027, 7, 3)),
        ("60 days after", date(2026, 9, 1), date(2026, 9, 1), [], date(2027, 10, 31)),
        ("60 days before", date(2026, 2, 1), date(2026, 2, 1), [], date(2026, 12, 3)),  # the year before
        ("3 years before", date(2026, 9, 1), date(2026, 9, 1), [], date(2027, 9, 1)),
        ("3 years after", date(2026, 9, 1), date(2026, 9, 1), [], date(2030, 9, 1)),
        ("the day after", date(2024, 2, 28), date(2024, 2, 28), [], date(2025, 3, 1)),
        ("the day after", date(2024, 2, 29), date(2027, 6, 1), [], date(2028, 3, 1)),
        ("10 business days before", date(2026, 9, 1), date(2026, 9, 1), [], date(2027, 8, 18)),
        # In 2027 it falls in the old year, in 2028 just after the new one: neither may be passed over.
        ("10 business days before", date(2026, 1, 15), date(2026, 2, 1), [], date(2026, 12, 31)),
        ("10 business days before", date(2026, 1, 15), date(2028, 1, 1), [], date(2028, 1, 3)),
        ("60 days before", utc(2026, 9, 2, 6), date(2026, 9, 1), [], date(2027, 7, 3)),
    ],
)
def test_anniversaries(text, start, since, done, expected):
    text = f"{text} every anniversary of starts_on"
    assert local_day(text, {"starts_on": start}, since=since, done=done) == expected


@pytest.mark.parametrize(
    ("text", "since", "done", "expected"),
    [
        ("every 2 months", date(2026, 9, 1), [], date(2026, 11, 1)),
        ("every 2 months", date(2026, 12, 31), [], date(2027, 2, 28)),
        ("every 2 months", date(2026, 9, 1), [date(2026, 10, 5)], date(2026, 12, 5)),
        ("every 2 months", date(2026, 9, 1), [date(2026, 12, 5), date(2026, 10, 5)], date(2027, 2, 5)),
        ("every 2 months", date(2026, 9, 1), [date(2026, 5, 1)], date(2026, 11, 1)),
        ("every 1 day", date(2026, 9, 1), [], date(2026, 9, 2)),
        ("every 2 weeks", date(2026, 9, 1), [], date(2026, 9, 15)),
        ("every 1 year", date(2024, 2, 29), [], date(2025, 2, 28)),
        ("every 2 business days", date(2026, 11, 10), [], date(2026, 11, 13)),
    ],
)
def test_every_span(text, since, done, expected):
    assert local_day(text, since=since, done=done) == expected


@pytest.mark.parametrize(
    "text", ["31 October every year", "every 2 months", "1 day after every anniversary of x"]
)
def test_nothing_recurs_before_the_agreement_is_in_force(text):
    assert resolve(text, {"x": date(2026, 9, 1)}, done=[date(2026, 10, 1)]) is None


def test_no_anniversary_without_a_first_day():
    text = "1 day before every anniversary of x"
    assert resolve(text, since=date(2026, 9, 1)) is None
    assert resolve(text, {"x": None}, since=date(2026, 9, 1)) is None


def follows_the_rule(occurrences, since, done):
    """The rule as it is told, over a list of all occurrences from long before `since`."""
    index = next(index for index, day in enumerate(occurrences) if day > since)
    for day in sorted(done):
        if day > occurrences[index - 1]:
            index += 1
    return occurrences[index]


@steady
@given(st.dates(date(2000, 1, 1), date(2000, 12, 31)), DAYS, DONE)
def test_yearly_follows_the_rule(day, since, done):
    last = 28 if (day.month, day.day) == (2, 29) else day.day
    years = range(2000, 2080)
    all_of_them = [day.replace(year=y) if y % 4 == 0 else day.replace(year=y, day=last) for y in years]
    due = local_day(f"{day:%-d %B} every year", since=since, done=done)
    assert due == follows_the_rule(all_of_them, since, done)


@steady
@given(DAYS, DAYS, DONE, st.integers(1, 1500), SIDE)
def test_anniversaries_follow_the_rule(start, since, done, days, side):
    text = f"{days} days {side} every anniversary of x"
    span = timedelta(days=days if side == "after" else -days)
    years = [start.year + n for n in range(60)]
    last = [28 if (start.month, start.day) == (2, 29) and y % 4 else start.day for y in years]
    nth = [start.replace(year=y, day=d) + span for y, d in zip(years, last, strict=True)]
    # The first day itself is no anniversary, but the first period starts with it.
    since_first = max(since, nth[0])
    due = local_day(text, {"x": start}, since=since, done=done)
    assert due == follows_the_rule(nth, since_first, done)


@steady
@given(RECURRING, DAYS, DAYS, DONE)
def test_a_recurrence_is_never_earlier_than_its_period_and_never_goes_back(text, start, since, done):
    moments = dict.fromkeys(parse_due(text).anchors, start)
    steps = [
        local_day(text, moments, since=since, done=sorted(done)[:count]) for count in range(len(done) + 1)
    ]
    assert steps[0] > since
    if not text.startswith("every"):
        assert all(one <= two for one, two in pairwise(steps))
    elif done:
        assert steps[-1] > max(done)


def test_a_long_life_takes_no_longer():
    """Thousands of years and thousands of times done cost one step each, not one search each."""
    done = [date(2026, 1, 1) + timedelta(days=n) for n in range(3000)]
    text = "60 days before every anniversary of x"
    assert local_day(text, {"x": date(2, 1, 1)}, since=date(2026, 1, 1), done=done) == date(2035, 11, 2)
