"""Lists the public steps of a partnership: what its entry tells, and what happened in public on the way there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from states.agreement import Change
from states.chapters.correction import CORRECT_ENTRY
from states.partnership import Partnership
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import HistoryEntry, Snapshot
from workflow.views.corrections import as_they_count, corrections_in
from workflow.views.public_entry import Entry
from workflow.views.public_rules import was_in_force

# The facts do not keep that a call was extended, and which items the Board had introduced before the present one.
_EXTENDED, _REFERRED, _INTRODUCED = "extend-selection", "refer-to-board", "introduce-item"


@dataclass(frozen=True, slots=True)
class Step:
    """One public step. `values` are what its words in the template need."""

    on: date
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)


def list_steps(session: Session, record: Snapshot, entry: Entry, now: datetime) -> tuple[Step, ...]:
    """Return the public steps, the earliest first. Steps of one day keep the order of a life."""
    facts, day = record.facts, session.config.calendar.day
    steps = []
    for call in entry.calls:
        steps.append(Step(day(call.opened_at), "opened"))
        if call.stands not in ("open", "withdrawn"):
            steps.append(Step(day(call.closes_at), "closed"))
    if entry.partner and facts.selection and facts.selection.choice:
        steps.append(Step(day(facts.selection.choice.at), "chosen", {"partner": entry.partner}))
    steps += _read_steps(session, record)
    steps += [Step(vote.on, "vote", {"vote": vote}) for vote in entry.votes]
    if was_in_force(facts):
        steps += _steps_in_force(session, facts, now)
    if facts.ended:
        steps.append(Step(facts.ended.effective_on, "ended", {"how": facts.ended.how}))
    if facts.closed_out:
        steps.append(Step(day(facts.closed_out.at), "closed-out"))
    return tuple(sorted(steps, key=lambda step: step.on))


def _read_steps(session: Session, record: Snapshot) -> Iterator[Step]:
    """Yield the extensions of calls and the Board's introductions, as they count after corrections."""
    history, purpose = tables.history, ""
    wanted = history.c.event.in_((_EXTENDED, _REFERRED, _INTRODUCED, CORRECT_ENTRY))
    query = select(history).where(history.c.partnership == record.id, wanted).order_by(history.c.seq)
    rows = [HistoryEntry.from_row(row) for row in session.connection.execute(query)]
    counts = {each.target.seq: each.now for each in corrections_in(rows)}
    for row in as_they_count(rows):
        if counts.get(row.seq, {}) is None:
            continue  # it was taken back
        values = row.input_values
        if row.event == _REFERRED:
            purpose = values["purpose"]
        elif row.event == _INTRODUCED:
            yield Step(date.fromisoformat(values["meeting_on"]), "introduced", {"purpose": purpose})
        elif row.event == _EXTENDED:
            closes_on = date.fromisoformat(values["closes_on"])
            yield Step(session.config.calendar.day(row.at), "extended", {"closes_on": closes_on})


def _steps_in_force(session: Session, facts: Partnership, now: datetime) -> Iterator[Step]:
    """Yield the steps of an agreement in force: its beginning, its changes and its annual reviews."""
    day = session.config.calendar.day
    if facts.first_day and facts.first_day <= day(now):
        yield Step(facts.first_day, "in-force")
    for on, change in _date_changes(session, facts):
        terms = {"amount_cents": change.amount_cents, "ends_on": change.ends_on}
        yield Step(on, "changed", {"purpose": change.purpose} | terms)
    for review in (*facts.earlier_reviews, *((facts.review,) if facts.review else ())):
        yield Step(day(review.opened_at), "review-opened")
        if review.reports:
            yield Step(day(review.reports[-1].at), "reported")
        if review.decided_at:
            yield Step(day(review.decided_at), "continued")


def _date_changes(session: Session, facts: Partnership) -> list[tuple[date, Change]]:
    """Return the changes of the agreement, each with the day from which it counts.

    A change that the Board approved keeps the instant of its referral, which is not public. Its day is that of the
    vote. Nothing else changes the agreement while the Board has it, so it is the last one before that vote.
    """
    changes = facts.agreement.changes if facts.agreement else ()
    days = [session.config.calendar.day(change.at) for change in changes]
    for decision in facts.board.decisions:
        before = [number for number, change in enumerate(changes) if change.at <= decision.at]
        if decision.decision == "approve" and decision.purpose != "new" and before:
            days[before[-1]] = decision.meeting_on
    return list(zip(days, changes, strict=True))
