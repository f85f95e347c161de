"""An upgrade of the database: it is backed up first, and the triggers that guard the record are put back."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from tests.support import databases
from tests.support.databases import UNGUARD
from tests.support.desk import REF, Desk
from tests.support.district import merged
from tests.workflow.admin.conftest import Sit
from tests.workflow.admin.test_init import INPUT, setup_problem
from workflow.store import files, triggers
from workflow.store.database import VERSION

# The triggers that keep two Lead Partners of a school apart.
UNLEAD = {
    "sqlite": ["DROP TRIGGER partnerships_one_lead", "DROP TRIGGER partnerships_one_lead_new"],
    "postgresql": [
        "DROP TRIGGER partnerships_one_lead ON partnerships", "DROP FUNCTION partnerships_one_lead",
    ],
}  # fmt: skip
PUBLIC_COLUMNS = ("public_state", "call_changed_at", "call_ends_at")
PARTNER_COLUMNS = ("partner", "partner_name", "partner_domain")

# The indexes of lists.
INDEXES = (
    "partnerships_state", "partnerships_school_version", "partnerships_wanted", "deadlines_status_due_at",
    "deadlines_status_partnership_ladder",
)  # fmt: skip


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
        *(f"DROP INDEX ix_partnerships_{name}" for name in ("public", *PUBLIC_COLUMNS[1:], *PARTNER_COLUMNS)),
        *(f"ALTER TABLE partnerships DROP COLUMN {name}" for name in (*PUBLIC_COLUMNS, *PARTNER_COLUMNS)),
        *(f"DROP INDEX ix_{name}" for name in INDEXES),
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
