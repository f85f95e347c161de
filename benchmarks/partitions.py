"""One record on two PostgreSQL servers: its tables in two halves by partnership, one half by `postgres_fdw`.

The real `partnershipd --once` fires the same deadlines, first with everything on one server, then with half of the
partnerships on the other one. Then the program tries what may stand in the way, and prints what the servers say.
Both are started in a folder and listen on sockets there. They need the programs of PostgreSQL with `postgres_fdw`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import daemons
import psycopg
from sqlalchemy import create_engine

from workflow.store import tables, triggers, upgrade

# The tables that carry the partnership, and the column that does.
KEYS = {
    "partnerships": "id",
    **{
        table.name: "partnership"
        for table in tables.METADATA.sorted_tables
        if "partnership" in table.c and table.name != "partnerships"
    },
}
HALF = "benchmark_half"  # the database on the second server
USER = "postgres"
DROP_FOREIGN_KEYS = """DO $$ DECLARE k record; BEGIN
    FOR k IN SELECT conrelid::regclass AS "table", conname FROM pg_constraint WHERE contype = 'f' LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k."table", k.conname);
    END LOOP; END $$"""

# The ids go on to come from the sequences of the tables that are dropped.
KEEP_SEQUENCE = """DO $$ DECLARE kept regclass; BEGIN
    SELECT objid INTO kept FROM pg_depend
    WHERE refobjid = 'whole.{table}'::regclass AND classid = 'pg_class'::regclass AND deptype = 'a'
    AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S');
    IF kept IS NOT NULL THEN EXECUTE format('ALTER SEQUENCE %s OWNED BY NONE', kept); END IF; END $$"""


# The servers


@contextlib.contextmanager
def server(programs: Path, folder: Path) -> Iterator[str]:
    """Start a server that has its data and its socket in a folder; yield its address, and stop it in the end."""
    # PostgreSQL refuses to run as root.
    user = USER if os.geteuid() == 0 else None
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, user)

    def run(program: str, *words: str) -> None:
        log = folder.with_suffix(".log").open("ab")
        command = [str(programs / program), "-D", str(folder / "data"), *words]
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=log, stderr=log)

    run("initdb", "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C")
    options = f"-k {folder} -c listen_addresses= -c max_prepared_transactions=1"
    run("pg_ctl", "start", "-w", "-o", options)
    try:
        yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
    finally:
        run("pg_ctl", "stop", "-m", "fast")


def find_programs() -> Path | None:
    """The newest folder with the programs of a PostgreSQL server, where Debian has them."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


# The halves


def split(url: str, other: str, folder: Path) -> None:
    """Divide the tables of the database of the run between the two servers, with the rows that they have."""
    daemons.admin(other, f"DROP DATABASE IF EXISTS {HALF} WITH (FORCE)", f"CREATE DATABASE {HALF}")
    engine = create_engine(daemons.of(other, HALF))
    upgrade.upgrade(engine)
    engine.dispose()
    # What the partnerships refer to is on the first server.
    daemons.admin(daemons.of(other, HALF), DROP_FOREIGN_KEYS)
    ours = daemons.of(url, daemons.WORK)
    daemons.admin(
        ours,
        DROP_FOREIGN_KEYS,
        "CREATE EXTENSION postgres_fdw",
        "CREATE SCHEMA whole",
        "CREATE SCHEMA here",
        "CREATE SCHEMA there",
        f"CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{folder}', dbname '{HALF}',"
        " use_remote_estimate 'true', batch_size '200', async_capable 'true')",
        f"CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user '{USER}')",
        f"IMPORT FOREIGN SCHEMA public LIMIT TO ({', '.join(KEYS)}) FROM SERVER other INTO there",
    )
    for table, key in KEYS.items():
        daemons.admin(
            ours,
            f"ALTER TABLE {table} SET SCHEMA whole",
            f"CREATE TABLE {table} (LIKE whole.{table} INCLUDING DEFAULTS) PARTITION BY HASH ({key})",
            f"CREATE TABLE here.{table} (LIKE whole.{table} INCLUDING ALL)",
            f"ALTER TABLE {table} ATTACH PARTITION here.{table} FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            f"ALTER TABLE {table} ATTACH PARTITION there.{table} FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
            f"INSERT INTO {table} SELECT * FROM whole.{table}",
            KEEP_SEQUENCE.format(table=table),
            f"DROP TABLE whole.{table}",
            f"ANALYZE {table}",
        )
    engine = create_engine(ours)
    with engine.begin() as connection:
        triggers.restore_triggers(connection)
    engine.dispose()
    daemons.admin(daemons.of(other, HALF), "ANALYZE")


# What stands in the way


