"""Plans backwards from the day on which an agreement should start: the last day for each step before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

from notifications.written import long_day
from states.agreement import Agreement, Item
from states.case import Meeting, board_reasons
from states.partnership import Partnership
from workflow.agreements import find_earlier_agreements, find_earlier_of_each
from workflow.procedure.last_days import LastDays, find_last_days
from workflow.procedure.offsets import Offset
from workflow.session import Session
from workflow.store.rows import GENESIS, Snapshot
from workflow.views import plan_reasons

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """A step towards an agreement."""

    name: str
    label: str
    by: datetime | None  # the last instant that is early enough; None if the Board has no meeting for it
    done: datetime | None = None  # when it was done
    why: str = ""  # why it is this day, in words
    reading: Literal["introduce", "act", ""] = ""  # tells the two readings of the Board apart

    @property
    def key(self) -> str:
        """Return a name that no other step of the plan has."""
        return self.reading or self.name

    def is_missed(self, now: datetime) -> bool:
        """Return whether the step is not done and too late."""
        return self.done is None and (self.by is None or self.by < now)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known of an agreement before it is drafted: its whole amount and its length; None for unknown."""

    amount_cents: int | None = None
    length: Offset | None = None

    @property
    def are_known(self) -> bool:
        """Return whether anything is known."""
        return self.amount_cents is not None or self.length is not None

    @property
    def are_complete(self) -> bool:
        """Return whether nothing is missing that decides whether the Board acts."""
        return self.amount_cents is not None and self.length is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps towards an agreement that starts on a day, first step first.

    `board` says whether it leaves time for the Board, and `board_why` why, in words. `invitation` says how the
    Board's invitation of a Lead Partner stands in the way; it is empty if the call can be opened, or was.
    """

    start: date
    board: bool
    board_why: str
    steps: tuple[Step, ...]
    invitation: str = ""

    def missed(self, now: datetime) -> Step | None:
        """Return the first step that is not done and too late; None if the day can still be met."""
        return next((step for step in self.steps if step.is_missed(now)), None)


def record_of_school(school: str, now: datetime) -> Snapshot:
    """Return the record of a partnership that does not exist yet."""
    return Snapshot(None, school, None, 0, now, Partnership(school=school, title=""), GENESIS)


def make_plan(
    session: Session,
    record: Snapshot,
    start: date,
    now: datetime,
    *,
    terms: Terms = Terms(),
    board: bool | None = None,
) -> Plan:
    """Return the plan for an agreement that starts on a day.

    Whether the Board acts is worked out from the drafted terms, or from those that are given; `board` overrides it.
    """
    why = "It was given." if board is not None else ""
    if board is None:
        board, why = judge_board(session, record, start, now, terms)
    steps = tuple(plan_backwards(session, record.facts, start, board=board))
    return Plan(start, board, why, steps, _judge_invitation(session, record.facts, steps))


def _judge_invitation(session: Session, facts: Partnership, steps: Sequence[Step]) -> str:
    """Return why the Board's invitation lets no call open in time (4270.1), in words; "" if it does."""
    if facts.selection is not None:
        return ""
    school = session.directory.schools.get(session.directory.present_school(facts.school))
    invited = school.invited_on if school else None
    if invited is None:
        return "The Board has not invited a Lead Partner at this school, and no call opens before it has (4270.1)."
    last = next((step.by for step in steps if step.name == "open"), None)
    if last is not None and invited > session.config.calendar.day(last):
        day = long_day(invited)
        return f"The Board's invitation is of {day}, after the last day on which the call serves (4270.1)."
    return ""


def judge_board(
    session: Session, record: Snapshot, start: date, now: datetime, terms: Terms = Terms()
) -> tuple[bool, str]:
    """Return whether the plan needs time for the Board, and why. Until the terms are known, assume that it does.

    1. What the Board or the Superintendent asked to review comes before the Board.
    2. Terms that are given, or else those that are drafted, are judged by the law (4270.9).
    3. Earlier agreements at the school count with them. While nobody is chosen, each earlier partner may be.
    """
    facts, rules = record.facts, session.config.procedure.board.rules
    if facts.board.asked:
        return True, "The Board's review was asked for (4270.9)."
    if terms.are_known:
        agreement = _assume_agreement(session, start, now, terms)
        whole = replace(record, facts=facts.but(agreement=agreement))
        own = find_earlier_agreements(session, whole, now)
        chosen = facts.selection is not None and facts.selection.choice is not None
        earlier = [own] if chosen else [None, *find_earlier_of_each(session, record, agreement, now)]
    elif facts.agreement is not None:
        agreement, earlier = facts.agreement, [find_earlier_agreements(session, record, now)]
    else:
        return True, "The terms are not known, so the plan leaves time for the Board."
    for each in earlier:
        if reasons := board_reasons(agreement, rules, earlier=each):
            together = f" together with {', '.join(each.refs)}" if each else ""
            return True, f"The Board has to act{together}: {', '.join(reasons)}."
    if terms.are_known and not terms.are_complete:
        return True, "Only a part of the terms is known, so the plan leaves time for the Board."
    return False, "Nothing in these terms calls for the Board (4270.9)."


def _assume_agreement(session: Session, start: date, now: datetime, terms: Terms) -> Agreement:
    """Return an agreement with the terms that are known: without a length of one day, without an amount of none."""
    last = start
    if terms.length is not None:
        # A year from September 1 ends on August 31.
        last = max(start, terms.length.from_day(start, 1, session.config.calendar) - _DAY)
    return Agreement(
        instrument="mou",
        amount_cents=terms.amount_cents or 0,
        starts_on=start,
        ends_on=last,
        drafted_at=session.config.calendar.local(now),
    )


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
        *first, act = [meeting.at if meeting else None for meeting in last.meetings]
        for introduce in first:
            label, done = "The Board has the item introduced", in_force or _introduced_at(session, facts)
            yield Step("board", label, introduce, done, why.readings[0], "introduce")
        yield Step("board", "The Board acts", act, in_force, why.readings[-1], "act")
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
