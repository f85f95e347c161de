"""The district's calendar: business days, and wall-clock times across both changes of the clocks."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.procedure.calendar import Calendar

LA = ZoneInfo("America/Los_Angeles")
SPRING_BREAK = (date(2026, 4, 6), date(2026, 4, 10))  # Monday to Friday
WINTER_BREAK = (date(2026, 12, 21), date(2027, 1, 1))
PLAIN = Calendar(LA)
DISTRICT = Calendar(
    LA,
    breaks=[SPRING_BREAK, WINTER_BREAK],
    closed=[date(2026, 10, 9)],  # a Friday
    working=[date(2026, 11, 27), date(2026, 7, 3)],
)

DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
COUNTS = st.integers(-700, 700)
TIMES = st.times()
steady = settings(derandomize=True, deadline=None, max_examples=150)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


# Business days


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),  # New Year's Day
        date(2026, 1, 19),  # Martin Luther King Jr. Day
        date(2026, 2, 16),  # Presidents' Day
        date(2026, 5, 25),  # Memorial Day
        date(2026, 6, 19),  # Juneteenth
        date(2027, 6, 18),  # Juneteenth, a Saturday, observed on Friday
        date(2026, 7, 3),  # Independence Day, a Saturday, observed on Friday
        date(2027, 7, 5),  # Independence Day, a Sunday, observed on Monday
        date(2026, 9, 7),  # Labor Day
        date(2026, 11, 11),  # Veterans Day
        date(2026, 11, 26),  # Thanksgiving
        date(2026, 11, 27),  # Native American Heritage Day
        date(2026, 12, 25),  # Christmas
        date(2027, 12, 31),  # New Year's Day of the next year, a Saturday, observed on Friday
        date(2026, 8, 1),  # a Saturday
        date(2026, 8, 2),  # a Sunday
    ],
)
def test_not_a_business_day(day):
    assert not PLAIN.is_business_day(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 10, 12),  # Columbus Day is not a holiday of Washington State
        date(2026, 11, 10),
        date(2026, 11, 12),
        date(2026, 11, 25),
        date(2026, 12, 24),
        date(2026, 7, 6),
        date(2024, 2, 29),
        date(2026, 12, 31),
    ],
)
def test_a_business_day(day):
    assert PLAIN.is_business_day(day)


def test_a_break_includes_its_first_and_last_day():
    week = [SPRING_BREAK[0] + timedelta(days=n) for n in range(-3, 8)]  # Friday before to Monday after
    assert [day for day in week if DISTRICT.is_business_day(day)] == [date(2026, 4, 3), date(2026, 4, 13)]


def test_a_break_may_span_the_new_year():
    assert DISTRICT.add_business_days(date(2026, 12, 18), 1) == date(2027, 1, 4)
    assert DISTRICT.add_business_days(date(2027, 1, 4), -1) == date(2026, 12, 18)


def test_a_closed_day_is_not_a_business_day():
    assert PLAIN.is_business_day(date(2026, 10, 9))
    assert not DISTRICT.is_business_day(date(2026, 10, 9))


@pytest.mark.parametrize("day", [date(2026, 11, 27), date(2026, 7, 3)])
def test_a_working_holiday_is_a_business_day(day):
    assert not PLAIN.is_business_day(day)
    assert DISTRICT.is_business_day(day)


# Counting and rolling


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2026, 11, 10), 0, date(2026, 11, 10)),
        (date(2026, 11, 11), 0, date(2026, 11, 11)),  # 0 gives the day itself, even a holiday
        (date(2026, 11, 10), 1, date(2026, 11, 12)),  # over Veterans Day
        (date(2026, 11, 12), -1, date(2026, 11, 10)),
        (date(2026, 11, 11), 1, date(2026, 11, 12)),  # from a holiday
        (date(2026, 11, 11), -1, date(2026, 11, 10)),
        (date(2026, 11, 25), 1, date(2026, 11, 30)),  # over Thanksgiving and the weekend
        (date(2026, 7, 2), 1, date(2026, 7, 6)),  # over the observed Independence Day
        (date(2026, 12, 31), 1, date(2027, 1, 4)),  # over the new year
        (date(2027, 1, 4), -1, date(2026, 12, 31)),
        (date(2024, 2, 28), 1, date(2024, 2, 29)),
        (date(2025, 2, 28), 1, date(2025, 3, 3)),
        (date(2026, 3, 6), 5, date(2026, 3, 13)),
        (date(2026, 3, 6), 10, date(2026, 3, 20)),
    ],
)
def test_add_business_days(day, n, expected):
    assert PLAIN.add_business_days(day, n) == expected


@steady
@given(DAYS, COUNTS)
def test_counting_forward_and_back_comes_home(day, n):
    start = DISTRICT.roll(day, "after")
    assert DISTRICT.add_business_days(DISTRICT.add_business_days(start, n), -n) == start


@steady
@given(DAYS, COUNTS, st.integers(0, 40))
def test_counting_is_monotonic(day, n, later):
    shifted = DISTRICT.add_business_days(day, n)
    assert shifted <= DISTRICT.add_business_days(day + timedelta(days=later), n) or n == 0
    assert shifted < DISTRICT.add_business_days(day, n + 1) or not DISTRICT.is_business_day(day)


@steady
@given(DAYS, st.integers(-300, 300).filter(bool))
def test_counting_agrees_with_walking_day_by_day(day, n):
    step, left, walked = timedelta(days=1 if n > 0 else -1), abs(n), day
    while left:
        walked += step
        left -= DISTRICT.is_business_day(walked)
    assert DISTRICT.add_business_days(day, n) == walked


@pytest.mark.parametrize("n", [1, -1])
def test_counting_past_the_end_of_dates_is_refused(n):
    day = date.max if n > 0 else date.min
    with pytest.raises(ValueError, match="years 1 to 9999"):
        PLAIN.add_business_days(day, n)


@pytest.mark.parametrize(
    ("day", "how", "expected"),
    [
        (date(2026, 10, 31), "before", date(2026, 10, 30)),
        (date(2026, 10, 31), "after", date(2026, 11, 2)),
        (date(2026, 10, 31), "stay", date(2026, 10, 31)),
        (date(2026, 11, 26), "before", date(2026, 11, 25)),
        (date(2026, 11, 26), "after", date(2026, 11, 30)),
        *((date(2026, 11, 10), how, date(2026, 11, 10)) for how in ("before", "after", "stay")),
    ],
)
def test_roll(day, how, expected):
    assert PLAIN.roll(day, how) == expected


@steady
@given(DAYS)
def test_roll_gives_the_nearest_business_day_on_its_side(day):
    before, after = DISTRICT.roll(day, "before"), DISTRICT.roll(day, "after")
    assert before <= day <= after
    assert DISTRICT.is_business_day(before)
    assert DISTRICT.is_business_day(after)
    assert (before == after) == DISTRICT.is_business_day(day)


def test_an_unknown_roll_is_refused():
    with pytest.raises(ValueError, match="'sideways': expected 'before', 'after' or 'stay'"):
        PLAIN.roll(date(2026, 11, 10), "sideways")


# Instants


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        (date(2026, 1, 15), time(17), utc(2026, 1, 16, 1)),
        (date(2026, 7, 15), time(17), utc(2026, 7, 16, 0)),
        # 8 March 2026: clocks go from 02:00 PST to 03:00 PDT, at 10:00 UTC.
        (date(2026, 3, 7), time(17), utc(2026, 3, 8, 1)),
        (date(2026, 3, 8), time(0), utc(2026, 3, 8, 8)),
        (date(2026, 3, 8), time(1, 59, 59, 999999), utc(2026, 3, 8, 9, 59, 59, 999999)),
        (date(2026, 3, 8), time(2), utc(2026, 3, 8, 10)),
        (date(2026, 3, 8), time(2, 30), utc(2026, 3, 8, 10)),
        (date(2026, 3, 8), time(2, 59, 59, 999999), utc(2026, 3, 8, 10)),
        (date(2026, 3, 8), time(3), utc(2026, 3, 8, 10)),
        (date(2026, 3, 8), time(3, 30), utc(2026, 3, 8, 10, 30)),
        (date(2026, 3, 8), time(17), utc(2026, 3, 9, 0)),
        # 1 November 2026: clocks go from 02:00 PDT back to 01:00 PST, at 09:00 UTC.
        (date(2026, 10, 31), time(17), utc(2026, 11, 1, 0)),
        (date(2026, 11, 1), time(0, 59), utc(2026, 11, 1, 7, 59)),
        (date(2026, 11, 1), time(1), utc(2026, 11, 1, 8)),
        (date(2026, 11, 1), time(1, 30), utc(2026, 11, 1, 8, 30)),
        (date(2026, 11, 1), time(1, 30, fold=1), utc(2026, 11, 1, 8, 30)),  # always the first one
        (date(2026, 11, 1), time(2), utc(2026, 11, 1, 10)),
        (date(2026, 11, 1), time(17), utc(2026, 11, 2, 1)),
    ],
)
def test_instant(day, at, expected):
    instant = PLAIN.instant(day, at)
    assert instant == expected
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), utc(2026, 10, 3, 15, 30)),  # half an hour
        ("Pacific/Apia", date(2011, 12, 30), time(12), utc(2011, 12, 30, 10)),  # a whole day was skipped
        ("America/Sao_Paulo", date(2018, 11, 4), time(0), utc(2018, 11, 4, 3)),  # the gap was at midnight
    ],
)
def test_odd_gaps_end_where_the_zone_says(zone, day, at, expected):
    assert Calendar(ZoneInfo(zone)).instant(day, at) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 6, 30), utc(2026, 7, 1, 7)),
        (date(2026, 12, 31), utc(2027, 1, 1, 8)),
        (date(2024, 2, 28), utc(2024, 2, 29, 8)),
        (date(2026, 3, 7), utc(2026, 3, 8, 8)),
        (date(2026, 3, 8), utc(2026, 3, 9, 7)),  # a day of 23 hours
        (date(2026, 10, 31), utc(2026, 11, 1, 7)),
        (date(2026, 11, 1), utc(2026, 11, 2, 8)),  # a day of 25 hours
    ],
)
def test_end_of(day, expected):
    assert PLAIN.end_of(day) == expected


def test_the_last_day_of_all_has_no_end():
    with pytest.raises(ValueError, match="9999-12-31 has no end"):
        PLAIN.end_of(date.max)


def test_local_shows_the_clocks_of_the_district():
    local = PLAIN.local(utc(2026, 3, 8, 10))
    assert (local.isoformat(), local.tzinfo) == ("2026-03-08T03:00:00-07:00", LA)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (utc(2026, 7, 1, 6, 59, 59), date(2026, 6, 30)),
        (utc(2026, 7, 1, 7), date(2026, 7, 1)),
        (utc(2026, 1, 1, 7, 59, 59), date(2025, 12, 31)),
        (utc(2026, 1, 1, 8), date(2026, 1, 1)),
    ],
)
def test_day_of_an_instant(instant, expected):
    assert PLAIN.day(instant) == expected


@steady
@given(DAYS, TIMES)
def test_instants_show_the_time_asked_for_or_the_end_of_the_gap(day, at):
    local = PLAIN.local(PLAIN.instant(day, at))
    assert local.fold == 0
    assert local.date() == day
    assert local.time() == at or (at.hour == 2 and local.time() == time(3))


@steady
@given(DAYS, TIMES)
def test_every_instant_of_a_day_is_between_its_midnights(day, at):
    instant = PLAIN.instant(day, at)
    assert PLAIN.end_of(day - timedelta(days=1)) <= instant < PLAIN.end_of(day)
    assert PLAIN.day(instant) == day


# Refusals


@pytest.mark.parametrize("method", ["local", "day"])
def test_naive_datetimes_are_refused(method):
    with pytest.raises(ValueError, match="2026-01-01 12:00:00 has no time zone: give an aware datetime"):
        getattr(PLAIN, method)(datetime(2026, 1, 1, 12))


def test_a_time_with_a_zone_is_refused():
    with pytest.raises(ValueError, match="plain wall-clock time of America/Los_Angeles"):
        PLAIN.instant(date(2026, 1, 1), time(17, tzinfo=UTC))


@pytest.mark.parametrize(
    "call",
    [
        lambda day: PLAIN.is_business_day(day),
        lambda day: PLAIN.add_business_days(day, 0),
        lambda day: PLAIN.roll(day, "after"),
        lambda day: PLAIN.instant(day, time(17)),
        lambda day: Calendar(LA, closed=[day]),
    ],
)
def test_a_datetime_is_not_a_day(call):
    with pytest.raises(TypeError, match="expected a day, found the datetime 2026-01-02"):
        call(utc(2026, 1, 2, 12))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"breaks": [(date(2026, 4, 10), date(2026, 4, 6))]}, "ends before it starts"),
        ({"breaks": [(date(2026, 12, 21), date(2072, 1, 1))]}, "longer than a year"),
        ({"working": [date(2026, 7, 4)]}, "2026-07-04 cannot be a working day: it is a Saturday"),
        ({"working": [date(2026, 11, 11)], "closed": [date(2026, 11, 11)]}, "also closed or in a break"),
        ({"working": [date(2026, 12, 25)], "breaks": [WINTER_BREAK]}, "also closed or in a break"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Calendar(LA, **settings)


# A value


def test_equal_settings_are_equal_calendars():
    one = Calendar(LA, [SPRING_BREAK], closed=iter([date(2026, 10, 9), date(2026, 10, 8)]))
    two = Calendar(LA, (SPRING_BREAK,), closed=[date(2026, 10, 8), date(2026, 10, 9)])
    one.is_business_day(date(2026, 1, 1))  # what it has worked out already makes no difference
    assert one == two
    assert hash(one) == hash(two)
    assert one != PLAIN


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError):
        PLAIN.zone = ZoneInfo("UTC")
    days = [date(2026, 10, 9)]
    calendar = Calendar(LA, closed=days)
    days.clear()
    assert not calendar.is_business_day(date(2026, 10, 9))


def test_importing_it_does_not_load_the_holidays():
    code = "import sys, workflow.procedure.calendar; sys.exit('holidays' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
