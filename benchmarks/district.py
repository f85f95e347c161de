"""What the benchmarks share: a made-up district, partnerships imported into it, and copies of them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select

from states.inputs import ABILITIES
from workflow.clock import replan
from workflow.procedure import config
from workflow.record import district_file, importing
from workflow.session import System
from workflow.store import chain, database, dialects, tables, upgrade
from workflow.store.rows import GENESIS
from workflow.store.saving import hash_row

ZONE = ZoneInfo("America/Los_Angeles")
SCHOOLS = 100
STAFF = "staff@example.org"
PANEL = tuple(f"reviewer-{n}@example.org" for n in range(1, 4))
APPLICANTS = ("harbor-house", "city-college")
ENTRIES = tuple(tables.history.c.keys())
_LOG = '[log]\nlevel = "info"\n'


def settings(folder: Path, text: str = "") -> Path:
    """A configuration in a folder: the packaged one, with mail kept waiting until long after the run.

    Mail may leave only around 17:00, when calls close: what falls due outside of these hours would leave at once.
    """
    path = folder / "config.toml"
    path.write_text(
        '[database]\nurl = "sqlite:///partnerships.db"\n'
        f'[mail]\nmaildir = "mail"\nhours = "16:59-17:01"\n[web]\nkeys_file = "keys"\n{_LOG}{text}',
        encoding="utf-8",
    )
    # The daemon does not start without keys that only its user may read.
    keys = folder / "keys"
    keys.write_text("k" * 48, encoding="ascii")
    keys.chmod(0o600)
    return path


def opened(folder: Path) -> System:
    """The system of a folder that `settings` and `found` have made."""
    loaded = config.load(folder / "config.toml", words=False)
    return System(loaded, database.open_store(loaded.database_url))


def found(
    folder: Path,
    partnerships: Sequence[Mapping[str, Any]],
    now: datetime,
    meetings: Sequence[Mapping[str, Any]] = (),
) -> None:
    """A database in a folder: the directory and these partnerships, through the import as any district's."""
    loaded = config.load(folder / "config.toml", words=False)
    made = database.open_store(loaded.database_url, create=True)
    upgrade.upgrade(made)
    system = System(loaded, made)
    given = district_file.DistrictFile.model_validate(
        {**directory(now), "partnership": list(partnerships), "meeting": list(meetings)}
    )
    importing.take_in(system, given, by=STAFF, now=now)
    system.transact(lambda session: replan.replan(session, now))
    made.dispose()


def directory(now: datetime) -> dict[str, Any]:
    """Schools with a principal each, the office, a panel and two organizations that apply."""
    invited = (now - timedelta(days=400)).astimezone(ZONE).date()
    people = [{"email": STAFF, "name": "Staff of the office", "roles": ["staff"]}]
    people += [
        {"email": f"{role}@example.org", "name": f"The {role}", "roles": [role]}
        for role in ("superintendent", "board-office")
    ]
    people += [
        {"email": email, "name": f"Reviewer {n}", "roles": ["reviewer"]} for n, email in enumerate(PANEL)
    ]
    people += [
        {
            "email": principal(n),
            "name": f"Principal {n}",
            "roles": ["principal"],
            "schools": [f"school-{n}"],
        }
        for n in range(SCHOOLS)
    ]
    return {
        "school": [
            {"id": f"school-{n}", "name": f"School {n}", "invited_on": invited} for n in range(SCHOOLS)
        ],
        "organization": [
            {"id": key, "name": key.replace("-", " ").title(), "kind": "community-based-organization"}
            for key in APPLICANTS
        ],
        "person": people,
    }


def principal(school: int) -> str:
    return f"principal-{school}@example.org"


def contact(organization: str) -> str:
    return f"{organization}@example.org"


DESCRIBED = {
    "needs": ["Tutoring in mathematics after school", "Attendance in the ninth grade"],
    "gaps": ["There is no counselor after 3 p.m."],
    "resources": ["Four tutors on site", "A coordinator"],
    "assets": ["Trusted by families in the neighborhood"],
    "qualities": ["Patience", "Cultural responsiveness"],
    "goals": ["Every student graduates ready for college, career and life"],
}
ABILITY = "Shown over five years at three schools, with letters of their principals and yearly figures."


