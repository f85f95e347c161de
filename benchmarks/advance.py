"""How many transitions a second `workflow.engine.advance()` does, one transaction each.

Beside it, in the same run and on the same disk: the bare driver writing the very rows that the engine wrote, and on
SQLite Django with viewflow.fsm writing them through its models. README.md says what is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import daemons
import district
import psycopg
from sqlalchemy import event

from workflow import engine
from workflow.procedure import config
from workflow.session import System
from workflow.store import dialects
from workflow.store.database import open_store
from workflow.store.rows import Channel

AIM = 0.60
WARM = 10  # of each event, before the clock starts


AMENDED = {"terms": "One tutor more", "reason": "More students come than were expected"}


Ways = dict[str, Callable[[], float]]  # by name, what does all steps and returns its rate


class Step(NamedTuple):
    """One transition that somebody asks for."""

    ref: str
    event: str
    actor: str
    input: dict[str, Any]


class Written(NamedTuple):
    """One statement that wrote something: its SQL, and its parameters for each row."""

    sql: str
    rows: list[Sequence[Any]]


def partnerships(number: int, now: datetime) -> list[dict[str, Any]]:
    """As many described ones and as many in force, each at a school of its own."""
    today = district.today()
    described = [
        district.Story(f"needs-{n}", n, now - timedelta(days=12)).described().given() for n in range(number)
    ]
    active = [
        district.Story(f"active-{n}", n, now - timedelta(days=120)).active(today - timedelta(days=80)).given()
        for n in range(number)
    ]
    return described + active


def steps(number: int) -> list[Step]:
    """What happens to them: needs agreed by both sides; duties recorded, an amendment signed by both."""
    today = district.today()
    lead = district.contact(district.APPLICANTS[0])
    duty = {"on": today.isoformat(), "summary": district.ABILITY, "evidence": "minutes.pdf"}
    found = []
    for n in range(number):
        found += [
            Step(f"needs-{n}", "agree-needs", district.principal(n), {}),
            Step(f"needs-{n}", "agree-needs", district.STAFF, {}),
            Step(f"active-{n}", "record-meeting", lead, duty),
            Step(f"active-{n}", "record-assessment", lead, duty),
            Step(f"active-{n}", "amend-agreement", district.STAFF, AMENDED),
        ]
        found += [
            Step(f"active-{n}", "sign-agreement", by, {"signed_on": today.isoformat()})
            for by in (district.STAFF, lead)
        ]
    return found


def act(system: System, step: Step) -> None:
    """One transition as every door does it."""
    system.transact(
        lambda session: engine.advance(
            session, step.ref, step.event, step.input, step.actor, Channel.CLI, datetime.now(UTC)
        )
    )


def ours(system: System, todo: Sequence[Step], warm: int) -> float:
    """Transitions per second of the engine."""
    for step in todo[:warm]:
        act(system, step)
    began = time.perf_counter()
    for step in todo[warm:]:
        act(system, step)
    took = time.perf_counter() - began
    system.engine.dispose()
    return (len(todo) - warm) / took


def captured(system: System, todo: Sequence[Step]) -> list[list[Written]]:
    """What the engine writes in each transition."""
    found: list[list[Written]] = []

    @event.listens_for(system.engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, sql: str, values: Any, _context: Any, many: bool) -> None:
        if sql.startswith(("INSERT", "UPDATE", "WITH")):
            found[-1].append(Written(sql, list(values) if many else [values]))

    for step in todo:
        found.append([])
        act(system, step)
    system.engine.dispose()
    return found


def bare(connection: Any, begin: str, plan: Sequence[Sequence[Written]], warm: int) -> float:
    """The same rows by the bare driver: transactions per second."""

    def write(statements: Sequence[Written]) -> None:
        connection.execute(begin)
        for sql, rows in statements:
            for row in rows:
                connection.execute(sql, row)
        connection.execute("COMMIT")

    for statements in plan[:warm]:
        write(statements)
    began = time.perf_counter()
    for statements in plan[warm:]:
        write(statements)
    took = time.perf_counter() - began
    connection.close()
    return (len(plan) - warm) / took


def named(statements: Sequence[Written]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The rows of statements: inserted or updated, into which table, by name of the column."""
    for sql, rows in statements:
        words = sql.split()
        if words[0] == "INSERT":
            table, inside = words[2], sql[sql.index("(") + 1 : sql.index(")")]
            columns = [column.strip(' "\n') for column in inside.split(",")]
        else:
            table = words[1]
            changed, _, guard = sql.partition(" WHERE ")
            columns = re.findall(r"(\w+) ?= ?\?", changed)
            columns += [f"where_{column}" for column in re.findall(r"(\w+) ?= ?\?", guard)]
        for row in rows:
            yield words[0].lower(), table, dict(zip(columns, row, strict=True))


