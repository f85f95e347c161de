"""Due times: what the grammar accepts and refuses, and the instants it gives."""

from datetime import UTC, date, datetime, time
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
