"""A district made up for a year: its schools, people, organizations, meetings, and partnerships under way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, Table, select

from states.partnership import Partnership
from tests.support.district import ROLES, Life, configured, person
from tests.support.facts import LA, ORGANIZATIONS, REVIEWERS
from tests.support.inputs import Moment
from workflow import directory, engine
from workflow.session import System
from workflow.store import tables, upgrade
from workflow.store.database import transact
from workflow.store.rows import Snapshot
from workflow.store.tables import canonical
from workflow.web.app import application

FIRST_DAY = date(2026, 5, 15)
BEFORE = datetime(2025, 7, 1, 9, tzinfo=LA)
SETTINGS = '[mail]\nhours = "07:00-19:00"\n[web]\nposts_per_minute = 10000\n'
KINDS = ("community-based-organization", "higher-education", "public-agency", "other")
MORE_REVIEWERS = tuple(f"reviewer-{number}@example.org" for number in range(4, 11))
# At which station each of the first partnerships is when the year begins; the others begin with it.
UNDER_WAY = ("active", "needs-agreed", "renewal", "reported", "scored", "needs-agreed", "approved")


def meetings(first: date, last: date) -> Iterator[date]:
    """The first and third Wednesday of each month."""
    day = first
    while day <= last:
        if day.weekday() == 2 and (day.day <= 7 or 15 <= day.day <= 21):
            yield day
        day += timedelta(days=1)


class Town:
    """The district, its database, its pages, and the time."""

    def __init__(self, folder: Path, database: Engine, rng: Random, partnerships: int) -> None:
        self.rng = rng
        self.now = BEFORE
        self.schools: list[str] = []
        upgrade.upgrade(database)
        self.system = System(configured(folder, SETTINGS), database)
        self._settle(partnerships)
        app = application(self.system, lambda: (True, {}), CollectorRegistry(), lambda: self.now)
        self.browser: FlaskClient = app.test_client()

    def _settle(self, partnerships: int) -> None:
        for name, given in ROLES.items():
            if "principal" not in given.get("roles", ()):
                self.put(tables.people, **person(name, **given))
        for reviewer in MORE_REVIEWERS:
            self.put(tables.people, **person(reviewer.partition("@")[0], roles=["reviewer"]))
        self.put(tables.people, **person("staff-two", roles=["staff"], digest=True))
        for organization in ORGANIZATIONS.values():
            self.put(tables.organizations, **organization.model_dump())
        for number in range(6):
            self.new_organization(f"organization-{number}")
        for on in meetings(date(2025, 7, 1), FIRST_DAY + timedelta(days=900)):
            self.put(tables.meetings, on=on, at="16:15", kind="regular")
        for number in range(partnerships):
            self.new_school()
            if number < len(UNDER_WAY):
                self._under_way(number, UNDER_WAY[number])
        self.now = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 6, tzinfo=LA)

    def new_school(self, *, invited: bool = True) -> str:
        """A school with its principal."""
        name = f"school-{len(self.schools)}"
        on = date(2025, 7, 1) if invited else None
        self.put(tables.schools, id=name, name=name.capitalize(), invited_on=on)
        digest = self.rng.random() < 0.2
        self.put(
            tables.people, **person(f"{name}-principal", roles=["principal"], schools=[name], digest=digest)
        )
        self.schools.append(name)
        return name

    def new_organization(self, name: str) -> None:
        self.put(tables.organizations, id=name, name=name.capitalize(), kind=self.rng.choice(KINDS))
        self.put(tables.people, **person(f"{name}-contact", organization=name))

    def _under_way(self, number: int, station: str) -> None:
        life = Life(self.system, f"p-{number}", self.schools[number])
        life.to(station)

    def put(self, table: Table, **values: Any) -> None:
        """Change the directory."""
        transact(
            self.system.engine,
            lambda c: directory.put(c, table, values, by="staff@example.org", now=self.now),
        )

    def absent(self, email: str, until: date, delegate: str | None, *, active: bool = True) -> None:
        known = self.person(email)
        row = {
            "email": email, "name": known.name, "away_until": until, "delegate": delegate, "active": active,
            "roles": canonical(known.roles), "schools": canonical(known.schools),
        }  # fmt: skip
        self.put(tables.people, **row)

    def person(self, email: str) -> directory.Person:
        with self.system.reading() as session:
            return session.directory.people[email]

    def people(self, role: str, school: str | None = None) -> list[str]:
        with self.system.reading() as session:
            return [
                one.email
                for one in session.directory.people.values()
                if role in one.roles and (school is None or school in one.schools)
            ]

    def contacts(self) -> dict[str, str]:
        """By organization, who speaks for it."""
        with self.system.reading() as session:
            return {p.organization: p.email for p in session.directory.people.values() if p.organization}

    @property
    def instant(self) -> datetime:
        return self.now.astimezone(UTC)

    @property
    def today(self) -> date:
        return self.now.astimezone(LA).date()

    def records(self) -> list[Snapshot]:
        """Every partnership, by its reference."""
        with self.system.reading() as session:
            rows = session.connection.execute(select(tables.partnerships)).all()
        return sorted(map(Snapshot.from_row, rows), key=lambda record: record.ref)

    def record(self, ref: str) -> Snapshot | None:
        with self.system.reading() as session:
            return engine.load(session.connection, [ref]).get(ref)

    def moment(self, record: Snapshot | None, school: str, about: str | None = None) -> Moment:
        """What somebody knows who is about to do something to a partnership."""
        with self.system.reading() as session:
            regular = tuple(meeting.on for meeting in session.directory.regular)
            organizations = tuple(session.directory.organizations)
        panel = [*REVIEWERS, *MORE_REVIEWERS]
        self.rng.shuffle(panel)
        facts = record.facts if record else Partnership(school=school, title="")
        state = record.state if record else None
        return Moment(
            state, facts, self.now.astimezone(LA), regular, organizations, tuple(panel), school, about
        )
