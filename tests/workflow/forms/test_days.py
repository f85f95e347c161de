"""Days as people write them: each way means one day, or is refused with what would be right."""

from __future__ import annotations

import re
from datetime import date

import pytest

from workflow.forms.days import read_day

TODAY = date(2026, 11, 27)  # a Friday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-12-01", "2026-12-01"),
        ("2026/12/1", "2026-12-01"),
        ("31 Oct", "2027-10-31"),
        ("Nov 27", "2026-11-27"),
        ("Oct 31 2026", "2026-10-31"),
        ("October 31st, 2026", "2026-10-31"),
        ("Saturday, October 31, 2026", "2026-10-31"),
        ("31-Oct-2026", "2026-10-31"),
        ("1st of June", "2027-06-01"),
        ("Sept. 5", "2027-09-05"),
        ("29 Feb", "2028-02-29"),
        ("10/31", "2027-10-31"),
        ("31.10.2026", "2026-10-31"),
        ("3/3/27", "2027-03-03"),
        ("today", "2026-11-27"),
        ("Tomorrow", "2026-11-28"),
        ("yesterday", "2026-11-26"),
        ("Friday", "2026-12-04"),
        ("+21 days", "2026-12-18"),
        ("in 3 weeks", "2026-12-18"),
        ("+3 months", "2027-02-27"),
        ("-1 year", "2025-11-27"),
        ("  +1  day ", "2026-11-28"),
    ],
)
def test_a_day_is_read_as_people_write_it(text: str, day: str) -> None:
    assert read_day(text, TODAY).isoformat() == day


@pytest.mark.promise("no-guessed-reading")
@pytest.mark.parametrize("text", ["03/04", "3.4", "03/04/2027", "3-4-27"])
def test_a_day_with_two_readings_is_refused_with_both(text: str) -> None:
    with pytest.raises(ValueError, match=r"Thursday, March 4, 2027 .* or Saturday, April 3, 2027") as refused:
        read_day(text, TODAY)
    assert "2027-03-04" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a date; write a day such as"),
        ("someday", "'someday' is not a date"),
        ("Oct", "is not a date"),
        ("ma 4", "is not a date"),
        ("+5 business days", "is not a date"),
        ("+99999 years", "is not a date"),
        ("-99999 months", "is not a date"),
        ("Feb 30", "feb 30 is not a day of the calendar"),
        ("2026-02-30", "2026-02-30 is not a day of the calendar"),
        ("13/13", "13/13 is not a day of the calendar"),
        ("0/5", "0/5 is not a day of the calendar"),
        ("Sunday, October 31, 2026", "October 31, 2026 is a Saturday, not a Sunday"),
        ("x" * 5000, "is not a date"),
        ("٣١ Oct", "is not a date"),
    ],
)
def test_anything_else_is_refused_with_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        read_day(text, TODAY)
    assert len(str(refused.value)) < 200
