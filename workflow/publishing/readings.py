"""Finds the two meetings of an item: where the Board has it introduced, and where it acts (4270.9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from states.agreement import Item
from states.case import Meeting
from workflow.session import Session


@dataclass(frozen=True, slots=True)
class Reading:
    """One meeting. `at` is its local hour in ISO 8601; None if the calendar does not have it any more.

    "held": what the Board did there is on record. "agenda": the item is on its agenda. "unrecorded": it was on its
    agenda, the meeting has begun, and nothing is on record. "expected": the earliest meeting that is possible.
    """

    on: date
    at: str | None
    stands: Literal["held", "agenda", "unrecorded", "expected"]
    is_late: bool = False  # the item came onto the agenda after this had closed


@dataclass(frozen=True, slots=True)
class Readings:
    """The introduction and the action; None where the calendar has no meeting for it.

    With `single` the procedure needs no introduction. `at_once` says that the Board acts where it was introduced.
    """

    introduction: Reading | None
    action: Reading | None
    single: bool = False
    at_once: bool = False


def find_readings(session: Session, item: Item | None, now: datetime) -> Readings:
    """Return the meetings of an item, or without one the earliest that are possible.

    1. What is on record counts: the first introduction, and the agenda that the item is on.
    2. An item that was introduced is up for action, at the same meeting only if immediate action is on record.
    3. What is left is expected at the earliest meeting that the agendas allow.
    """
    day = item.meeting_on if item else None
    introduced = item.introduced if item else ()
    first = introduced[0] if introduced else None
    on_agenda = _on_agenda(session, item, now)
    single = session.config.procedure.board.readings < 2
    if item and item.immediate_action and introduced == (day,):
        return Readings(_held(session, introduced[0]), on_agenda, single, at_once=True)
    if first is not None and (day is None or day > first):
        coming = on_agenda or _expected(session, _find_open(session, now, after=first))
        return Readings(_held(session, first), coming, single)
    if first is not None:
        # It was introduced at the last meeting that the calendar had then.
        coming = _expected(session, session.directory.next_for_action(first, now))
        return Readings(_held(session, first), coming, single)
    reading = on_agenda or _expected(session, _find_open(session, now))
    if single:
        return Readings(None, reading, single)
    later = session.directory.next_for_action(reading.on, now) if reading else None
    return Readings(reading, _expected(session, later))


def _on_agenda(session: Session, item: Item | None, now: datetime) -> Reading | None:
    """Return the meeting whose agenda the item is on; None if there is none."""
    if item is None or item.meeting_on is None:
        return None
    day = item.meeting_on
    meeting = session.directory.meeting(day)
    at = meeting.at if meeting else item.meeting_at
    stands: Literal["agenda", "unrecorded"] = "unrecorded" if at and at <= now else "agenda"
    return Reading(day, session.local(at), stands, day in item.late)


def _held(session: Session, day: date) -> Reading:
    meeting = session.directory.meeting(day)
    return Reading(day, session.local(meeting.at) if meeting else None, "held")


def _expected(session: Session, meeting: Meeting | None) -> Reading | None:
    return Reading(meeting.on, session.local(meeting.at), "expected") if meeting else None


def _find_open(session: Session, now: datetime, after: date = date.min) -> Meeting | None:
    """Return the first regular meeting after a day that has not begun and whose agenda still takes items."""
    coming = (m for m in session.directory.regular if m.at > now and m.on > after)
    return next((m for m in coming if m.agenda_closes_at is None or now <= m.agenda_closes_at), None)
