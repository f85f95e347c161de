"""Finds the dates of a partnership that belong in a calendar, each with its UID.

A date has the same UID for everybody: NAME.REF@domain. From the second round on (a call after a restart, the next
annual review, the next item before the Board) the number of the round follows the name, and for a duty that recurs
its occurrence does. So a date that moves keeps its UID, and next year's date has another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from states.moments import counts_from, done_on
from states.names import State
from workflow.procedure.ladders import due_instants
from workflow.procedure.settings import DeadlineSettings
from workflow.session import Session
from workflow.store.rows import Snapshot

MEETING = "board-meeting"


@dataclass(frozen=True, slots=True)
class Date:
    """A date to keep."""

    uid: str
    name: str  # of its deadline, or MEETING
    start: datetime
    summary: str
    description: str
    tasks: tuple[str, ...] = ()  # the events that somebody has to do by then


def dates(session: Session, record: Snapshot) -> dict[str, Date]:
    """Return every date that a partnership has now, by name. Some may have passed."""
    place = session.directory.school_name(record.facts.school)
    current = {}
    for name, due in due_instants(session.config, record).items():
        row = session.config.deadlines[name]
        key = f"{name}{_occurrence(session, row, record)}"
        summary = f"{row.label}: {place}"
        current[name] = Date(
            uid_of(session, key, record.ref), name, due, summary, record.facts.title, row.owed
        )
    if (meeting := _meeting(session, record, place)) is not None:
        current[MEETING] = meeting
    return current


def uid_of(session: Session, key: str, ref: str) -> str:
    """Return the UID of a date (RFC 7986: unique in the world, and without a word about the machine)."""
    return f"{key}.{ref}@{session.config.sender.address.rpartition('@')[2]}"


def _meeting(session: Session, record: Snapshot, place: str) -> Date | None:
    """Return the Board meeting that has the partnership on its agenda, at the time that the calendar has now."""
    item = record.facts.board.item
    meeting = session.directory.meeting(item.meeting_on) if item else None
    # A partnership that expires before the Board keeps its item, and the meeting no longer concerns it.
    if item is None or meeting is None or record.state is not State.BOARD_REVIEW:
        return None
    what = "new agreement" if item.purpose == "new" else f"{item.purpose} of the agreement"
    key = MEETING + _number_suffix(len(record.facts.board.decisions))
    about = f"On the agenda: {what}. {record.facts.title}"
    return Date(uid_of(session, key, record.ref), MEETING, meeting.at, f"Board meeting: {place}", about)


def _occurrence(session: Session, row: DeadlineSettings, record: Snapshot) -> str:
    """Return the part of the UID that distinguishes a date from earlier ones with the same name."""
    if not row.due.recurring:
        return _number_suffix(_count_earlier_rounds(row.due.anchors[0], record))
    calendar, moments = session.config.calendar, record.moments
    # Occurrences of a duty are counted from the first day of the agreement.
    since = counts_from(record.facts)
    done = done_on(record.facts, row.done, calendar.day) if row.done else ()
    return "-" + row.due.occurrence(calendar=calendar, moments=moments, since=since, done=done)


def _number_suffix(earlier: int) -> str:
    """Return "" for the first round, "-2" for the second, and so on."""
    return f"-{earlier + 1}" if earlier else ""


def _count_earlier_rounds(anchor: str, record: Snapshot) -> int:
    """Return how many earlier rounds there were of what a deadline is counted from, its anchor."""
    facts, state = record.facts, record.state
    calls, reviews, items = (
        len(facts.earlier_selections),
        len(facts.earlier_reviews),
        len(facts.board.decisions),
    )
    if anchor == "entering":
        before: dict[State | None, int] = {
            State.ACTIVE: reviews + items,
            State.ANNUAL_REVIEW: reviews,
            State.BOARD_REVIEW: items,
        }
        return before.get(state, calls)
    if anchor in ("agreement.awaits_signature", "agreement.amendment_waits"):
        return len(facts.agreement.changes) if facts.agreement else 0
    if anchor == "outcomes.proposed":
        return len(facts.earlier_outcomes)
    heads = {"needs": calls, "selection": calls, "review": reviews, "board": items}
    return heads.get(anchor.partition(".")[0], 0)
