"""A backup is taken while the daemon runs, which goes on as if nothing were; and none is restored under it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.desk import real
from tests.support.house import CALL, House, until


def ctl(folder: Path, *words: str, status: int = 0) -> object:
    done = real("--config", str(folder / "config.toml"), *words, "--json")
    assert done.returncode == status, done
    return json.loads(done.stdout)


def test_a_running_daemon_is_backed_up_and_goes_on(house: House, tmp_path: Path) -> None:
    house.start()
    until(
        lambda: house.state(CALL) == "open-selection" and house.letters(),
        "the call closes and people are told",
        timeout=60,
    )
    for number in range(3):
        ctl(house.folder, "backup", str(house.folder / f"{number}.db"))
    assert house.healthy()
    house.postpone(1)
    until(
        lambda: house.sql("SELECT 1 FROM deadlines WHERE name = 'needs-agreed' AND status = 'fired'"),
        "it fires",
        timeout=60,
    )
    there = tmp_path / "there"
    there.mkdir()
    databases.create(there)
    settings = (house.folder / "config.toml").read_text(encoding="utf-8")
    settings = settings.replace(
        json.dumps(databases.address(house.folder)), json.dumps(databases.address(there))
    )
    (there / "config.toml").write_text(settings, encoding="utf-8")
    ctl(there, "restore", str(house.folder / "2.db"))
    assert ctl(there, "verify") == {"checked": 2, "faults": []}


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no such lock")
def test_a_backup_is_not_restored_under_a_running_daemon(house: House) -> None:
    house.start()
    until(house.healthy, "it is healthy", timeout=60)
    file = str(house.folder / "now.db")
    ctl(house.folder, "backup", file)
    answer = ctl(house.folder, "restore", file, status=5)
    assert "a partnershipd runs on" in str(answer)


def test_a_daemon_refuses_a_database_of_a_newer_program(house: House) -> None:
    house.sql("UPDATE alembic_version SET version_num = '9999'")
    before = databases.dump(house.folder)
    for words in ((), ("--once",)):
        house.start(*words)
        assert house.ended(within=60) == 5
    said = house.log_file.read_text(encoding="utf-8")
    assert said.count("the tables are of version 9999") == said.count("install the newer program") == 2
    assert databases.dump(house.folder) == before
