"""What must hold of a district at every moment, looked up in its tables and judged by the clauses of the policy.

Each function gives what it found to be wrong, in words; nothing found is an empty list.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select

from states.errors import LawError, Refused
from states.names import State
from states.partnership import Partnership
from workflow.session import System
from workflow.store import tables

POLICY = Path(__file__).parents[2] / "docs" / "policy.md"
IN_POLICY = re.findall(r"^\| `(4270\.\d+[a-e]?)` \|", POLICY.read_text(encoding="utf-8"), re.MULTILINE)
CLAUSES = {"4270.5", *IN_POLICY}
THRESHOLD_CENTS = 250_000_00


def of_the_state(system: System, now: datetime) -> list[str]:
    """Once the clock has looked: nobody is stranded, nothing runs on, no school has two, the Board had its say."""
    with system.reading() as session:
        deadlines = select(tables.deadlines).where(tables.deadlines.c.status == "open")
        open_ = session.connection.execute(deadlines).all()
        rows = session.connection.execute(select(tables.partnerships)).all()
    found = [f"{row.name} is due and was passed over" for row in open_ if row.next_at <= now]
    waited_for = {row.partnership for row in open_}
    in_force: dict[str, list[tuple[str, Partnership]]] = {}
    for row in rows:
        facts = Partnership.model_validate_json(row.facts)
        if row.state != State.TERMINATED and row.id not in waited_for:
            found.append(f"{row.ref} is stranded in {row.state}: no deadline is open")
        if facts.in_force:
            others = in_force.setdefault(row.school, [])
            found += [f"{row.school} has two Lead Partners, {row.ref} and {ref}" for ref, other in others
                      if facts.overlaps(other)]  # fmt: skip
            others.append((row.ref, facts))
            if facts.last_day and facts.last_day < system.config.calendar.day(now):
                found.append(f"{row.ref} runs past its last day, {facts.last_day}")
        found += [f"{row.ref}: {fault}" for fault in without_the_board(facts)]
    return found


def a_year_and_a_day(first: date, last: date) -> bool:
    """Whether a term is longer than one year (4270.9c): its last day is the first day's anniversary, or later."""
    month, day = (3, 1) if (first.month, first.day) == (2, 29) else (first.month, first.day)
    return (last.year, last.month, last.day) >= (first.year + 1, month, day)


def called_for(amount_cents: int, first: date, last: date, autonomy: str | None) -> bool:
    """Whether a clause calls for the Board (4270.9a, b, c)."""
    return amount_cents >= THRESHOLD_CENTS or autonomy is not None or a_year_and_a_day(first, last)


def without_the_board(facts: Partnership) -> list[str]:
    """Whether an agreement came into force, or has terms, that the Board should have approved and did not."""
    agreement = facts.agreement
    if agreement is None or agreement.in_force_at is None:
        return []
    if facts.board.asked is not None:
        return ["it is in force, and the Board that asked to review it has not decided"]
    terms = (agreement.amount_cents, agreement.starts_on, agreement.ends_on, agreement.autonomy_requested_by)
    approved = agreement.approval
    if approved is None:
        return [f"terms {terms} are in force without the Board"] if called_for(*terms) else []
    if (approved.amount_cents, approved.ends_on) != (agreement.amount_cents, agreement.ends_on):
        return [f"terms {terms} are in force; what the Board approved is {approved}"]
    then = [one for one in facts.board.decisions if one.meeting_on == approved.meeting_on]
    if not any(one.decision == "approve" and one.vote.ayes > one.vote.noes for one in then):
        return ["the approval is of no vote that carried it"]
    return []


def of_the_history(system: System) -> list[str]:
    """That no history has an agreement started by staff after the Board asked for it."""
    found = []
    asked: set[int] = set()
    table = tables.history
    with system.reading() as session:
        rows = session.connection.execute(select(table).order_by(table.c.partnership, table.c.seq)).all()
    for row in rows:
        if row.event == "ask-for-review":
            asked.add(row.partnership)
        if row.event == "activate" and row.partnership in asked:
            found.append(f"{row.partnership} was activated though the Board had asked to review it")
        if row.event in ("approve", "terminate") and row.from_state == State.BOARD_REVIEW:
            meeting = json.loads(row.setting)["meeting"]
            if meeting["kind"] != "regular":
                found.append(f"{row.partnership} was decided at a meeting that is {meeting['kind']}")
    return found


class Watch:
    """Looks at deadlines and notices again and again, and remembers what it saw."""

    def __init__(self, sent: Counter[str] | None = None) -> None:
        self.fired: dict[int, datetime] = {}
        self.sent = sent if sent is not None else Counter[str]()  # how often each message has left

    def faults(self, system: System) -> list[str]:
        """What was fired twice or early since the last look; what was queued twice."""
        table = tables.deadlines
        with system.reading() as session:
            fired = session.connection.execute(select(table).where(table.c.status == "fired")).all()
            told = session.connection.execute(select(tables.notices)).all()
        found = []
        for row in fired:
            rung = f"{row.partnership} {row.name} {row.ladder} {row.rung}"
            if row.done_at < row.due_at:
                found.append(f"{rung} fired at {row.done_at}, before {row.due_at}")
            if self.fired.setdefault(row.id, row.done_at) != row.done_at:
                found.append(f"{rung} fired twice: at {self.fired[row.id]} and at {row.done_at}")
        of_rungs = Counter((n.deadline, n.to, n.role, n.delegate_for) for n in told if n.deadline is not None)
        names = Counter(n.message_id for n in told)
        return [
            *found,
            *(f"told twice of one rung: {key}" for key, number in of_rungs.items() if number > 1),
            *(f"two notices are called {key}" for key, number in names.items() if number > 1),
            *(f"{key} left {number} times" for key, number in self.sent.items() if number > 1),
        ]


def of_a_refusal(error: LawError) -> list[str]:
    """A refusal names every reason in words, and cites no clause that there is not."""
    if isinstance(error, Refused):
        wrong = [u for u in error.unmet if not u.reason.strip() or u.clause not in {None, *CLAUSES}]
        found = [f"{unmet!r} has no reason, or cites what is no clause" for unmet in wrong]
        return found if error.unmet else [f"{error!r} gives no reason"]
    problems = getattr(error, "problems", ())
    if not problems or not all(problem.problem for problem in problems):
        return [f"{error!r} names no mistake"]
    foreign = re.compile(r"\binput should\b|pydantic", re.IGNORECASE)
    return [f"pydantic speaks in {problem}" for problem in problems if foreign.search(str(problem))]
