"""The last year of an agreement, and the latest day of a deadline."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.procedure.test_due import CALENDAR, DAYS, FIVE, local_day, steady
from workflow.procedure.due import parse_due

# The last year of an agreement, and the latest day

REVIEWS = "60 days before every anniversary of agreement.starts_on"


@pytest.mark.clause("4270.11")
@pytest.mark.promise("review-before-end")
@pytest.mark.parametrize(
    ("starts", "ends", "since", "done", "expected"),
    [
        ("2025-09-02", "2026-06-30", "2025-08-13", [], "2026-05-01"),  # a school year
        ("2025-09-01", "2026-08-31", "2025-08-13", [], "2026-07-03"),  # a whole year
        ("2025-09-02", "2027-06-30", "2025-08-13", [], "2026-07-04"),  # two school years
        ("2025-09-02", "2027-06-30", "2025-08-13", ["2026-07-04"], "2027-05-01"),
        ("2025-09-02", "2027-06-30", "2025-08-13", ["2026-07-04", "2027-05-01"], None),
        ("2025-09-02", "2027-06-30", "2025-08-13", ["2026-05-01"], "2027-05-01"),  # renewed after its review
        ("2025-09-02", "2026-06-30", "2025-08-13", ["2026-04-01"], None),  # opened early by staff
        ("2025-09-02", "2026-09-15", "2025-08-13", ["2026-07-04"], None),  # two weeks more than a year
        ("2026-03-01", "2026-04-11", "2026-03-01", [], "2026-03-22"),  # six weeks: half-way
        ("2025-09-02", "2026-06-30", "2026-05-25", [], "2026-06-12"),  # in force late: half-way
        ("2025-09-01", "2026-08-31", "2026-08-29", [], "2026-08-30"),
        ("2025-09-01", "2026-08-31", "2026-08-31", [], None),  # no day is left
        ("2024-02-29", "2025-02-28", "2024-02-29", [], "2024-12-30"),
    ],
)
def test_every_agreement_has_a_review_before_it_ends(
    starts: str, ends: str, since: str, done: list[str], expected: str | None
) -> None:
    moments = {
        "agreement.starts_on": date.fromisoformat(starts),
        "agreement.ends_on": date.fromisoformat(ends),
    }
    day = local_day(
        REVIEWS, moments, since=date.fromisoformat(since), done=[date.fromisoformat(each) for each in done]
    )
    assert day == (None if expected is None else date.fromisoformat(expected))


@steady
@given(DAYS, st.integers(3, 2000), st.integers(-400, 400), st.sampled_from((1, 30, 60, 90, 200)))
def test_a_review_comes_after_the_start_and_before_the_end_of_any_term(
    starts: date, length: int, late: int, days: int
) -> None:
    ends = starts + timedelta(days=length)
    since = min(starts + timedelta(days=late), ends - timedelta(days=2))
    moments = {"agreement.starts_on": starts, "agreement.ends_on": ends}
    text, done = f"{days} days before every anniversary of agreement.starts_on", []
    while (day := local_day(text, moments, since=since, done=done)) is not None:
        assert since < day <= ends
        assert not done or day > done[-1]
        done.append(day)
    assert done, "there is at least one"


@pytest.mark.promise("review-before-end")
@pytest.mark.parametrize(
    ("counts_from", "expected", "text"),
    [
        ("2026-05-01", "2026-05-31", "30 days after x"),  # sooner than the latest day
        ("2026-05-20", "2026-06-05", "25 days before end"),
        ("2026-06-10", "2026-06-30", "on end"),  # the first alternative is past
        ("2026-07-05", "2026-08-04", "30 days after x"),  # all of them are
    ],
)
def test_what_is_due_at_the_latest_comes_sooner_and_never_before_it_can_be_done(
    counts_from: str, expected: str, text: str
) -> None:
    moments = {"x": date.fromisoformat(counts_from), "end": date(2026, 6, 30)}
    latest = parse_due("25 days before end, or on end")
    rule, roll = parse_due("30 days after x").capped(latest, moments=moments, roll="after", calendar=CALENDAR)
    assert (rule.text, roll) == (text, "after" if text == "30 days after x" else "before")
    due = rule.resolve(moments, at=FIVE, roll="stay", calendar=CALENDAR, since=None, done=())
    assert CALENDAR.day(due) == date.fromisoformat(expected)
