"""Shows the directory and its changes without the names of those who withdrew an application before its closing.

An application enters its organization and its contact in the directory (`workflow/actions/applicants.py`). Nobody
may learn who withdrew before the call closed (4270.8). So every list, choice and "did you mean" reads it here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Row, select

from states.chapters.call import WITHDRAW_APPLICATION
from states.errors import BadInput, Problem, list_few, suggest
from states.event import Event
from states.machine import FIRST
from states.names import Role
from workflow.directory import Directory
from workflow.session import Session
from workflow.store import application_texts, tables
from workflow.store.application_texts import SEALED_EVENTS
from workflow.store.rows import HistoryEntry, Snapshot
from workflow.views.sealing import unopened_rows

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Whom no list may name: people by address, organizations by id.

    `sent` has the author and the instant of each application that was withdrawn before its call closed.
    """

    people: frozenset[str]
    organizations: frozenset[str]
    sent: frozenset[tuple[str, datetime]]

    def hides(self, entry: Row[Any]) -> bool:
        """Return whether an entry of the directory's changes would name somebody."""
        table, _, key = str(entry.what).partition(" ")
        if (entry.by, entry.at) in self.sent:
            return True
        return entry.by == key and table == tables.people.name and key in self.people


def read_directory(session: Session) -> Directory:
    """Return the directory as everybody may read it."""
    unnamed, directory = find_unnamed(session), session.directory
    if not unnamed.people and not unnamed.organizations:
        return directory
    people = {
        email: replace(person, organization=None) if person.organization in unnamed.organizations else person
        for email, person in _without(directory.people, unnamed.people).items()
    }
    return replace(
        directory, people=people, organizations=_without(directory.organizations, unnamed.organizations)
    )


def check_identifiers(session: Session, row: Event, event_input: Any) -> None:
    """Raise `BadInput` for an identifier that the directory does not know."""
    directory = session.directory
    if row.name == FIRST and event_input.school not in directory.schools:
        right = list_few(directory.schools, "a school that was imported first")
        wrong = f"there is no school {event_input.school!r}{suggest(event_input.school, directory.schools)}"
        raise BadInput([Problem("school", wrong, right)])
    if row.name == FIRST and (closed := directory.schools[event_input.school].closed_on):
        wrong = f"{directory.schools[event_input.school].name} closed on {closed}"
        raise BadInput([Problem("school", wrong, "a school that is open")])
    if "organization" in row.asks and event_input.organization not in directory.organizations:
        organizations = read_directory(session).organizations
        right = list_few(organizations, "an organization that was imported first")
        near = suggest(event_input.organization, organizations)
        wrong = f"there is no organization {event_input.organization!r}{near}"
        raise BadInput([Problem("organization", wrong, right)])


def find_unnamed(session: Session) -> Unnamed:
    """Return whom no list may name.

    1. Collect the applications that were withdrawn before their call closed.
    2. Leave out who has another application on record, which names them anyway.
    3. Keep of their entries in the directory those that nobody else has made or changed.
    """
    unopened = [
        row
        for record in _records_with_withdrawals(session)
        for row in _unopened_applications(session, record)
    ]
    sent = {(row.actor, row.at) for row in unopened}
    authors = {row.actor for row in unopened} - _authors_of_others(session, unopened)
    people = _entered_only_by(session, tables.people.name, authors, authors)
    named = {str(row.input_values["organization"]) for row in unopened}
    organizations = _entered_only_by(session, tables.organizations.name, named, authors)
    return Unnamed(people, organizations, frozenset(sent))


def _records_with_withdrawals(session: Session) -> list[Snapshot]:
    """Return the partnerships in which an application was ever withdrawn."""
    table, history = tables.partnerships, tables.history
    withdrawn = select(history.c.partnership).where(history.c.event == WITHDRAW_APPLICATION)
    return [
        Snapshot.from_row(row)
        for row in session.connection.execute(select(table).where(table.c.id.in_(withdrawn)))
    ]


def _unopened_applications(session: Session, record: Snapshot) -> list[HistoryEntry]:
    """Return the rows of the applications to a partnership that were withdrawn before their call closed."""
    table = tables.history
    query = select(table).where(
        table.c.partnership == record.id, table.c.event.in_((*SEALED_EVENTS, WITHDRAW_APPLICATION))
    )
    rows = [
        application_texts.without_texts(row)
        for row in application_texts.stream(session.connection, query.order_by(table.c.seq))
    ]
    unopened = unopened_rows(record.facts, rows)
    # What staff have entered from paper is theirs, and says nothing of who did what.
    return [
        row
        for row in rows
        if row.seq in unopened and row.event in SEALED_EVENTS and row.role == Role.APPLICANT
    ]


def _authors_of_others(session: Session, unopened: Collection[HistoryEntry]) -> set[str]:
    """Return the authors of these applications who have sent another one, which was not withdrawn like these."""
    table = tables.history
    known = {(row.partnership, row.seq) for row in unopened}
    query = select(table.c.partnership, table.c.seq, table.c.actor).where(
        table.c.event.in_(SEALED_EVENTS), table.c.actor.in_({row.actor for row in unopened})
    )
    return {row.actor for row in session.connection.execute(query) if (row.partnership, row.seq) not in known}


def _entered_only_by(
    session: Session, name: str, keys: Collection[str], authors: Collection[str]
) -> frozenset[str]:
    """Return the keys of those entries in a table of the directory that only these authors have ever written."""
    table = tables.changes
    whats = {f"{name} {key}": key for key in keys}
    query = select(table.c.what, table.c.by).where(table.c.what.in_(whats))
    writers: dict[str, set[str]] = {}
    for row in session.connection.execute(query):
        writers.setdefault(row.what, set()).add(row.by)
    return frozenset(whats[what] for what, by in writers.items() if by <= set(authors))


def _without(entries: Mapping[str, V], keys: Collection[str]) -> dict[str, V]:
    return {key: entry for key, entry in entries.items() if key not in keys}
