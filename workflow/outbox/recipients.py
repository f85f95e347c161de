"""Finds the people whom an event or a deadline concerns, and who is told where nobody holds a role any more.

What waits for a role that nobody holds goes to the next who can do something about it, and in the end to the
mailbox of the office. So no reminder and no escalation is lost because somebody left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from states.contacts import hears
from states.machine import askable, event_named, waiting_on
from states.names import Role
from states.partnership import Partnership
from workflow.directory import Person
from workflow.procedure.ladders import Rung
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import HistoryEntry, RungKind, Snapshot
from workflow.views import drafts, public_readers, vacancies
from workflow.views.corrections import Correction

# Groups whose messages go to the address itself: those who have saved an application and not sent it, the one whose
# question is answered, and those who hear of new calls.
ALONE = ("draft-author", "asker", "subscriber")
# Who is told in place of a role that nobody holds, the first that somebody holds.
_NEXT = (Role.STAFF, Role.SUPERINTENDENT, Role.BOARD_OFFICE, Role.PRINCIPAL)
_OF_DISTRICT = _NEXT[:3]  # those of them who may read what concerns no single partnership


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that people are told of: an event, or a rung of a deadline."""

    record: Snapshot
    before: Partnership  # the facts before the event, since it may end the role of somebody whom it concerns
    name: str
    now: datetime
    seq: int | None = None  # the row of the history, of an event
    deadline: int | None = None  # the id of the row, of a rung
    actor: str | None = None
    by_command: bool = False  # somebody else may have acted in the name of the actor
    organization: str | None = None
    rung: Rung | None = None
    to: tuple[str, ...] | None = (
        None  # the roles and groups to tell, where they differ from the configured ones
    )
    extra: dict[str, Any] | None = None
    correction: Correction | None = None  # of an event that corrects another one
    entry: HistoryEntry | None = None  # the row of the history, which is not written yet


class Recipient(NamedTuple):
    """A person who is told, in which role, and in place of which role or group that nobody holds."""

    person: Person
    role: str
    stands_in_for: str | None = None
    is_alone: bool = False  # their messages go to the address itself, and never to a delegate


def find_recipients(
    session: Session, occasion: Occasion, groups: Sequence[str], offers: Sequence[str]
) -> Iterator[Recipient]:
    """Yield the people of these groups whom an occasion concerns.

    An escalation always reaches somebody. Nobody else has to hear of an event or a reminder that concerns nobody.
    What goes to the Lead Partner goes to its other contacts as well, as far as their rights reach.
    """
    anybody = False
    for group in groups:
        for recipient in _of_group(session, occasion, group, offers):
            anybody = True
            yield recipient
        if group == Role.LEAD_PARTNER or _waits_for_partner(occasion, group, offers):
            for person in _other_contacts(session, occasion, offers):
                anybody = True
                yield Recipient(person, str(Role.LEAD_PARTNER))
    if not anybody and groups and occasion.rung and occasion.rung.kind == RungKind.ESCALATE:
        absent = next((group for group in groups if group in set(Role)), None)
        yield from _find_stand_ins(session, occasion.record.facts, absent)


def _waits_for_partner(occasion: Occasion, group: str, offers: Sequence[str]) -> bool:
    """Return whether a group is those who are still waited for, and the Lead Partner is one of them."""
    waits = waiting_on(occasion.record.facts, offers[0]) if group == "waiting" else ()
    return any(wait.role is Role.LEAD_PARTNER for wait in waits)


def _other_contacts(session: Session, occasion: Occasion, offers: Sequence[str]) -> list[Person]:
    """Return the contacts of the Lead Partner, besides the one whom the record names, for whom a message is."""
    record, settings = occasion.record, session.config.deadlines.get(occasion.name)
    # A date may offer more than what has to be done by then.
    wanted = settings.owed if settings and occasion.deadline else offers
    asked = askable(record.state, record.facts, Role.LEAD_PARTNER).intersection(wanted)
    event = None if occasion.deadline else occasion.name
    others = session.directory.other_contacts(record.facts)
    return [person for person in others if hears(person.contact_rights, event, asked)]


