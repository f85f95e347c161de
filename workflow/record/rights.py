"""Says what a user of the admin program may change and grant, as `[admin.users]` has it.

A user grants nothing that they may not use themselves. Otherwise who keeps the directory could become anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from states.errors import Refused, Unmet
from states.names import Role
from workflow.directory import Directory, Person
from workflow.procedure.settings import Area, User


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of one operating-system user."""

    name: str
    entry: User

    def can_act_as(self, email: str) -> bool:
        """Return whether the user may act as a person."""
        others = {other.lower() for other in self.entry.may_act_as}
        return email == self.entry.person or bool({"*", email} & others)

    def require_area(self, area: Area) -> None:
        """Raise `Refused` if the user may not change what belongs to an area."""
        if area not in self.entry.may_manage:
            allowed = ", ".join(self.entry.may_manage) or "nothing"
            reason = f"{self.name!r} may not change {area}: may_manage in [admin.users] allows {allowed}"
            raise Refused([Unmet("may-manage", reason)])

    def require_grants(
        self, directory: Directory, changes: Iterable[tuple[str, Mapping[str, Any]]], today: date
    ) -> None:
        """Raise `Refused` with everything that changed rows of people would grant and the user may not.

        `directory` is that before the change. Each change is the address of a person and the columns that it sets.
        A delegate acts also for everybody for whom the person stands in today, whether or not by way of others.
        """
        if "*" in self.entry.may_act_as:
            return
        mine = {
            capacity
            for person in directory.people.values()
            if person.active and self.can_act_as(person.email)
            for capacity in _capacities(vars_of(person))
        }
        unmet = []
        for email, values in changes:
            person = directory.people.get(email)
            before = vars_of(person) if person else {}
            after = {**before, **values}
            granted = _capacities(after) - (_capacities(before) if person and person.active else set())
            unmet += [
                Unmet("may-grant", f"{self.name!r} may not give {email} {capacity}: they may not act so")
                for capacity in sorted(granted - mine)
            ]
            acting, represented = _who_may_now_act(
                email, person, after, _stood_in_for(directory, email, today)
            )
            unmet += [
                Unmet("may-grant", f"{self.name!r} may not let {acting} act for {other}: they may not do so")
                for other in represented
                if not self.can_act_as(other)
            ]
        if unmet:
            raise Refused(unmet)

    def require_acting(self, actors: Iterable[tuple[str, str]]) -> None:
        """Raise `Refused` for each actor of an import as whom the user may not act, with the place in the file."""
        unmet = [
            Unmet(
                "may-act-as",
                f"{place}: {self.name!r} may not act as {actor}; see may_act_as in [admin.users]",
            )
            for place, actor in actors
            if not self.can_act_as(actor)
        ]
        if unmet:
            raise Refused(unmet)


def vars_of(person: Person) -> dict[str, Any]:
    """Return the columns of a person that say what they may do."""
    return {
        "roles": json.dumps(person.roles),
        "schools": json.dumps(person.schools),
        "organization": person.organization,
        "contact_rights": json.dumps(person.contact_rights),
        "away_until": person.away_until,
        "delegate": person.delegate,
    }


def _capacities(values: Mapping[str, Any]) -> set[str]:
    """Return in words everything that a row of the directory lets a person be."""
    roles = json.loads(values.get("roles") or "[]")
    schools = json.loads(values.get("schools") or "[]")
    capacities = {f"the role {role}" for role in roles if role != Role.PRINCIPAL}
    # A principal acts at their schools alone, so each school counts by itself.
    if Role.PRINCIPAL in roles:
        capacities |= {f"the role {Role.PRINCIPAL} at {school}" for school in schools}
    if values.get("organization"):
        capacities.add(f"the organization {values['organization']}")
        rights = json.loads(values.get("contact_rights") or "[]")
        capacities |= {f"the right {right} for {values['organization']}" for right in rights}
    return capacities


def _stood_in_for(directory: Directory, email: str, today: date) -> list[str]:
    """Return the addresses of all who are away and whose delegates lead to a person, also by way of others.

    Delegates who are inactive count too, since they may come back.
    """
    away = [p for p in directory.people.values() if p.delegate and p.away_until and today <= p.away_until]
    found = [email]
    # The list grows while it is read, until nobody new leads to it.
    for each in found:
        found += [p.email for p in away if p.delegate == each and p.email not in found]
    return found[1:]


def _who_may_now_act(
    email: str, person: Person | None, after: Mapping[str, Any], stands_in: Sequence[str]
) -> tuple[str, list[str]]:
    """Return who can act for others after a change of a person and could not before, and for whom."""
    if _lets_act(vars_of(person) if person else {}, after):
        return str(after["delegate"]), [email, *stands_in]
    # A person who comes back is a delegate again.
    return email, [] if person and person.active else list(stands_in)


def _lets_act(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether a change lets a delegate act who could not, or for longer than before."""
    delegate, until = after.get("delegate"), after.get("away_until")
    if not delegate or not until:
        return False
    ended = date.min + timedelta(days=1)
    same = delegate == before.get("delegate")
    return not same or until > (before.get("away_until") or ended)
