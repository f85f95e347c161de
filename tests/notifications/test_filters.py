"""Filters write values as people do, and say what they take."""

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest
from jinja2 import StrictUndefined, UndefinedError

from notifications.render import make_environment
from tests.support.samples import ZONE


def write(name: str, *values: object) -> str:
    """What a filter writes in a text, for a reader who wants dates in English alone."""
    environment = make_environment([], ZONE, html=False)
    given = environment.filters[name]
    # Filters of dates look up the reader's language in the context.
    context = environment.from_string("").new_context()
    return str(given(context, *values) if hasattr(given, "jinja_pass_arg") else given(*values))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("day", date(2025, 11, 19), "Wednesday, November 19, 2025"),
        ("day", "2025-11-19", "Wednesday, November 19, 2025"),
        ("day", datetime(2025, 11, 20, 2, 30, tzinfo=UTC), "Wednesday, November 19, 2025"),
        ("day", "2025-11-20T02:30:00+00:00", "Wednesday, November 19, 2025"),
        ("when", "2025-11-29T01:00:00Z", "Friday, November 28, 2025, 5:00 p.m. PST"),
        ("when", datetime(2025, 7, 1, 16, 5, tzinfo=UTC), "Tuesday, July 1, 2025, 9:05 a.m. PDT"),
        ("when", datetime(2025, 7, 2, 7, 0, tzinfo=UTC), "Wednesday, July 2, 2025, 12:00 a.m. PDT"),
        ("when", datetime(2025, 7, 1, 19, 0, tzinfo=UTC), "Tuesday, July 1, 2025, 12:00 p.m. PDT"),
        ("due", "2025-11-29T01:00:00Z", "Friday, November 28, 2025, 5:00 p.m. PST"),
        ("due", "2024-06-29T07:00:00Z", "at the end of Friday, June 28, 2024"),
        ("due_day", "2025-11-29T01:00:00Z", "Friday, November 28, 2025"),
        ("due_day", "2024-06-29T07:00:00Z", "Friday, June 28, 2024"),
        ("money", 25_000_000, "$250,000.00"),
        ("money", 5, "$0.05"),
        ("size", 1, "1 byte"),
        ("size", 999, "999 bytes"),
        ("size", 84_400, "84 KB"),
        ("size", 999_500, "1.0 MB"),
        ("money", -150, "-$1.50"),
        ("words", "needs-identified", "needs identified"),
        ("words", "school_community", "school community"),
        ("listing", ["a", "b", "c"], "a, b and c"),
        ("listing", ("a", "b"), "a and b"),
        ("listing", ["a"], "a"),
        ("listing", [], "none"),
        ("listing", [1, 2], "1 and 2"),
    ],
)
def test_filters_write_as_people_do(name: str, value: Any, expected: str) -> None:
    assert write(name, value) == expected


@pytest.mark.parametrize(
    ("preposition", "at_five", "at_midnight"),
    [
        ("until", "until Friday, June 28, 2024, 5:00 p.m. PDT", "until the end of Friday, June 28, 2024"),
        ("By", "By Friday, June 28, 2024, 5:00 p.m. PDT", "By the end of Friday, June 28, 2024"),
    ],
)
def test_a_day_that_runs_out_at_midnight_is_named_after_the_day_before(
    preposition: str, at_five: str, at_midnight: str
) -> None:
    due = partial(write, "due")
    assert due("2024-06-28T17:00:00-07:00", preposition) == at_five
    assert due("2024-06-29T00:00:00-07:00", preposition) == at_midnight


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("day", None, r"day: expected a date such as 2025-11-19, got nothing \(None\)"),
        ("day", "next week", r"day: expected a date such as 2025-11-19, got 'next week' \(str\)"),
        ("day", 20251119, r"got 20251119 \(int\)"),
        ("day", datetime(2025, 11, 19), "day: expected a time with its zone"),
        ("when", "2025-11-19", "a date alone has no time, use the filter `day`"),
        ("when", date(2025, 11, 19), "when: expected a time such as"),
        ("when", "2025-11-19T17:00:00", "when: expected a time with its zone"),
        ("when", 5, "when: expected a time such as"),
        ("money", 2500.0, "money: expected a whole number of cents such as 25000000, got 2500.0"),
        ("money", "2500", "money: expected a whole number"),
        ("money", True, "money: expected a whole number"),
        ("words", 3, "words: expected a name such as 'needs-identified'"),
        ("listing", "abc", "listing: expected a list such as"),
        ("listing", {"a": 1}, "listing: expected a list such as"),
        ("listing", ["a", None], r"listing: expected a list of texts, found nothing \(None\) in it"),
    ],
)
def test_filters_say_what_they_take_when_given_something_else(name: str, value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        write(name, value)


@pytest.mark.parametrize("name", ["day", "when", "due", "due_day", "money", "words", "listing"])
def test_filters_given_something_missing_say_what_is_missing(name: str) -> None:
    with pytest.raises(UndefinedError, match="amount"):
        write(name, StrictUndefined(name="amount"))
