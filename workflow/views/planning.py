"""Plans backwards from the day on which an agreement should start: the last day for each step before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from states.agreement import Item
from states.case import Meeting, board_reasons
from states.partnership import Partnership
from workflow.session import Session
from workflow.setting import find_earlier_agreements
from workflow.store.rows import Snapshot
from workflow.views import plan_reasons
from workflow.views.last_days import LastDays, find_last_days


@dataclass(frozen=True, slots=True)
class Step:
    """A step towards an agreement."""

    name: str
    label: str
    by: datetime | None  # the last instant that is early enough; None if the Board has no meeting for it
    done: datetime | None = None  # when it was done
    why: str = ""  # why it is this day, in words

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
    last = find_last_days(session.config, session.directory.regular, start, board=board)
    whys = plan_reasons.explain(session.config, session.directory.regular, last)
    return list(_steps(session, facts, last, whys))


def _steps(session: Session, facts: Partnership, last: LastDays, why: plan_reasons.Reasons) -> Iterator[Step]:
    """Yield the steps, first step first."""
    selection, agreement, item = facts.selection, facts.agreement, facts.board.item
    in_force = agreement.in_force_at if agreement else None
    choice = selection.choice if selection else None
    opened = selection.opened_at if selection else None
    closed = selection.closed_at if selection else None
    yield Step("agree", "The statement of needs is agreed to", last.opened, facts.needs.agreed_at, why.agree)
    yield Step("open", "The call opens", last.opened, opened, why.open)
    yield Step("close", "The call closes (then it is scored)", last.closed, closed, why.close)
    label = "The Lead Partner is chosen (then protests are possible)"
    yield Step("choose", label, last.chosen, choice.at if choice else None, why.choose)
    if last.board:
        referred = in_force or (item.referred_at if item else None)
        yield Step("refer", "It is referred to the Board", last.agreed, referred, why.refer)
        on_agenda = in_force or _scheduled_at(item)
        yield Step("agenda", "The item is on the agenda", last.agreed, on_agenda, why.agenda)
        readings = [("The Board acts", in_force)]
        if len(last.meetings) > 1:
            introduced = in_force or _introduced_at(session, facts)
            readings.insert(0, ("The Board has the item introduced", introduced))
        for (label, done), meeting, reason in zip(readings, last.meetings, why.readings, strict=True):
            yield Step("board", label, meeting.at if meeting else None, done, reason)
    else:
        signed = in_force or (agreement.signed_at if agreement else None)
        yield Step("sign", "The agreement is signed", last.agreed, signed, why.sign)
    yield Step("start", "The agreement starts", last.starts_at, in_force, why.start)


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
