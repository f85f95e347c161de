"""The daemon notices that the procedure or the rights have changed, records each setting once, and has it told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sqlalchemy import select

from tests.support.district import Begin, Life, configured
from workflow.clock.procedure import tell_procedure
from workflow.procedure.checks import CHANGES
from workflow.record.changes import list_changes
from workflow.store import tables

BEFORE = "[board]\nknown_days = 7\n"


def look(life: Life, text: str | None = None) -> list[str]:
    """What changed, as the daemon sees it at its next tick, by a file that says this now."""
    if text is not None:
        life.system.config = configured(life.system.config.folder, text)
    return life.system.transact(partial(tell_procedure, now=life.now), exclusive="settings")


def told(life: Life) -> list[str]:
    table = tables.notices
    with life.system.reading() as session:
        rows = session.connection.execute(select(table).where(table.c.template == CHANGES))
        return sorted(row.to.partition("@")[0] for row in rows)


def recorded(life: Life) -> list[tuple[str, str, object, object]]:
    """The changes on record that are not of the directory."""
    with life.system.reading() as session:
        entries = list_changes(session)
    return [
        (e["by"], e["what"], e["before"], e["after"])
        for e in entries
        if e["what"].startswith(("procedure ", "rights "))
    ]


def test_the_first_look_has_nothing_to_compare_with(begin: Begin) -> None:
    life = begin("open", BEFORE)
    assert look(life) == []
    assert (recorded(life), told(life)) == ([], [])


def test_a_change_is_recorded_and_told_once(begin: Begin) -> None:
    life = begin("open", BEFORE)
    look(life)
    assert look(life, "[board]\nknown_days = 3\nreadings = 1\n") == ["board.known_days", "board.readings"]
    assert recorded(life) == [
        ("config.toml", "procedure board.known_days", "7", "3"),
        ("config.toml", "procedure board.readings", "2", "1"),
    ]
    assert told(life) == ["board-office", "superintendent"], "one message for both changes"
    assert look(life) == []
    assert len(told(life)) == 2


def test_a_change_that_is_taken_back_is_told_again(begin: Begin) -> None:
    life = begin("open", BEFORE)
    look(life)
    look(life, "[board]\nknown_days = 3\n")
    assert look(life, BEFORE) == ["board.known_days"]
    assert [(before, after) for *_, before, after in recorded(life)] == [("7", "3"), ("3", "7")]
    assert len(told(life)) == 4


def test_what_was_changed_while_no_daemon_ran_is_told_by_the_next_one(begin: Begin) -> None:
    life = begin("open", BEFORE)
    look(life)
    again = begin("open", BEFORE + "[selection]\nprotest_days = 1\n")
    # Another program on the same database: only the database remembers what the last one saw.
    again.system.engine.dispose()
    again.system.engine = life.system.engine
    assert look(again) == ["selection.protest_days"]


def test_rows_that_come_and_go_are_changes(begin: Begin) -> None:
    life = begin("open", BEFORE)
    look(life)
    look(life, '[admin.users]\n"clerk" = { may_manage = ["meetings"] }\n')
    names = [what for _, what, *_ in recorded(life)]
    assert "rights admin.users.clerk.may_manage" in names
    count = len(names)
    look(life, BEFORE)
    gone = [(what, before, after) for _, what, before, after in recorded(life)[count:]]
    assert ("rights admin.users.clerk.may_manage", "('meetings',)", None) in gone


def test_settings_of_the_machine_and_secrets_are_no_procedure(begin: Begin, tmp_path: Path) -> None:
    life = begin("open", BEFORE)
    look(life)
    machine = '[web]\nlink_days = 30\n[log]\nlevel = "debug"\n[mail.imap]\npassword_file = "hidden"\n'
    assert look(life, BEFORE + machine) == []
    assert (recorded(life), told(life)) == ([], [])
