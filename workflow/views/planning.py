"""Planning backwards: from a wanted first day, the last day on which each step still serves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from states.case import Meaning, Meeting, board_reasons
from states.partnership import Partnership
from workflow.session import Session

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """A step with its last instant; `by` is None where nothing in the calendar serves. `done` when it was."""

    name: str
    label: str
    by: datetime | None
    done: datetime | None = None

    def missed(self, now: datetime) -> bool:
        """Whether it is neither done nor can it still be in time."""
        return self.done is None and (self.by is None or self.by < now)


def needs_board(session: Session, facts: Partnership) -> bool:
    """Whether the Board is to be reckoned with: until terms are drafted, it is."""
    if facts.agreement is None or facts.board.asked:
        return True
    return bool(board_reasons(facts.agreement, session.config.procedure.board.rules))


def backwards(session: Session, facts: Partnership, start: date, *, board: bool) -> list[Step]:
    """The steps towards an agreement that starts on a day, first step first."""
    return list(reversed(list(_steps(session, facts, start, board))))


def _steps(session: Session, facts: Partnership, start: date, board: bool) -> Iterator[Step]:
    config, selection = session.config, facts.selection
    rules = config.procedure.selection
    at = config.procedure.calendar.at
    in_force = facts.agreement.in_force_at if facts.agreement else None
    last: datetime | None = config.instant(start, at)
    yield Step("start", "The agreement starts", last, in_force)
    if board:
        meetings = _meetings(session, start)
        labels = ["The Board acts", "The Board has the item introduced"]
        for label, meeting in zip(labels, meetings, strict=False):
            yield Step("board", label, meeting.at if meeting else None, in_force)
        first = meetings[-1]
        last = (first.agenda_closes_at or first.at) if first else None
        item = facts.board.item
        yield Step(
            "agenda", "The item is on the agenda", last, in_force or (item.scheduled_at if item else None)
        )
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


def _meetings(session: Session, start: date) -> list[Meeting | None]:
    """The last regular meetings that serve a start: of action, and before it of introduction."""
    before = [meeting for meeting in session.directory.regular if meeting.on <= start]
    readings = session.config.procedure.board.readings
    found: list[Meeting | None] = list(reversed(before[-readings:]))
    return found + [None] * (readings - len(found))


def _before(session: Session, moment: datetime | None, span: timedelta) -> datetime | None:
    if moment is None:
        return None
    local = session.config.calendar.local(moment)
    return session.config.instant(local.date() - span, local.time())


def _time_to_score_before(session: Session, moment: datetime | None) -> datetime | None:
    """As long before as the procedure leaves for the scores, in whole business days."""
    if moment is None:
        return None
    _, row = session.config.meaning(Meaning.SCORES)
    day = session.config.calendar.local(moment).date()
    known = dict.fromkeys(row.due.anchors, day)
    due = row.due.resolve(
        known,
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
