"""Setting up: the database is made and upgraded, the configuration checked, and what cannot be used is named."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from tests.support import databases
from tests.support.databases import UNGUARD
from tests.support.desk import REF, Desk
from tests.support.district import merged
from tests.workflow.admin.conftest import Sit
from workflow.store import files, triggers
from workflow.store.database import VERSION

INPUT, SETUP = 2, 5
READING = ["list", f"show {REF}", f"events {REF}", f"history {REF}", "deadlines", "notices", "notices show 1",
           "people", "schools", "organizations", "meetings", "verify"]  # fmt: skip
WRITING = [
    f"trigger {REF} add-note --set text=x",
    "people remove staff@example.org",
    "meetings add 2025-08-13",
]
EVERY = READING + WRITING


def empty(sit: Sit) -> Desk:
    """A desk whose district has no database and no keys yet."""
    desk = sit()
    databases.clear(desk.folder)
    (desk.folder / "var" / "keys").unlink()
    return desk


def test_the_database_is_made_once(sit: Sit) -> None:
    desk = empty(sit)
    database = databases.shown(desk.folder)
    done = desk.ask("init")
    assert done == {
        "database": database, "done": "created", "from": None, "to": newest(desk), "keys": "created",
        "backup": None, "granted": None,
    }  # fmt: skip
    before = desk.life.dump()
    assert desk.ask("init")["done"] == "unchanged"
    assert desk.say("init") == f"The database {database} is up to date; nothing was changed.\n"
    assert desk.life.dump() == before
    assert desk.ask("list") == []


def test_the_keys_are_on_the_disk_before_init_says_that_they_are_made(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = empty(sit)
    keys, synced = desk.folder / "var" / "keys", list[tuple[int, int]]()
    sync = os.fsync

    def fsync(handle: int) -> None:
        found = os.fstat(handle)
        synced.append((found.st_ino, found.st_size if stat.S_ISREG(found.st_mode) else 0))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert desk.ask("init")["keys"] == "created"
    whole = keys.stat()
    assert synced[-2:] == [(whole.st_ino, whole.st_size), (keys.parent.stat().st_ino, 0)]


def newest(desk: Desk) -> str:
    ((version,),) = databases.rows(desk.folder, "SELECT version_num FROM alembic_version")
    return str(version)


def test_a_database_of_a_newer_program_is_left_alone(sit: Sit) -> None:
    desk = empty(sit)
    desk.say("init")
    databases.rows(desk.folder, "UPDATE alembic_version SET version_num = '9999'")
    problem = setup_problem(desk, "init")
    assert "its tables are of version 9999, which this program does not know" in problem
    assert "install the newer program" in problem
    assert setup_problem(desk, "list").endswith(
        f"this program's of version {VERSION}; install the newer program"
    )


@pytest.mark.parametrize("words", [*EVERY, "backup new.db", "export"])
def test_every_command_refuses_a_database_of_a_newer_program(sit: Sit, words: str) -> None:
    desk = sit("open")
    desk.life.run("UPDATE alembic_version SET version_num = '9999'")
    before = desk.life.dump()
    assert setup_problem(desk, *words.split()).endswith(
        f"the tables are of version 9999, this program's of version {VERSION}; install the newer program"
    )
    assert desk.life.dump() == before


# The triggers that keep two Lead Partners of a school apart.
UNLEAD = {
    "sqlite": ["DROP TRIGGER partnerships_one_lead", "DROP TRIGGER partnerships_one_lead_new"],
    "postgresql": [
        "DROP TRIGGER partnerships_one_lead ON partnerships", "DROP FUNCTION partnerships_one_lead",
    ],
}  # fmt: skip


def older(desk: Desk) -> None:
    """Make the database what the program before the last steps had."""
    statements = {
        "sqlite": UNGUARD["sqlite"],
        "postgresql": ["DROP TRIGGER history_is_kept ON history", "DROP FUNCTION history_is_kept"],
    }
    kind = desk.life.system.engine.dialect.name
    databases.to_first_format(desk.life.system.engine)
    instant = {"sqlite": "DATETIME", "postgresql": "TIMESTAMP WITH TIME ZONE"}[kind]
    for statement in (
        *statements[kind], *UNLEAD[kind], "DROP TABLE changes", "DROP TABLE checkpoints",
        "DROP TABLE records_requests", "DROP TABLE marks", "DROP TABLE holds",
        *(["DROP FUNCTION changes_are_kept"] if kind == "postgresql" else []),
        *(f"ALTER TABLE history DROP COLUMN {name}" for name in ("salt", "facts", "rows", "beside")),
        f"""CREATE TABLE directory_changes (id INTEGER PRIMARY KEY, at {instant}, "by" TEXT, what TEXT,
            before TEXT, after TEXT)""", "DROP INDEX ix_partnerships_in_force",
        "ALTER TABLE partnerships DROP COLUMN first_day", "ALTER TABLE partnerships DROP COLUMN last_day",
        "CREATE UNIQUE INDEX uq_partnerships_in_force ON partnerships (school) WHERE in_force",
        "DROP INDEX ix_notices_lease_until",
        "ALTER TABLE meetings DROP COLUMN known_at", "ALTER TABLE meetings DROP COLUMN moved_from",
        "ALTER TABLE schools DROP COLUMN closed_on", "ALTER TABLE schools DROP COLUMN merged_into",
        "ALTER TABLE meetings DROP COLUMN uid", "ALTER TABLE meetings DROP COLUMN title",
        "DROP TABLE sign_ins", "DROP TABLE kept_files", "DROP TABLE kept_forms", "DROP INDEX ix_answers_sign_in",
        "ALTER TABLE answers DROP COLUMN sign_in", "ALTER TABLE people DROP COLUMN dates",
        "ALTER TABLE people DROP COLUMN contact_rights",
        "DROP TABLE letters_begun", "DROP TABLE held_applications", "DROP TABLE calendar_versions",
        "DROP TABLE asked_questions", "DROP TABLE subscribers", "ALTER TABLE drafts DROP COLUMN withdrawn",
        "UPDATE alembic_version SET version_num = '0002'",
    ):  # fmt: skip
        desk.life.run(statement)
    desk.life.system.engine.dispose()


def test_an_upgrade_is_foretold_and_everything_is_backed_up_first(sit: Sit) -> None:
    desk = sit("active")
    older(desk)
    said = desk.say("init").splitlines()
    assert re.fullmatch(rf"This upgrades the database .+ from version 0002 to {VERSION},", said[0])
    place = said[1].removeprefix("after everything was written to the backup ").removesuffix(".")
    assert Path(place).parent == desk.folder
    assert Path(place).name.endswith(f".before-{VERSION}")
    assert re.fullmatch(rf"Upgraded the database .+ from version 0002 to {VERSION}.", said[2])
    assert backup_version(place) == "0002"
    assert desk.ask("verify") == {"checked": 1, "faults": []}
    with pytest.raises(IntegrityError):
        desk.life.run("DELETE FROM history")


def unguarded(desk: Desk) -> list[str]:
    """Take away what guards the record. What `verify` must say of it."""
    kind = desk.life.system.engine.dialect.name
    for statement in (*UNGUARD[kind], *UNLEAD[kind]):
        desk.life.run(statement)
    allows = {
        "history": "rows of the history can be changed or taken away",
        "changes": "rows of the chain of changes can be changed or taken away",
        "partnerships": "a school can get two Lead Partners at a time",
    }
    return [
        f"its trigger {name} is gone, disabled or changed, so that {allows[name.partition('_')[0]]};"
        " find out who did it, then `partnershipctl init` puts it back"
        for name in triggers.TRIGGERS[kind]
    ]


@pytest.mark.promise("record-verifiable")
def test_what_guards_the_history_is_missed_where_it_is_gone_and_put_back_by_init(sit: Sit) -> None:
    desk = sit("open")
    wanted = [{"ref": "the database", "seq": None, "problem": words} for words in unguarded(desk)]
    answer = desk.run("verify", "--json")
    assert (answer.status, answer.json) == (1, {"checked": 1, "faults": wanted})
    assert desk.run("verify").out.splitlines()[0] == f"the database: {wanted[0]['problem']}"
    said = desk.say("init").splitlines()
    assert said[-1].startswith("Put back what guards the record: history_")
    assert desk.ask("verify") == {"checked": 1, "faults": []}
    assert desk.ask("init")["done"] == "unchanged"
    with pytest.raises(IntegrityError):
        desk.life.run("DELETE FROM history")


def test_what_is_restored_is_guarded_though_the_database_that_was_backed_up_was_not(sit: Sit) -> None:
    desk = sit("open")
    assert unguarded(desk)
    desk.ask("backup", str(desk.folder / "today.db"))
    there = desk.folder / "another"
    there.mkdir()
    databases.create(there)
    settings = there / "config.toml"
    settings.write_text(merged("", there), encoding="utf-8")
    assert desk.bare("--config", str(settings), "restore", str(desk.folder / "today.db")).status == 0
    answer = desk.bare("--config", str(settings), "verify", "--json")
    assert answer.json == {"checked": 1, "faults": []}
    databases.drop(there)


def backup_version(file: str) -> str:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found)


def test_a_second_backup_does_not_take_the_place_of_the_first(sit: Sit) -> None:
    desk = sit("open")
    older(desk)
    first = desk.ask("init")["backup"]
    kept = Path(first).read_bytes()
    older(desk)
    second = desk.ask("init")["backup"]
    assert second == f"{first}-2"
    assert Path(first).read_bytes() == kept
    older(desk)
    assert desk.ask("init", "--backup", str(desk.folder / "mine.db"))["backup"] == str(
        desk.folder / "mine.db"
    )


def test_without_a_backup_nothing_is_upgraded(sit: Sit) -> None:
    desk = sit("open")
    older(desk)
    before = [
        databases.rows(desk.folder, f"SELECT * FROM {table}") for table in ("history", "alembic_version")
    ]
    answer = desk.run("init", "--backup", str(desk.folder / "nowhere" / "x.db"), "--json")
    assert answer.status == INPUT
    assert "cannot be written: No such file or directory; nothing was changed" in answer.problems[0]
    there = desk.file("there.db", "already")
    assert desk.run("init", "--backup", there, "--json").problems == [f"--backup: {there} is there already"]
    after = [
        databases.rows(desk.folder, f"SELECT * FROM {table}") for table in ("history", "alembic_version")
    ]
    assert after == before


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no such lock")
def test_nothing_is_upgraded_under_a_daemon(sit: Sit) -> None:
    desk = sit("open")
    older(desk)
    before = desk.life.dump()
    with files.holding(desk.folder / "partnerships.db"):
        assert setup_problem(desk, "init").endswith("stop it before the upgrade")
    assert desk.life.dump() == before


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has roles: tests/workflow/daemon/test_rights.py")
def test_sqlite_has_no_roles(sit: Sit) -> None:
    answer = sit("open").run("init", "--grant", "daemon", "--json")
    assert (answer.status, answer.problems) == (INPUT, ["--grant: sqlite has no roles"])


def test_a_database_of_an_older_program_is_to_be_upgraded_first(sit: Sit) -> None:
    desk = sit("open")
    desk.life.run("UPDATE alembic_version SET version_num = '0001'")
    expected = (
        f"the tables are of version 0001, this program's of version {VERSION}; run `partnershipctl init`"
    )
    for words in (("list",), ("people",), ("trigger", REF, "add-note", "--set", "text=x")):
        assert setup_problem(desk, *words).endswith(expected)


def test_people_read_where_the_database_is(sit: Sit) -> None:
    desk = empty(sit)
    assert desk.say("init").splitlines() == [
        f"There are no tables yet; this creates the database {databases.shown(desk.folder)} of version {VERSION}.",
        f"Created the database {databases.shown(desk.folder)}.",
        f"Created the keys for links, {desk.folder}/var/keys.",
    ]


@pytest.mark.promise("keys-change")
def test_the_keys_for_links_are_made_once_and_nobody_else_can_read_them(sit: Sit) -> None:
    desk = empty(sit)
    desk.say("init")
    keys = desk.folder / "var" / "keys"
    made = keys.read_text(encoding="ascii")
    assert len(made.strip()) >= 64
    assert keys.stat().st_mode & 0o007 == 0
    assert desk.ask("init")["keys"] == "unchanged"
    assert keys.read_text(encoding="ascii") == made
    keys.write_text("too short", encoding="ascii")
    answer = desk.run("init", "--json")
    weak = "it cannot be used: key 1 is shorter than 32 characters; expected one made by a machine"
    assert (answer.status, answer.problems) == (SETUP, [f"web.keys_file, {keys}: {weak}"])


def test_the_folder_of_the_database_is_made_too(sit: Sit) -> None:
    desk = empty(sit)
    desk.file("config.toml", '[database]\nurl = "sqlite:///deep/inside/here.db"\n')
    assert desk.ask("init")["database"] == str(desk.folder / "deep" / "inside" / "here.db")


def setup_problem(desk: Desk, *words: str) -> str:
    answer = desk.run(*words, "--json")
    assert (answer.status, answer.json["error"]) == (SETUP, "setup"), answer
    (problem,) = answer.json["problems"]
    assert problem["problem"] in answer.err
    return str(problem["problem"])


@pytest.mark.parametrize("words", EVERY)
def test_without_a_database_every_command_says_how_to_make_one(sit: Sit, words: str) -> None:
    desk = empty(sit)
    problem = setup_problem(desk, *words.split())
    if databases.POSTGRESQL:
        assert problem == "the database has no tables yet; run `partnershipctl init`"
    else:
        place = databases.shown(desk.folder)
        assert problem == f"there is no database at {place}; run `partnershipctl init` to create it"
    assert databases.untouched(desk.folder)


def no_tables(desk: Desk) -> None:
    databases.clear(desk.folder)
    if not databases.POSTGRESQL:
        (desk.folder / "partnerships.db").write_bytes(b"")


def no_database(desk: Desk) -> None:
    databases.lose(desk.folder)


def another_file(desk: Desk) -> None:
    (desk.folder / "partnerships.db").write_text("Dear staff, this is no database.\n" * 100, encoding="utf-8")


def a_table_gone(desk: Desk) -> None:
    desk.life.run("ALTER TABLE people RENAME TO persons")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_tables, "the database has no tables yet; run `partnershipctl init`"),
        (no_database, "does not exist" if databases.POSTGRESQL else "there is no database at "),
        pytest.param(
            another_file,
            "file is not a database",
            marks=pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL has no such file"),
        ),
        (a_table_gone, databases.no_such_table("people")),
    ],
)
def test_a_database_that_cannot_be_used_is_named(
    sit: Sit, damage: Callable[[Desk], None], words: str
) -> None:
    desk = sit("open")
    damage(desk)
    assert words in setup_problem(desk, "list")
    assert words in setup_problem(desk, "trigger", REF, "add-note", "--set", "text=called")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("oracle://somewhere", "database.url cannot be used"),
        ("nonsense", "database.url cannot be used"),
        ("sqlite:///config.toml/inside.db", "cannot be made"),
    ],
)
def test_an_address_that_cannot_be_a_database_is_named(sit: Sit, url: str, words: str) -> None:
    desk = sit()
    desk.file("config.toml", f'[database]\nurl = "{url}"\n')
    assert words in setup_problem(desk, "init")


def test_a_record_that_cannot_be_read_is_told_in_words(sit: Sit) -> None:
    desk = sit("active")
    desk.life.run("UPDATE partnerships SET facts = '{'")
    for command in ("show", "events"):
        answer = desk.run(command, "rbhs-2025", "--json")
        assert answer.status == SETUP
        assert answer.problems == [
            "database: a record in it cannot be read as Partnership; partnershipctl verify names it"
        ]
    answer = desk.run(
        "trigger", "rbhs-2025", "add-note", "--set", "text=x", "--as", "staff@example.org", "--json"
    )
    assert answer.status == SETUP
    assert answer.problems == [
        "database: the facts of rbhs-2025 are not those that its last row left: somebody has changed them in"
        " the database; partnershipctl verify rbhs-2025 says more"
    ]


SPOILT = {
    "facts": ("UPDATE partnerships SET facts = '{{'", "Invalid JSON"),
    "a fact": ("UPDATE partnerships SET facts = '{{}}'", "Field required"),
    "a time": ("UPDATE partnerships SET entered_at = 'yesterday'", "'yesterday' stands where a time should"),
    "a time of its history": (
        "UPDATE history SET at = 'yesterday' WHERE seq = 1 AND partnership = (SELECT id FROM partnerships {where})",
        "'yesterday' stands where a time should"),
    "a time of a deadline": (
        "UPDATE deadlines SET due_at = 'yesterday' WHERE partnership = (SELECT id FROM partnerships {where})",
        "'yesterday' stands where a time should"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_where_one_of_many_records_cannot_be_read_it_is_said_which(sit: Sit, what: str) -> None:
    statement, words = SPOILT[what]
    if databases.POSTGRESQL and "time" in what:
        pytest.skip("PostgreSQL takes nothing but a time")
    desk = sit("open")
    desk.life.another("franklin-2025").do("identify-needs")
    where = "WHERE ref = 'franklin-2025'"
    desk.life.tamper(statement.format(where=where) + (f" {where}" if "{where}" not in statement else ""))
    commands = {"a time of its history": ["export"], "a time of a deadline": ["list"]}.get(
        what, ["export", "list"]
    )
    for command in commands:
        answer = desk.run(command, "--json")
        assert answer.status == SETUP
        (problem,) = answer.problems
        assert problem.startswith("database: the record of franklin-2025 cannot be read: ")
        assert words in problem
        assert problem.endswith("; partnershipctl verify says more")


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL takes nothing but a time")
def test_what_is_no_time_where_one_should_stand_is_told_in_words(sit: Sit) -> None:
    desk = sit("active")
    desk.life.run("UPDATE partnerships SET entered_at = 'yesterday'")
    answer = desk.run("show", "rbhs-2025", "--json")
    assert answer.status == SETUP
    words = "'yesterday' stands where a time should; partnershipctl verify names a record that cannot be read"
    assert answer.problems == [f"database: {words}"]
    verified = desk.run("verify")
    assert verified.status != 0
    assert "rbhs-2025: the row or its history cannot be read: 'yesterday'" in verified.out + verified.err
