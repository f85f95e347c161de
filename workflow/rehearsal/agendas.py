"""Counts what the Board's coming meetings have on their agendas, and which partnerships need which of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from states.case import Meeting
from states.partnership import Partnership
from workflow.procedure.last_days import find_agenda_end, find_meetings
from workflow.session import Session
from workflow.setting import needs_board
from workflow.store import tables
from workflow.store.rows import Snapshot
from workflow.views import board_agenda

_DAY = timedelta(days=1)


class Subject(BaseModel):
    """The partnership that something is about."""

    model_config = ConfigDict(frozen=True)

    ref: str
    title: str
    school: str  # its name

    @classmethod
    def of(cls, session: Session, ref: str, facts: Partnership) -> Self:
        """Return the subject for a partnership with these facts."""
        return cls(ref=ref, title=facts.title, school=session.directory.school_name(facts.school))


class MeetingAhead(BaseModel):
    """A regular meeting: what is on its agenda now, and for whom it is the last one that is early enough."""

    model_config = ConfigDict(frozen=True)

    on: date
    at: datetime
    closes_at: datetime | None  # the last instant at which the agenda takes an item
    scheduled: tuple[Subject, ...]
    last_to_introduce: tuple[Subject, ...]
    last_to_act: tuple[Subject, ...]


def list_agendas(session: Session, now: datetime, until: datetime) -> tuple[MeetingAhead, ...]:
    """Return each regular meeting between two instants, the earliest first."""
    scheduled = {agenda.on: agenda.items for agenda in board_agenda.agenda(session, now)}
    needs = [
        (Subject.of(session, need.record.ref, need.record.facts), need.meetings)
        for need in _list_needs(session, now)
    ]
    return tuple(
        MeetingAhead(
            on=meeting.on,
            at=meeting.at,
            closes_at=meeting.agenda_closes_at,
            scheduled=tuple(
                Subject(ref=item.ref, title=item.title, school=item.school)
                for item in scheduled.get(meeting.on, ())
            ),
            # The last of the readings decides, those before it introduce.
            last_to_introduce=tuple(subject for subject, last in needs if meeting in last[:-1]),
            last_to_act=tuple(subject for subject, last in needs if meeting == last[-1]),
        )
        for meeting in session.directory.regular
        if now < meeting.at <= until
    )


def list_too_late(session: Session, now: datetime, until: datetime) -> tuple[Subject, ...]:
    """Return the partnerships that need the Board by a day until then, and no regular meeting is early enough.

    The calendar may still get meetings for what is needed later.
    """
    last = session.config.calendar.day(until)
    return tuple(
        Subject.of(session, need.record.ref, need.record.facts)
        for need in _list_needs(session, now)
        if need.start <= last and (need.meetings[0] is None or find_agenda_end(need.meetings[0]) < now)
    )


@dataclass(frozen=True, slots=True)
class _Need:
    """A partnership that needs the Board to act before a day, with the last meetings that are early enough."""

    record: Snapshot
    start: date
    meetings: tuple[Meeting | None, ...]


def _list_needs(session: Session, now: datetime) -> Iterator[_Need]:
    """Yield each partnership that needs the Board.

    What has a meeting already is not among them. An item that was introduced needs only the meeting that acts.
    """
    readings = session.config.procedure.board.readings
    for record in _read_records(session):
        start, item = _find_start(session, record, now), record.facts.board.item
        if start is None or (item is not None and item.meeting_on is not None):
            continue
        meetings = find_meetings(session.directory.regular, start, readings)
        is_read = item is not None and bool(item.introduced)
        yield _Need(record, start, meetings[-1:] if is_read else meetings)


def _find_start(session: Session, record: Snapshot, now: datetime) -> date | None:
    """Return the day before which the Board has to act, or None if it need not, or no day is on record.

    A new agreement has to be approved before it starts, or before the wanted first day. One in force has to be
    renewed before the day after its end. Until the terms are drafted, assume that the Board decides on them, as the
    command `plan` does.
    """
    facts = record.facts
    agreement, wanted = facts.agreement, facts.wanted
    if facts.ended or facts.ending:
        return None
    if agreement is not None and agreement.in_force_at is not None:
        return agreement.ends_on + _DAY
    first_day = agreement.starts_on if agreement is not None else wanted.on if wanted is not None else None
    return first_day if needs_board(session, record, now) else None


def _read_records(session: Session) -> Iterator[Snapshot]:
    """Yield the partnerships by reference, without those whose record cannot be read: the desk names them."""
    table = tables.partnerships
    rows = sorted(session.connection.execute(select(table)).all(), key=lambda row: str(row.ref))
    for row in rows:
        try:
            yield Snapshot.from_row(row)
        except ValueError:
            continue
