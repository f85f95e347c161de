"""The last day on which a step still serves a wanted first day: held against the rules, counted forwards."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from states.case import Meaning, Meeting
from workflow.procedure import call_days
from workflow.procedure.calendar import Calendar
from workflow.procedure.config import Config, load
from workflow.procedure.due import parse_due
from workflow.procedure.last_days import LastDays, find_last_days
from workflow.procedure.meetings import make_meeting

DAY = timedelta(days=1)
SEATTLE = Path(__file__).parents[3] / "examples" / "seattle"


# The example district, by hand


@pytest.fixture(scope="module")
def seattle() -> tuple[Config, tuple[Meeting, ...]]:
    """The example district, with the meetings that its file lists."""
    config = load(SEATTLE / "config.toml")
    listed = tomllib.loads((SEATTLE / "district.toml").read_text(encoding="utf-8"))["meeting"]
    days = sorted(each["on"] for each in listed if each.get("kind", "regular") == "regular")
    at = config.procedure.board.meeting_at
    return config, tuple(make_meeting(config, day, at) for day in days)


def days_of(config: Config, last: LastDays) -> dict[str, str]:
    """The last days of a plan, as the district's clocks show them."""
    instants = {"open": last.opened, "close": last.closed, "choose": last.chosen, "refer": last.agreed}
    return {
        name: f"{config.calendar.local(at):%Y-%m-%d %H:%M}" for name, at in instants.items() if at is not None
    }


def test_a_start_in_march_2027_leaves_the_call_open_over_the_day_of_martin_luther_king(seattle):
    config, meetings = seattle
    last = find_last_days(config, meetings, date(2027, 3, 22), board=True)
    assert [meeting.on.isoformat() for meeting in last.meetings if meeting] == ["2027-02-24", "2027-03-17"]
    # The agenda of 24 February closes ten days before, on a Sunday, so on Friday 12 February. Protests of a choice
    # on Friday 5 February end that day at 16:00. From Sunday 24 January the ten business days are 25 to 29 January
    # and 1 to 5 February. Of a call that closes on Monday 25 January, the tenth is 8 February.
    assert days_of(config, last) == {
        "open": "2027-01-10 17:00",
        "close": "2027-01-24 17:00",
        "choose": "2027-02-05 17:00",
        "refer": "2027-02-12 17:00",
    }


def test_a_start_in_march_2026_closes_the_call_before_the_winter_break(seattle):
    config, meetings = seattle
    last = find_last_days(config, meetings, date(2026, 3, 2), board=True)
    assert [meeting.on.isoformat() for meeting in last.meetings if meeting] == ["2026-01-21", "2026-02-25"]
    # The agenda of 21 January closes on Sunday the 11th, so on Friday the 9th, and the choice is on Friday 2
    # January, in the winter break. The scores have to be due before the break: from Sunday 7 December the ten
    # business days are 8 to 12 and 15 to 19 December. Of a call that closes on the 8th, the tenth is 5 January.
    assert days_of(config, last) == {
        "open": "2025-11-23 17:00",
        "close": "2025-12-07 17:00",
        "choose": "2026-01-02 17:00",
        "refer": "2026-01-09 17:00",
    }


def test_where_the_calendar_has_no_meeting_for_a_reading_nothing_serves(seattle):
    config, meetings = seattle
    first = meetings[0].on
    last = find_last_days(config, meetings, first, board=True)
    assert [meeting and meeting.on for meeting in last.meetings] == [None, first]
    assert days_of(config, last) == {}


# Any district


def can_be_agreed(config: Config, meetings: Sequence[Meeting], last: LastDays, at: datetime) -> bool:
    """Whether an agreement that can be referred or signed from this instant on starts on the wanted day."""
    if not last.board:
        return at <= config.instant(last.start, config.procedure.calendar.at)
    in_time = [meeting for meeting in meetings if meeting.on <= last.start]
    firsts = [m for m in in_time if m.agenda_closes_at and at <= m.agenda_closes_at and at < m.at]
    if config.procedure.board.readings == 1:
        return bool(firsts)
    return any(second.can_follow(first) for first in firsts for second in in_time)


