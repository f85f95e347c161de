"""Searches, for each step before a wanted first day, the last day on which it still serves.

Each search goes back day by day and asks the rule that the law or the clock will apply. A rule counts forwards,
over holidays and breaks, so its span cannot be measured on one day and taken off another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from states.case import Meaning, Meeting
from states.inputs import FIRST_DAY
from states.moments import Moment
from workflow.procedure import call_days
from workflow.procedure.config import Config
from workflow.procedure.ladders import resolve_due

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)  # the Board takes nothing onto an agenda once the meeting has begun


@dataclass(frozen=True, slots=True)
class LastDays:
    """The last instants of the steps before a wanted first day; None where no day serves.

    `meetings` are those at which the Board reads the item, the first reading first; empty if it need not act.
    `agreed` is when the agreement has to be signed, or with the Board referred and on the agenda.
    """

    start: date
    starts_at: datetime
    board: bool
    meetings: tuple[Meeting | None, ...]
    agreed: datetime | None
    chosen: datetime | None
    closed: datetime | None
    opened: datetime | None

    @property
    def by_step(self) -> dict[str, datetime | None]:
        """Return the last instant of each step by its name, first step first."""
        steps = {"agree": self.opened, "open": self.opened, "close": self.closed, "choose": self.chosen}
        if not self.board:
            return steps | {"sign": self.agreed, "start": self.starts_at}
        *first, act = [meeting.at if meeting else None for meeting in self.meetings]
        steps |= {"refer": self.agreed, "agenda": self.agreed}
        steps |= {"introduce": first[0]} if first else {}
        return steps | {"act": act, "start": self.starts_at}


def find_last_days(config: Config, regular: Sequence[Meeting], start: date, *, board: bool) -> LastDays:
    """Return the last instants of the steps before a wanted first day. `regular` are the meetings of the Board.

    1. With the Board, find its last meetings, and when the agenda of the first of them closes.
    2. Find the last day for the choice, after which all protests still end in time.
    3. Find the last day for the closing, after which the scores are still due in time for the choice.
    4. Find the last day for the opening, after which the call may still close in time.
    """
    starts_at = config.instant(start, config.procedure.calendar.at)
    meetings: tuple[Meeting | None, ...] = ()
    agreed: datetime | None = starts_at
    if board:
        meetings = find_meetings(regular, start, config.procedure.board.readings)
        agreed = find_agenda_end(meetings[0]) if meetings[0] else None
    chosen = find_last_choice(config, agreed) if agreed else None
    closed = find_last_closing(config, chosen) if chosen else None
    opened = find_last_opening(config, closed) if closed else None
    return LastDays(start, starts_at, board, meetings, agreed, chosen, closed, opened)


def find_meetings(regular: Sequence[Meeting], start: date, readings: int) -> tuple[Meeting | None, ...]:
    """Return the last meetings at which the Board can read an item before a start, the first reading first.

    None stands for a reading for which the calendar has no meeting.
    """
    before = [meeting for meeting in reversed(regular) if meeting.on <= start]
    meetings: list[Meeting | None] = []
    for meeting in before:
        following = meetings[-1] if meetings else None
        if len(meetings) < readings and (following is None or following.can_follow(meeting)):
            meetings.append(meeting)
    return tuple(reversed(meetings + [None] * (readings - len(meetings))))


def find_agenda_end(meeting: Meeting) -> datetime:
    """Return the last instant at which the agenda of a meeting takes an item."""
    begins = meeting.at - _MINUTE
    return begins if meeting.agenda_closes_at is None else min(begins, meeting.agenda_closes_at)


def find_last_choice(config: Config, agreed: datetime) -> datetime | None:
    """Return the last instant of a choice against which all protests end before something is agreed."""
    day = find_last(config.calendar.day(agreed), lambda day: call_days.protest_until(config, day) <= agreed)
    if day is None:
        return None
    _, row = config.meaning(Meaning.SCORES)
    # On the last day the choice waits for the scores, whatever the hour at which they are due.
    hour = max(config.procedure.calendar.at, config.clock(row))
    return min(config.instant(day, hour), agreed)


def find_last_closing(config: Config, chosen: datetime) -> datetime | None:
    """Return the last closing of a call after which the scores are due before the choice."""

    def serves(day: date) -> bool:
        due = find_scores_due(config, day)
        return max(call_days.closes_at(config, day), due or chosen) <= chosen

    day = find_last(config.calendar.day(chosen), serves)
    return None if day is None else call_days.closes_at(config, day)


def find_last_opening(config: Config, closed: datetime) -> datetime | None:
    """Return the last opening of a call that may still close at an instant."""
    last = config.calendar.day(closed)
    day = find_last(last, lambda day: call_days.opens_until(config, day) <= last)
    return None if day is None else min(config.instant(day, config.procedure.calendar.at), closed)


def find_scores_due(config: Config, closes_on: date) -> datetime | None:
    """Return when the scores are due of a call that closes on a day; None if the procedure has no day for them."""
    _, row = config.meaning(Meaning.SCORES)
    return resolve_due(config, row, moments_of_closing(config, closes_on))


def moments_of_closing(config: Config, closes_on: date) -> Mapping[str, Moment]:
    """Return the moments that are on record when a call has closed on a day, opened as late as it could be."""
    closed = call_days.closes_at(config, closes_on)
    opened = find_last_opening(config, closed)
    return {"entering": opened, "selection.closes_at": closed, "selection.closed": closed}


def find_last(latest: date, serves: Callable[[date], bool]) -> date | None:
    """Return the last day that serves, at the latest `latest`; None if no day does."""
    day = latest
    while not serves(day):
        if day <= FIRST_DAY:
            return None
        day -= _DAY
    return day
