"""Other systems do the work of our daemon, on the same PostgreSQL server in the same run.

So many jobs are due: each one transition with its history, two deadlines and a notice in one transaction. Our
`partnershipd --once` does them, and then Django with viewflow.fsm, procrastinate, DBOS, and pg-boss where Node is
installed. Each has an environment of its own. README.md says what is counted.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import daemons
import psycopg

SOURCE, WORK = "peers_source", "peers_work"
HERE = Path(__file__).parent
PYTHON_PACKAGES = {
    "django": ["django", "django-viewflow", "psycopg[binary]"],
    "procrastinate": ["procrastinate"],
    "dbos": ["dbos", "psycopg[binary]"],
}
NODE_PACKAGES = ["pg-boss"]
AT_ONCE = (1, 8)  # jobs; Django's loop and our daemon do one after the other

# What our daemon wrote, by a key that the jobs name. It is kept in a schema of its own in the database.
READY = {
    "partnerships": "SELECT * FROM partnerships",
    "history": "SELECT h.* FROM history h JOIN partnerships p ON p.id = h.partnership AND p.version = h.seq",
    "closed": "SELECT * FROM deadlines WHERE id <= {deadlines} AND status = 'fired'",
    "deadlines": "SELECT * FROM deadlines WHERE id > {deadlines}",
    "notices": "SELECT * FROM notices WHERE id > {notices} AND partnership IS NOT NULL",
}
LIKE = {"closed": "deadlines"}
KEY = {"partnerships": "id"}
CLOSED = ("status", "reason", "done_at", "due_at", "next_at", "attempts")
KEPT = ("id", "ref", "school")  # of a partnership, by an event


class Run(NamedTuple):
    """What a run did: jobs per second, and rows written for each job."""

    rate: float
    rows: float


# The database


def psycopg_url(url: str, database: str) -> str:
    return daemons.of(url, database).replace("+psycopg", "")


def columns(connection: psycopg.Connection[Any], table: str) -> list[str]:
    query = (
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position"
    )
    return [name for (name,) in connection.execute(query, [table])]


def keep_ready(url: str, number: int) -> None:
    """Make the database that every run starts from: what our daemon wrote from it lies ready in it."""
    daemons.admin(
        url,
        f"DROP DATABASE IF EXISTS {SOURCE} WITH (FORCE)",
        f"CREATE DATABASE {SOURCE} TEMPLATE {daemons.TEMPLATE}",
    )
    with (
        psycopg.connect(psycopg_url(url, daemons.WORK)) as after,
        psycopg.connect(psycopg_url(url, SOURCE)) as source,
    ):
        last = {}
        for table in ("deadlines", "notices"):
            row = source.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()  # type: ignore[call-overload]
            last[table] = row[0]
        source.execute("CREATE SCHEMA ready")
        for name, query in READY.items():
            source.execute(f"CREATE TABLE ready.{name} (LIKE {LIKE.get(name, name)})")  # type: ignore[call-overload]
            out, into = f"COPY ({query.format(**last)}) TO STDOUT", f"COPY ready.{name} FROM STDIN"
            with after.cursor().copy(out) as reading, source.cursor().copy(into) as writing:  # type: ignore[call-overload]
                for block in reading:
                    writing.write(block)
            source.execute(f"CREATE INDEX ON ready.{name} ({KEY.get(name, 'partnership')})")  # type: ignore[call-overload]
        row = source.execute("SELECT count(*) FROM ready.history").fetchone()
        assert row == (number,), row
    with psycopg.connect(psycopg_url(url, SOURCE), autocommit=True) as source:
        source.execute("VACUUM ANALYZE")


def statements(url: str) -> list[str]:
    """The transaction of a job, as statements with its key for %s: it writes what lies ready."""
    with psycopg.connect(psycopg_url(url, SOURCE)) as connection:
        changed = [name for name in columns(connection, "partnerships") if name not in KEPT]
        inserts = []
        for table in ("history", "deadlines", "notices"):
            names = ", ".join(f'"{name}"' for name in columns(connection, table))
            inserts.append(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM ready.{table} WHERE partnership = %s"
            )
    return [
        f"UPDATE partnerships p SET {', '.join(f'{name} = r.{name}' for name in changed)}"
        " FROM ready.partnerships r WHERE r.id = %s AND p.id = r.id AND p.version = r.version - 1",
        f"UPDATE deadlines d SET {', '.join(f'{name} = r.{name}' for name in CLOSED)}"
        " FROM ready.closed r WHERE r.partnership = %s AND d.id = r.id AND d.status = 'open'",
        *inserts,
    ]


def fresh(url: str) -> None:
    """A copy of the source, written to the disk before the clock starts."""
    daemons.admin(
        url,
        f"DROP DATABASE IF EXISTS {WORK} WITH (FORCE)",
        f"CREATE DATABASE {WORK} TEMPLATE {SOURCE}",
        "CHECKPOINT",
    )


def written(url: str) -> int:
    """How many rows were written to the database so far, by those that have ended."""
    with psycopg.connect(psycopg_url(url, "postgres")) as connection:
        query = "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = %s"
        row = connection.execute(query, [WORK]).fetchone()
    return int(row[0]) if row else 0


def check(url: str, number: int) -> None:
    """Every job was done once, and the rows are those that our daemon writes."""
    with psycopg.connect(psycopg_url(url, WORK)) as connection:
        for name in ("history", "deadlines", "notices"):
            table = f"{name} t JOIN ready.history n ON n.partnership = t.partnership"
            new = {"history": "t.seq = n.seq", "deadlines": "t.done_at IS NULL AND t.status = 'open'"}
            where = new.get(name, "true")
            row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()  # type: ignore[call-overload]
            ready = connection.execute(f"SELECT count(*) FROM ready.{name}").fetchone()  # type: ignore[call-overload]
            assert row == ready, f"{name}: {row} rows, not {ready}"
        fired = "SELECT count(*) FROM deadlines d JOIN ready.closed c ON c.id = d.id WHERE d.status = 'fired'"
        assert connection.execute(fired).fetchone() == (number,)  # type: ignore[call-overload]


# The runs


def ours(url: str, folder: Path, number: int) -> Run:
    """Run `partnershipd --once`; its seconds are those of the tick that it logs."""
    fresh(url)
    path = daemons.settings(folder, daemons.of(url, WORK))
    before = written(url)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "partnershipd"), "--config", str(path), "--once"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"event=tick fired=(\d+).* seconds=([\d.]+)", done.stderr)
    if done.returncode != 0 or not found or int(found[1]) != number:
        sys.exit(f"partnershipd ended with {done.returncode}:\n{done.stderr[-2000:]}")
    check(url, number)
    return Run(number / float(found[2]), (written(url) - before) / number)


def peer(command: Sequence[str], url: str, body: Path, number: int, at_once: int) -> Run:
    """Run a peer: it puts its jobs into its queue, which is not counted, and then does them."""
    fresh(url)
    words = [*command, psycopg_url(url, WORK), str(body)]
    program(words, "prepare")
    before = written(url)
    seconds = float(program(words, "work", str(at_once)).split()[-1])
    check(url, number)
    return Run(number / seconds, (written(url) - before) / number)


def program(command: Sequence[str], *words: str) -> str:
    """Run a program of a peer, and return what it printed."""
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


# The environments


def environment(folder: Path, name: str) -> str:
    """The interpreter of an environment with the packages of a peer, made if it is not there."""
    place = folder / name
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, *PYTHON_PACKAGES[name]], check=True)
    return str(python)


def node(folder: Path) -> str | None:
    """The program of pg-boss in a folder with its packages; None where Node is not installed."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    place = folder / "pg-boss"
    place.mkdir(exist_ok=True)
    if not (place / "node_modules" / "pg-boss").exists():
        subprocess.run(["npm", "install", "--silent", *NODE_PACKAGES], cwd=place, check=True)
    # Node looks for packages beside the program.
    return shutil.copy(HERE / "with_pgboss.cjs", place)


