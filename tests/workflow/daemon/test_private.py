"""What is made on the disk is nobody else's business: database, journal, lock, keys, messages and backups."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.desk import real
from tests.support.house import free_port
from workflow.admin import program
from workflow.store import files
from workflow.store.database import open_store

SETTINGS = """
[database]
url = "sqlite:///data/partnerships.db"
[web]
listen = "127.0.0.1:{port}"
keys_file = "data/keys"
[mail]
maildir = "data/mail"
replies_maildir = "data/replies"
"""


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(SETTINGS.format(port=free_port()), encoding="utf-8")
    (tmp_path / "data").mkdir()
    return tmp_path


def ctl(place: Path, *words: str) -> None:
    with pytest.raises(SystemExit) as left:
        program.main(["--config", str(place / "config.toml"), *words])
    assert left.value.code == 0


def modes(folder: Path) -> dict[str, str]:
    """The rights of every file and folder below a folder."""
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.promise("private-files")
def test_nobody_else_can_read_what_is_made(place: Path, umask: None) -> None:
    ctl(place, "init")
    done = real("--config", str(place / "config.toml"), "--once", program="partnershipd")
    assert done.returncode == 0, done
    ctl(place, "backup", str(place / "data" / "backup.db"))
    file, folder = oct(0o600), oct(0o700)
    assert modes(place / "data") == {
        "backup.db": file, "keys": file, "partnerships.db": file, "partnerships.db.lock": file,
        "replies": folder, "replies/cur": folder, "replies/new": folder, "replies/tmp": folder,
    } | {name: file for name in modes(place / "data") if name.startswith("partnerships.db-")}  # fmt: skip


@pytest.mark.promise("private-files")
@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o2770, 0o660)], ids=oct)
def test_the_journal_has_the_rights_of_the_database(place: Path, umask: None, folder: int, file: int) -> None:
    (place / "data").chmod(folder)
    engine = open_store(f"sqlite:///{place / 'data' / 'x.db'}", create=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE x (y)")
        assert set(modes(place / "data").values()) == {oct(file)}
        assert len(modes(place / "data")) > 1
    engine.dispose()


@pytest.mark.promise("private-files")
def test_in_a_folder_that_is_a_groups_the_group_can_work_and_nobody_else(place: Path, umask: None) -> None:
    """As contrib/partnershipd.service has it: whoever is in the group may use partnershipctl."""
    (place / "data").chmod(0o2770)
    ctl(place, "init")
    with files.holding(place / "data" / "partnerships.db"):
        found = modes(place / "data")
    assert found == {
        "keys": oct(0o640), "partnerships.db": oct(0o660), "partnerships.db.lock": oct(0o660),
    } | {name: oct(0o660) for name in found if name.startswith("partnerships.db-")}  # fmt: skip


def test_what_others_could_read_of_an_earlier_database_is_taken_from_them(place: Path) -> None:
    ctl(place, "init")
    database = place / "data" / "partnerships.db"
    database.chmod(0o644)
    ctl(place, "init")
    assert stat.S_IMODE(database.stat().st_mode) == 0o640


def test_a_private_file_that_is_there_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.write_text("kept", encoding="utf-8")
    path.chmod(0o640)
    os.close(files.open_private(path))
    assert (path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode)) == ("kept", 0o640)
    with pytest.raises(FileExistsError):
        files.open_private(path, os.O_EXCL)


def test_a_restored_database_is_private_too(place: Path, umask: None) -> None:
    ctl(place, "init")
    ctl(place, "backup", str(place / "backup.db"))
    (place / "data" / "partnerships.db").unlink()
    ctl(place, "restore", str(place / "backup.db"))
    database = place / "data" / "partnerships.db"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM partnerships").fetchone() == (0,)
