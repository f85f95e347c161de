"""Finds the words of a rehearsal: names of people and schools, labels of deadlines, days and times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from notifications.written import near_day, time_of_day
from states.names import Role
from states.partnership import Partnership
from workflow.directory import Directory
from workflow.procedure.config import Config
from workflow.rehearsal.happenings import Happening


@dataclass(frozen=True)
class Wording:
    """Names what a rehearsal is about. `facts` has the facts of each partnership at the end, by reference."""

    settings: Config
    directory: Directory
    facts: Mapping[str, Partnership]

    def day_of(self, instant: datetime) -> date:
        """Return the day of an instant in the district's zone."""
        return self.settings.calendar.day(instant)

    def write_day(self, day: date, near: date) -> str:
        """Return a day in words, with its year unless the day `near` is of the same year."""
        return near_day(day, near)

    def write_due(self, due: datetime, near: date) -> str:
        """Return the last day before time runs out, in words as `write_day` has it."""
        local = self.settings.calendar.local(due)
        # People read midnight as the end of the day before.
        return near_day(local.date() - timedelta(days=local.time() == time.min), near)

    def write_time(self, instant: datetime) -> str:
        """Return the time of day in the district's zone, in words."""
        return time_of_day(self.settings.calendar.local(instant))

    def local(self, instant: datetime | None) -> str | None:
        """Return an instant in the district's zone as ISO 8601 text; None stays None."""
        return self.settings.calendar.local(instant).isoformat(timespec="seconds") if instant else None

    def school_of(self, ref: str) -> str:
        """Return the name of the school of a partnership, or its reference if it has not begun."""
        facts = self.facts.get(ref)
        return self.directory.school_name(facts.school) if facts else ref

    def name_of(self, email: str, ref: str) -> str:
        """Return the name of a person, or the address of somebody whom neither directory nor facts know."""
        person = self.directory.person(email, self.facts.get(ref))
        return person.name if person else self.directory.former.get(email, email)

    def describe_person(self, each: Happening) -> str:
        """Return the name of the person who acts or is told, with the role unless the name says it."""
        if each.hidden:
            return "an applicant"
        if each.role == Role.PUBLIC:
            return "somebody of the public"
        return add_role(self.name_of(each.who, each.ref), each.role)

    def label_of(self, deadline: str) -> str:
        """Return the words for a deadline."""
        row = self.settings.procedure.deadline.get(deadline)
        return row.label if row else deadline


def add_role(name: str, role: str) -> str:
    """Return a name with a role behind it, unless the name has the words of the role."""
    words = role.replace("-", " ")
    return name if words.lower() in name.lower() else f"{name} ({words})"


def cut_school(subject: str, school: str) -> str:
    """Return a subject without the name of the school at its end, which may be cut short there."""
    start = subject.find(", ")
    while start != -1:
        rest = subject[start + 2 :]
        if rest == school or (rest.endswith("…") and school.startswith(rest[:-1])):
            return subject[:start]
        start = subject.find(", ", start + 2)
    return subject
