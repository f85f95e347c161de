"""Lists the people whom a partnership waits for: with which event, since when and until when."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from states.event import Event, Waiting
from states.machine import COLLECTED
from states.names import HELD_BY_NOBODY, Role
from workflow import directory, setting
from workflow.directory import Person
from workflow.session import Session
from workflow.setting import Situation
from workflow.store.rows import Snapshot
from workflow.views import contacts, open_rungs, vacancies
from workflow.views.vacancies import Vacancy


@dataclass(frozen=True, slots=True)
class Wait:
    """One person whom a partnership waits for with one event.

    `person` is None if nobody holds the role. `problem` then says so in a sentence.
    """

    person: Person | None
    role: Role
    event: str
    since: datetime
    deadline: str | None  # the name of the deadline that asks for the event
    by: datetime | None  # when that deadline is due
    delegate: Person | None  # who stands in, while the person is away
    problem: str | None = None
    others: tuple[str, ...] = ()  # the addresses of other contacts of the Lead Partner who may do it as well


def list_waits(
    session: Session,
    record: Snapshot,
    now: datetime,
    *,
    events: Container[str] | None = None,
    possible: Iterable[Event] | None = None,
) -> list[Wait]:
    """Return everybody whom a partnership waits for, the most urgent first; with these `events` only, if given.

    `possible` are all rows that are possible now, if the caller has judged them already.

    1. Find the next event of each open deadline, and the roles that have to do it.
    2. Find the people in those roles, and the delegate of each who is away.
    3. List each person once for each event, with the earliest deadline. A role that nobody holds is listed too.
    """
    running = _running(session, record)
    # Judge only what may be waited for. Most events of a state never are.
    asked = {*COLLECTED, *(event for name in running for event in _owed(session, name))}
    wanted = asked if events is None else {event for event in asked if event in events}
    if possible is None:
        possible = setting.find_possible(Situation(session, record, None, now), wanted)
    able = {row.name: row for row in possible if row.name in wanted}
    today = session.config.calendar.day(now)
    vacant = vacancies.find(session.directory, record.ref, record.facts)
    waits: dict[tuple[str, str], Wait] = {}
    for row, roles, deadline, by in _asked(session, record, able, running):
        since = _since(record, row)
        for role in roles:
            others = _others(session, record, row, role)
            for person in _people(session, record, row, role):
                reached = directory.find_reachable(session.directory, person, today)
                delegate = reached if reached.email != person.email else None
                wait = Wait(person, role, row.name, since, deadline, by, delegate, others=others)
                others = ()  # they are waited for once
                # Deadlines come in the order of their dates, so the first entry has the earliest one.
                waits.setdefault((person.email, row.name), wait)
            for problem in _problems(record, row, role, vacant):
                nobody = Wait(None, role, row.name, since, deadline, by, None, problem, others)
                waits.setdefault((problem, row.name), nobody)
    return list(waits.values())


def _asked(
    session: Session, record: Snapshot, possible: Mapping[str, Event], running: Mapping[str, datetime]
) -> Iterator[tuple[Event, list[Role], str | None, datetime | None]]:
    """Yield each event that is waited for, with its roles and with the name and due instant of its deadline.

    Of each open deadline, take the first of its tasks that is possible now. An event that several people do, such
    as a signature, a score or a finding, is waited for even if no deadline asks for it.
    """
    seen = set()
    for name, by in running.items():
        row = _next_of(record, _owed(session, name), possible)
        if row is not None:
            seen.add(row.name)
            yield row, _roles(record, row, session.config.deadlines[name].to), name, by
    for name in COLLECTED:
        if name in possible and name not in seen and possible[name].waiting(record.facts):
            yield possible[name], _roles(record, possible[name], ()), None, None


def _owed(session: Session, deadline: str) -> tuple[str, ...]:
    """Return the events that have to be done by a deadline, in their order."""
    # A deadline may outlive its row in the settings, if the procedure was changed meanwhile.
    settings = session.config.deadlines.get(deadline)
    return settings.owed if settings else ()


def _running(session: Session, record: Snapshot) -> Mapping[str, datetime]:
    """Return the due instant of each open deadline by name, the earliest first."""
    rungs = {(rung.ladder, rung.name) for rung in open_rungs.read(session, record)}
    return {name: ladder for ladder, name in sorted(rungs)}


def _next_of(record: Snapshot, tasks: Iterable[str], possible: Mapping[str, Event]) -> Event | None:
    """Return the first of the tasks that is possible and still needed."""
    for name in tasks:
        row = possible.get(name)
        if row is None or row.optional or (row.done_once and row.done_once in record.moments):
            continue
        return row
    return None


def _roles(record: Snapshot, row: Event, to: Collection[str]) -> list[Role]:
    """Return the roles in which an event is waited for.

    For an event that several people do, these are the roles that have not done it yet. For another event they are
    the roles that may do it and that the deadline tells (`to`), or all roles that may if it tells none of them.
    """
    if row.collected:
        return list(dict.fromkeys(each.role for each in row.waiting(record.facts)))
    # The clock waits for nobody and reads no mail.
    able: list[Role] = [role for role in Role if role in row.who and role not in HELD_BY_NOBODY]
    return [role for role in able if role in to] or able


def _people(session: Session, record: Snapshot, row: Event, role: Role) -> list[Person]:
    """Return the people who are waited for in a role: those named, such as reviewers, or else all its holders."""
    waiting = [each for each in row.waiting(record.facts) if each.role is role] or [Waiting(role)]
    return [person for each in waiting for person in session.directory.awaited(each, record.facts)]


def _others(session: Session, record: Snapshot, row: Event, role: Role) -> tuple[str, ...]:
    """Return the addresses of the other contacts of the Lead Partner who may do this in place of its holders."""
    people, facts = session.directory, record.facts
    if role is not Role.LEAD_PARTNER:
        return ()
    holders = {person.email for person in people.holders(role, facts)}
    others = (each.email for each in people.other_contacts(facts) if each.email not in holders)
    return tuple(email for email in others if contacts.can_do(people, facts, email, role, row.name))


def _problems(record: Snapshot, row: Event, role: Role, vacant: Iterable[Vacancy]) -> Iterator[str]:
    """Yield in a sentence why nobody can do an event in a role, for each person who is missing."""
    named = [each.email for each in row.waiting(record.facts) if each.role is role and each.email]
    for vacancy in vacant:
        if vacancy.role is role and (not named or vacancy.email in named):
            yield vacancy.problem


def _since(record: Snapshot, row: Event) -> datetime:
    """Return since when an event is waited for: the moment that its row names, or else entering the state."""
    moment = record.moments.get(row.awaited_since or "")
    return moment if isinstance(moment, datetime) else record.entered_at


def document(session: Session, wait: Wait, now: datetime) -> dict[str, Any]:
    """Return the document of a wait, as commands show it. Its name says in a sentence if there is nobody."""
    others = {"others": wait.others} if wait.others else {}
    return others | {
        "person": wait.person.email if wait.person else None,
        "name": wait.person.name if wait.person else wait.problem,
        "role": str(wait.role),
        "event": wait.event,
        "label": session.config.label(wait.event),
        "since": session.local(wait.since),
        "by": session.local(wait.by),
        "deadline": wait.deadline,
        "overdue": wait.by is not None and wait.by <= now,
        "delegate": wait.delegate.email if wait.delegate else None,
    }
