"""Hands over what waits for one person to another: roles, panels, contacts, delegates and waiting messages.

What somebody did stays theirs. The panel and the contact of a partnership change by events of its history, as if
staff had done them one by one, so a new contact still accepts by a link before acting (4270.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update

from states.chapters.anytime import CHANGE_CONTACT
from states.chapters.panel import CHANGE_PANEL
from states.contacts import Right
from states.errors import BadInput, Problem
from states.event import OFFICE
from states.names import Role, State
from states.partnership import Partnership
from workflow import directory, engine
from workflow.actions import sign_in
from workflow.directory import Person
from workflow.outbox import queue
from workflow.record import changes, histories
from workflow.session import Session
from workflow.store import chain, feeds, tables
from workflow.store.column_types import canonical
from workflow.store.errors import NotFound
from workflow.store.rows import Channel, NoticeStatus, Snapshot

HANDED_OVER = "handed-over"  # the template of the message to both
_WAITING = (NoticeStatus.QUEUED, NoticeStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Handover:
    """A change from one person to another, and who records it: the person who acts, and the user of the machine."""

    old: str
    new: str
    name: str | None  # of the new person, if the directory does not have them
    reason: str
    actor: str | None
    user: str
    now: datetime


def new_row(session: Session, handover: Handover) -> dict[str, Any]:
    """Return the row of the new person with everything that the old one had. Raise `BadInput` or `NotFound`."""
    people = session.directory.people
    old, new = people.get(handover.old), people.get(handover.new)
    named = [record for record in _concerned(session) if _is_named(handover.old, record.facts)]
    if old is None and not named:
        raise NotFound(f"there is no person {handover.old!r} in the directory or in a partnership")
    if handover.old == handover.new:
        raise BadInput([Problem("NEW", "it is the same person", "somebody else")])
    old = old or Person(handover.old, handover.old, organization=_organization(handover.old, named))
    organizations = {person.organization for person in (old, new) if person and person.organization}
    if len(organizations) > 1:
        problem = f"{handover.new} belongs to another organization than {handover.old}"
        raise BadInput([Problem("NEW", problem, f"somebody of {old.organization}")])
    return {
        "email": handover.new,
        "name": handover.name or (new.name if new else handover.new),
        "roles": canonical(sorted({*old.roles, *(new.roles if new else ())})),
        "schools": canonical(sorted({*old.schools, *(new.schools if new else ())})),
        "organization": next(iter(organizations), None),
        "contact_rights": canonical(_rights(old, new, named)),
        "active": True,
    }


def _rights(old: Person, new: Person | None, named: list[Snapshot]) -> list[Right]:
    """Return what the new person may do as a contact. Raise `BadInput` for somebody who works for the district."""
    rights = set(old.contact_rights)
    # They are asked to become the contact whom the record names, and act as such only after they accepted.
    if any(record.facts.contact and record.facts.contact.email == old.email for record in named):
        rights.discard(Right.LEAD)
    rights |= set(new.contact_rights if new else ())
    roles = {*old.roles, *(new.roles if new else ())}
    if rights and OFFICE.intersection(roles):
        problem = f"{old.email} and {'' if new is None else new.email} act for a partner and for the district"
        raise BadInput([Problem("NEW", problem, "somebody who does not work for the district")])
    return [right for right in Right if right in rights]


def hand_over(session: Session, handover: Handover, row: dict[str, Any]) -> list[str]:
    """Let the new person take over from the old one, and return in words what went over.

    1. Give the new person the roles, schools and organization of the old one, and their delegations.
    2. Give them the messages that wait, so far as they hold the role, and take the old one out of the directory.
    3. Change the panels and contacts that name the old one, by events.
    4. End the links and sign-ins of the old one, and tell both.
    """
    old, new, user, now = handover.old, handover.new, handover.user, handover.now
    before = session.directory.people.get(old)
    lines = _describe(session, before) if before else []
    changes.put(session, tables.people, row, by=user, now=now)
    for person in session.directory.people.values():
        if person.delegate == old:
            # Nobody stands in for themselves.
            successor = None if person.email == new else new
            changes.put(session, tables.people, _delegation(person, successor), by=user, now=now)
            lines.append(f"stands in for {person.name}" if successor else f"stands in for nobody: {old} did")
    _readdress(session, handover)
    if before is None:
        # Only somebody who was in the directory can leave it, and so lose what the record gives them.
        changes.put(session, tables.people, _stranger(old), by=user, now=now)
    changes.remove(session, tables.people, old, by=user, now=now)
    fresh = replace(session, directory=directory.read(session.connection, session.config))
    for record in _concerned(session):
        for event, values in _events(record, handover, str(row["name"])):
            _advance(fresh, record, event, values, handover)
            lines.append(f"{record.ref}: {fresh.config.label(event)}")
    queue.revoke_person(session.connection, old, now)
    sign_in.end(session, old, None, now)
    feeds.renew(session.connection, old)
    what = {"by": new, "reason": handover.reason}
    changes.record(session, f"people replaced {old}", what, by=user, now=now)
    _tell_both(fresh, handover, before, str(row["name"]), lines)
    return lines


def _concerned(session: Session) -> Iterator[Snapshot]:
    return histories.read_unfinished(session.connection, select(tables.partnerships))


def _is_named(email: str, facts: Partnership) -> bool:
    """Return whether the facts name somebody for a role."""
    call, contacts = facts.selection, (facts.contact, facts.next_contact)
    return any(contact and contact.email == email for contact in contacts) or bool(
        call
        and (email in call.reviewers or any(a.contact_email == email for a in call.applications.values()))
    )


def _organization(email: str, records: list[Snapshot]) -> str | None:
    """Return the organization for which somebody outside the directory applied in one of these partnerships."""
    calls = [record.facts.selection for record in records if record.facts.selection]
    applications = (a for call in calls for a in call.applications.values())
    return next((a.organization for a in applications if a.contact_email == email), None)


def _events(record: Snapshot, handover: Handover, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events, with their input, by which the new person takes over in a partnership."""
    facts, call = record.facts, record.facts.selection
    if record.state is State.OPEN_SELECTION and call and not call.choice and handover.old in call.reviewers:
        add = [] if handover.new in call.reviewers else [handover.new]
        yield CHANGE_PANEL, {"add": add, "remove": [handover.old], "reason": handover.reason}
    contacts = (facts.contact, facts.next_contact)
    if any(contact and contact.email == handover.old for contact in contacts):
        yield CHANGE_CONTACT, {"email": handover.new, "name": name}