def _of_group(session: Session, occasion: Occasion, group: str, offers: Sequence[str]) -> list[Recipient]:
    """Return the people of a role or group, each with the role in which they are told.

    A group is "waiting" (whose act the first of `offers` still needs), "former-lead-partner", "this-applicant",
    "other-applicant" (of the present call, or of the one that the event ended), "new-reviewer" and
    "former-reviewer" (who came onto the panel by the event, or left it), "told-before" (of a row that is corrected:
    its author, those who were told of it, and of a call all applicants), or one of `ALONE`.
    Where everybody in a role has left, others are told in their place.
    """
    people, facts = session.directory, occasion.record.facts
    if group == "waiting":
        # Some steps are owed by one person, such as the scores of a reviewer. Nobody else is reminded.
        awaited = [(waiting, people.awaited(waiting, facts)) for waiting in waiting_on(facts, offers[0])]
        told = [Recipient(person, str(wait.role)) for wait, holders in awaited for person in holders]
        missing = next((wait.role for wait, holders in awaited if not holders), None)
        return told if missing is None else told + _find_stand_ins(session, facts, str(missing))
    if group in ALONE:
        told_alone = _readers_alone(session, occasion, group)
        return [Recipient(people.someone(to), str(role), is_alone=True) for to, role in told_alone]
    if group == "told-before":
        return _told_before(session, occasion)
    if group == "other-applicant":
        return _find_other_applicants(session, occasion)
    if group == "former-lead-partner":
        return [
            Recipient(p, str(Role.LEAD_PARTNER)) for p in people.holders(Role.LEAD_PARTNER, occasion.before)
        ]
    if group in ("new-reviewer", "former-reviewer"):
        pair = (occasion.before, facts) if group == "new-reviewer" else (facts, occasion.before)
        others, mine = (people.holders(Role.REVIEWER, each) for each in pair)
        return [Recipient(person, str(Role.REVIEWER)) for person in mine if person not in others]
    # An event may take the role from its last holder, who is still concerned: look in the facts before it too.
    holders = people.holders(group, facts, occasion.organization) or people.holders(
        group, occasion.before, occasion.organization
    )
    role = str(Role.APPLICANT if group == "this-applicant" else group)
    if not holders and role in {v.role for v in vacancies.find(people, occasion.record.ref, facts)}:
        return _find_stand_ins(session, facts, role)
    return [Recipient(person, role) for person in holders]


def _find_other_applicants(session: Session, occasion: Occasion) -> list[Recipient]:
    """Return all who speak for an applicant, but for the one whom the occasion is about."""
    people, this = session.directory, "this-applicant"
    facts = occasion.record.facts if occasion.record.facts.selection else occasion.before
    about = people.holders(this, facts, occasion.organization) if occasion.organization else []
    others = (person for person in people.holders(Role.APPLICANT, facts) if person not in about)
    return [Recipient(person, str(Role.APPLICANT)) for person in others]


def _readers_alone(session: Session, occasion: Occasion, group: str) -> list[tuple[str, Role]]:
    """Return the addresses of one of the groups in `ALONE`, each with its role."""
    record = occasion.record
    if group == "draft-author":
        return [(email, Role.APPLICANT) for email in drafts.list_unsent(session, record)]
    if group == "asker":
        asker = public_readers.find_asker(session, record, occasion.entry)
        return [(asker, Role.PUBLIC)] if asker else []
    return [(email, Role.PUBLIC) for email in public_readers.list_subscribers(session)]


def _told_before(session: Session, occasion: Occasion) -> list[Recipient]:
    """Return the people who know of a row that is corrected, each with the role in which they do."""
    if occasion.correction is None:
        return []
    row, facts, people = occasion.correction.target, occasion.record.facts, session.directory
    table = tables.notices
    query = select(table.c.to, table.c.delegate_for, table.c.role).where(
        table.c.partnership == occasion.record.id, table.c.seq == row.seq
    )
    told = [(each.delegate_for or each.to, str(each.role)) for each in session.connection.execute(query)]
    known = [(people.person(email, facts), role) for email, role in [(row.actor, row.role), *told]]
    # Who has left is told no more.
    present = [
        Recipient(person, role)
        for person, role in known
        if person is not None and person.active and not people.has_left(person.email, facts)
    ]
    applicants = people.holders(Role.APPLICANT, facts) if event_named(row.event).public else []
    return [*present, *(Recipient(person, str(Role.APPLICANT)) for person in applicants)]


def find_in_district(session: Session, roles: Sequence[Role]) -> Iterator[Recipient]:
    """Yield the people who hold these roles for the whole district, and others in place of roles nobody holds."""
    people = [person for person in session.directory.people.values() if person.active]
    told = {role: [person for person in people if role in person.roles] for role in _OF_DISTRICT}
    for role in roles:
        yield from (Recipient(person, str(role)) for person in told[role])
    for role in roles:
        # Somebody who is told as what they are needs no second message in place of another.
        if not told[role] and not any(told[other] for other in roles):
            stands_in = next((other for other in _OF_DISTRICT if told[other]), None)
            if stands_in is None:
                yield _office(session, str(role))
                return
            yield from (Recipient(person, str(stands_in), str(role)) for person in told[stands_in])
            return


def _find_stand_ins(session: Session, facts: Partnership, absent: str | None) -> list[Recipient]:
    """Return the people who are told in place of the role `absent`: the next role that somebody holds."""
    for role in _NEXT:
        if holders := session.directory.holders(role, facts) if role != absent else []:
            return [Recipient(person, str(role), absent) for person in holders]
    return [_office(session, absent)]


def _office(session: Session, absent: str | None) -> Recipient:
    """Return the mailbox of the office, which somebody reads also where the directory has nobody left."""
    district = session.config.procedure.district
    return Recipient(Person(district.email, district.office), str(Role.STAFF), absent)
