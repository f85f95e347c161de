"""Says why each day of a plan is what it is: the rule, its line in config.toml, and the days passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from notifications.written import long_day
from states.case import Meaning, Meeting
from workflow.procedure import call_days
from workflow.procedure.config import Config
from workflow.procedure.counted_days import list_days, list_rolled
from workflow.procedure.last_days import LastDays, find_scores_due, moments_of_closing
from workflow.procedure.lines import find_setting
from workflow.procedure.settings import DeadlineSettings

_DAY = timedelta(days=1)
_WEEKEND = ("Saturday", "Sunday")
NO_MEETING = "The Board's calendar has no regular meeting that is early enough."


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why the last day of each step is what it is. `readings` are those of the Board, the first one first."""

    agree: str
    open: str
    close: str
    choose: str
    refer: str
    agenda: str
    readings: tuple[str, ...]
    sign: str
    start: str


def explain(config: Config, regular: Sequence[Meeting], last: LastDays) -> Reasons:
    """Return why each day of a plan is what it is."""
    words = _Words(config, regular, last)
    return Reasons(
        agree="A call opens only when the school and the District have agreed to the statement (4270.7).",
        open=words.opening() if last.opened else NO_MEETING,
        close=words.closing() if last.closed else NO_MEETING,
        choose=words.choice() if last.chosen else NO_MEETING,
        refer="It has to be referred before the agenda takes it." if last.agreed else NO_MEETING,
        agenda=words.agenda() if last.agreed and last.board else NO_MEETING,
        readings=tuple(words.readings()),
        sign="The agreement is signed and started on its first day at the latest.",
        start=f"This is the wanted first day, at the hour of {_line(config, 'calendar', 'at')}.",
    )


class _Words:
    """Puts the parts of one plan into words."""

    def __init__(self, config: Config, regular: Sequence[Meeting], last: LastDays) -> None:
        self._config, self._regular, self._last = config, regular, last

    def opening(self) -> str:
        days = self._config.procedure.selection.minimum_days
        closes = call_days.opens_until(self._config, self._day(self._last.opened) + _DAY)
        return (
            f"A call is open for at least {_count(days)}: {_line(self._config, 'selection', 'minimum_days')}."
            f" Opened a day later, it could close on {long_day(closes)} at the earliest, too late."
        )

    def closing(self) -> str:
        day = self._day(self._last.closed)
        name, row = self._config.meaning(Meaning.SCORES)
        due, later = (find_scores_due(self._config, each) for each in (day, day + _DAY))
        if due is None or later is None:
            return "The call has to close before the choice."
        moments = moments_of_closing(self._config, day)
        rule, roll = row.due.capped(
            row.latest, moments=moments, roll=row.roll, calendar=self._config.calendar
        )
        count = rule.count(moments=moments, calendar=self._config.calendar, since=None, done=())
        skipped: tuple[tuple[date, str], ...] = ()
        if count is not None:
            _, skipped = list_days(self._config.calendar, count)
            rolled = self._config.calendar.roll(count.day, roll) if count.rolls else count.day
            skipped += list_rolled(self._config.calendar, count.day, rolled)
        side = "after" if count is None or count.sign > 0 else "before"
        text = f"{count.span} {side} {count.anchor}" if count and count.span else rule.text
        return (
            f"Scores are due {text}: {_line(self._config, 'deadline', name, 'due')}. That is {self._at(due)}."
            f"{_passed(skipped)} Closed a day later, they would be due {self._at(later)}, after the choice."
        )

    def choice(self) -> str:
        days = self._config.procedure.selection.protest_days
        day = self._day(self._last.chosen)
        ends, later = (call_days.protest_until(self._config, each) for each in (day, day + _DAY))
        nothing = "nothing is referred" if self._last.board else "nothing is signed"
        return (
            f"Protests are possible for {_count(days)}: {_line(self._config, 'selection', 'protest_days')}. Until"
            f" {self._at(ends)} {nothing}. Chosen a day later, that would be {self._at(later)}, too late."
        )

    def agenda(self) -> str:
        meeting = self._last.meetings[0]
        if meeting is None or meeting.agenda_closes_at is None:
            return "It has to be on the agenda before the meeting begins."
        name, row = self._config.meaning(Meaning.AGENDA)
        return (
            f"The agenda of {long_day(meeting.on)} closes {row.due.text}:"
            f" {_line(self._config, 'deadline', name, 'due')}. That is {self._at(meeting.agenda_closes_at)}."
            f"{self._rolled(row, meeting)}"
        )

    def _rolled(self, row: DeadlineSettings, meeting: Meeting) -> str:
        """Return which days off the closing of an agenda passed over, as a sentence with a blank before it."""
        calendar = self._config.calendar
        moments = {"board.meeting": meeting.on}
        count = row.due.count(moments=moments, calendar=calendar, since=None, done=())
        if count is None:
            return ""
        rolled = calendar.roll(count.day, row.roll) if count.rolls else count.day
        return _passed(list_days(calendar, count)[1] + list_rolled(calendar, count.day, rolled))

    def readings(self) -> Iterator[str]:
        """Yield why the Board reads the item at each meeting, the first reading first."""
        readings = _line(self._config, "board", "readings")
        for number, meeting in enumerate(self._last.meetings):
            following = self._last.meetings[number + 1] if number + 1 < len(self._last.meetings) else None
            if meeting is None:
                yield NO_MEETING
            elif following is None:
                yield f"It is the last regular meeting of the Board up to {long_day(self._last.start)}."
            else:
                yield (
                    f"The Board reads an item at two meetings: {readings}. This is the last one that begins before"
                    f" the agenda of {long_day(following.on)} closes.{self._passed_meetings(meeting, following)}"
                )

    def _passed_meetings(self, first: Meeting, second: Meeting) -> str:
        """Return the meetings between two readings, as a sentence with a blank before it."""
        between = [long_day(each.on) for each in self._regular if first.on < each.on < second.on]
        if not between or second.agenda_closes_at is None:
            return ""
        return f" It closes {self._at(second.agenda_closes_at)}, before the meeting of {' and of '.join(between)}."

    def _day(self, instant: datetime | None) -> date:
        assert instant is not None  # the caller asks only for steps that have a day
        return self._config.calendar.day(instant)

    def _at(self, instant: datetime) -> str:
        local = self._config.calendar.local(instant)
        return f"{long_day(local.date())}, {local:%H:%M}"


def _count(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _line(config: Config, *path: str) -> str:
    """Return the name of a setting with the line on which it stands."""
    place, name = find_setting(config, *path), ".".join(path)
    if place is None:
        return name
    own = config.path is not None and place.file == config.path.resolve()
    file = "config.toml of the district" if own else "the packaged config.toml"
    return f"{name} in {file}" + (f", line {place.line}" if place.line else "")


def _passed(skipped: Iterable[tuple[date, str]]) -> str:
    """Return the days that were passed over, as a sentence with a blank before it; "" for none."""
    days = sorted(skipped)
    # Weekends are many and no surprise, so they are not listed one by one.
    weekends = ["weekends"] if any(reason in _WEEKEND for _, reason in days) else []
    others = [(day, reason) for day, reason in days if reason not in _WEEKEND]
    named = []
    for reason, group in groupby(others, key=lambda each: each[1]):
        if reason.startswith("in the break"):
            named.append(reason.removeprefix("in "))
        else:
            named += [f"{long_day(day)} ({reason})" for day, _ in group]
    parts = weekends + named
    return f" Days that do not count: {'; '.join(parts)}." if parts else ""
