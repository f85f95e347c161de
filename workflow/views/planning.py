"""Plans backwards from the day on which an agreement should start: the last day for each step before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from states.agreement import Item
from states.case import Meaning, Meeting, board_reasons
from states.partnership import Partnership
from workflow.session import Session
from workflow.setting import find_earlier_agreements
from workflow.store.rows import Snapshot

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """A step towards an agreement."""

    name: str
    label: str
    by: datetime | None  # the last instant that is early enough; None if the Board has no meeting for it
    done: datetime | None = None  # when it was done

    def is_missed(self, now: datetime) -> bool:
        """Return whether the step is not done and too late."""
        return self.done is None and (self.by is None or self.by < now)


def needs_board(session: Session, record: Snapshot, now: datetime) -> bool:
    """Return whether the plan needs time for the Board. Until the terms are drafted, assume that it does."""
    facts = record.facts
    if facts.agreement is None or facts.board.asked:
        return True
    earlier = find_earlier_agreements(session, record, now)
    return bool(board_reasons(facts.agreement, session.config.procedure.board.rules, earlier=earlier))


def plan_backwards(session: Session, facts: Partnership, start: date, *, board: bool) -> list[Step]:
    """Return the steps towards an agreement that starts on a day, first step first."""
    return list(reversed(list(_steps(session, facts, start, board))))


def _steps(session: Session, facts: Partnership, start: date, board: bool) -> Iterator[Step]:
    """Yield the steps, last step first. `last` is the latest instant for the step at hand."""
    config, selection = session.config, facts.selection
    rules = config.procedure.selection
    at = config.procedure.calendar.at
    in_force = facts.agreement.in_force_at if facts.agreement else None
    last: datetime | None = config.instant(start, at)
    yield Step("start", "The agreement starts", last, in_force)
    if board:
        meetings = _meetings(session, start)
        readings = {
            "The Board acts": in_force,
            "The Board has the item introduced": in_force or _introduced_at(session, facts),
        }
        for (label, done), meeting in zip(readings.items(), meetings, strict=False):
            yield Step("board", label, meeting.at if meeting else None, done)
        # The agenda of the first reading sets the date for everything before it.
        first = meetings[-1]
        last = (first.agenda_closes_at or first.at) if first else None
        item = facts.board.item
        yield Step("agenda", "The item is on the agenda", last, in_force or _scheduled_at(item))
        yield Step(
            "refer", "It is referred to the Board", last, in_force or (item.referred_at if item else None)
        )
    else:
        signed = facts.agreement.signed_at if facts.agreement else None
        yield Step("sign", "The agreement is signed", last, in_force or signed)
    choice = selection.choice if selection else None
    last = _before(session, last, rules.protest_days * _DAY)
    yield Step(
        "choose",
        "The Lead Partner is chosen (then protests are possible)",
        last,
        choice.at if choice else None,
    )
    last = _time_to_score_before(session, last)
    closed = selection.closed_at if selection else None
    yield Step("close", "The call closes (then it is scored)", last, closed)
    last = _before(session, last, rules.minimum_days * _DAY)
    yield Step("open", "The call opens", last, selection.opened_at if selection else None)
    yield Step("agree", "The statement of needs is agreed to", last, facts.needs.agreed_at)


def _scheduled_at(item: Item | None) -> datetime | None:
    """Return when the item came onto its agenda; None while no meeting has it."""
    return item.scheduled_at if item is not None and item.meeting_on is not None else None


def find_earliest_action(session: Session, facts: Partnership, now: datetime) -> Meeting | None:
    """Return the earliest meeting at which the Board can act on the item before it; None if none is known."""
    item = facts.board.item
    coming = [meeting for meeting in session.directory.regular if meeting.at > now]
    if item is not None and item.meeting_on is not None:
        first = next((meeting for meeting in coming if meeting.on == item.meeting_on), None)
    else:
        first = next((m for m in coming if m.agenda_closes_at is None or now <= m.agenda_closes_at), None)
    is_read = item is not None and bool(item.introduced)
    if first is None or is_read or session.config.procedure.board.readings < 2:
        return first
    return session.directory.next_for_action(first.on, now)


def _introduced_at(session: Session, facts: Partnership) -> datetime | None:
    """Return when the item that is before the Board was introduced first, None if it was not yet."""
    item = facts.board.item
    if item is None or not item.introduced:
        return None
    meeting = session.directory.meeting(item.introduced[0])
    # A meeting that was taken out of the calendar since has no hour any more.
    return meeting.at if meeting else session.config.instant(item.introduced[0], time())


def _meetings(session: Session, start: date) -> list[Meeting | None]:
    """Return the last regular meetings that are early enough for a start, the latest first.

    The Board acts at the latest, and has the item introduced at the last one before whose day the agenda of the
    latest is still open. None means that the calendar has no meeting for a reading.
    """
    before = [meeting for meeting in reversed(session.directory.regular) if meeting.on <= start]
    readings = session.config.procedure.board.readings
    meetings: list[Meeting | None] = []
    for meeting in before:
        last = meetings[-1] if meetings else None
        if len(meetings) < readings and (last is None or last.can_follow(meeting)):
            meetings.append(meeting)
    return meetings + [None] * (readings - len(meetings))


def _before(session: Session, moment: datetime | None, span: timedelta) -> datetime | None:
    """Return the instant that is earlier by whole days, at the same hour of the clock."""
    if moment is None:
        return None
    local = session.config.calendar.local(moment)
    # Subtract days from the date and not hours from the instant: a change of the clocks would move the hour.
    return session.config.instant(local.date() - span, local.time())


def _time_to_score_before(session: Session, moment: datetime | None) -> datetime | None:
    """Return the instant that leaves the reviewers the time that the procedure gives them for their scores."""
    if moment is None:
        return None
    _, row = session.config.meaning(Meaning.SCORES)
    day = session.config.calendar.local(moment).date()
    # The procedure counts business days forwards. Measure their span from this day, and go back by it.
    moments = dict.fromkeys(row.due.anchors, day)
    due = row.due.resolve(
        moments,
        at=session.config.clock(row),
        roll=row.roll,
        calendar=session.config.calendar,
        since=None,
        done=(),
    )
    if due is None:
        return moment
    span = session.config.calendar.day(due) - day
    return _before(session, moment, span)
