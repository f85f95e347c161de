"""backup and restore at the desk: what they say, what they refuse, and that a refusal changes nothing."""

from __future__ import annotations

import getpass
import hashlib
import os
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.desk import REF, Desk
from tests.support.district import merged
from tests.workflow.admin.conftest import Sit
from workflow.store.database import VERSION
from workflow.store.files import holding

INPUT, SETUP = 2, 5


def another_office(desk: Desk) -> str:
    """The configuration of a district that has no database yet."""
    folder = desk.folder / "another"
    folder.mkdir()
    databases.create(folder)
    (folder / "config.toml").write_text(merged("", folder), encoding="utf-8")
    return str(folder / "config.toml")


def files(desk: Desk) -> list[Path]:
    return sorted(path for path in desk.folder.rglob("*") if path.is_file())


def test_a_backup_is_one_file_and_says_what_is_in_it(sit: Sit) -> None:
    desk = sit("active")
    file = desk.folder / "today.db"
    found = desk.ask("backup", str(file))
    content = file.read_bytes()
    assert (found["file"], found["version"], found["partnerships"]) == (str(file), VERSION, 1)
    assert (found["bytes"], found["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert found["rows"] == sum(found["tables"].values()) > found["tables"]["history"] > 20
    said = desk.say("backup", str(file), "--force").splitlines()
    assert said[0].startswith(f"Wrote {file}: 1 partnership, {found['rows']} rows in all, ")
    assert said[1].startswith("SHA-256 ")


def test_what_was_backed_up_is_restored_in_another_place(sit: Sit) -> None:
    desk = sit("active")
    file = str(desk.folder / "today.db")
    before = desk.ask("show", REF)
    made = desk.ask("backup", file)
    there = another_office(desk)
    answer = desk.bare("--config", there, "restore", file, "--json")
    assert answer.status == 0, answer
    shared = {key: made[key] for key in ("file", "version", "partnerships", "rows", "tables")}
    database = answer.json.pop("database")
    assert database.startswith((str(Path(there).parent), "postgresql+psycopg://"))
    assert {key: answer.json[key] for key in shared} == shared
    assert answer.json["keys"] is False
    assert desk.bare("--config", there, "show", REF, "--json").json == before
    assert desk.bare("--config", there, "verify").out == "Verified 1 partnership: no faults.\n"


def test_a_backup_replaces_no_device(sit: Sit) -> None:
    desk = sit("active")
    pipe = desk.folder / "pipe"
    os.mkfifo(pipe)
    answer = desk.run("backup", str(pipe), "--force")
    assert answer.status == INPUT
    assert "is no regular file" in answer.err
    assert pipe.is_fifo()


@pytest.mark.promise("changes-are-told")
def test_a_restore_is_on_record_and_is_told(sit: Sit) -> None:
    desk = sit("active")
    file = desk.folder / "today.db"
    desk.say("backup", str(file))
    last = desk.ask("history", REF)[-1]["at"]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    there = another_office(desk)
    assert desk.bare("--config", there, "restore", str(file)).status == 0
    change = desk.bare("--config", there, "changes", "--json").json[-1]
    assert (change["what"], change["before"]) == ("restore today.db", None)
    assert change["after"] == {"sha256": digest, "last_event": last}
    assert change["by"] == getpass.getuser()
    assert change["at"] == desk.life.now.isoformat(timespec="seconds")
    notices = desk.bare("--config", there, "notices", "--json").json
    told = sorted(n["to"] for n in notices if n["template"] == "directory-changed")
    assert told == ["board-office@example.org", "superintendent@example.org"]


def test_who_may_not_import_restores_nothing(sit: Sit) -> None:
    desk = sit("active")
    file = str(desk.folder / "today.db")
    desk.say("backup", file)
    there = Path(another_office(desk))
    there.write_text(there.read_text(encoding="utf-8") + '[admin.users]\n"(owner)" = {}\n', encoding="utf-8")
    answer = desk.bare("--config", str(there), "restore", file, "--json")
    assert (answer.status, answer.json["unmet"][0]["requirement"]) == (1, "may-manage")
    assert not (there.parent / "partnerships.db").exists()


def test_people_read_that_the_keys_are_to_be_put_back(sit: Sit) -> None:
    desk = sit("open")
    file = str(desk.folder / "today.db")
    desk.say("backup", file)
    there = another_office(desk)
    said = desk.bare("--config", there, "restore", file).out.splitlines()
    assert said[0].startswith(f"Restored {file} into ")
    assert said[0].endswith("; every record was verified.")
    keys = Path(there).parent / "var" / "keys"
    assert said[1] == f"The keys for links are not in a backup: put them back at {keys}."


def test_a_file_that_is_there_already_is_kept(sit: Sit) -> None:
    desk = sit("open")
    file = desk.folder / "today.db"
    file.write_text("what was there", encoding="utf-8")
    answer = desk.run("backup", str(file), "--json")
    assert (answer.status, answer.problems) == (INPUT, [f"FILE: {file} is there already"])
    assert file.read_text(encoding="utf-8") == "what was there"


def test_a_place_that_cannot_be_written_is_named(sit: Sit) -> None:
    desk = sit("open")
    answer = desk.run("backup", str(desk.folder / "nowhere" / "today.db"), "--json")
    assert answer.status == INPUT
    assert answer.problems == [
        f"FILE: {desk.folder}/nowhere/today.db cannot be written: No such file or directory"
    ]
    answer = desk.run("backup", str(desk.folder), "--json")
    assert (answer.status, answer.problems) == (INPUT, [f"FILE: {desk.folder} is a folder"])


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no such files")
@pytest.mark.parametrize("name", ["", "-journal", "-wal", "-shm", ".lock"])
def test_a_backup_never_takes_the_place_of_the_database(sit: Sit, name: str) -> None:
    desk = sit("open")
    before = desk.life.dump()
    answer = desk.run("backup", "--force", f"{desk.folder}/./partnerships.db{name}", "--json")
    assert answer.status == INPUT
    assert "belongs to the database itself" in answer.problems[0]
    assert desk.life.dump() == before


def test_nothing_is_restored_over_a_record(sit: Sit) -> None:
    desk = sit("active")
    file = str(desk.folder / "today.db")
    desk.say("backup", file)
    before, there = desk.life.dump(), files(desk)
    answer = desk.run("restore", file, "--json")
    assert (answer.status, answer.json["error"]) == (SETUP, "setup")
    assert "is not empty" in answer.problems[0]
    assert "1 in partnerships" in answer.problems[0]
    assert desk.life.dump() == before
    assert [path for path in files(desk) if path.suffix != ".lock"] == there


def test_what_is_no_backup_is_named(sit: Sit) -> None:
    desk = sit("open")
    letter = desk.file("letter.txt", "Dear staff")
    answer = desk.bare("--config", another_office(desk), "restore", letter, "--json")
    assert (answer.status, answer.problems) == (INPUT, [f"FILE {letter}: it is not a backup"])
    answer = desk.bare("--config", f"{desk.folder}/another/config.toml", "restore", "nowhere.db", "--json")
    assert answer.problems == ["FILE nowhere.db: it cannot be read: No such file or directory"]


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no such lock")
def test_nothing_is_restored_under_a_daemon(sit: Sit) -> None:
    desk = sit("open")
    file = str(desk.folder / "today.db")
    desk.say("backup", file)
    there = another_office(desk)
    with holding(Path(there).parent / "partnerships.db"):
        answer = desk.bare("--config", there, "restore", file, "--json")
    assert answer.status == SETUP
    assert answer.problems[0].endswith("stop it first")


def test_a_backup_of_a_database_that_is_not_there_says_how_to_make_one(sit: Sit) -> None:
    desk = sit("open")
    answer = desk.bare("--config", another_office(desk), "backup", str(desk.folder / "today.db"), "--json")
    assert (answer.status, answer.json["error"]) == (SETUP, "setup")
    assert "run `partnershipctl init`" in answer.problems[0]
    assert not (desk.folder / "today.db").exists()
