"""What is no sound backup is refused, and nothing is restored over what is there."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect

from tests.support import databases
from tests.support.databases import UNGUARD
from tests.support.district import Begin, Life
from tests.workflow.record.test_backup import RESTORED, content, taken
from workflow.record import restore
from workflow.record.restore import NoBackup
from workflow.session import System
from workflow.store import database, files, upgrade
from workflow.store.database import StoreError


def spoilt(file: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(file)) as connection:
        for statement in (*UNGUARD["sqlite"], *statements):
            connection.execute(statement)
        connection.commit()
    return file


def no_backup(file: Path) -> None:
    file.write_text("Dear staff, this is no backup.", encoding="utf-8")


def another_database(file: Path) -> None:
    spoilt(file, "PRAGMA application_id = 0")


def newer(file: Path) -> None:
    spoilt(file, "UPDATE alembic_version SET version_num = '9999'")


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwritten(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[20_000:60_000] = bytes(40_000)
    file.write_bytes(whole)


def tampered(file: Path) -> None:
    spoilt(file, "UPDATE history SET actor = 'nobody@example.org' WHERE seq = 2")


def shortened(file: Path) -> None:
    spoilt(file, "DELETE FROM history WHERE seq = 5")


def without_its_partnership(file: Path) -> None:
    spoilt(file, "DELETE FROM partnerships")


@pytest.mark.promise("whole-backup", "sound-backup")
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_backup, "it is not a backup"),
        (another_database, "no backup that `partnershipctl backup` wrote"),
        (newer, "version 9999, which this program does not know .* install the newer program"),
        (cut_short, "it is damaged: "),
        (overwritten, "it is damaged: "),
        (
            tampered,
            "its record does not hold: rbhs-2025, row 2: its content does not fit its hash: it was changed",
        ),
        (shortened, "its record does not hold: .*the row is at version 5; its history has 4 rows"),
        (without_its_partnership, "it is damaged: row .* of .* refers to a row of partnerships"),
        (Path.unlink, "it cannot be read: No such file"),
    ],
)
def test_what_is_no_sound_backup_is_refused_and_changes_nothing(
    begin: Begin, tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    life = begin("open")
    file = taken(life)
    damage(file)
    databases.create(tmp_path)
    engine = database.open_store(databases.url(tmp_path), create=True)
    with pytest.raises(NoBackup, match=words):
        restore.restore(life.system.config, engine, file, **RESTORED)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_without_room_nothing_is_restored(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("open")
    file = taken(life)
    databases.create(tmp_path)
    engine = database.open_store(databases.url(tmp_path), create=True)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(StoreError, match="the backup cannot be restored: No space left on device"):
        restore.restore(life.system.config, engine, file, **RESTORED)
    assert [path.name for path in tmp_path.glob("*.db")] == []
    assert list(tmp_path.glob(".*")) == []
    engine.dispose()


@pytest.mark.promise("whole-backup")
def test_nothing_is_restored_over_a_database_that_has_something(begin: Begin) -> None:
    life, other = begin("open"), begin("active")
    before = content(other)
    with pytest.raises(
        StoreError, match=r"is not empty \(rows: .*1 in partnerships.*nothing is restored over"
    ):
        restore.restore(life.system.config, other.system.engine, taken(life), **RESTORED)
    assert content(other) == before


def test_a_backup_is_restored_into_a_database_that_has_nothing_but_tables(
    begin: Begin, tmp_path: Path
) -> None:
    life = begin("open")
    databases.create(tmp_path)
    engine = database.open_store(databases.url(tmp_path), create=True)
    upgrade.upgrade(engine)
    restore.restore(life.system.config, engine, taken(life), **RESTORED)
    assert content(Life(System(life.system.config, engine))) == content(life)
    engine.dispose()


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no such files")
@pytest.mark.parametrize("name", ["partnerships.db-journal", "partnerships.db-wal"])
def test_nothing_is_restored_beside_the_journal_of_another_database(
    begin: Begin, tmp_path: Path, name: str
) -> None:
    life = begin("open")
    (tmp_path / name).write_bytes(b"what was not finished")
    engine = database.open_store(databases.url(tmp_path), create=True)
    with pytest.raises(StoreError, match=f"{name} belongs to another database"):
        restore.restore(life.system.config, engine, taken(life), **RESTORED)
    assert not (tmp_path / "partnerships.db").exists()


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no such lock")
def test_nothing_is_restored_under_a_daemon(begin: Begin, tmp_path: Path) -> None:
    life = begin("open")
    engine = database.open_store(databases.url(tmp_path), create=True)
    with (
        files.holding(tmp_path / "partnerships.db"),
        pytest.raises(StoreError, match="a partnershipd runs on"),
    ):
        restore.restore(life.system.config, engine, taken(life), **RESTORED)
    assert not (tmp_path / "partnerships.db").exists()
