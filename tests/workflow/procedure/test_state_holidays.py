"""The holidays of Washington State: those that are kept are those of the library, and other years come from it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from workflow.procedure.state_holidays import YEARS, holidays_of, work_out


@pytest.mark.parametrize("year", YEARS)
def test_a_kept_year_is_that_of_the_library(year: int) -> None:
    assert holidays_of(year) == work_out(year), "state_holidays.write_file() works them out again"
    assert list(holidays_of(year)) == sorted(work_out(year))


@pytest.mark.parametrize("year", [1999, YEARS.start - 1, YEARS.stop, 2090])
def test_another_year_is_worked_out(year: int) -> None:
    assert holidays_of(year)[date(year, 7, 4)] == "Independence Day"


def test_a_holiday_on_a_saturday_is_observed_the_day_before() -> None:
    assert holidays_of(2026)[date(2026, 7, 3)] == "Independence Day (observed)"


def test_the_library_is_not_imported_for_a_kept_year() -> None:
    code = (
        "import sys; from datetime import date; from zoneinfo import ZoneInfo;"
        "from workflow.procedure.calendar import Calendar;"
        "calendar = Calendar(ZoneInfo('America/Los_Angeles'));"
        "print(calendar.why_closed(date(2026, 11, 27)), 'holidays' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "Native American Heritage Day False\n"
