"""Runs the command list: print a line for each partnership, or what waits for one person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Select, or_, select

from states.errors import suggest
from states.event import Event
from states.moments import begins_on
from states.names import State
from workflow import setting
from workflow.admin.console import Console, common
from workflow.admin.terminal import JsonList, format_minute
from workflow.record import histories
from workflow.session import Session
from workflow.setting import Situation
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import DeadlineStatus, RungKind, Snapshot
from workflow.views import capacities, documents, pending
from workflow.views.pending import Wait
from workflow.views.reading_ahead import read_ahead
from workflow.views.shown_directory import read_directory

_DOCUMENTS = 100  # partnerships whose documents are made at once, with the texts of their applications


@click.command("list")
@click.option("--state", type=click.Choice([str(state) for state in State]), help="Only in this state.")
@click.option("--school", help="Only of this school.")
@click.option("--overdue", is_flag=True, help="Only with a deadline that is overdue.")
@click.option(
    "--waiting-on",
    "person",
    metavar="PERSON",
    help="Only what waits for this person (EMAIL) or as a delegate.",
)
@common
def list_(console: Console, state: str | None, school: str | None, overdue: bool, person: str | None) -> None:
    """List the partnerships, each with its next deadline."""
    email = person and person.lower()
    rows: list[tuple[str, ...]] = []
    with closing(JsonList()) as answer:
        # Print nothing within the transaction: a reader who pauses would keep the daemon from writing.
        with console.system.reading() as session:
            query = _select(session, state, school, console.now if overdue else None)
            if email is not None:
                query = query.where(capacities.may_wait_for(session, email, console.now))
            if console.as_json:
                for document in _documents(session, query, console.now, email):
                    answer.add(document)
            elif email is not None:
                rows += _waits(session, query, console.now, email)
            else:
                rows += _lines(session, query, console.now)
            if person is not None and not rows and not answer.length:
                _require_known(session, person)
        if console.as_json:
            answer.print()
        elif email is not None:
            waiting = ("ref", "for", "as", "to do", "since", "by")
            console.show_table(waiting, rows, f"Nothing waits for {email}.")
        else:
            headings = ("ref", "school", "state", "since", "next deadline")
            console.show_table(headings, rows, "No partnerships.")


def _require_known(session: Session, person: str) -> None:
    """Raise `NotFound` for a person who is not in the directory, and for whom nothing waits.

    Somebody else, such as an applicant, may be waited for too.
    """
    if person.lower() not in session.directory.people:
        near = suggest(person, read_directory(session).people)
        raise NotFound(f"there is no person {person!r}{near}")


def _select(
    session: Session, state: str | None, school: str | None, overdue_at: datetime | None
) -> Select[Any]:
    """Return the query for the partnerships in a state, of a school, or with a deadline overdue at an instant."""
    table, due = tables.partnerships, tables.deadlines
    query = select(table)
    if state:
        query = query.where(table.c.state == state)
    if school and school not in session.directory.schools:
        raise NotFound(f"there is no school {school!r}{suggest(school, session.directory.schools)}")
    if school:
        query = query.where(table.c.school.in_(session.directory.with_merged([school])))
    if overdue_at:
        late = select(due.c.partnership).where(
            due.c.status == DeadlineStatus.OPEN.value,
            due.c.ladder <= overdue_at,
            due.c.name.not_in(documents.deadlines_of_drafts(session.config)),
        )
        query = query.where(table.c.id.in_(late))
    return query


def _lines(session: Session, query: Select[Any], now: datetime) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a line for each partnership."""
    today = session.config.calendar.day(now)
    for records in histories.read_in_chunks(session.connection, query):
        following = _read_next(session, [record.key for record in records], now)
        for record in records:
            begins = begins_on(record.facts, today)
            state = f"{record.state}, in force from {begins.isoformat()}" if begins else str(record.state)
            school = session.directory.school_name(record.facts.school)
            entered = session.local(record.entered_at) or ""
            yield record.ref, school, state, entered[:10], following.get(record.key, "")


def _read_next(session: Session, keys: Sequence[int], now: datetime) -> dict[int, str]:
    """Return for each partnership its first overdue deadline, else the next one that is due, for people."""
    table = tables.deadlines
    is_late = table.c.ladder <= now
    query = select(table.c.partnership, table.c.name, table.c.due_at, table.c.ladder).where(
        table.c.partnership.in_(keys),
        table.c.status == DeadlineStatus.OPEN.value,
        table.c.name.not_in(documents.deadlines_of_drafts(session.config)),
        or_(is_late, table.c.kind == RungKind.DUE.value),
    )
    following: dict[int, str] = {}
    for row in session.connection.execute(query.order_by(is_late.desc(), table.c.due_at, table.c.id)):
        if row.partnership not in following:
            when = "overdue" if row.ladder <= now else format_minute(session.local(row.due_at) or "")
            following[row.partnership] = f"{row.name}: {when}"
    return following


def _documents(
    session: Session, query: Select[Any], now: datetime, email: str | None
) -> Iterator[dict[str, Any]]:
    """Yield the document of each partnership; with an address only of those that wait for this person."""
    for records in histories.read_in_chunks(session.connection, query, _DOCUMENTS):
        ahead = read_ahead(session, records)
        documents.read_texts_ahead(ahead, records, now)
        for record in records:
            with histories.reraise_with_ref(record.ref):
                possible = setting.find_possible(Situation(ahead, record, None, now))
                waits = pending.list_waits(ahead, record, now, possible=possible)
                if email is None or any(_can_do(wait, email) for wait in waits):
                    yield _document(ahead, record, waits, possible, now)


def _waits(session: Session, query: Select[Any], now: datetime, email: str) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a line for each event that waits for a person, by partnership."""
    for records in histories.read_in_chunks(session.connection, query):
        ahead = read_ahead(session, records)
        for record in records:
            with histories.reraise_with_ref(record.ref):
                waits = pending.list_waits(ahead, record, now)
            mine = (pending.document(session, wait, now) for wait in waits if _can_do(wait, email))
            yield from ((record.ref, *waiting_row(wait)) for wait in mine)


def _can_do(wait: Wait, email: str) -> bool:
    """Return whether a person may do what is waited for, also as the delegate of another."""
    people = [person.email for person in (wait.person, wait.delegate) if person]
    return email in (*people, *wait.others)


def with_waiting(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    """Return the document of a partnership, with what it waits for."""
    possible = setting.find_possible(Situation(session, record, None, now))
    waits = pending.list_waits(session, record, now, possible=possible)
    return _document(session, record, waits, possible, now)


def _document(
    session: Session, record: Snapshot, waits: Iterable[Wait], possible: Iterable[Event], now: datetime
) -> dict[str, Any]:
    waiting_on = [pending.document(session, wait, now) for wait in waits]
    return documents.partnership(session, record, now, possible) | {"waiting_on": waiting_on}


def waiting_row(wait: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a table for a wait: the person, the role, the event, since when, and until when."""
    person = (wait["person"] or "nobody") + (f" (away: {wait['delegate']})" if wait["delegate"] else "")
    by = format_minute(wait["by"] or "") + (", overdue" if wait["overdue"] else "")
    return person, wait["role"], wait["event"], format_minute(wait["since"]), by
