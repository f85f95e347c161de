"""A district made up for a year: its schools, people, organizations, meetings, and partnerships under way."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from random import Random

from sqlalchemy import Engine, select

from states.partnership import Partnership
from tests.support.district import ROLES, Life, configured, regular_meetings
from tests.support.facts import LA, ORGANIZATIONS, REVIEWERS
from tests.support.inputs import Moment
from tests.support.visitor import Visitor
from workflow.directory import Directory
from workflow.session import System
from workflow.store import loading, tables, upgrade
from workflow.store.rows import Snapshot

FIRST_MORNING = datetime(2026, 5, 15, 6, tzinfo=LA)
SETTINGS = '[mail]\nhours = "07:00-19:00"\n[web]\nposts_per_minute = 10000\n'
KINDS = ("community-based-organization", "higher-education", "public-agency", "other")
MORE_REVIEWERS = tuple(f"reviewer-{number}@example.org" for number in range(4, 11))
# At which station each of the first partnerships is when the year begins; the others begin with it.
UNDER_WAY = ("active", "needs-agreed", "renewal", "reported", "scored", "needs-agreed", "approved")


class Town(Life):
    """The district, its database, its pages, and the time: a life of no partnership, but of all of them."""

    def __init__(self, folder: Path, database: Engine, rng: Random, partnerships: int) -> None:
        upgrade.upgrade(database)
        super().__init__(System(configured(folder, SETTINGS), database))
        self.rng = rng
        self.schools: list[str] = []
        self.browser = Visitor(self)
        for name, given in ROLES.items():
            if "principal" not in given.get("roles", ()):
                self.person(name)
        for reviewer in MORE_REVIEWERS:
            self.person(reviewer.partition("@")[0], roles=["reviewer"])
        self.person("staff-two", roles=["staff"], digest=True)
        for organization in ORGANIZATIONS.values():
            self.put(tables.organizations, **organization.model_dump())
        for number in range(6):
            self.new_organization(f"organization-{number}")
        for on in regular_meetings():
            self.put(tables.meetings, on=on, at="16:15", kind="regular")
        for number in range(partnerships):
            school = self.new_school()
            if number < len(UNDER_WAY):
                Life(self.system, f"p-{number}", school).to(UNDER_WAY[number])
        self.now = FIRST_MORNING

    def new_school(self, *, invited: bool = True) -> str:
        """A school with its principal."""
        name = f"school-{len(self.schools)}"
        on = date(2025, 7, 1) if invited else None
        self.put(tables.schools, id=name, name=name.capitalize(), invited_on=on)
        digest = self.rng.random() < 0.2
        self.person(f"{name}-principal", roles=["principal"], schools=[name], digest=digest)
        self.schools.append(name)
        return name

    def new_organization(self, name: str) -> None:
        self.put(tables.organizations, id=name, name=name.capitalize(), kind=self.rng.choice(KINDS))
        self.person(f"{name}-contact", organization=name)

    @property
    def directory(self) -> Directory:
        with self.system.reading() as session:
            return session.directory

    @property
    def today(self) -> date:
        return self.now.date()

    def people(self, role: str, school: str | None = None) -> list[str]:
        everybody = self.directory.people.values()
        return [p.email for p in everybody if role in p.roles and (school is None or school in p.schools)]

    def contacts(self) -> dict[str, str]:
        """By organization, who speaks for it."""
        return {p.organization: p.email for p in self.directory.people.values() if p.organization}

    def records(self) -> list[Snapshot]:
        """Every partnership, by its reference."""
        with self.system.reading() as session:
            rows = session.connection.execute(select(tables.partnerships)).all()
        return sorted(map(Snapshot.from_row, rows), key=lambda record: record.ref)

    def known(self, ref: str) -> Snapshot:
        """One partnership, as it is now."""
        with self.system.reading() as session:
            return loading.load(session.connection, [ref])[ref]

    def moment(self, record: Snapshot | None, school: str, about: str | None = None) -> Moment:
        """What somebody knows who is about to do something to a partnership."""
        panel = [*REVIEWERS, *MORE_REVIEWERS]
        self.rng.shuffle(panel)
        return Moment(
            record.state if record else None,
            record.facts if record else Partnership(school=school, title=""),
            self.now,
            tuple(meeting.on for meeting in self.directory.regular),
            tuple(self.directory.organizations),
            tuple(panel), school, about,
        )  # fmt: skip