def _advance(
    session: Session, record: Snapshot, event: str, values: dict[str, Any], handover: Handover
) -> None:
    """Do an event in the name of staff. Raise what `engine.advance` raises, and `BadInput` without anybody."""
    people = session.directory.people
    actor = people.get(handover.actor or "")
    if actor is None or Role.STAFF not in actor.roles or not actor.active:
        expected = "--as EMAIL, somebody of the partnership staff"
        raise BadInput(
            [Problem("--as", f"{event} on {record.ref} is for staff, and none is given", expected)]
        )
    engine.advance(
        session, record.ref, event, values, actor.email, Channel.CLI, handover.now,
        role=Role.STAFF, note=handover.reason, ran_by=handover.user,
    )  # fmt: skip


def _delegation(person: Person, delegate: str | None) -> dict[str, Any]:
    return {"email": person.email, "delegate": delegate}


def _stranger(email: str) -> dict[str, Any]:
    return {"email": email, "name": email, "roles": "[]", "schools": "[]"}


def _readdress(session: Session, handover: Handover) -> None:
    """Give the new person the messages to the old one that were not sent yet.

    A receipt tells the old one what they did. Where the record names the old one as contact, the new one reads of
    the Lead Partner only after they accepted.
    """
    table = tables.notices
    asked = [r.key for r in _concerned(session) if r.facts.contact and r.facts.contact.email == handover.old]
    named = [*session.config.notices, *session.config.deadlines]
    mine = table.c.status.in_(_WAITING) & table.c.message.is_(None) & table.c.template.in_(named)
    mine &= table.c.partnership.is_not(None) & (table.c.role != Role.NEXT_CONTACT)
    mine &= (table.c.role != Role.LEAD_PARTNER) | table.c.partnership.not_in(asked)
    # A message to a delegate of the old one goes to the new person, who is not away.
    owned = or_(
        table.c.delegate_for == handover.old, (table.c.to == handover.old) & table.c.delegate_for.is_(None)
    )
    away = (table.c.to == handover.old) & (table.c.delegate_for != handover.new)
    for chosen, owner in ((owned, {"delegate_for": None}), (away, {})):
        chain.execute(session.connection, update(table).where(mine, chosen).values(to=handover.new, **owner))


def _describe(session: Session, person: Person) -> list[str]:
    """Return in words what somebody is, by the directory."""
    schools = [f"principal of {session.directory.school_name(school)}" for school in person.schools]
    roles = [role.replace("-", " ") for role in person.roles if role != Role.PRINCIPAL]
    name = session.directory.organizations.get(person.organization or "")
    rights = [
        f"{right} contact of {name.name if name else person.organization}" for right in person.contact_rights
    ]
    return [*schools, *roles, *rights]


def _tell_both(
    session: Session, handover: Handover, before: Person | None, name: str, lines: list[str]
) -> None:
    """Queue the message about the change to both of them."""
    roles = before.roles if before and before.roles else (str(Role.LEAD_PARTNER),)
    extra = {
        "changes": {
            "by": handover.user, "lines": lines, "more": 0, "reason": handover.reason, "old": handover.old,
            "old_name": before.name if before else handover.old, "new_name": name,
        },
        "why": "because your work for the partnerships of this district changed hands",
    }  # fmt: skip
    for email in (handover.old, handover.new):
        queue.tell(session, HANDED_OVER, email, roles[0], handover.now, extra=extra)
