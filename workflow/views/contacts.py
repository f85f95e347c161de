"""Says what the contacts of a Lead Partner can do besides the one whom the record names, and as what they act."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from states.contacts import OtherContact, Right, covers, lead_partner
from states.errors import Unmet
from states.machine import askable
from states.names import Role
from states.partnership import Partnership
from workflow.directory import Directory, Person
from workflow.session import Session
from workflow.store.rows import Notice, Snapshot


def can_do(directory: Directory, facts: Partnership, email: str, role: Role, event: str) -> bool:
    """Return whether the rights of a person allow an event; everybody but contacts of a Lead Partner needs none."""
    return role is not Role.LEAD_PARTNER or covers(directory.rights_of(email, facts), event)


def askable_by(session: Session, record: Snapshot, role: Role, email: str) -> set[str]:
    """Return the events that a message or a page can ask a person in this role to do now."""
    events = askable(record.state, record.facts, role)
    return {each for each in events if can_do(session.directory, record.facts, email, role, each)}


def find_lacking_right(directory: Directory, facts: Partnership, email: str, event: str) -> Unmet | None:
    """Return which right a contact of the Lead Partner lacks for an event; None if they lack none."""
    rights = directory.rights_of(email, facts)
    if covers(rights, event):
        return None
    needed = " or ".join(right for right in Right if covers({right}, event))
    reason = f"{event} needs the right {needed}; {email} has {_list_rights(rights) or 'none'}"
    return Unmet("contact-right", reason, "4270.4")


def find_other_contact(directory: Directory, facts: Partnership, email: str) -> OtherContact | None:
    """Return by which rights somebody acts for the Lead Partner whom the record does not name; None for others."""
    organization, rights = lead_partner(facts), directory.rights_of(email, facts)
    if organization is None or not rights or (facts.contact and facts.contact.email == email):
        return None
    return OtherContact(organization=organization, rights=tuple(right for right in Right if right in rights))


def describe_as(directory: Directory, facts: Partnership, email: str, role: str) -> str | None:
    """Return as what a contact acts whom the record does not name, such as "reports contact of Harbor House".

    Return None for everybody else.
    """
    other = find_other_contact(directory, facts, email) if role == Role.LEAD_PARTNER else None
    if other is None:
        return None
    organization = directory.organizations.get(other.organization)
    return (
        f"{_list_rights(other.rights)} contact of {organization.name if organization else other.organization}"
    )


def describe_message(
    session: Session, row: Notice, about: Snapshot, offers: Collection[str], offered: Collection[str]
) -> dict[str, str | None]:
    """Return in words what a contact of the Lead Partner has to know whom the record does not name; else nothing.

    `offers` are the events that the notice asks for, and `offered` those that its reader may do. `contact_as` says
    as what they are told, and who else may do it. `only_told` stands in place of a request that their right does
    not cover.
    """
    directory, facts = session.directory, about.facts
    words = describe_as(directory, facts, row.owner, row.role)
    if words is None:
        return {}
    named = find_named(directory, facts)
    wanted = askable(about.state, facts, Role.LEAD_PARTNER).intersection(offers)
    # What is not possible yet may still be theirs to do.
    if wanted and not wanted & askable_by(session, about, Role.LEAD_PARTNER, row.owner):
        whom = f"We ask {named.name}" if named else "The office asks somebody else"
        told = f"You do not have to do anything. {whom} for what your organization has to do."
        return {"contact_as": f"As {words}.", "only_told": told}
    also = (
        f" {named.name} has this message too. It is enough that one of you does it."
        if named and offered
        else ""
    )
    return {"contact_as": f"As {words}.{also}"}


def find_named(directory: Directory, facts: Partnership) -> Person | None:
    """Return the contact whom the record names, unless they have left."""
    named = directory.holders(Role.LEAD_PARTNER, facts)
    return next((person for person in named if facts.contact and person.email == facts.contact.email), None)


def list_contacts(directory: Directory, facts: Partnership) -> list[dict[str, Any]]:
    """Return the documents of everybody who may act for the Lead Partner, first of the contact the record names."""
    named = find_named(directory, facts)
    first = [(named, [Right.LEAD])] if named else []
    others = [(person, list(person.contact_rights)) for person in directory.other_contacts(facts)]
    return [
        {"email": person.email, "name": person.name, "rights": rights, "named": person is named}
        for person, rights in (*first, *others)
    ]


def find_lost(before: Directory, after: Directory) -> Iterator[tuple[str, str]]:
    """Yield the rights that nobody has any more for an organization: its id, and a sentence."""
    held = _rights_held(after)
    for organization, right in sorted(_rights_held(before) - held):
        if organization in after.organizations and (organization, Right.LEAD) not in held:
            name = after.organizations[organization].name
            yield (
                organization,
                f"Nobody has the right {right} for {name} now, besides the contact of each partnership.",
            )


def _rights_held(directory: Directory) -> set[tuple[str, Right]]:
    """Return which rights people have, each with the id of the organization."""
    return {
        (person.organization, right)
        for person in directory.people.values()
        if person.active and person.organization
        for right in person.contact_rights
    }


def _list_rights(rights: Collection[Right]) -> str:
    return " and ".join(right for right in Right if right in rights)
