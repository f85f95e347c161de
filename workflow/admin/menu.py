"""Lists what a person can do now on a partnership: likeliest first, what cannot be undone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from states.chapters.correction import CORRECT_ENTRY
from states.event import Event
from states.machine import Possibility, row_of
from states.names import Role
from workflow.actions import choices
from workflow.actions.correcting import list_correctable
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views import authorization, contacts, documents, pending
from workflow.views.visibility import Viewer


@dataclass(frozen=True, slots=True)
class Deed:
    """An event that a person can do now in a role (a `Task`). `by` is until when it is waited for, if it is."""

    record: Snapshot
    event: Event
    role: Role
    actor: str
    by: datetime | None = None
    waited_for: bool = False

    @property
    def viewer(self) -> Viewer:
        """Return the person who reads what the questions show."""
        return Viewer(self.role, self.actor)

    @property
    def is_dangerous(self) -> bool:
        """Return whether the event has to be confirmed by the reference, or cannot be undone."""
        return self.event.confirmed or self.event.final


@dataclass(frozen=True, slots=True)
class Menu:
    """What a person can do now, in order, and what others wait for that is not possible yet, each with a reason."""

    deeds: tuple[Deed, ...]
    hindered: tuple[tuple[Event, str], ...]


def make_menu(session: Session, record: Snapshot, actor: str, now: datetime) -> Menu:
    """Return what a person can do on a partnership, in all their roles.

    1. What is waited for from this person, the most urgent first.
    2. What the law expects in this state, in its order, and then what is done only in case of need.
    3. What has to be confirmed or cannot be undone.

    Raise `NotFound` for an unknown person.
    """
    waits = [
        wait
        for wait in pending.list_waits(session, record, now)
        if wait.person is not None and actor in (wait.person.email, wait.delegate and wait.delegate.email)
    ]
    urgency = {wait.event: number for number, wait in reversed(list(enumerate(waits)))}
    by = {wait.event: wait.by for wait in reversed(waits)}
    deeds: dict[str, Deed] = {}
    hindered: dict[str, tuple[Event, str]] = {}
    for role, possibility in _possibilities(session, record, actor, now):
        row = possibility.row
        if not possibility.possible:
            hindered.setdefault(row.name, (row, possibility.unmet[0]))
        elif row.name not in deeds:
            deed = Deed(record, row, role, actor, by.get(row.name), row.name in urgency)
            if _has_choices(session, deed, now):
                deeds[row.name] = deed

    if correcting := _find_correcting(session, record, actor, now):
        deeds[CORRECT_ENTRY] = correcting

    def place(deed: Deed) -> tuple[bool, int, bool]:
        return deed.is_dangerous, urgency.get(deed.event.name, len(urgency)), deed.event.optional

    missing = [entry for name, entry in hindered.items() if name not in deeds and not entry[0].optional]
    # The law has them in the order of a life, and what comes early may be over.
    return Menu(tuple(sorted(deeds.values(), key=place)), tuple(reversed(missing)))


def _find_correcting(session: Session, record: Snapshot, actor: str, now: datetime) -> Deed | None:
    """Return the deed that corrects an earlier entry; None if the person may correct no entry."""
    row = row_of(CORRECT_ENTRY, record.state)
    for role in roles_held(session, record, actor):
        if role in row.who and list_correctable(session, record, Viewer(role, actor), now):
            return Deed(record, row, role, actor)
    return None


def roles_held(session: Session, record: Snapshot, actor: str) -> list[Role]:
    """Return the roles of a person on a partnership, with that of an applicant where their organization may apply.

    Raise `NotFound` for an unknown address.
    """
    person = session.directory.person(actor, record.facts)
    return authorization.roles_of(session, record, actor, person.organization if person else None)


def _has_choices(session: Session, deed: Deed, now: datetime) -> bool:
    """Return whether there is something to choose from, such as a protest to answer, in each list of the form."""
    return all(choices.LISTS[name](session, deed, now) for name in deed.event.form.choices.values())


def _possibilities(
    session: Session, record: Snapshot, actor: str, now: datetime
) -> Iterator[tuple[Role, Possibility]]:
    """Yield the events of the state that a person may do, in each role in which they may."""
    for role in roles_held(session, record, actor):
        for possibility in documents.possibilities(session, record, now, actor, role):
            row = possibility.row
            awaited = {waiting.role for waiting in row.waiting(record.facts)}
            # What several people do once, such as a signature, is for those who have not done it yet.
            is_over = row.collected is not None and not row.repeatable and role not in awaited
            is_theirs = contacts.can_do(session.directory, record.facts, actor, role, row.name)
            if role in row.who and is_theirs and not is_over and not row.of_entry:
                yield role, possibility
