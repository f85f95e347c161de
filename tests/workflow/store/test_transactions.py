"""Transactions: what fails is undone, and two who write at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, Table, bindparam, insert, make_url, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from tests.support import databases
from tests.support.district import Begin
from workflow import directory
from workflow.change import Change
from workflow.clock import fire
from workflow.session import System
from workflow.store import database, dialects, loading, tables
from workflow.store.database import StoreError, StoreUnavailable
from workflow.store.errors import Conflict


def test_what_fails_half_way_is_undone(opened_engine: Engine) -> None:
    def work(connection: Any) -> None:
        connection.execute(insert(tables.meta).values(key="half", value="done"))
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        database.transact(opened_engine, work)
    with database.reading(opened_engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM meta WHERE key = 'half'")) == 0


def test_a_writer_in_the_way_is_waited_for_then_named(
    opened_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(database.time, "sleep", waits.append)
    tries: list[int] = []

    def locked(connection: Any) -> None:
        tries.append(1)
        raise OperationalError("x", {}, Exception("database is locked"))

    with pytest.raises(StoreUnavailable, match="locked by another program; try again"):
        database.transact(opened_engine, locked)
    assert len(tries) == 5
    assert waits == [0.05, 0.1, 0.2, 0.4]


def test_a_database_that_cannot_be_written_says_why(opened_engine: Engine) -> None:
    with pytest.raises(StoreError, match=r"cannot be written: .*nowhere"):
        database.transact(opened_engine, lambda c: c.execute(text("DELETE FROM nowhere")))


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """The results of works that start at the same moment, each in a thread; an error is a result too."""
    start = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = works[number]()
        except Exception as error:  # noqa: BLE001
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_who_write_at_once_both_get_through(begin: Begin) -> None:
    life = begin("needs")
    works = [lambda n=n: life.do("add-note", "staff", text=f"note {n}") for n in range(8)]
    assert all(isinstance(result, Change) for result in at_once(*works))
    assert life.record.version == 9
    assert life.faults() == []


@pytest.mark.promise("first-version-wins")
def test_of_two_who_saw_the_same_version_one_is_told_that_somebody_was_first(begin: Begin) -> None:
    life = begin("needs")
    results = at_once(
        *[lambda n=n: life.do("withdraw", "staff", reason=f"{n}", expected_version=1) for n in range(4)]
    )
    assert sum(isinstance(result, Change) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3
    assert [row["event"] for row in life.history()] == ["identify-needs", "withdraw"]


def test_two_clocks_at_once_fire_a_deadline_once(begin: Begin) -> None:
    life = begin("applied").at("2025-08-15 17:00")
    tallies = at_once(*[lambda: fire.fire_due(life.system, life.now) for _ in range(4)])
    assert sum(tally.fired for tally in tallies) == 1
    assert [row["event"] for row in life.history()].count("close-applications") == 1
    assert len(life.notices("close-applications")) == 7


def test_one_who_reads_sees_one_moment_while_another_writes(begin: Begin) -> None:
    life = begin("needs")
    with database.reading(life.system.engine) as connection:
        seen = loading.load(connection, [life.ref])[life.ref].version
        assert loading.load(connection, [life.ref])[life.ref].version == seen == 1


@pytest.mark.promise("secrets-untold")
def test_an_error_of_the_database_does_not_say_what_was_to_be_written(begin: Begin) -> None:
    with pytest.raises(IntegrityError) as failed:
        begin("open").run("INSERT INTO drafts (email) VALUES (:text)", text="a secret draft")
    assert "drafts" in str(failed.value)
    assert "a secret draft" not in str(failed.value)


@pytest.mark.skipif(not databases.POSTGRESQL, reason="SQLite: one transaction writes at a time")
def test_a_change_of_the_directory_while_it_is_read_is_not_overlooked(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("needs")
    fresh = System(life.system.config, life.system.engine)
    real = directory._rows

    def rows(connection: Connection, table: Table) -> Any:
        found = real(connection, table)
        if table is tables.people:  # somebody else's change is committed just after they were read
            monkeypatch.setattr(directory, "_rows", real)
            life.person("principal", active=False)
        return found

    monkeypatch.setattr(directory, "_rows", rows)
    assert fresh.transact(lambda session: session.directory.people["principal@example.org"].active)
    assert not fresh.transact(lambda session: session.directory.people["principal@example.org"].active)


@pytest.mark.promise("same-on-both-databases")
@pytest.mark.skipif(not databases.POSTGRESQL, reason="SQLite: no database has a date style of its own")
@pytest.mark.parametrize("style", ["German", "SQL, MDY", "SQL, DMY", "Postgres, DMY", "ISO, YMD"])
def test_a_database_with_a_date_style_and_zone_of_its_own_is_read_all_the_same(
    begin: Begin, style: str
) -> None:
    life = begin("open")
    folder = life.system.config.folder
    for setting in (f"datestyle = '{style}'", "timezone = 'Asia/Kolkata'"):
        databases.admin(f'ALTER DATABASE "{databases.name_of(folder)}" SET {setting}')
    # What the address asks for itself stays.
    own = make_url(databases.url(folder)).update_query_dict({"options": "-c work_mem=5MB"})
    opened = database.open_store(own.render_as_string(hide_password=False))
    with database.reading(opened) as connection:
        assert loading.load(connection, [life.ref])[life.ref].ref == life.ref
        shown = [connection.scalar(text(f"SHOW {name}")) for name in ("datestyle", "timezone", "work_mem")]
        due = connection.scalars(text("SELECT due_at FROM deadlines")).all()
    opened.dispose()
    assert shown[0].startswith("ISO")
    assert shown[1:] == ["UTC", "5MB"]
    assert due
    assert {moment.utcoffset() for moment in due} == {timedelta(0)}


@pytest.mark.promise("daemons-share-work")
@pytest.mark.skipif(
    not databases.POSTGRESQL, reason="SQLite: what a program that stands still holds, it holds"
)
def test_who_stands_still_amid_many_rows_holds_them_no_longer_than_his_lease(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.url(begin().system.config.folder)
    monkeypatch.setattr(dialects, "HOLDER_SECONDS", 1)
    reached, taken = threading.Event(), threading.Event()

    class Still(str):
        """A value at which the writer stands still."""

    class StandsStill(StrDumper):
        def dump(self, obj: str) -> Any:
            reached.set()
            taken.wait(timeout=30)
            return super().dump(obj)

    psycopg.adapters.register_dumper(Still, StandsStill)
    slow, other = database.open_store(url), database.open_store(url)
    change = (
        update(tables.schools).where(tables.schools.c.id == bindparam("key")).values(name=bindparam("new"))
    )
    rows = [{"key": "franklin", "new": name} for name in ("one", "two", "three", "four", Still("last"))]
    counts: list[int] = []
    writer = threading.Thread(
        target=lambda: counts.append(
            database.transact(slow, lambda found: found.execute(change, rows).rowcount)
        )
    )
    writer.start()
    assert reached.wait(timeout=30)
    database.transact(other, lambda found: found.execute(change, {"key": "franklin", "new": "meanwhile"}))
    taken.set()
    writer.join(timeout=30)
    assert counts == [5], "done again from its start, and each row counted"
    with database.reading(other) as connection:
        assert connection.scalar(text("SELECT name FROM schools WHERE id = 'franklin'")) == "last"
    slow.dispose()
    other.dispose()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("no such table: people", "no such table: people"),
        ("is refused\nDETAIL: a secret", "is refused"),
        ("", ""),
    ],
)
def test_an_error_of_the_database_is_told_in_one_line_without_its_statement(said: str, line: str) -> None:
    assert database.first_line(OperationalError("SELECT a secret", {}, Exception(said))) == line
    assert database.first_line(sqlite3.OperationalError(said)) == line


def test_threads_that_need_a_changed_directory_have_one_of_them_read_it(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life, together, read, reads = begin(), threading.Barrier(8), directory.read, []
    find, seen = life.system._find_directory, threading.local()

    def missed_by_all(version: str) -> Any:
        found = find(version)
        if not hasattr(seen, "once"):
            seen.once = True
            together.wait(timeout=60)
        return found

    def counted(*of: Any) -> Any:
        reads.append(1)
        return read(*of)

    def has_digest(_: int) -> bool:
        with life.system.reading() as session:
            return session.directory.people["staff@example.org"].digest

    life.person("staff", digest=True)
    monkeypatch.setattr(life.system, "_find_directory", missed_by_all)
    monkeypatch.setattr(directory, "read", counted)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(has_digest, range(8))) == {True}
    assert reads == [1]
