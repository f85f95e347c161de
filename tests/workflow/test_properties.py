"""What must be true of every due time and of every ladder of a life, looked at over many that nobody thought of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from states.names import State
from tests.states.test_machine import STATIONS
from tests.support import facts as lives
from tests.support.walk import later, step
from workflow import deadlines
from workflow.procedure import ladders
from workflow.procedure.calendar import Calendar
from workflow.procedure.config import Config
from workflow.procedure.due import parse_due
from workflow.procedure.offsets import parse_offset
from workflow.store.rows import DeadlineRow, Snapshot

ZONE = ZoneInfo("America/Los_Angeles")
CALENDAR = Calendar(ZONE, breaks=[(date(2026, 12, 21), date(2027, 1, 1))], closed=[date(2026, 5, 4)])
FIVE = time(17)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
ROLLS = st.sampled_from(["before", "after", "stay"])
UNITS = st.sampled_from(["day", "business day", "week", "month", "year"])
SPANS = st.builds("{} {}{}".format, st.integers(1, 60), UNITS, st.sampled_from(["", "s"]))
ANCHORED = st.one_of(
    st.builds("{} {} x".format, st.one_of(SPANS, st.just("the day")), st.sampled_from(["before", "after"])),
    st.sampled_from(["on x", "end of x"]),
)
steady = settings(derandomize=True, deadline=None, max_examples=200)


def due(text: str, day: date, roll: str = "stay") -> datetime:
    found = parse_due(text).resolve(
        {"x": day}, at=FIVE, roll=roll, calendar=CALENDAR, since=None, done=()  # type: ignore[arg-type]
    )  # fmt: skip
    assert found is not None
    return found


# Due times


@steady
@given(ANCHORED, DAYS, st.integers(0, 400), ROLLS)
def test_what_begins_later_is_never_due_sooner(text: str, day: date, more: int, roll: str) -> None:
    assert due(text, day, roll) <= due(text, day + timedelta(days=more), roll)


@steady
@given(ANCHORED, DAYS)
def test_after_is_never_before_and_before_is_never_after(text: str, day: date) -> None:
    found = CALENDAR.day(due(text, day))
    if "after" in text:
        assert found > day
    elif "before" in text:
        assert found < day
    else:
        assert found in (day, day + timedelta(days=1))


@steady
@given(ANCHORED, DAYS, st.sampled_from(["before", "after"]))
def test_what_is_rolled_falls_on_a_business_day(text: str, day: date, roll: str) -> None:
    assume(not text.startswith("end of"))  # which is the midnight after the very day
    assert CALENDAR.is_business_day(CALENDAR.day(due(text, day, roll)))


@steady
@given(SPANS)
def test_a_span_that_is_said_again_is_the_same(text: str) -> None:
    assert parse_offset(str(parse_offset(text))) == parse_offset(text)


WORDS = st.sampled_from(
    ["30", "days", "day", "after", "before", "entering", "the", "every", "year", "anniversary", "of", "at", "on",
     "end", "or", ",", "31", "October", "0", "-1", "٣", "1e3", "x.y", "business", "weeks", "months", "9" * 20,
     "\x00", "\ud800", "\u202e", ".", "..", "É", ""]
)  # fmt: skip
FORMS = st.sampled_from(
    [
        "{} {} every year",
        "every {} {}",
        "{} {} after {}",
        "{} before every anniversary of {}",
        "at {}",
        "{}, or {}",
    ]
)
GARBAGE = st.one_of(
    st.text(max_size=40),
    st.lists(WORDS, max_size=9).map(" ".join),
    st.builds(str.format, FORMS, WORDS, WORDS, WORDS),
)


@settings(derandomize=True, deadline=None, max_examples=600)
@given(GARBAGE)
def test_what_is_no_due_time_is_refused_with_what_would_be_right(text: str) -> None:
    for parse in (parse_due, parse_offset):
        said, found = refusal(parse, text)
        if said is not None:
            assert any(word in said for word in ("write", "put", "take")), said
        else:
            assert parse(str(getattr(found, "text", found))) == found


def refusal(parse: Callable[[str], Any], text: str) -> tuple[str | None, Any]:
    """Why a text is refused, or what it is read as. Any other error is a failure."""
    try:
        return None, parse(text)
    except ValueError as error:
        return f"{type(error).__name__}: {error}".removeprefix("ValueError: "), None


# Ladders


class Rows:
    """The rows of one partnership's deadlines, kept as a database would."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.rows: list[dict[str, Any]] = []
        self.fired: set[int] = set()

    def follow(self, record: Snapshot, now: datetime) -> deadlines.Moves:
        """Bring the rows in line with a partnership; what was changed."""
        blank = dict.fromkeys(DeadlineRow._fields)
        found = deadlines.plan_moves(
            self.config, record, [DeadlineRow(**(blank | row)) for row in self.rows], now
        )
        self._write(found)
        return found

    def _write(self, found: deadlines.Moves) -> None:
        known = {row["id"]: row for row in self.rows}
        for update in found.updates:
            known[update["row"]] |= {key: value for key, value in update.items() if key != "row"}
        for row in found.inserts:
            self.rows.append({"id": len(self.rows) + 1, "attempts": 0, **row})

    def tell(self, now: datetime) -> None:
        """Let everything that only tells and is due be told, each with what follows it."""
        for row in [row for row in self.rows if row["status"] == "open" and row["due_at"] <= now]:
            if row["fires"]:
                continue
            assert row["id"] not in self.fired, "a rung is told twice"
            self.fired.add(row["id"])
            row["status"] = "fired"
            rung = ladders.Rung(row["name"], row["ladder"], row["rung"], row["kind"], row["due_at"], None)
            following = ladders.next_repetition(self.config, rung, now)
            if following is not None:
                self._write(deadlines.Moves([deadlines.new_row(1, following, now)], []))

    def open(self) -> set[str]:
        return {row["name"] for row in self.rows if row["status"] == "open"}


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.sampled_from(STATIONS[1:]), st.integers(0, 2**32).map(Random), st.integers(1, 25))
def test_the_ladders_of_a_life_follow_it(
    settings: Config, start: lives.Life, rng: Random, steps: int
) -> None:
    """A second look changes nothing, no rung stands twice or is told twice, nobody is forgotten."""
    rows, here, entered = Rows(settings), start, start.now
    for _ in range(steps):
        waits = timedelta(days=rng.choice((0, 0, 0, 40, 80)))
        moved = step(later(here.at(here.now + waits), rng), rng)
        entered = moved.now if moved.state is not here.state else entered
        here = moved
        assert here.state is not None
        now = here.now.astimezone(UTC)
        life = Snapshot(1, "rbhs-2025", here.state, 1, entered.astimezone(UTC), here.facts, "")
        rows.follow(life, now)
        assert not rows.follow(life, now), "a second look finds something to change"
        keys = [(row["name"], row["ladder"], row["rung"]) for row in rows.rows]
        assert len(keys) == len(set(keys))
        running = ladders.due_instants(settings, life)
        assert rows.open() <= running.keys()
        assert all(running[row["name"]] == row["ladder"] for row in rows.rows if row["status"] == "open")
        rows.tell(now)
        assert not rows.follow(life, now), "what was told is to be changed"
        assert here.state is State.TERMINATED or rows.open()


@pytest.mark.parametrize(
    "on", [date(2026, 3, 8), date(2026, 11, 1)], ids=["clocks go forward", "clocks go back"]
)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(hour=st.integers(0, 23), minute=st.integers(0, 59), count=st.integers(1, 400), unit=UNITS)
def test_a_span_that_ends_in_a_night_of_a_clock_change_keeps_the_hour(
    on: date, hour: int, minute: int, count: int, unit: str
) -> None:
    at = time(hour, minute)
    begins = CALENDAR.instant(on, at)
    shown = CALENDAR.local(begins).time()
    there = parse_offset(f"{min(count, 90)} {unit}s").after(begins, CALENDAR)
    assert there > begins
    assert CALENDAR.local(there).time() == shown
    back = parse_offset(f"{min(count, 90)} {unit}s").before(begins, CALENDAR)
    assert back < begins
    assert CALENDAR.local(back).time() == shown
