"""Shows what each coming meeting of the Board has on its agenda, and whether the packet for it is in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from states.agreement import Item
from states.names import State
from states.partnership import Document
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot

AHEAD = timedelta(days=60)  # a coming meeting within this time is shown also while its agenda is empty


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """One item before the Board.

    `is_introduction` says that the meeting has it introduced; otherwise the Board acts on it. `documents` are those
    that were attached since the item was referred: the packet.
    """

    ref: str
    title: str
    school: str  # its name
    purpose: str
    amount_cents: int | None
    clauses: tuple[str, ...]  # why the Board has to decide, such as "4270.9a"
    reason: str
    is_introduction: bool
    is_late: bool  # it came onto the agenda after this had closed
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Agenda:
    """The items of one regular meeting. Those that no meeting has yet come last, with neither day nor hour.

    `at` is None if the calendar has no such meeting any more.
    """

    on: date | None
    at: datetime | None
    closes_at: datetime | None  # the last instant at which the agenda takes an item
    is_over: bool  # the meeting has begun, and its decisions are not on record
    items: tuple[AgendaItem, ...]


def agenda(session: Session, now: datetime) -> tuple[Agenda, ...]:
    """Return the agenda of each regular meeting that has an item or is near, the earliest first.

    Only the office may read it, which sees all facts of these items (`visibility`).
    """
    by_day: dict[date | None, list[AgendaItem]] = {
        meeting.on: [] for meeting in session.directory.regular if now < meeting.at <= now + AHEAD
    }
    for record in _read_reviewed(session):
        if item := record.facts.board.item:
            by_day.setdefault(item.meeting_on, []).append(_describe(session, record, item))
    days = sorted(by_day, key=lambda day: day or date.max)
    return tuple(_agenda_of(session, day, by_day[day], now) for day in days)


def _read_reviewed(session: Session) -> list[Snapshot]:
    """Return the partnerships before the Board, by reference, without those whose record cannot be read."""
    table = tables.partnerships
    records = []
    for row in session.connection.execute(select(table).where(table.c.state == State.BOARD_REVIEW)):
        try:
            records.append(Snapshot.from_row(row))
        # The list of partnerships says which record is damaged.
        except ValueError:
            continue
    return sorted(records, key=lambda record: record.ref)


def _agenda_of(session: Session, day: date | None, items: list[AgendaItem], now: datetime) -> Agenda:
    meeting = session.directory.meeting(day)
    if meeting is None:
        return Agenda(day, None, None, False, tuple(items))
    return Agenda(day, meeting.at, meeting.agenda_closes_at, meeting.at <= now, tuple(items))


def _describe(session: Session, record: Snapshot, item: Item) -> AgendaItem:
    """Return an item as the agenda shows it."""
    facts, day = record.facts, item.meeting_on
    terms = item.change or facts.agreement
    two_readings = session.config.procedure.board.readings == 2
    # An item is introduced at one meeting, and acted on at a later one.
    introduced = item.immediate_action or any(day is None or on < day for on in item.introduced)
    return AgendaItem(
        record.ref,
        facts.title,
        session.directory.school_name(facts.school),
        item.purpose,
        terms.amount_cents if terms else None,
        item.because,
        item.reason,
        two_readings and not introduced,
        day in item.late,
        (
            *(Document(title=each.name, **each.model_dump(), at=item.referred_at) for each in item.documents),
            *(document for document in facts.documents if document.at >= item.referred_at),
        ),
    )