def django(interpreter: str, folder: Path, plan: Path, warm: int) -> float:
    """The same rows through Django's models and viewflow.fsm: transactions per second."""
    program = Path(__file__).with_name("django_side.py")
    mode = dialects.choose_journal_mode(sqlite3.sqlite_version_info)
    done = subprocess.run(
        [interpreter, str(program), str(folder / "partnerships.db"), str(plan), str(warm), mode],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(
            f"{interpreter} could not run {program.name} (README.md says how to install):\n{done.stderr}"
        )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partnerships", type=int, default=50, metavar="N", help="of each kind")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument(
        "--django", default=os.environ.get("DJANGO_PYTHON"), help="interpreter that has Django and viewflow"
    )
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL server as well")
    parser.add_argument("--url", help="postgresql+psycopg://... of that server; else one from a package")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        run(Path(name), given)


def on_sqlite(given: argparse.Namespace, source: Path, work: Path, todo: Sequence[Step], warm: int) -> Ways:
    """The ways to do it with a SQLite file, each with a fresh copy."""
    plan = captured(district.opened(district.copied(source, work)), todo)
    rows = Counter((kind, table) for step in plan for kind, table, _ in named(step))
    print("  " + ", ".join(f"{n / len(plan):.1f} {t} {k}s" for (k, t), n in sorted(rows.items())))
    ways: Ways = {
        "advance()": lambda: ours(district.opened(district.copied(source, work)), todo, warm),
        "bare sqlite3": lambda: bare(
            district.bare(district.copied(source, work)), "BEGIN IMMEDIATE", plan, warm
        ),
    }
    if given.django:
        handed = work.with_name("plan.json")
        # The signed copy is a document, whose content JSON does not take. Its size is what counts here.
        text = json.dumps([list(named(step)) for step in plan], default=lambda content: bytes(content).hex())
        handed.write_text(text, encoding="utf-8")
        ways["Django, viewflow.fsm"] = lambda: django(
            given.django, district.copied(source, work), handed, warm
        )
    return ways


def on_postgresql(url: str, source: Path, target: Path, todo: Sequence[Step], warm: int) -> Ways:
    """The ways to do it on a server, each with a fresh copy of the same database."""
    daemons.move(source, target, url)

    def opened() -> System:
        daemons.copy(url)
        return System(
            config.load(target / "config.toml", words=False), open_store(daemons.of(url, daemons.WORK))
        )

    plan = captured(opened(), todo)

    def plainly() -> float:
        daemons.copy(url)
        address = daemons.of(url, daemons.WORK).replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True, prepare_threshold=None) as connection:
            return bare(connection, "BEGIN", plan, warm)

    return {"advance()": lambda: ours(opened(), todo, warm), "bare psycopg": plainly}


def run(folder: Path, given: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    source, work = folder / "source", folder / "work"
    source.mkdir()
    district.settings(source)
    district.found(source, partnerships(given.partnerships, now), now)
    todo = steps(given.partnerships)
    warm = WARM * len(todo) // given.partnerships
    print(f"{len(todo) - warm} transitions a round, {given.rounds} rounds; on average each writes")
    compare(on_sqlite(given, source, work, todo, warm), given.rounds)
    if not given.django:
        print("Django was left out: no interpreter was given (--django, or DJANGO_PYTHON)")
    if given.postgresql:
        with daemons.server(given.url) as url:
            print("\nPostgreSQL, the same transitions")
            compare(on_postgresql(url, source, folder / "target", todo, warm), given.rounds)
            daemons.drop(url)


def compare(ways: Ways, rounds: int) -> dict[str, float]:
    """Let the ways take turns. Print the rate of each, and return how `advance()` compares to the others."""
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, of in ways.items():
            rates[way].append(of())
    print(f"\n{'':24}transitions per second: median (lowest to highest)")
    middle = {way: statistics.median(found) for way, found in rates.items()}
    for way, found in rates.items():
        print(f"{way:24}{middle[way]:8.0f}  ({min(found):.0f} to {max(found):.0f})")
    print()
    found = {}
    for way in list(ways)[1:]:
        found[way] = statistics.median(a / b for a, b in zip(rates["advance()"], rates[way], strict=True))
        aim = f"aim {AIM:.2f} or more" if way.startswith("bare") else "aim above 1.00"
        print(f"advance() to {way}: {found[way]:.2f}  ({aim})")
    return found


if __name__ == "__main__":
    main()
