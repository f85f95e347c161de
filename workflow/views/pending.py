"""Who is being waited for: of the open deadlines, who can do now what comes next, since when and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.machine import COLLECTED, askable, waiting_on
from states.moments import MOMENTS
from states.partnership import Role, State
from workflow import directory
from workflow.directory import Person
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot
from workflow.views import documents

# From when on an event is waited for, where that is not the day on which the partnership came into its state.
_SINCE = {
    "agree-needs": "needs.described",
    "open-selection": "needs.agreed",
    "score-application": "selection.closed",
    "choose-partner": "selection.scored",
    "draft-agreement": "selection.chosen",
    "set-outcomes": "selection.chosen",
    "answer-protest": "selection.protest_waits",
    "sign-agreement": "agreement.awaits_signature",
    "schedule-item": "board.referred",
    "submit-report": "review.opened",
    "give-finding": "review.reported",
    "continue": "review.found",
}
# What can be done again stays possible; nobody is waited for once it has been done.
_DONE = {
    "describe-needs": "needs.described",
    "draft-agreement": "agreement.drafted",
    "set-outcomes": "outcomes.set",
    "submit-report": "review.reported",
}
# Nobody is waited for with these: they end or change what would go on without them.
_OPTIONAL = frozenset(
    {"receive-application", "declare-conflict", "withdraw", "restart", "terminate", "defer-item"}
)


@dataclass(frozen=True, slots=True)
class Wait:
    """One person who is waited for with one event; `delegate` stands in while the person is away."""

    person: Person
    role: Role
    event: str
    since: datetime
    deadline: str | None
    by: datetime | None
    delegate: Person | None


def on(session: Session, record: Snapshot, now: datetime) -> list[Wait]:
    """Everybody who is waited for on a partnership, the most urgent first."""
    possible = {one.row.name for one in documents.possibilities(session, record, now) if one.possible}
    today = session.config.calendar.day(now)
    found: dict[tuple[str, str], Wait] = {}
    for event, roles, deadline, by in _asked(session, record, possible):
        since = _since(record, event)
        for role in roles:
            for person in _people(session, record, event, role):
                reached = directory.reachable(session.directory, person, today)
                delegate = reached if reached.email != person.email else None
                wait = Wait(person, role, event, since, deadline, by, delegate)
                found.setdefault((person.email, event), wait)
    return list(found.values())


def _asked(
    session: Session, record: Snapshot, possible: Collection[str]
) -> Iterator[tuple[str, list[Role], str | None, datetime | None]]:
    """What comes next and for which roles: of each open deadline the first of its offers that can be done now.

    Signatures, scores and findings are waited for whether or not a deadline offers them.
    """
    open_ = _open(session, record)
    seen = set()
    for name, by in open_.items():
        row = session.config.deadlines.get(name)
        for event in _next_of(record, row.offers if row else (), possible):
            seen.add(event)
            yield event, _roles(record, event, row.to if row else ()), name, by
    first = next(iter(open_.items()), (None, None))
    for event in COLLECTED:
        if event in possible and event not in seen and waiting_on(record.facts, event):
            yield event, _roles(record, event, ()), *first


def _open(session: Session, record: Snapshot) -> Mapping[str, datetime]:
    """By name, when each deadline that runs is due or was; the earliest first."""
    table = tables.deadlines
    query = select(table.c.name, table.c.ladder).where(
        table.c.partnership == record.id, table.c.status == "open"
    )
    rows = session.connection.execute(query.distinct())
    return {row.name: row.ladder for row in sorted(rows, key=lambda row: (row.ladder, row.name))}


def _next_of(record: Snapshot, offers: Collection[str], possible: Collection[str]) -> Iterator[str]:
    for event in offers:
        done = _DONE.get(event)
        if event in _OPTIONAL or event not in possible or (done and _moment(record, done)):
            continue
        if event == "refer-to-board" and record.state is State.ANNUAL_REVIEW:
            continue  # the other way out of a review: it is the report and the findings that are awaited
        yield event
        return


def _roles(record: Snapshot, event: str, to: Collection[str]) -> list[Role]:
    """In which roles it is waited for: those who still have to, or of those who may the ones that are reminded."""
    if event in COLLECTED:
        return list(dict.fromkeys(one.role for one in waiting_on(record.facts, event)))
    able = [role for role in Role if event in askable(record.state, record.facts, role)]
    able = [role for role in able if role is not Role.CLOCK]
    return [role for role in able if role in to] or able


def _people(session: Session, record: Snapshot, event: str, role: Role) -> list[Person]:
    waiting = [one.email for one in waiting_on(record.facts, event) if one.role is role and one.email]
    if waiting:
        return [session.directory.someone(email) for email in waiting if email]
    return session.directory.holders(role, record.facts)


def _since(record: Snapshot, event: str) -> datetime:
    found = _moment(record, _SINCE.get(event, ""))
    return found if isinstance(found, datetime) else record.entered_at


def _moment(record: Snapshot, name: str) -> Any:
    if name == "outcomes.set":
        return record.facts.outcomes.set_at
    return MOMENTS[name](record.facts) if name in MOMENTS else None


def document(session: Session, wait: Wait, now: datetime) -> dict[str, Any]:
    """What commands show of somebody who is waited for."""
    return {
        "person": wait.person.email,
        "name": wait.person.name,
        "role": str(wait.role),
        "event": wait.event,
        "label": session.config.label(wait.event),
        "since": session.local(wait.since),
        "by": session.local(wait.by),
        "deadline": wait.deadline,
        "overdue": wait.by is not None and wait.by <= now,
        "delegate": wait.delegate.email if wait.delegate else None,
    }