def look(url: str) -> Iterator[tuple[str, str]]:
    """What the halves refuse, or do otherwise than tables of one server, in the words of the servers."""
    with _connected(url) as one, _connected(url) as another:
        yield "a primary key", _ask(one, "ALTER TABLE partnerships ADD PRIMARY KEY (id)")
        refers = "ALTER TABLE history ADD FOREIGN KEY (partnership) REFERENCES partnerships (id)"
        yield "a foreign key", _ask(one, refers)
        here, there = _keys(one, "here"), _keys(one, "there")
        yield "a reference a second time, in the other half", _ask(one, _repeat(here[0]))
        claim = "SELECT id FROM partnerships WHERE version > 0 LIMIT 5 FOR NO KEY UPDATE SKIP LOCKED"
        plan = [line for (line,) in one.execute(f"EXPLAIN (VERBOSE) {claim}")]  # type: ignore[call-overload]
        yield "SKIP LOCKED, on the other server", next(line.strip() for line in plan if "Remote SQL" in line)
        one.rollback()
        yield "to commit in two phases", _ask(one, _rename(there[0]), "PREPARE TRANSACTION 'both'")
        # Without the second limit, which the daemon does not set, it would wait for ever.
        another.execute(_rename(there[0]))
        limits = ("SET LOCAL lock_timeout = '200ms'", "SET LOCAL statement_timeout = '3s'")
        yield "a wait for a lock, of 200 ms at most", _ask(one, *limits, _rename(there[0]))
        another.rollback()
        yield "one that fails while it commits", _fail_to_commit(one, another, here, there[0])


@contextlib.contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(daemons.of(url, daemons.WORK).replace("+psycopg", "")) as connection:
        yield connection


def _ask(connection: psycopg.Connection[Any], *statements: str) -> str:
    try:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]
    except psycopg.Error as error:
        return str(error).partition("\n")[0]
    else:
        return "is accepted"
    finally:
        connection.rollback()


def _keys(connection: psycopg.Connection[Any], half: str) -> list[int]:
    return [key for (key,) in connection.execute(f"SELECT id FROM {half}.partnerships ORDER BY id LIMIT 2")]  # type: ignore[call-overload]


def _rename(key: int) -> str:
    return f"UPDATE partnerships SET title = title || ' (half)' WHERE id = {key}"


def _repeat(here: int) -> str:
    """The statement that inserts a partnership of this half into the other one, with the same reference."""
    columns = ", ".join(column.name for column in tables.partnerships.c if column.name != "id")
    row = f"SELECT -1, {columns} FROM partnerships WHERE id = {here}"
    return f"INSERT INTO there.partnerships (id, {columns}) {row}"


def _fail_to_commit(
    one: psycopg.Connection[Any], another: psycopg.Connection[Any], here: list[int], there: int
) -> str:
    """Let the first server refuse a commit by its rules of serializable transactions: what is left of it."""
    first, second = here
    for connection in (one, another):
        connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        connection.execute("SELECT title FROM here.partnerships WHERE id = ANY(%s)", [here])
    one.execute(_rename(first))
    one.execute(_rename(there))
    another.execute(_rename(second))
    another.commit()
    try:
        one.commit()
    except psycopg.Error as error:
        said = str(error).partition("\n")[0]
    count = "SELECT count(*) FROM partnerships WHERE title LIKE '%%(half)' AND id IN (%s, %s)"
    row: Any = one.execute(count, [first, there]).fetchone()
    one.rollback()
    return f"{said}; {row[0]} of its 2 rows stay written"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=1_000, help="partnerships with a deadline due")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--programs", type=Path, default=find_programs(), help="the folder with initdb and pg_ctl"
    )
    options = parser.parse_args()
    if options.programs is None:
        sys.exit(
            "no programs of PostgreSQL were found; install postgresql with postgres_fdw, or give --programs"
        )
    # The path of a socket may have 100 letters at most.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o711)
        with (
            server(options.programs, Path(name) / "first") as url,
            server(options.programs, Path(name) / "second") as other,
        ):
            run(url, other, Path(name), options)


def run(url: str, other: str, folder: Path, options: argparse.Namespace) -> None:
    daemons.fill(folder, url, options.number)
    for number in (1, 2):
        for halves in (False, True):
            took = []
            for _ in range(options.rounds):
                daemons.copy(url)
                if halves:
                    split(url, other, folder / "second")
                seconds, fired = daemons.fire(folder, url, number)
                took.append(seconds)
                closings, of_how_many = daemons.counted(url)
                assert closings == of_how_many == sum(fired) == options.number
            where = "two servers" if halves else "one server"
            low, high = min(took), max(took)
            print(f"{where}, {number} daemons: {low:.1f} to {high:.1f} s; by each {fired}", flush=True)
    verify = [str(Path(sys.executable).with_name("partnershipctl")), "--config"]
    verify += [str(folder / "daemon-0" / "config.toml"), "verify"]
    print(subprocess.run(verify, capture_output=True, text=True, check=False).stdout)
    for what, said in look(url):
        print(f"  {what}: {said}")


if __name__ == "__main__":
    main()
