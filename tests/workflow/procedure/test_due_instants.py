"""Due instants of partnerships whose days fall on changes of clocks, holidays, breaks and odd hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.district import LA, Begin, Life


def instants(life: Life, name: str) -> list[str]:
    """The open rungs of a deadline in UTC."""
    rows = [row for row in life.deadlines(name) if row["status"] == "open"]
    return [f"{row['due_at']:%Y-%m-%dT%H:%MZ}" for row in rows]


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        # 30 days later is Sunday 2 November 2025, on which the clocks go back; the Monday counts.
        ("2025-10-03 09:00", ["2025-10-28T00:00Z", "2025-11-04T01:00Z", "2025-11-05T01:00Z",
                              "2025-11-11T01:00Z"]),
        # 30 days later is Sunday 8 March 2026, on which they go forward.
        ("2026-02-06 09:00", ["2026-03-03T01:00Z", "2026-03-10T00:00Z", "2026-03-11T00:00Z",
                              "2026-03-17T00:00Z"]),
    ],
)  # fmt: skip
def test_no_rung_moves_by_an_hour_when_the_clocks_change(
    begin: Begin, entered: str, expected: list[str]
) -> None:
    life = begin().at(entered)
    life.do("identify-needs")
    assert instants(life, "needs-agreed") == expected
    assert all(rung.endswith(" 17:00") for rung in life.ladder("needs-agreed"))


@pytest.mark.parametrize(
    ("last_day", "ends"),
    [
        ("2025-11-01", "2025-11-02T07:00Z"),
        ("2025-11-02", "2025-11-03T08:00Z"),
        ("2026-03-07", "2026-03-08T08:00Z"),
        ("2026-03-08", "2026-03-09T07:00Z"),
    ],
)
def test_an_agreement_ends_at_midnight_also_beside_a_change_of_clocks(
    begin: Begin, last_day: str, ends: str
) -> None:
    life = begin("active")
    life.do("amend-agreement", ends_on=last_day)
    assert instants(life, "agreement-ends")[-1] == ends
    end = datetime.fromisoformat(ends)
    life.now = end - timedelta(minutes=1)
    life.tick()
    assert life.state != "terminated", "the last day is a day of the agreement to its end"
    life.now = end
    life.tick()
    assert life.state == "terminated"
    assert life.facts.ended.effective_on == date.fromisoformat(last_day)


def test_the_protest_window_closes_at_its_hour_on_the_other_side_of_a_change(begin: Begin) -> None:
    life = begin("scored").at("2025-10-28 10:00")
    life.do("choose-partner")
    assert instants(life, "protest-window") == ["2025-11-05T00:00Z"]
    assert life.due("protest-window") == "2025-11-04 16:00"


def test_what_is_due_in_the_hour_that_the_clocks_skip_is_due_right_after_it(begin: Begin) -> None:
    late = '[deadline.needs-agreed]\nat = "02:30"\nroll = "stay"\nremind = ["1 day"]\n'
    life = begin(None, late).at("2026-02-06")
    life.do("identify-needs")
    assert life.ladder("needs-agreed")[:2] == ["remind 2026-03-07 03:00", "due 2026-03-08 03:00"]


def test_the_day_of_entering_is_the_day_in_the_district(begin: Begin) -> None:
    life = begin()
    life.now = datetime(2025, 7, 8, 6, 30, tzinfo=UTC)  # half past eleven in the evening of the 7th
    life.do("identify-needs")
    assert life.due("needs-agreed") == "2025-08-06 17:00"


def test_the_second_one_o_clock_of_an_autumn_night_is_still_that_day(begin: Begin) -> None:
    life = begin()
    life.now = datetime(2025, 11, 2, 1, 30, fold=1, tzinfo=LA)
    life.do("identify-needs")
    assert life.due("needs-agreed") == "2025-12-02 17:00"


def test_the_districts_own_break_is_no_time_to_score_in(begin: Begin) -> None:
    closed = "[calendar]\nbreaks = [{ first = 2025-08-18, last = 2025-08-22 }]\nclosed = [2025-08-25]\n"
    life = begin("applied", closed)
    life.at("2025-08-15 17:00").do("close-applications", "clock")
    assert life.due("scores-due") == "2025-09-09 17:00"


def test_a_due_day_in_a_break_rolls_as_its_row_says(begin: Begin) -> None:
    closed = "[calendar]\nbreaks = [{ first = 2025-08-04, last = 2025-08-08 }]\n"
    after = begin(None, closed).at("2025-07-07")
    after.do("identify-needs")
    assert after.due("needs-agreed") == "2025-08-11 17:00"
    before = begin(None, closed + '[deadline.needs-agreed]\nroll = "before"\n').at("2025-07-07")
    before.do("identify-needs")
    assert before.due("needs-agreed") == "2025-08-01 17:00"
    stay = begin(None, closed + '[deadline.needs-agreed]\nroll = "stay"\n').at("2025-07-07")
    stay.do("identify-needs")
    assert stay.due("needs-agreed") == "2025-08-06 17:00"


def test_the_agenda_of_a_meeting_after_a_holiday_closes_on_the_business_day_before(begin: Begin) -> None:
    life = begin("referred").at("2025-10-01")
    life.do("schedule-item", meeting_on="2025-11-19")
    assert life.due("agenda-packet") == "2025-11-07 17:00", "9 November is a Sunday"
    assert life.ladder("agenda-packet")[0] == "remind 2025-10-31 17:00"
    assert life.due("decision-recorded") == "2025-11-21 12:00"


def test_a_first_day_on_29_february_has_its_anniversary_on_the_28th(begin: Begin) -> None:
    life = begin("agreed").at("2027-12-01")
    life.do("draft-agreement", starts_on="2028-02-29", ends_on="2029-02-28")
    for role in ("staff", "lead-partner"):
        life.do("sign-agreement", role, signed_on="2027-12-01")
    life.do("activate")
    assert life.due("annual-review-opens") == "2028-12-29 17:00", "60 days before is a Saturday"
