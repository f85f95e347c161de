"""A database of every earlier version is brought up to date with cases in flight, on SQLite and on PostgreSQL."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import IntegrityError

from tests.support import databases
from tests.support.district import Begin, Life
from tests.support.house import until
from tests.support.letters import delivered
from workflow import links
from workflow.record import backup, restore
from workflow.record.restore import advance_sequences
from workflow.session import Session, System
from workflow.store import database, tables, upgrade
from workflow.store.database import StoreError

NEWEST = database.VERSION
EARLIER = sorted(file.name[1:5] for file in database._VERSIONS.glob("v[0-9]*.py"))[:-1]
Aged = Callable[[str], Engine]


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of database, whatever the other tests run on."""
    monkeypatch.setattr(databases, "POSTGRESQL", request.param == "postgresql")
    return str(request.param)


@pytest.fixture
def busy(begin: Begin) -> Life:
    """A district with partnerships in several states, open deadlines and queued notices."""
    life = begin("active")
    life.another("call-2025", "franklin").to("applied")
    life.another("needs-2025", "franklin").to("needs")
    return life


@pytest.fixture
def aged(busy: Life, kind: str, tmp_path: Path) -> Iterator[Aged]:
    """The same district as an earlier program has it: without the tables and columns that came later."""
    made: list[tuple[Engine, Path]] = []

    def aged(version: str) -> Engine:
        folder = tmp_path / version
        folder.mkdir()
        databases.create(folder)
        engine = databases.quick(database.open_store(databases.url(folder), create=True))
        made.append((engine, folder))
        if version < "0021":  # which began the second chain
            databases.to_first_format(busy.system.engine)
        with database.reading(busy.system.engine) as source, engine.begin() as target:
            upgrade.upgrade_on(target, version)
            backup.copy(source, target)
            if kind == "postgresql":
                advance_sequences(target)
        return engine

    yield aged
    for engine, folder in made:
        engine.dispose()
        databases.drop(folder)


