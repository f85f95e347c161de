"""Due times: what the grammar accepts and refuses, and the instants it gives."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.procedure.calendar import Calendar
from workflow.procedure.due import Due, parse_due
from workflow.procedure.offsets import Offset, parse_offset

LA = ZoneInfo("America/Los_Angeles")
CALENDAR = Calendar(LA, breaks=[(date(2026, 4, 6), date(2026, 4, 10))])
FIVE = time(17)

DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
DONE = st.lists(st.dates(date(2020, 1, 1), date(2040, 12, 31)), max_size=8)
steady = settings(derandomize=True, deadline=None, max_examples=150)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def resolve(text, moments=None, *, at=FIVE, roll="stay", since=None, done=()):
    return parse_due(text).resolve(moments or {}, at=at, roll=roll, calendar=CALENDAR, since=since, done=done)


def local_day(*args, **kwargs):
    """The day on which it is due, having seen that it is due at five."""
    due = resolve(*args, **kwargs)
    if due is None:
        return None
    assert due.tzinfo is UTC
    assert CALENDAR.local(due).time() == FIVE
    return CALENDAR.day(due)


# Reading


@pytest.mark.parametrize(
    ("text", "anchors", "recurring"),
    [
        ("30 days after entering", ("entering",), False),
        ("1 day after entering", ("entering",), False),
        ("10 business days after selection.closes_at", ("selection.closes_at",), False),
        ("1 business day before board.meeting", ("board.meeting",), False),
        ("10 days before board.meeting", ("board.meeting",), False),
        ("2 weeks before board.meeting", ("board.meeting",), False),
        ("2 months after duties.meeting", ("duties.meeting",), False),
        ("1 year after agreement.starts_on", ("agreement.starts_on",), False),
        ("the day after board.meeting", ("board.meeting",), False),
        ("the day before board.meeting", ("board.meeting",), False),
        ("at selection.closes_at", ("selection.closes_at",), False),
        ("on agreement.starts_on", ("agreement.starts_on",), False),
        ("end of agreement.ends_on", ("agreement.ends_on",), False),
        ("31 October every year", (), True),
        ("29 February every year", (), True),
        ("every 2 months", (), True),
        ("every 1 day", (), True),
        ("every 3 weeks", (), True),
        ("every 2 years", (), True),
        ("every 10 business days", (), True),
        ("60 days before every anniversary of agreement.starts_on", ("agreement.starts_on",), True),
        ("the day after every anniversary of agreement.starts_on", ("agreement.starts_on",), True),
        (
            "30 business days after review.reported, or 60 days after entering",
            ("review.reported", "entering"),
            False,
        ),
        ("on a.b, or at c, or 1 day after a.b", ("a.b", "c"), False),
    ],
)
def test_accepted(text, anchors, recurring):
    due = parse_due(text)
    assert (due.text, due.anchors, due.recurring) == (text, anchors, recurring)


def test_white_space_does_not_matter():
    assert parse_due("  30 days\n after  entering ") == parse_due("30 days after entering")


def test_it_is_a_value():
    due = parse_due("30 days after entering")
    assert hash(due) == hash(parse_due("30 days after entering"))
    assert due != parse_due("31 days after entering")
    with pytest.raises(AttributeError):
        due.text = "never"


SPAN = "is not a span of time; write a whole number of days"
FACT = "is not a fact to count from; write lower-case words"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a due time; write one like"),
        ("soon", "'soon' is not a due time; write one like .*'30 days after entering'"),
        ("30 days", "'30 days' is not a due time"),
        ("30 days after", "'30 days after' is not a due time"),
        ("after entering", "'after entering' is not a due time"),
        ("On entering", "'On entering' is not a due time"),
        ("30 dayz after entering", f"'30 dayz' {SPAN}"),
        ("30 Days after entering", f"'30 Days' {SPAN}"),
        ("30 working days after entering", f"'30 working days' {SPAN}"),
        ("30 hours before entering", f"'30 hours' {SPAN}"),
        ("thirty days after entering", f"'thirty days' {SPAN}"),
        ("-3 days after entering", f"'-3 days' {SPAN}"),
        ("1.5 days after entering", f"'1.5 days' {SPAN}"),
        ("٣ days after entering", f"'٣ days' {SPAN}"),
        ("days after entering", f"'days' {SPAN}"),
        ("the week after entering", f"'the week' {SPAN}"),
        ("0 days after entering", "'0 days' is out of range; write 1 to 36500 days"),
        ("36501 days after entering", "write 1 to 36500 days"),
        ("25001 business days after entering", "write 1 to 25000 business days"),
        ("5201 weeks after entering", "write 1 to 5200 weeks"),
        ("1201 months after entering", "write 1 to 1200 months"),
        ("101 years after entering", "write 1 to 100 years"),
        (f"{'9' * 5000} days after entering", "is out of range"),
        ("30 days after Entering", f"'Entering' {FACT}"),
        ("30 days after selection.", f"'selection.' {FACT}"),
        ("30 days after .closes_at", f"'.closes_at' {FACT}"),
        ("30 days after selection..closes_at", FACT),
        ("30 days after selection-closes", FACT),
        ("30 days after 2nd", FACT),
        ("30 days after the day before board.meeting", FACT),
        ("at 17:00", f"'17:00' {FACT}"),
        ("on 3 May", f"'3 May' {FACT}"),
        ("end of the year", f"'the year' {FACT}"),
        ("on a or on b", "put ', or ' between alternatives"),
        ("31 February every year", "there is no 31 February; write 1 February to 29 February"),
        ("30 February every year", "there is no 30 February; write 1 February to 29 February"),
        ("31 June every year", "there is no 31 June; write 1 June to 30 June"),
        ("32 October every year", "there is no 32 October; write 1 October to 31 October"),
        ("0 October every year", "there is no 0 October"),
        ("x October every year", "there is no x October"),
        ("31 Oct every year", "'Oct' is not a month; write one in full, such as '31 October every year'"),
        ("31 october every year", "'october' is not a month"),
        ("October 31 every year", "'31' is not a month"),
        ("every month", f"'month' {SPAN}"),
        ("every 31 October", f"'31 October' {SPAN}"),
        ("every 0 months", "write 1 to 1200 months"),
        ("on every anniversary of agreement.starts_on", FACT),
        ("60 dais before every anniversary of agreement.starts_on", f"'60 dais' {SPAN}"),
        ("60 days before every anniversary of Agreement", f"'Agreement' {FACT}"),
        ("on a, or ", "is not a due time|is not a fact"),
        ("on a, or soon", "'soon' is not a due time"),
        ("every 2 months, or 30 days after entering", "recurs stands alone"),
        ("30 days after entering, or 31 October every year", "recurs stands alone"),
    ],
)
def test_refused(text, message):
    with pytest.raises(ValueError, match=message) as refusal:
        parse_due(text)
    assert str(refusal.value).startswith("due time '")
    assert refusal.value.__cause__ is None


WORD = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
ANCHOR = st.lists(WORD, min_size=1, max_size=3).map(".".join)
UNIT = st.sampled_from(["day", "business day", "week", "month", "year"])
SPANS = st.builds("{} {}{}".format, st.integers(1, 40), UNIT, st.sampled_from(["", "s"]))
AMOUNT = st.one_of(SPANS, st.just("the day"))
SIDE = st.sampled_from(["before", "after"])
ONCE = st.one_of(
    st.builds("{} {} {}".format, AMOUNT, SIDE, ANCHOR),
    st.builds("{} {}".format, st.sampled_from(["at", "on", "end of"]), ANCHOR),
)
RECURRING = st.one_of(
    st.builds("{:%-d %B} every year".format, st.dates(date(2000, 1, 1), date(2000, 12, 31))),
    st.builds("every {}".format, SPANS),
    st.builds("{} {} every anniversary of {}".format, AMOUNT, SIDE, ANCHOR),
)


@steady
@given(RECURRING)
def test_every_recurring_form_is_read_and_resolves(text):
    due = parse_due(text)
    assert due.recurring
    assert due.text == text
    moments = dict.fromkeys(due.anchors, date(2024, 2, 29))
    assert local_day(text, moments, since=date(2024, 2, 29)) is not None


@steady
@given(st.lists(ONCE, min_size=1, max_size=3))
def test_every_single_form_is_read_and_the_first_known_anchor_decides(parts):
    due = parse_due(", or ".join(parts))
    assert not due.recurring
    assert set(due.anchors) == {anchor for part in parts for anchor in parse_due(part).anchors}
    moment = utc(2026, 3, 1, 20)
    everything = dict.fromkeys(due.anchors, moment)
    assert resolve(due.text, everything) == resolve(parts[0], everything)
    last = parse_due(parts[-1]).anchors[0]
    decides = next(part for part in parts if parse_due(part).anchors[0] == last)
    assert resolve(due.text, {last: moment}) == resolve(decides, {last: moment})
    assert resolve(due.text) is None


# Once


@pytest.mark.parametrize(
    ("text", "anchor", "expected"),
    [
        ("30 days after x", date(2026, 3, 1), date(2026, 3, 31)),
        ("the day after x", date(2026, 2, 28), date(2026, 3, 1)),
        ("the day after x", date(2024, 2, 28), date(2024, 2, 29)),
        ("the day before x", date(2024, 3, 1), date(2024, 2, 29)),
        ("10 days before x", date(2026, 1, 5), date(2025, 12, 26)),
        ("2 weeks after x", date(2026, 12, 25), date(2027, 1, 8)),
        ("1 month after x", date(2026, 1, 31), date(2026, 2, 28)),
        ("1 month after x", date(2024, 1, 31), date(2024, 2, 29)),
        ("2 months after x", date(2026, 12, 31), date(2027, 2, 28)),
        ("1 month before x", date(2026, 3, 31), date(2026, 2, 28)),
        ("1 year after x", date(2024, 2, 29), date(2025, 2, 28)),
        ("4 years after x", date(2024, 2, 29), date(2028, 2, 29)),
        ("1 business day after x", date(2026, 11, 10), date(2026, 11, 12)),  # over Veterans Day
        ("1 business day before x", date(2026, 11, 30), date(2026, 11, 25)),  # over Thanksgiving
        ("5 business days after x", date(2026, 4, 3), date(2026, 4, 17)),  # over the spring break
        ("on x", date(2026, 11, 11), date(2026, 11, 11)),
        # An instant counts from its local day.
        ("on x", utc(2026, 7, 2, 6, 59), date(2026, 7, 1)),
        ("on x", utc(2026, 7, 2, 7), date(2026, 7, 2)),
        ("30 days after x", utc(2026, 1, 1, 7, 59), date(2026, 1, 30)),
    ],
)
def test_counted_from_a_day(text, anchor, expected):
    assert local_day(text, {"x": anchor}) == expected


@pytest.mark.parametrize(
    ("roll", "expected"),
    [("before", date(2026, 10, 30)), ("after", date(2026, 11, 2)), ("stay", date(2026, 10, 31))],
)
@pytest.mark.parametrize("text", ["on x", "31 October every year"])
def test_a_day_off_moves_as_the_row_says(text, roll, expected):
    day = local_day(text, {"x": date(2026, 10, 31)}, roll=roll, since=date(2026, 9, 1))
    assert day == expected


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        (date(2026, 2, 6), utc(2026, 3, 9, 0)),  # 8 March, the day clocks go forward
        (date(2026, 2, 5), utc(2026, 3, 8, 1)),
        (date(2026, 10, 2), utc(2026, 11, 2, 1)),  # 1 November, the day clocks go back
        (date(2026, 10, 1), utc(2026, 11, 1, 0)),
    ],
)
def test_clock_changes_do_not_move_the_hour(anchor, expected):
    assert resolve("30 days after x", {"x": anchor}) == expected


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        (date(2026, 3, 8), time(2, 30), utc(2026, 3, 8, 10)),
        (date(2026, 11, 1), time(1, 30), utc(2026, 11, 1, 8, 30)),
    ],
)
def test_a_time_that_the_clocks_skip_or_repeat(day, at, expected):
    assert resolve("on x", {"x": day}, at=at) == expected


def test_at_is_the_recorded_instant_itself():
    saturday = datetime(2026, 8, 1, 12, 34, 56, tzinfo=LA)
    due = resolve("at x", {"x": saturday}, roll="after")
    assert due == saturday
    assert due.tzinfo is UTC


def test_at_a_day_is_refused():
    with pytest.raises(ValueError, match=r"x is a day \(2026-08-01\), not an instant: write 'on x'"):
        resolve("at x", {"x": date(2026, 8, 1)})


@pytest.mark.parametrize("form", ["on x", "at x", "end of x", "30 days after x"])
def test_a_naive_fact_is_refused(form):
    with pytest.raises(ValueError, match=r"x \(2026-08-01 12:00:00\) has no time zone"):
        resolve(form, {"x": datetime(2026, 8, 1, 12)})


@pytest.mark.parametrize("roll", ["before", "after", "stay"])
@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        (date(2026, 6, 30), utc(2026, 7, 1, 7)),
        (date(2026, 8, 1), utc(2026, 8, 2, 7)),  # a Saturday stays the last day
        (date(2026, 3, 8), utc(2026, 3, 9, 7)),
        (date(2026, 11, 1), utc(2026, 11, 2, 8)),
        (utc(2026, 7, 1, 6), utc(2026, 7, 1, 7)),
    ],
)
def test_end_of_is_the_midnight_that_ends_the_very_day(anchor, expected, roll):
    assert resolve("end of x", {"x": anchor}, roll=roll) == expected


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ({"review.reported": date(2026, 3, 2), "entering": date(2026, 1, 5)}, date(2026, 4, 20)),
        ({"review.reported": None, "entering": date(2026, 1, 5)}, date(2026, 3, 6)),
        ({"entering": date(2026, 1, 5)}, date(2026, 3, 6)),
        ({"review.reported": None}, None),
        ({}, None),
    ],
)
def test_the_first_known_alternative_decides(moments, expected):
    text = "30 business days after review.reported, or 60 days after entering"
    assert local_day(text, moments) == expected


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


# Rungs of a ladder


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("7 days", Offset(7, "day")),
        ("1 day", Offset(1, "day")),
        ("5 business days", Offset(5, "business day")),
        ("1 business day", Offset(1, "business day")),
        ("1 week", Offset(1, "week")),
        ("2 months", Offset(2, "month")),
        ("1 year", Offset(1, "year")),
    ],
)
def test_offsets_are_read(text, offset):
    assert parse_offset(text) == offset
    assert str(offset) == text


@pytest.mark.parametrize("text", ["", "7", "days", "the day", "7 hours", "-7 days", "7 days before", "7  s"])
def test_offsets_are_refused(text):
    with pytest.raises(ValueError, match=SPAN):
        parse_offset(text)


def test_offsets_out_of_range_are_refused():
    with pytest.raises(ValueError, match="'0 weeks' is out of range; write 1 to 5200 weeks"):
        parse_offset("0 weeks")


@pytest.mark.parametrize(
    ("text", "due", "before", "after"),
    [
        # Five o'clock stays five o'clock across both changes of the clocks.
        ("7 days", utc(2026, 3, 11, 0), utc(2026, 3, 4, 1), utc(2026, 3, 18, 0)),
        ("7 days", utc(2026, 10, 31, 0), utc(2026, 10, 24, 0), utc(2026, 11, 7, 1)),
        ("1 business day", utc(2026, 11, 13, 1), utc(2026, 11, 11, 1), utc(2026, 11, 14, 1)),
        ("1 month", utc(2026, 3, 31, 19), utc(2026, 2, 28, 20), utc(2026, 4, 30, 19)),
        # 02:30 on the night that has none; 01:30 on the night that has two.
        ("1 day", utc(2026, 3, 7, 10, 30), utc(2026, 3, 6, 10, 30), utc(2026, 3, 8, 10)),
        ("1 day", utc(2026, 3, 9, 9, 30), utc(2026, 3, 8, 10), utc(2026, 3, 10, 9, 30)),
        ("1 day", utc(2026, 10, 31, 8, 30), utc(2026, 10, 30, 8, 30), utc(2026, 11, 1, 8, 30)),
        ("1 day", utc(2026, 11, 1, 9, 30), utc(2026, 10, 31, 8, 30), utc(2026, 11, 2, 9, 30)),
    ],
)
def test_offsets_keep_the_wall_clock(text, due, before, after):
    offset = parse_offset(text)
    assert offset.before(due, CALENDAR) == before
    assert offset.after(due, CALENDAR) == after
    assert offset.after(due, CALENDAR).tzinfo is UTC


@steady
@given(SPANS, DAYS)
def test_offsets_lie_on_their_side(text, day):
    due = CALENDAR.instant(day, FIVE)
    offset = parse_offset(text)
    assert offset.before(due, CALENDAR) < due < offset.after(due, CALENDAR)


@pytest.mark.parametrize("side", ["before", "after"])
def test_offsets_refuse_naive_datetimes(side):
    with pytest.raises(ValueError, match="has no time zone"):
        getattr(Offset(1, "day"), side)(datetime(2026, 1, 1), CALENDAR)


def test_due_is_what_parse_due_gives():
    assert isinstance(parse_due("on x"), Due)


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
