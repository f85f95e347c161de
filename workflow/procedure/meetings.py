"""Reads the meetings of the Board from the configuration and the table of meetings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, Row, select

from states.case import Meaning, Meeting
from states.inputs import FIRST_DAY, LAST_DAY
from workflow.procedure.config import Config
from workflow.store import tables

# The kind of a row that takes a meeting of `board.meetings` off the calendar.
CANCELLED = "cancelled"


def _rows(connection: Connection) -> Iterable[Row[Any]]:
    """Return the rows of the table of meetings, earliest first."""
    return connection.execute(select(tables.meetings).order_by(tables.meetings.c.on))


def read_meetings(connection: Connection, config: Config) -> tuple[Meeting, ...]:
    """Return the meetings of the configuration and of the table, earliest first. On one day the table counts."""
    board = config.procedure.board
    meetings: dict[date, tuple[time, str, datetime | None]]
    meetings = dict.fromkeys(board.meetings, (board.meeting_at, "regular", None))
    for row in _rows(connection):
        meetings[row.on] = (time.fromisoformat(row.at), row.kind, row.known_at)
        # A calendar file cannot change the configuration, so it cancels a meeting there by a row of its own.
        if row.kind == CANCELLED:
            del meetings[row.on]
    # Near the ends of the calendar no deadline can be worked out: a row there must not stop everything else.
    known = sorted((day, values) for day, values in meetings.items() if FIRST_DAY <= day <= LAST_DAY)
    return tuple(make_meeting(config, day, *values) for day, values in known)


def read_moves(connection: Connection) -> dict[date, date]:
    """Return where meetings were moved, by each of their earlier days."""
    rows = (row for row in _rows(connection) if row.moved_from and row.kind != CANCELLED)
    return {date.fromisoformat(day): row.on for row in rows for day in json.loads(row.moved_from)}


def make_meeting(
    config: Config, day: date, at: time, kind: str = "regular", known_at: datetime | None = None
) -> Meeting:
    """Return a meeting of the Board, with the instant at which its agenda closes."""
    # Use the row of the deadline itself, so that the law and the reminders agree on when an agenda closes.
    _, packet = config.meaning(Meaning.AGENDA)
    closes = packet.due.resolve(
        {"board.meeting": day},
        at=config.clock(packet),
        roll=packet.roll,
        calendar=config.calendar,
        since=None,
        done=(),
    )
    return Meeting(
        on=day,
        at=config.instant(day, at),
        kind=kind,
        known_at=known_at and config.calendar.local(known_at),
        agenda_closes_at=closes and config.calendar.local(closes),
    )
