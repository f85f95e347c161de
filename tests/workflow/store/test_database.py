"""The database: how it is opened, what it refuses, and its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import IntegrityError, StatementError

from tests.support import databases
from tests.support.district import Begin
from workflow.store import database, dialects, tables, upgrade
from workflow.store.database import StoreError, StoreUnavailable

NOON = datetime(2025, 7, 7, 12, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    """A new database that is a SQLite file."""
    made = database.open_store(f"sqlite:///{tmp_path / 'new.db'}", create=True)
    yield made
    made.dispose()


@pytest.fixture
def district(tmp_path: Path) -> Path:
    """A SQLite file with every table."""
    made = database.open_store(f"sqlite:///{tmp_path / 'district.db'}", create=True)
    upgrade.upgrade(made)
    made.dispose()
    return tmp_path / "district.db"


def pragma(opened_engine: Engine, name: str) -> Any:
    with database.reading(opened_engine) as connection:
        return connection.execute(text(f"PRAGMA {name}")).scalar()


# How it is opened


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 7, 0), "truncate"), ((3, 40, 1), "truncate"), ((3, 44, 5), "truncate"), ((3, 44, 6), "wal"),
        ((3, 44, 9), "wal"), ((3, 45, 0), "truncate"), ((3, 50, 6), "truncate"), ((3, 50, 7), "wal"),
        ((3, 51, 0), "truncate"), ((3, 51, 2), "truncate"), ((3, 51, 3), "wal"), ((3, 52, 0), "wal"),
        ((4, 0, 0), "wal"),
    ],
)  # fmt: skip
def test_the_journal_is_one_that_this_sqlite_does_not_corrupt(
    version: tuple[int, int, int], mode: str
) -> None:
    assert dialects.choose_journal_mode(version) == mode


def test_every_connection_keeps_what_was_committed_and_checks_references(file: Engine) -> None:
    assert pragma(file, "synchronous") == 2, "FULL"
    assert pragma(file, "foreign_keys") == 1
    assert pragma(file, "busy_timeout") == 10_000
    assert pragma(file, "journal_mode") in ("wal", "truncate")


@pytest.mark.skipif(not databases.POSTGRESQL, reason="a file needs no connection")
def test_a_server_that_has_gone_without_a_word_is_noticed(opened_engine: Engine) -> None:
    with database.reading(opened_engine) as connection:
        driver: Any = connection.connection.driver_connection
        given = driver.info.get_parameters()
    assert {name: given.get(name) for name in given if name.startswith(("keepalives", "tcp_"))} == {
        "keepalives": "1",
        "keepalives_idle": "15",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }


def test_a_reference_to_nothing_is_refused(opened_engine: Engine) -> None:
    row = dict.fromkeys(("template", "to", "role", "status", "message_id"), "x")
    row |= {"partnership": 999, "queued_at": NOON, "next_at": NOON}
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        database.transact(opened_engine, lambda c: c.execute(insert(tables.notices).values(row)))


def test_a_time_without_a_zone_never_gets_in(opened_engine: Engine) -> None:
    values = {"id": 1, "at": datetime(2025, 7, 7), "by": "x", "what": "x"}
    with pytest.raises(StatementError, match="2025-07-07 00:00:00 has no time zone"):
        database.transact(opened_engine, lambda c: c.execute(insert(tables.changes).values(values)))


def test_a_missing_database_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no database at .*none\.db; run `partnershipctl init`"):
        database.open_store(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()


def test_a_database_without_tables_says_how_to_make_them(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="no tables yet; run `partnershipctl init`"):
        database.open_store(f"sqlite:///{tmp_path / 'empty.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("a letter, not a database, and long enough to be one " * 40)
    with pytest.raises(StoreError, match=r"cannot be opened: .*not a database"):
        database.open_store(f"sqlite:///{tmp_path / 'other.db'}")


@contextmanager
def written(path: Path, statement: str) -> Iterator[None]:
    """Somebody is in the middle of writing to a SQLite file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute(statement)
        yield
        writer.execute("ROLLBACK")


def test_a_database_opens_beside_a_writer(district: Path) -> None:
    with written(district, "BEGIN IMMEDIATE"):
        opened = database.open_store(f"sqlite:///{district}")
        assert upgrade.preview(opened) == (database.VERSION, database.VERSION)
        opened.dispose()


def test_a_database_that_a_writer_has_to_itself_is_away_and_not_broken(
    district: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "_BUSY_MILLISECONDS", 10)
    monkeypatch.setattr(
        dialects, "choose_journal_mode", lambda _version: "truncate"
    )  # with the other nobody is kept out
    opened = database.open_store(f"sqlite:///{district}")
    with written(district, "BEGIN EXCLUSIVE"):
        with pytest.raises(StoreUnavailable, match="the database cannot be opened: database is locked"):
            database.open_store(f"sqlite:///{district}")
        with pytest.raises(StoreUnavailable, match="the database cannot be opened: database is locked"):
            upgrade.preview(opened)
        with pytest.raises(StoreUnavailable, match="the database cannot be checked: database is locked"):
            database.check_sound(opened)
    opened.dispose()


@pytest.mark.parametrize("url", ["nonsense", "sqlite:/x", "nosuch://localhost/x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"database\.url cannot be used"):
        database.open_store(url)


@pytest.mark.promise("damaged-file-refused")
@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(database, "_file_system", lambda folder: kind)
    with pytest.raises(StoreError, match=rf"network file system \({kind}\).*PostgreSQL"):
        database.open_store(f"sqlite:///{tmp_path / 'x.db'}", create=True)
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "apfs", "overlay", ""])
def test_a_local_disk_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(database, "_file_system", lambda folder: kind)
    database.open_store(f"sqlite:///{tmp_path / 'deep' / 'x.db'}", create=True).dispose()
    assert (tmp_path / "deep").is_dir()


# The tables


def test_the_upgraded_database_has_the_tables_that_the_code_describes(opened_engine: Engine) -> None:
    with opened_engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.METADATA)
    assert [d for d in differences if getattr(d[-1], "name", "") != "alembic_version"] == []


def test_an_upgrade_is_safe_to_repeat(opened_engine: Engine) -> None:
    before, after = upgrade.upgrade(opened_engine)
    assert before == after == database.VERSION


def test_a_first_upgrade_tells_that_there_was_nothing(file: Engine) -> None:
    assert upgrade.upgrade(file) == (None, database.VERSION)


@pytest.mark.promise("history-guarded")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET note = 'x' WHERE seq = 1",
        "DELETE FROM history WHERE seq = 1",
        "INSERT OR REPLACE INTO history SELECT * FROM history WHERE seq = 1",
    ],
)
def test_the_database_refuses_to_change_or_take_away_a_row_of_a_history(begin: Begin, statement: str) -> None:
    life = begin("needs")
    if databases.POSTGRESQL:  # which has no such word, and refuses a second row with the same number anyway
        statement = statement.replace("INSERT OR REPLACE", "INSERT")
    before = life.history()
    with pytest.raises(IntegrityError, match=r"the history is only added to|duplicate key"):
        life.run(statement)
    assert life.history() == before
