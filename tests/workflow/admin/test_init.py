"""Setting up: the database is made, the configuration checked, and what cannot be used is named."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

import pytest

from tests.support import databases
from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import Sit
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
