"""A school year is September to August, named by the year in which it ends (RCW 28A.150.203)."""

from datetime import date, timedelta

import pytest

from workflow.publishing.school_year import SchoolYear


@pytest.mark.parametrize(
    ("day", "ends_in", "named"),
    [
        (date(2026, 8, 31), 2026, "2025-26"),
        (date(2026, 9, 1), 2027, "2026-27"),
        (date(2027, 1, 1), 2027, "2026-27"),
        (date(1999, 12, 1), 2000, "1999-00"),
    ],
)
def test_a_day_falls_in_one_school_year(day, ends_in, named):
    year = SchoolYear.of(day)
    assert (year.ends_in, str(year)) == (ends_in, named)
    assert day in year
    assert year.first - timedelta(days=1) not in year
    assert year.last + timedelta(days=1) not in year
