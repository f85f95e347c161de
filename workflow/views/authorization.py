"""Decides whether a person may do an event on a partnership, and in which of their roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from states.case import Trial
from states.errors import Unmet, WrongRole
from states.event import Event
from states.machine import check_role, waiting_on
from states.names import Role
from workflow.procedure.ladders import Rung
from workflow.session import Session
from workflow.store.errors import NotFound
from workflow.store.rows import Channel, Snapshot
from workflow.views import contacts

# Only these channels may act as the clock, so that nobody becomes the clock by giving its name elsewhere.
_OF_THE_CLOCK = (Channel.CLOCK, Channel.IMPORT)


@dataclass(frozen=True, slots=True)
class Intent:
    """An event that somebody wants to do on a partnership. `now` is aware."""

    ref: str
    event: str
    input: Mapping[str, Any]
    actor: str
    channel: Channel
    now: datetime
    role: Role | None = None  # needed only if several roles of the actor may do the event
    note: str | None = None
    ran_by: str | None = None
    expected_version: int | None = None  # the version of the partnership that the actor has seen
    fired: int | None = None  # the id of the deadline's row that makes the event happen
    rung: Rung | None = None  # the rung in that row
    answer: Mapping[str, Any] | None = (
        None  # the columns of the answer that does it, but for what the event gives
    )


def check_actor(session: Session, record: Snapshot, row: Event, intent: Intent) -> None:
    """Raise `WrongRole` unless the actor may do an event, for the organization in its input or for any.

    The input has not been checked yet. Raise `NotFound` for an address that is not known.
    """
    named = intent.input.get("organization") if "organization" in row.takes.model_fields else None
    call, directory = record.facts.selection, session.directory
    if isinstance(named, str) and (named in directory.organizations or (call and named in call.applications)):
        choose_role(session, record, row, intent, named)
        return
    try:
        choose_role(session, record, row, intent, None)
    except WrongRole:
        # The input names no organization that exists. The actor may yet act for their own.
        person = directory.person(intent.actor, record.facts)
        if person is None or person.organization is None or Role.APPLICANT not in row.who:
            raise
        choose_role(session, record, row, intent, person.organization)


def choose_role(
    session: Session, record: Snapshot, row: Event, intent: Intent, organization: str | None
) -> Role:
    """Return the role in which the actor does an event. Raise `WrongRole` if the actor has none that may.

    Of several roles that may, choose one from which the event is still awaited.
    """
    if intent.actor == Role.CLOCK and intent.channel in _OF_THE_CLOCK:
        check_role(row, Role.CLOCK, record.state)
        return Role.CLOCK
    if Role.PUBLIC in row.who and intent.role in (None, Role.PUBLIC):
        return Role.PUBLIC
    held = roles_of(session, record, intent.actor, organization)
    possible = [role for role in row.who if role in held and intent.role in (None, role)]
    if Role.LEAD_PARTNER in possible and (
        lacking := contacts.find_lacking_right(session.directory, record.facts, intent.actor, row.name)
    ):
        possible.remove(Role.LEAD_PARTNER)
        if not possible:
            raise WrongRole([lacking])
    if not possible:
        who, has = " or ".join(row.who), " and ".join(held) or "no role here"
        reason = f"{row.name} is for {who}; {intent.actor} has {has}"
        reason += f" and asks to act as {intent.role}" if intent.role else ""
        raise WrongRole([Unmet("role", reason)])
    # A person with two roles may have acted in one of them already, such as by signing.
    awaited = {waiting.role for waiting in waiting_on(record.facts, row.name)}
    return next((role for role in possible if role in awaited), possible[0])


def choose_corrector(session: Session, record: Snapshot, row: Event, intent: Intent, trial: Trial) -> Role:
    """Return the role in which the actor corrects a row: the author in that of the row, others in one that may."""
    own = trial.recorded if trial.recorded and trial.recorded.actor == intent.actor else None
    # Who has withdrawn an application is an applicant only by the organization that the row names.
    organization = own.values.get("organization") if own else None
    held = roles_of(session, record, intent.actor, organization)
    for role in (own and own.role, *trial.correctors):
        if role in held and role in row.who and intent.role in (None, role):
            return role
    return choose_role(session, record, row, intent, None)


def roles_of(session: Session, record: Snapshot, email: str, organization: str | None = None) -> list[Role]:
    """Return the roles of a person on a partnership. Raise `NotFound` for an unknown address."""
    person = session.directory.person(email, record.facts)
    if person is None:
        raise NotFound(f"there is no person {email!r} in the directory")
    return session.directory.roles_of(person, record.facts, organization)


def name_actor(row: Event, actor: str) -> str:
    """Return the name under which the record keeps who does an event: the address, or nobody's for the public."""
    # Anybody may ask about a call, and everybody reads the question. So the record does not say who asked.
    return str(Role.PUBLIC) if Role.PUBLIC in row.who else actor