def peers(folder: Path, names: Sequence[str]) -> list[tuple[str, list[str], int]]:
    """Of each peer: what to call it, how to run it, and how many jobs it does at once."""
    made = []
    for name in names:
        if name == "pg-boss":
            script = node(folder)
            if script is None:
                print("pg-boss is left out: it needs node and npm")
                continue
            command = ["node", str(script)]
        else:
            command = [environment(folder, name), str(HERE / f"with_{name}.py")]
        made += [(name, command, at_once) for at_once in (AT_ONCE if name != "django" else (1,))]
    return made


def run(url: str, folder: Path, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        daemons.fill(place, url, options.number)
        daemons.copy(url)
        daemons.fire(place, url, 1, "")
        keep_ready(url, options.number)
        body = place / "body.json"
        body.write_text(json.dumps(statements(url)), encoding="utf-8")
        (place / "ours").mkdir()
        ways = peers(folder, options.peers)
        runs: dict[str, list[Run]] = {}
        for _ in range(options.rounds):
            note(runs, "partnershipd --once", ours(url, place / "ours", options.number))
            for which, command, at_once in ways:
                title = f"{which}, {at_once} at once" if which != "django" else "django, viewflow.fsm"
                note(runs, title, peer(command, url, body, options.number, at_once))
        report(runs, options)
        daemons.admin(
            url,
            *(
                f"DROP DATABASE {name} WITH (FORCE)"
                for name in (WORK, SOURCE, daemons.WORK, daemons.TEMPLATE)
            ),
        )


def note(runs: dict[str, list[Run]], title: str, done: Run) -> None:
    """Keep what a run did, and say it at once: all of them together take minutes."""
    runs.setdefault(title, []).append(done)
    print(f"  {title}: {done.rate:.0f} jobs/s", flush=True)


def report(runs: dict[str, list[Run]], options: argparse.Namespace) -> None:
    own = runs["partnershipd --once"]
    print(f"\n{options.number:,} jobs, median of {options.rounds} rounds\n")
    print(f"{'':28}{'jobs/s':>8}{'rows/job':>10}{'ours to it':>12}")
    for title, done in runs.items():
        rate, rows = (statistics.median(each[n] for each in done) for n in (0, 1))
        ratio = statistics.median(a.rate / b.rate for a, b in zip(own, done, strict=True))
        print(f"{title:28}{rate:8.0f}{rows:10.1f}{ratio:12.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=1_000, help="jobs that are due, such as 10000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peers", nargs="+", choices=[*PYTHON_PACKAGES, "pg-boss"], default=[*PYTHON_PACKAGES, "pg-boss"]
    )
    parser.add_argument("--url", help="postgresql+psycopg://... of a server; else one from a package")
    parser.add_argument("--environments", type=Path, help="a folder that keeps them for the next time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, daemons.server(options.url) as url:
        folder = options.environments or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        run(url, folder, options)


if __name__ == "__main__":
    main()
