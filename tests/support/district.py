"""A small district, and a partnership in it to which things are done in a few words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select, text

from states.machine import row_of
from states.names import Role, State
from states.partnership import Partnership
from tests.support import databases
from tests.support.facts import (
    CBO,
    COLLEGE,
    LA,
    ORGANIZATIONS,
    PEOPLE,
    REVIEWERS,
    STATIONS,
    Step,
    instant,
    usual_input,
    way,
)  # fmt: skip
from workflow import directory_changes, engine
from workflow.change import Change
from workflow.clock import fire
from workflow.procedure import config
from workflow.record import verify
from workflow.session import System
from workflow.store import chain, database, loading, tables, upgrade
from workflow.store.column_types import canonical
from workflow.store.rows import Snapshot
from workflow.views.authorization import Intent

SCHOOLS = {"rainier-beach": date(2025, 7, 2), "franklin": date(2025, 7, 2), "garfield": None}
ROLES = {
    "principal": {"roles": ["principal"], "schools": ["rainier-beach"]},
    "franklin-principal": {"roles": ["principal"], "schools": ["franklin"]},
    "staff": {"roles": ["staff"]},
    "superintendent": {"roles": ["superintendent"]},
    "board-office": {"roles": ["board-office"]},
    "lead-partner": {"roles": ["lead-partner"], "organization": CBO},
    "applicant": {"organization": COLLEGE},
    **{reviewer.partition("@")[0]: {"roles": ["reviewer"]} for reviewer in REVIEWERS},
}
START = datetime(2025, 7, 1, 9, tzinfo=LA)


def regular_meetings() -> list[date]:
    """The first and third Wednesday of each month, from August 2025 to the end of 2029."""
    days = (date(2025, 8, 1) + timedelta(days=n) for n in range(1614))
    return [day for day in days if day.weekday() == 2 and (day.day <= 7 or 15 <= day.day <= 21)]


def found(folder: Path) -> None:
    """A database in this folder with the directory in it and no partnership."""
    databases.create(folder)
    engine_ = databases.quick(database.open_store(databases.url(folder), create=True))
    upgrade.upgrade(engine_)

    def fill(connection: Any) -> None:
        def put(table: Table, **values: Any) -> None:
            directory_changes.put(connection, table, values, by="staff@example.org", now=START)

        for key, invited in SCHOOLS.items():
            put(tables.schools, id=key, name=key.replace("-", " ").title() + " School", invited_on=invited)
        for organization in ORGANIZATIONS.values():
            put(tables.organizations, **organization.model_dump())
        for name, given in ROLES.items():
            put(tables.people, **person(name, **given))
        for day in regular_meetings():
            put(tables.meetings, on=day, at="16:15", kind="regular")
        put(tables.meetings, on=date(2025, 9, 24), at="16:15", kind="special")

    database.transact(engine_, fill)
    engine_.dispose()


def person(name: str, **given: Any) -> dict[str, Any]:
    """The row of a person whose address is NAME@example.org."""
    values = {"email": f"{name}@example.org", "name": name.replace("-", " ").capitalize(), **given}
    return values | {key: canonical(values.get(key, [])) for key in ("roles", "schools")}


def written(folder: Path, text: str = "") -> Path:
    """A configuration that says this besides where database and mail are, with the keys of every test."""
    (folder / "var").mkdir(exist_ok=True)
    (folder / "var" / "keys").write_text("k" * 48 + "\n", encoding="ascii")
    (folder / "var" / "keys").chmod(0o600)
    (folder / "config.toml").write_text(merged(text, folder), encoding="utf-8")
    return folder / "config.toml"


def configured(folder: Path, text: str = "") -> config.Config:
    """The configuration of a district whose file says this besides where its database and mail are."""
    return config.load(written(folder, text))


def merged(text: str, folder: Path) -> str:
    """Settings in TOML with the places of database and mail put into them."""
    text = (text if "[mail]\n" in text else "[mail]\n" + text).replace(
        "[mail]\n", '[mail]\nmaildir = "mail"\n'
    )
    return f"[database]\nurl = {json.dumps(databases.address(folder))}\n{text}"


class Life:
    """One partnership in an open system: `at` sets the time, `do` does an event, the rest looks."""

    def __init__(self, system: System, ref: str = "rbhs-2025", school: str = "rainier-beach") -> None:
        self.system, self.ref, self.school = system, ref, school
        self.now = START

    # Doing

    def at(self, when: str) -> Life:
        """Let it be this wall-clock time in the district; of a mere day nine in the morning."""
        self.now = instant(when)
        return self

    def input(self, event: str, **given: Any) -> dict[str, Any]:
        """The usual input of an event, with some keys given otherwise or ABSENT."""
        school = {"school": self.school} if event == "identify-needs" else {}
        return usual_input(event, self.state, school | given)

    def intent(self, event: str, by: str | None = None, **options: Any) -> Intent:
        """What `do` wants, without doing it."""
        known = {"role", "channel", "expected_version", "note", "ran_by", "fired"}
        chosen = {key: options.pop(key) for key in known & options.keys()}
        chosen.setdefault("channel", "clock" if by == "clock" else "cli")
        first = row_of(event, self.state).who[0] if by is None else Role(by) if by in PEOPLE else None
        actor = PEOPLE[first] if first else str(by)
        if actor == PEOPLE[Role.PRINCIPAL] and self.school != "rainier-beach":
            actor = f"{self.school}-principal@example.org"
        given = self.input(event, **options)
        return Intent(ref=self.ref, event=event, input=given, actor=actor, now=self.now, **chosen)

    def do(self, event: str, by: str | None = None, **options: Any) -> Change:
        """Do an event, by the first role that may unless told `by` which role or address."""
        intent = self.intent(event, by, **options)
        return self.system.transact(
            lambda session: engine.advance(
                session, intent.ref, intent.event, intent.input, intent.actor, intent.channel, intent.now,
                intent.expected_version, role=intent.role, note=intent.note, ran_by=intent.ran_by,
            )
        )  # fmt: skip

    def tick(self, when: str | None = None) -> fire.Tally:
        """Let the clock look at what is due now, or at this time."""
        return fire.fire_due(self.system, (self.at(when) if when else self).now.astimezone(UTC))

    def run(self, sql: str, **values: Any) -> None:
        """Change the database behind the engine's back."""
        database.transact(self.system.engine, lambda connection: connection.execute(text(sql), values))

    def set_up(self, sql: str, **values: Any) -> None:
        """Change rows to which a chain commits, as if the program had done it: for tests of something else."""
        table = next(
            tables.METADATA.tables[name] for name in re.findall(r"\w+", sql) if name in chain.PROTECTED
        )

        def work(connection: Connection) -> None:
            keys, named = select(*table.primary_key), chain.PROTECTED[table.name].key
            names = select(*(table.c[name] for name in named))
            before = {chain.text_of(row) for row in connection.execute(names)}
            connection.execute(text(sql), values)
            chain.note(connection, table.name, [tuple(key) for key in connection.execute(keys)])
            after = {chain.text_of(row) for row in connection.execute(names)}
            chain.repeat(connection, ([table.name, key, ""] for key in sorted(before - after)))

        database.transact(self.system.engine, work)

    def tamper(self, sql: str, **values: Any) -> None:
        """Change the history, which the database itself refuses as long as it is guarded."""
        databases.tamper(self.system.config.folder, sql, **values)

    def put(self, table: Table, **values: Any) -> None:
        """Change the directory."""
        put = partial(directory_changes.put, table=table, values=values, by="staff@example.org", now=self.now)
        database.transact(self.system.engine, put)

    def person(self, name: str, **given: Any) -> None:
        """Put somebody into the directory, or change what it says of him or her."""
        self.put(tables.people, **person(name, **(ROLES.get(name, {}) | given)))

    def another(self, ref: str, school: str = "franklin") -> Life:
        """Another partnership of the same district, not begun yet, at the same moment."""
        other = Life(self.system, ref, school)
        other.now = self.now
        return other

    def to(self, station: str) -> Life:
        """Bring a partnership that has not begun to a station of its life, as `STATIONS` tells."""
        return self.step(way(station))

    def step(self, steps: list[Step]) -> Life:
        """Do these events, each at its time."""
        for step in steps:
            if step.at:
                self.at(step.at)
            self.do(step.event, step.by, **step.given)
        return self

    def close(self) -> None:
        """Leave the database."""
        self.system.engine.dispose()

    # Looking

    @property
    def record(self) -> Snapshot:
        with self.system.reading() as session:
            return loading.load(session.connection, [self.ref])[self.ref]

    @property
    def facts(self) -> Partnership:
        return self.record.facts

    @property
    def state(self) -> State | None:
        with self.system.reading() as session:
            known = loading.load(session.connection, [self.ref])
            return known[self.ref].state if known else None

    def rows(self, table: Table, *order: str) -> list[dict[str, Any]]:
        """The rows of a table that belong to this partnership."""
        columns = [table.c[name] for name in order] or list(table.primary_key.columns)
        query = select(table).where(table.c.partnership == self.record.id).order_by(*columns)
        with self.system.reading() as session:
            return [dict(row) for row in session.connection.execute(query).mappings()]

    def deadlines(self, name: str | None = None) -> list[dict[str, Any]]:
        rows = self.rows(tables.deadlines, "name", "ladder", "rung")
        return [row for row in rows if name in (None, row["name"])]

    def ladder(self, name: str, status: str = "open") -> list[str]:
        """The rungs of a deadline in one status, such as "remind 2025-07-30 17:00", first one first."""
        rows = [row for row in self.deadlines(name) if row["status"] == status]
        return [f"{row['kind']} {self.wall(row['due_at'])}" for row in rows]

    def due(self, name: str) -> str | None:
        """When a deadline is due whose due rung is open."""
        rungs = [rung for rung in self.ladder(name) if rung.startswith("due ")]
        return rungs[0].removeprefix("due ") if rungs else None

    def running(self) -> set[str]:
        """The deadlines with an open rung."""
        return {row["name"] for row in self.deadlines() if row["status"] == "open"}

    def notices(self, template: str | None = None) -> list[dict[str, Any]]:
        return [row for row in self.rows(tables.notices, "id") if template in (None, row["template"])]

    def told(self, template: str) -> list[str]:
        """To whom a notice went, by the names before @example.org, in alphabetical order."""
        return sorted(row["to"].removesuffix("@example.org") for row in self.notices(template))

    def history(self) -> list[dict[str, Any]]:
        return self.rows(tables.history, "seq")

    def faults(self) -> list[str]:
        """What `verify` finds."""
        with self.system.reading() as session:
            found = verify.verify(session.connection, self.system.config)
            return [fault.problem for _, faults in found for fault in faults]

    def wall(self, moment: datetime) -> str:
        """A moment as the district's clocks show it."""
        return f"{moment.astimezone(LA):%Y-%m-%d %H:%M}"

    def dump(self) -> list[str]:
        """The whole database but for what was typed and is not recorded, to be compared with how it was."""
        return [line for line in databases.dump(self.system.config.folder) if "kept_f" not in line]


class Stations:
    """Databases with a partnership at each station, made once and copied for each test."""

    def __init__(self, folder: Path, settings: config.Config) -> None:
        self.folder, self.settings = folder, settings
        (folder / "nothing").mkdir()
        found(folder / "nothing")

    def made(self, station: str | None) -> Path:
        """The folder that holds the database of a station."""
        folder = self.folder / (station or "nothing")
        folder.mkdir(exist_ok=True)
        if station and not databases.exists(folder):
            before, steps = STATIONS[station]
            opened(self.made(before), folder, self.settings, begun=before is not None).step(steps).close()
        return folder


def opened(source: Path, folder: Path, settings: config.Config, begun: bool = False) -> Life:
    """A life in a copy of a database; if it has begun there, at the time of its last event."""
    databases.copy(source, folder)
    life = Life(System(settings, databases.quick(database.open_store(databases.url(folder)))))
    if begun:
        life.now = max(entry["at"] for entry in life.history()).astimezone(LA)
    return life


# What the fixture `begin` gives.
Begin = Callable[..., Life]
