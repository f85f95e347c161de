"""A backup is one moment of everything, however much is written meanwhile, and can be restored to the letter."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.support import databases
from tests.support.district import Begin, Life
from tests.support.house import until
from tests.support.letters import delivered
from workflow.clock import fire
from workflow.record import backup, restore
from workflow.record.backup import Summary
from workflow.session import System
from workflow.store import database, tables
from workflow.store.database import StoreError

MANY = int(os.environ.get("TEST_BACKUPS", "5"))  # 100 take two minutes
# Whatever is written then tells of the restore itself.
RESTORED: dict[str, Any] = {"by": "whoever-restores", "now": datetime(2031, 1, 1, tzinfo=UTC)}
PACE = 0.02  # seconds between two rows of one office, or the histories would outgrow the test


def taken(life: Life, name: str = "backup.db", *, force: bool = False) -> Path:
    file = life.system.config.folder / name
    backup.write(life.system.engine, file, force=force)
    return file


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Callable[..., Life]]:
    """Restores a backup of a life into a new database, and gives the life that goes on there."""
    opened: list[Life] = []

    def restored(life: Life, file: Path) -> Life:
        folder = tmp_path / f"restored-{len(opened)}"
        folder.mkdir()
        databases.create(folder)
        engine = databases.quick(database.open_store(databases.url(folder), create=True))
        restore.restore(life.system.config, engine, file, **RESTORED)
        settings = replace(life.system.config, folder=folder)
        again = Life(System(settings, engine), life.ref, life.school)
        again.now = life.now
        opened.append(again)
        return again

    yield restored
    for life in opened:
        life.system.engine.dispose()
        if life.system.engine.dialect.name == "postgresql":
            databases.admin(f'DROP DATABASE IF EXISTS "{life.system.engine.url.database}" WITH (FORCE)')


def content(life: Life) -> list[list[tuple[object, ...]]]:
    """Every row of every table, but those that tell of a restore."""
    with database.reading(life.system.engine) as connection:
        return [
            [
                tuple(row)
                for row in connection.execute(table.select().order_by(*table.primary_key.columns))
                if RESTORED["now"] not in tuple(row)
            ]
            for table in tables.METADATA.sorted_tables
        ]


# One moment


@contextmanager
def much_going_on(life: Life) -> Iterator[threading.Event]:
    """A clock that ticks, and two offices that write as long as the event is set."""
    writing, over, failed = threading.Event(), threading.Event(), list[Exception]()

    def write(mine: Life) -> None:
        number = 0
        while not over.is_set():
            if writing.wait(timeout=0.05):
                number += 1
                mine.do("add-note", "staff", text=f"note {number}")
                over.wait(PACE)

    def tick(mine: Life) -> None:
        while not over.is_set():
            mine.now += timedelta(hours=7)
            fire.fire_due(mine.system, mine.now)
            delivered(mine)

    def kept(work: Callable[[Life], None], mine: Life) -> None:
        try:
            work(mine)
        except Exception as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    writers = [life.another("franklin-2025"), life.another("another-2025")]
    for writer in writers:
        writer.do("identify-needs")
    threads = [threading.Thread(target=kept, args=(write, writer)) for writer in writers]
    threads.append(threading.Thread(target=kept, args=(tick, life.another("ticks"))))
    for thread in threads:
        thread.start()
    try:
        yield writing
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]


def rows_of(life: Life) -> int:
    with database.reading(life.system.engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM history")) or 0)


def strays(life: Life) -> int:
    """Notices that tell of a row of the history that is not there."""
    told = """SELECT count(*) FROM notices WHERE seq IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM history WHERE history.partnership = notices.partnership AND history.seq = notices.seq)"""
    with database.reading(life.system.engine) as connection:
        return int(connection.scalar(text(told)) or 0)


@pytest.mark.promise("whole-backup", "sound-backup")
def test_backups_that_are_taken_while_much_is_written_are_each_one_moment(
    begin: Begin, restored: Callable[..., Life]
) -> None:
    life = begin("needs")
    with much_going_on(life) as writing:
        for number in range(MANY):
            before = rows_of(life)
            writing.set()
            until(lambda then=before: rows_of(life) > then, "something is written")
            file = taken(life, f"{number}.db")
            after = rows_of(life)
            until(lambda then=after: rows_of(life) > then, "still something is written")
            writing.clear()
            again = restored(life, file)  # which has verified every record
            assert again.faults() == []
            assert strays(again) == 0
            found = rows_of(again)
            assert before < found <= after
            again.system.engine.dispose()
            databases.drop(again.system.config.folder)
            file.unlink()


@pytest.mark.promise("whole-backup")
def test_what_is_restored_is_what_there_was_to_the_letter(
    begin: Begin, restored: Callable[..., Life]
) -> None:
    life = begin("annual-review")
    delivered(life)
    again = restored(life, taken(life))
    assert content(again) == content(life)
    assert restored(again, taken(again, "second.db")).record == life.record


def test_a_district_moves_to_the_other_kind_of_database_and_back(
    begin: Begin, restored: Callable[..., Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("annual-review")
    delivered(life)
    there, file = life, taken(life)
    for kind in ("postgresql", "sqlite", "postgresql"):
        monkeypatch.setattr(databases, "POSTGRESQL", kind == "postgresql")
        there = restored(there, file)
        assert there.system.engine.dialect.name == kind
        assert content(there) == content(life)
        assert there.faults() == []
        file = taken(there, f"from-{kind}.db")


def test_life_goes_on_after_it_was_restored(begin: Begin, restored: Callable[..., Life]) -> None:
    life = begin("applied")
    delivered(life)
    again = restored(life, taken(life))
    assert again.tick("2025-08-15 17:00").fired == 1
    again.another("franklin-2025").do("identify-needs")
    told = [notice["id"] for notice in again.notices()]
    assert len(set(told)) == len(told)
    assert again.state == "open-selection"
    assert again.faults() == []


def test_a_message_in_a_digest_is_restored_before_the_digest_that_it_is_in(
    begin: Begin, restored: Callable[..., Life]
) -> None:
    life = begin("needs")
    life.do("describe-needs")
    first, last = (life.notices()[place]["id"] for place in (0, -1))
    life.run("UPDATE notices SET within = :last WHERE id = :first", first=first, last=last)
    again = restored(life, taken(life))
    assert [row["within"] for row in again.notices() if row["within"]] == [last]
    assert content(again) == content(life)


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no file to copy")
def test_a_copy_of_the_file_is_no_backup_while_somebody_writes(begin: Begin, tmp_path: Path) -> None:
    """What the backup must not be: a mere copy has what was never committed, or is no database at all."""
    life = begin("needs")
    path = life.system.config.folder / "partnerships.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for number in range(200):
            writer.execute("INSERT INTO meta VALUES (?, ?)", (f"row {number}", "x" * 1000))
        writer.execute("PRAGMA cache_size = 1")  # so that it writes before it commits
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE meta SET value = replace(value, 'x', 'y')")
        shutil.copy(path, tmp_path / "copy.db")
        done: list[Path] = []
        backing_up = threading.Thread(target=lambda: done.append(taken(life)))
        backing_up.start()
        backing_up.join(timeout=0.5)  # it waits for the writer, or it sees what was there before
        writer.execute("ROLLBACK")
        backing_up.join()
    assert not whole(tmp_path / "copy.db")
    assert whole(done[0])


def whole(file: Path) -> bool:
    """Whether a file can be read and has what was committed, and nothing else."""
    with closing(sqlite3.connect(file)) as connection:
        try:
            (said,) = connection.execute("PRAGMA integrity_check").fetchone()
            (rows,) = connection.execute("SELECT count(*) FROM meta WHERE value LIKE 'xx%'").fetchone()
        except sqlite3.DatabaseError:
            return False
    return bool(said == "ok" and rows == 200)


# Whole or not at all


def test_a_backup_is_there_whole_or_not_at_all(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("needs")
    folder = life.system.config.folder

    def breaks(*_: object) -> Summary:
        raise sqlite3.OperationalError("database or disk is full")

    before = sorted(folder.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(backup, "finish_file", breaks)
        with pytest.raises(StoreError, match="the backup cannot be made: database or disk is full"):
            taken(life)
    assert sorted(folder.iterdir()) == before


def test_a_backup_that_is_not_sound_is_not_kept(begin: Begin) -> None:
    life = begin("needs")
    statement = (
        "INSERT INTO drafts (partnership, email, \"values\", saved_at) VALUES (999, 'x', '{}', '2025-01-01')"
    )
    databases.without_foreign_keys(life.system.config.folder, statement)
    with pytest.raises(StoreError, match=r"not sound: row .* of drafts refers to a row of partnerships"):
        taken(life)
    assert not (life.system.config.folder / "backup.db").exists()


def test_only_this_user_can_read_a_backup(begin: Begin) -> None:
    umask = os.umask(0)
    try:
        assert taken(begin("needs")).stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(umask)


def test_a_backup_replaces_no_file_unless_it_is_told_to(begin: Begin) -> None:
    life = begin("needs")
    file = taken(life)
    first = file.read_bytes()
    life.do("describe-needs")
    with pytest.raises(FileExistsError):
        taken(life)
    assert file.read_bytes() == first
    assert taken(life, force=True).read_bytes() != first


def test_a_backup_says_what_is_in_it(begin: Begin) -> None:
    life = begin("open")
    file = life.system.config.folder / "backup.db"
    found = backup.write(life.system.engine, file)
    assert (found.partnerships, found.version, found.size) == (1, database.VERSION, file.stat().st_size)
    assert found.tables["history"] == len(life.history())
    assert set(found.tables) == set(tables.METADATA.tables)
    with file.open("rb") as content:
        assert found.sha256 == hashlib.file_digest(content, "sha256").hexdigest()