class Story:
    """The events of one partnership as a district file has them, up to a moment."""

    def __init__(self, ref: str, school: int, began: datetime) -> None:
        self.ref, self.school, self.at = ref, school, began
        self.events: list[dict[str, Any]] = []

    def do(self, event: str, by: str, **given: Any) -> None:
        self.at += timedelta(minutes=10)
        self.events.append({"event": event, "at": self.at, "as": by, "input": given})

    def on(self, day: date, hour: int = 9) -> None:
        self.at = datetime.combine(day, time(hour), ZONE)

    def described(self) -> Story:
        self.do("identify-needs", STAFF, school=f"school-{self.school}", title=f"A Lead Partner, {self.ref}")
        self.do("describe-needs", principal(self.school), **DESCRIBED)
        return self

    def applied(self, closes_on: date) -> Story:
        """An open call that both organizations have applied to."""
        self.described()
        self.do("agree-needs", principal(self.school))
        self.do("agree-needs", STAFF)
        self.do("open-selection", STAFF, closes_on=closes_on.isoformat(), reviewers=list(PANEL))
        for organization in APPLICANTS:
            self.do("receive-application", STAFF, **application(organization))
        return self

    def active(self, closes_on: date) -> Story:
        """An agreement in force for a year."""
        self.applied(closes_on)
        self.on(closes_on, hour=17)
        self.do("close-applications", "clock")
        for reviewer in PANEL:
            for organization in APPLICANTS:
                scores = dict.fromkeys(ABILITIES, 4)
                self.do(
                    "score-application", reviewer, organization=organization, scores=scores, comment=ABILITY
                )
        self.do("choose-partner", STAFF, organization=APPLICANTS[0], reasons=ABILITY)
        self.on(closes_on + timedelta(days=9))
        starts = closes_on + timedelta(days=10)
        terms = {"instrument": "mou", "amount_cents": 12_000_000, "responsibilities": ["A family center"]}
        ends = starts + timedelta(days=363)
        self.do(
            "draft-agreement", STAFF, starts_on=starts.isoformat(), ends_on=ends.isoformat(), **terms
        )  # fmt: skip
        lead = contact(APPLICANTS[0])
        self.do("set-outcomes", STAFF, outcomes=[OUTCOME])
        for by in (principal(self.school), STAFF, lead):
            self.do("agree-outcomes", by)
        for by in (STAFF, lead):
            self.do("sign-agreement", by, signed_on=self.at.date().isoformat())
        self.do("activate", STAFF)
        return self

    def given(self) -> dict[str, Any]:
        first = self.events[0]["input"]
        return {
            "ref": self.ref,
            "school": first["school"],
            "title": first["title"],
            "event": self.events,
        }


OUTCOME = {
    "name": "attendance",
    "measure": "share of enrolled days attended",
    "unit": "%",
    "baseline": 88,
    "target": 93,
    "direction": "increase",
    "goal": "Every student in school",
}


def application(organization: str) -> dict[str, Any]:
    return {
        "organization": organization,
        "contact_name": f"Contact of {organization}",
        "contact_email": contact(organization),
        "abilities": dict.fromkeys(ABILITIES, ABILITY),
    }


def bare(folder: Path) -> sqlite3.Connection:
    """The database of a folder through the bare `sqlite3` module, set up as the store sets its own up."""
    connection = sqlite3.connect(folder / "partnerships.db", isolation_level=None)
    mode = dialects.choose_journal_mode(sqlite3.sqlite_version_info)
    for pragma in ("foreign_keys=ON", f"journal_mode={mode}", "synchronous=FULL", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def copied(source: Path, folder: Path, text: str = "") -> Path:
    """A new folder with the configuration and a copy of a database that nobody has open."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings(folder, text)
    shutil.copy(source / "partnerships.db", folder / "partnerships.db")
    os.sync()  # or the first transactions would wait for the copy to reach the disk
    return folder


def multiply(folder: Path, number: int) -> None:
    """Copy the partnerships of a database until there are `number`, each with a history of its own.

    Copies are rows: written at once, but as the engine would have written them, so that `verify` holds.
    """
    system = opened(folder)
    with system.reading() as session:
        copied_from = originals(session.connection)

    def fill(session: Any) -> None:
        new = range(len(copied_from) + 1, number + 1)
        for chunk in (new[first : first + 1000] for first in range(0, len(new), 1000)):
            rows, entries, rungs = [], [], []
            for key in chunk:
                row, history, ladder = copied_from[key % len(copied_from)]
                row = {**row, "id": key, "ref": f"{row['ref']}-{key}"}
                mine = list(chained(row["ref"], key, history))
                rows.append({**row, "head": mine[-1]["hash"]})
                entries += mine
                rungs += [{**rung, "id": None, "partnership": key} for rung in ladder]
            session.connection.execute(tables.partnerships.insert(), rows)
            session.connection.execute(tables.history.insert(), entries)
            chain.execute(session.connection, tables.deadlines.insert(), rungs)
            chain.append(session.connection)

    system.transact(fill)
    system.engine.dispose()


class Original(NamedTuple):
    """The rows of a partnership that is to be copied: its own, its history and its deadlines."""

    row: dict[str, Any]
    history: list[dict[str, Any]]
    rungs: list[dict[str, Any]]


def originals(connection: Any) -> list[Original]:
    """The rows of every partnership."""
    return [
        Original(
            dict(row),
            [dict(entry) for entry in _of(connection, tables.history, row["id"])],
            [dict(rung) for rung in _of(connection, tables.deadlines, row["id"])],
        )
        for row in connection.execute(
            select(tables.partnerships).order_by(tables.partnerships.c.id)
        ).mappings()
    ]


def _of(connection: Any, table: Any, key: int) -> Any:
    return connection.execute(select(table).where(table.c.partnership == key)).mappings()


def chained(ref: str, key: int, history: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    previous = GENESIS
    for entry in history:
        mine = {**entry, "partnership": key, "previous": previous, "rows": "[]"}
        previous = mine["hash"] = hash_row(ref, mine)
        yield mine


def today() -> date:
    return datetime.now(UTC).astimezone(ZONE).date()