def differences(engine: Engine) -> list[Any]:
    """In what the tables are not as the code describes them."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        found = compare_metadata(context, tables.METADATA)
    return [d for d in found if getattr(d[-1], "name", "") != "alembic_version"]


@pytest.mark.promise("safe-upgrade")
@pytest.mark.parametrize("version", EARLIER)
def test_what_was_in_flight_goes_on_after_an_upgrade(busy: Life, aged: Aged, version: str) -> None:
    engine = aged(version)
    assert upgrade.preview(engine) == (version, NEWEST)
    assert upgrade.upgrade(engine) == (version, NEWEST)
    assert differences(engine) == []
    database.open_store(
        engine.url.render_as_string(hide_password=False)
    ).dispose()  # which looks at the version
    system = System(busy.system.config, engine)
    calls, active = Life(system, "call-2025", "franklin"), Life(system, busy.ref)
    assert active.faults() == []
    assert (active.state, calls.state) == ("active", "open-selection")
    queued = [row["id"] for row in calls.notices() if row["status"] == "queued"]
    assert queued
    assert calls.tick("2025-08-15 17:00").fired == 1
    assert [row["event"] for row in calls.history()][-1] == "close-applications"
    sent = delivered(calls)
    assert set(sent) == {"sent"}
    assert {row["status"] for row in calls.notices() if row["id"] in queued} == {"sent"}
    active.at("2025-09-03").do("record-assessment", "lead-partner")
    assert active.faults() == []


@pytest.mark.promise("links-masked")
def test_answers_that_were_kept_with_live_links_are_masked_by_an_upgrade(busy: Life, aged: Aged) -> None:
    engine = aged("0008")
    link = links.feed_address(busy.system.config, "principal@example.org", 0)
    row = {"digest": "d", "received_at": busy.now, "verdict": "note", "text": f"see {link}"}
    with engine.begin() as connection:
        content = {"message": b64encode(link.encode()), "reason": None}
        connection.execute(insert(tables.replies).values(**row, **content))
    upgrade.upgrade(engine)
    with engine.connect() as connection:
        kept = connection.execute(select(tables.replies)).one()
    for shown in (kept.text, b64decode(kept.message).decode()):
        assert shown.endswith(f"{'~' * 27}.ics")


@pytest.mark.parametrize("version", EARLIER)
def test_the_history_is_guarded_after_an_upgrade(aged: Aged, version: str) -> None:
    engine = aged(version)
    upgrade.upgrade(engine)
    for statement in ("UPDATE history SET note = 'x'", "DELETE FROM history"):
        with (
            pytest.raises(IntegrityError, match="the history is only added to"),
            engine.begin() as connection,
        ):
            connection.execute(text(statement))


@pytest.mark.promise("safe-upgrade")
def test_an_older_program_refuses_what_a_newer_one_has_made(
    aged: Aged, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = aged("0002")
    monkeypatch.setattr(database, "VERSION", "0001")
    with pytest.raises(
        StoreError, match="of version 0002, this program's of version 0001; install the newer"
    ):
        database.open_store(engine.url.render_as_string(hide_password=False))


@pytest.mark.promise("safe-upgrade")
@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)  # a SQLite file has no daemon meanwhile
def test_a_program_that_runs_while_it_is_upgraded_finishes_what_it_writes_and_writes_no_more(
    busy: Life, aged: Aged, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = aged("0003")
    monkeypatch.setattr(database, "VERSION", "0003")
    # The program of that version asked for no column that came later.
    with busy.system.reading() as session:
        directory = session.directory
    monkeypatch.setattr("workflow.directory.read", lambda *_: directory)
    system = System(busy.system.config, engine)
    writing = Event()
    done: list[str] = []

    def work(session: Session) -> None:
        writing.set()
        until(lambda: waits_for_a_lock(engine), "the upgrade waits")
        session.connection.execute(text("UPDATE partnerships SET title = 'Written'"))
        done.append("written")

    with ThreadPoolExecutor() as threads:
        written = threads.submit(system.transact, work)
        assert writing.wait(10)
        upgraded = threads.submit(upgrade.upgrade, engine)
        written.result(timeout=20)
        assert upgraded.result(timeout=20) == ("0003", NEWEST)
    assert done == ["written"]
    with pytest.raises(StoreError, match=r"of version .+, this program's of version 0003; install the newer"):
        system.transact(lambda _: done.append("too late"))
    assert done == ["written"]


def waits_for_a_lock(engine: Engine) -> bool:
    """Whether somebody waits for a lock in this database."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        return bool(connection.scalar(text(waiting)))


@pytest.mark.parametrize("version", EARLIER)
def test_a_backup_of_an_earlier_version_is_restored_up_to_date(
    busy: Life, aged: Aged, tmp_path: Path, version: str
) -> None:
    engine = aged(version)
    file = tmp_path / "backup.db"
    assert backup.write(engine, file).version == version
    folder = tmp_path / "restored"
    folder.mkdir()
    databases.create(folder)
    again = databases.quick(database.open_store(databases.url(folder), create=True))
    assert restore.restore(busy.system.config, again, file, by="staff", now=busy.now).version == NEWEST
    assert differences(again) == []
    assert Life(System(busy.system.config, again)).faults() == []
    again.dispose()
    databases.drop(folder)


def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    aged: Aged, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = aged("0001")
    with engine.connect() as connection:
        before = rows(connection)

    def breaks(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("alembic.op.execute", breaks)  # in the last step, after all others
    with pytest.raises(RuntimeError, match="power cut"):
        upgrade.upgrade(engine)
    assert upgrade.preview(engine) == ("0001", NEWEST)
    with engine.connect() as connection:
        assert rows(connection) == before


def rows(connection: Any) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for table in ("partnerships", "history", "deadlines", "notices", "people")
        for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))
    ]


def test_new_tables_are_as_the_code_describes_them(kind: str, tmp_path: Path) -> None:
    databases.create(tmp_path)
    engine = database.open_store(databases.url(tmp_path), create=True)
    assert upgrade.upgrade(engine) == (None, NEWEST)
    assert engine.dialect.name == kind
    assert differences(engine) == []
    engine.dispose()
    databases.drop(tmp_path)
