"""Finds the roles that nobody holds any more, and says so in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from states.names import Role
from states.partnership import Partnership
from workflow.directory import DISTRICT_ROLES, Directory, School
from workflow.store.rows import Snapshot
from workflow.views import contacts
from workflow.views.present_names import rename_call

_OF_DISTRICT = {
    Role.STAFF: "The district has no partnership staff in the directory, so nobody can act for the District.",
    Role.SUPERINTENDENT: "The district has no superintendent in the directory.",
    Role.BOARD_OFFICE: "The district has no Board office in the directory, so nobody can record its decisions.",
}


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A role that nobody holds. `of` is the id of the school, or the reference of the partnership.

    `email` is the address that the record names for the role. `problem` is a sentence for people.
    """

    role: Role
    of: str | None
    email: str | None
    problem: str


def find_in_district(directory: Directory, schools: Iterable[School] | None = None) -> Iterator[Vacancy]:
    """Yield the roles of the whole district that nobody holds, and the schools without a principal.

    With `schools` only these are looked at.
    """
    for role in DISTRICT_ROLES:
        if role not in directory.held_roles:
            yield Vacancy(role, None, None, _OF_DISTRICT[role])
    for school in directory.schools.values() if schools is None else schools:
        if school.closed_on is None and not directory.principals_of(school.id):
            problem = f"{school.name} has no principal in the directory, so nobody can act for the school."
            yield Vacancy(Role.PRINCIPAL, school.id, None, problem)


def find_in_partnership(directory: Directory, ref: str, facts: Partnership) -> Iterator[Vacancy]:
    """Yield the roles of a partnership whose holder, whom the record names, has left."""
    if facts.closed_out or (facts.ended and facts.ended.how == "withdrawn"):
        return
    school, contact, call = directory.school_name(facts.school), facts.contact, facts.selection
    if contact and not directory.holders(Role.LEAD_PARTNER, facts):
        problem = (
            f"The partnership at {school} has no contact of the Lead Partner: {contact.email} is no longer in the "
            "directory. Record a new contact."
        )
        yield Vacancy(Role.LEAD_PARTNER, ref, contact.email, problem)
    if call is None or call.choice is not None:
        return
    for email in call.reviewers:
        if email in directory.left and (call.closed_at is None or email in call.unscored()):
            problem = (
                f"A reviewer is missing on the panel for {school}: {email} is no longer in the directory and has "
                "not scored every application. Change the panel: take this person off it and add somebody else."
            )
            yield Vacancy(Role.REVIEWER, ref, email, problem)
    # Before the closing only its author and staff know who has applied (4270.8).
    applications = rename_call(directory, call).applications
    for application in applications.values() if call.closed_at else ():
        if not directory.speakers(application, facts):
            problem = (
                f"{application.name}, an applicant for {school}, has no contact: {application.contact_email} is no "
                "longer in the directory."
            )
            yield Vacancy(Role.APPLICANT, ref, application.contact_email, problem)


def find(directory: Directory, ref: str, facts: Partnership) -> list[Vacancy]:
    """Return every role that matters to a partnership and that nobody holds."""
    school = directory.schools.get(directory.present_school(facts.school))
    return [
        *find_in_district(directory, [school] if school else []),
        *find_in_partnership(directory, ref, facts),
    ]


def describe(
    directory: Directory, ref: str, facts: Partnership, role: str, stands_in_for: str | None = None
) -> dict[str, str]:
    """Return by role what is vacant, in sentences, for a reader in `role`.

    Staff and the Superintendent read everything, others only of the role for which they stand in.
    """
    problems: dict[str, list[str]] = {}
    # Only they can find somebody. To others it could tell who applied, or who is on the panel.
    reads_all = role in (Role.STAFF, Role.SUPERINTENDENT)
    for vacancy in find(directory, ref, facts) if reads_all or stands_in_for else ():
        if reads_all or vacancy.role == stands_in_for:
            problems.setdefault(str(vacancy.role), []).append(vacancy.problem)
    return {vacant: "\n\n".join(sentences) for vacant, sentences in problems.items()}


def find_unnamed_contact(directory: Directory, ref: str, facts: Partnership) -> Iterator[Vacancy]:
    """Yield a Lead Partner whose named contact has left, where others have the right to act in their place."""
    contact, leads = facts.contact, directory.holders(Role.LEAD_PARTNER, facts)
    if contact and leads and directory.has_left(contact.email, facts):
        problem = (
            f"The contact of the Lead Partner of {directory.school_name(facts.school)}, {contact.email}, is no "
            f"longer in the directory. {' and '.join(p.name for p in leads)} may act meanwhile. Record a new "
            "contact."
        )
        yield Vacancy(Role.LEAD_PARTNER, ref, contact.email, problem)


def find_new(before: Directory, after: Directory, records: Iterable[Snapshot]) -> list[Vacancy]:
    """Return what a change of the directory leaves without anybody, in the district and in these partnerships.

    Besides the vacancies these are contacts of a Lead Partner: the one whom a record names, the last with a right.
    """
    old, new = set(find_in_district(before)), list(find_in_district(after))
    for record in records:
        for find_each in (find_in_partnership, find_unnamed_contact):
            old |= set(find_each(before, record.ref, record.facts))
            new += find_each(after, record.ref, record.facts)
    lost = (
        Vacancy(Role.LEAD_PARTNER, key, None, problem) for key, problem in contacts.find_lost(before, after)
    )
    return [*(vacancy for vacancy in new if vacancy not in old), *lost]