def can_be_chosen(config: Config, meetings: Sequence[Meeting], last: LastDays, at: datetime) -> bool:
    until = call_days.protest_until(config, config.calendar.day(at))
    return can_be_agreed(config, meetings, last, max(at, until))


def can_close(config: Config, meetings: Sequence[Meeting], last: LastDays, day: date) -> bool:
    closed = config.instant(day, config.procedure.selection.closes_at)
    _, row = config.meaning(Meaning.SCORES)
    due = row.due.resolve(
        {"selection.closed": closed}, at=config.clock(row), roll=row.roll, calendar=config.calendar,
        since=None, done=(),
    )  # fmt: skip
    assert due is not None
    return can_be_chosen(config, meetings, last, max(closed, due))


def can_open(config: Config, meetings: Sequence[Meeting], last: LastDays, day: date) -> bool:
    return can_close(config, meetings, last, day + config.procedure.selection.minimum_days * DAY)


@st.composite
def breaks(draw: st.DrawFn) -> tuple[tuple[date, date], ...]:
    firsts = draw(st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=6, unique=True))
    return tuple((first, first + draw(st.integers(0, 25)) * DAY) for first in firsts)


@st.composite
def districts(draw: st.DrawFn, usual: Config) -> Config:
    """A district with its own days off, periods, hours, and readings."""
    hours = st.builds(time, st.integers(0, 23), st.sampled_from((0, 30)))
    selection = {
        "minimum_days": draw(st.integers(0, 40)),
        "protest_days": draw(st.integers(0, 20)),
        "protest_time": draw(hours),
        "closes_at": draw(hours),
    }
    scores = {
        "due": parse_due(f"{draw(st.integers(1, 30))} {draw(st.sampled_from(('days', 'business days')))} after"
                         " selection.closed"),
        "at": draw(st.none() | hours),
        "roll": draw(st.sampled_from(("before", "after", "stay"))),
    }  # fmt: skip
    procedure = usual.procedure
    name, row = usual.meaning(Meaning.SCORES)
    procedure = procedure.model_copy(
        update={
            "selection": procedure.selection.model_copy(update=selection),
            "board": procedure.board.model_copy(update={"readings": draw(st.sampled_from((1, 2)))}),
            "calendar": procedure.calendar.model_copy(update={"at": draw(hours)}),
            "deadline": procedure.deadline | {name: row.model_copy(update=scores)},
        }
    )
    calendar = Calendar(usual.calendar.zone, breaks=draw(breaks()))
    return replace(usual, procedure=procedure, calendar=calendar)


@trying(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_each_last_day_serves_and_a_day_later_would_be_too_late(settings: Config, data: st.DataObject):
    config = data.draw(districts(settings))
    # The rules decide, and no rule of these counts from a day before the calendar.
    gaps = data.draw(st.lists(st.integers(5, 35), min_size=40, max_size=40))
    days = [date(2025, 6, 4) + sum(gaps[:n]) * DAY for n in range(len(gaps))]
    meetings = [make_meeting(config, day, config.procedure.board.meeting_at) for day in days]
    start = data.draw(st.dates(date(2026, 6, 1), date(2027, 12, 31)))
    board = data.draw(st.booleans())
    last = find_last_days(config, meetings, start, board=board)
    assume(last.opened is not None)
    assert last.agreed is not None
    assert last.chosen is not None
    assert last.closed is not None
    assert last.opened is not None
    assert last.opened <= last.closed <= last.chosen <= last.agreed
    day = config.calendar.day
    around = (config, meetings, last)
    assert can_open(*around, day(last.opened))
    assert not can_open(*around, day(last.opened) + DAY)
    assert can_close(*around, day(last.closed))
    assert not can_close(*around, day(last.closed) + DAY)
    assert can_be_chosen(*around, last.chosen)
    assert not can_be_chosen(*around, config.instant(day(last.chosen) + DAY, time()))
    assert can_be_agreed(*around, last.agreed)
    assert not can_be_agreed(*around, last.agreed + timedelta(minutes=1))
