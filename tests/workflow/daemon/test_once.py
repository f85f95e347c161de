"""`partnershipd --once`: what is due is done, what is queued delivered, and the exit status tells how it went."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.support import databases
from tests.support.house import CALL, NEW, House, until
from workflow.clock import tick
from workflow.daemon import service
from workflow.procedure.config import ConfigError
from workflow.store import files, tables
from workflow.store.database import StoreLocked

Once = Callable[..., tuple[int, str]]
OF_A_FILE = pytest.mark.skipif(databases.POSTGRESQL, reason="a server looks after its own files and locks")


@pytest.fixture
def once(house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Once:
    """Runs the daemon once in this process: its exit status, and what it said."""
    monkeypatch.delenv("PARTNERSHIPS_CONFIG", raising=False)

    def run() -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            service.main(["--config", str(house.folder / "config.toml"), "--once"], prog_name="partnershipd")
        said = capsys.readouterr()
        assert said.out == ""
        return int(left.value.code or 0), said.err

    return run


def test_what_is_due_is_done_and_delivered(house: House) -> None:
    """A process of its own, as cron would start it."""
    house.start("--once")
    assert house.ended(within=60) == 0
    (tick,) = house.logged("tick")
    assert (tick["fired"], tick["failed"]) == (1, 0)
    assert tick["notices_sent"] == len(house.letters()) > 0
    assert house.sql("SELECT count(*) FROM history WHERE event = 'close-applications'") == [(1,)]


def test_a_digest_is_gathered_and_delivered(house: House, once: Once) -> None:
    """What two partnerships tell the staff, who want one message a day, is one letter once the hour has come."""
    house.sql("UPDATE people SET digest = true WHERE email = 'staff@example.org'")
    house.sql("UPDATE meta SET value = CAST(CAST(value AS integer) + 1 AS text) WHERE key = 'directory'")
    once()
    waiting = house.sql("SELECT template FROM notices WHERE \"to\" = 'staff@example.org' AND held")
    assert waiting
    twin = ", ".join(f'"{column.name}"' for column in tables.notices.c if column.name != "id")
    house.sql(f"INSERT INTO notices ({twin}) SELECT {twin} FROM notices WHERE held LIMIT 1")
    house.sql("UPDATE notices SET next_at = '2020-01-01 00:00:00.000000' WHERE held")
    before = len(house.letters())
    once()
    assert len(house.letters()) == before + 1
    assert {row[0] for row in house.sql("SELECT status FROM notices WHERE within IS NOT NULL")} == {"sent"}


def test_a_second_time_nothing_is_left_to_do(house: House, once: Once) -> None:
    assert once()[0] == 0
    letters = house.letters()
    assert once() == (0, "")
    assert house.letters() == letters


def test_warnings_are_logged_by_a_daemon_that_keeps_running_and_not_by_each_run_of_cron(house: House) -> None:
    house.start("--once")
    assert house.ended(within=60) == 0
    assert house.logged("configuration") == []
    house.start()
    until(lambda: house.logged("configuration"), "a warning")
    (one_address,) = [line for line in house.logged("configuration") if "are one address" in line["problem"]]
    assert one_address["level"] == "warning"


def test_a_changed_procedure_is_taken_up(house: House, once: Once) -> None:
    house.configure('[deadline.needs-agreed]\ndue = "60 days after entering"\n', log="text")
    status, said = once()
    assert status == 0
    (moved,) = [line for line in said.splitlines() if "deadline changed with the procedure" in line]
    for phrase in (f"ref={NEW}", "deadline=needs-agreed", "was=", "is_now="):
        assert phrase in moved


def test_something_due_that_fails_is_told_and_does_not_hold_up_the_rest(house: House, once: Once) -> None:
    house.postpone(-1)
    house.sql(
        "UPDATE deadlines SET status = 'open' WHERE fires = 'close-applications'"
        " AND partnership = (SELECT id FROM partnerships WHERE ref = ?)", CALL,
    )  # fmt: skip
    house.sql("UPDATE partnerships SET facts = '{}' WHERE ref = ?", CALL)
    status, said = once()
    assert status == 1
    assert '"event": "deadline failed"' in said
    assert house.letters(), "those of the other partnership are told"


def test_mail_that_cannot_leave_waits_and_is_no_failure_of_the_clock(house: House, once: Once) -> None:
    (house.folder / "mail").write_text("in the way", encoding="utf-8")
    status, said = once()
    assert status == 0
    assert '"event": "mail cannot leave"' in said
    assert house.sql("SELECT DISTINCT status, attempts FROM notices") == [("queued", 0)]


def no_tables(house: House) -> None:
    databases.clear(house.folder)
    if not databases.POSTGRESQL:
        (house.folder / "partnerships.db").write_bytes(b"")


def no_lock(house: House) -> None:
    (house.folder / "partnerships.db.lock").mkdir()


def a_damaged_page(house: House) -> None:
    """The disk has lost a page of an index in the midst of the file."""
    with databases.beside(house.folder) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_notices_status_next_at'"
        page, size = connection.scalar(text(query)), connection.scalar(text("PRAGMA page_size"))
    with (house.folder / "partnerships.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)


def a_table_gone(house: House) -> None:
    house.sql("ALTER TABLE meetings RENAME TO elsewhere")


def no_password(house: House) -> None:
    mail = 'mailer = "smtp"\n[mail.smtp]\nusername = "office"\npassword_file = "nowhere"\n'
    house.configure(mail=mail)


def no_certificates(house: House) -> None:
    house.configure(mail='mailer = "smtp"\n[mail.smtp]\nca_file = "nowhere.pem"\n')


def two_mistakes(house: House) -> None:
    house.configure('[board]\nquorum = "half"\nchair = "somebody"\n')


@pytest.mark.skipif(databases.POSTGRESQL, reason="a server has any number of daemons")
@pytest.mark.parametrize(
    "address", ["sqlite+pysqlite:///partnerships.db", "sqlite:///partnerships.db?timeout=9"]
)
def test_one_file_has_one_daemon_however_its_address_is_written(
    house: House, once: Once, address: str
) -> None:
    house.address = address
    house.configure()
    with files.holding(house.folder / "partnerships.db"):
        status, said = once()
    assert status == 5
    assert "another partnershipd runs on this database" in said
    assert once()[0] == 0


@pytest.mark.promise("damaged-file-refused")
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_tables, ["the database has no tables yet; run `partnershipctl init`"]),
        pytest.param(a_damaged_page, ["partnerships.db is damaged: "], marks=OF_A_FILE),
        (a_table_gone, [databases.no_such_table("meetings")]),
        pytest.param(no_lock, ["partnerships.db.lock cannot be written: Is a directory"], marks=OF_A_FILE),
        (no_password, ["mail.smtp.password_file: it cannot be read: "]),
        (no_certificates, ["mail.smtp.ca_file: it cannot be read: "]),
        (two_mistakes, ["board.quorum: found 'half'", "board.chair: there is no such key"]),
    ],
)
def test_what_cannot_be_used_is_named(
    house: House, once: Once, damage: Callable[[House], None], words: list[str]
) -> None:
    damage(house)
    status, said = once()
    assert status == ConfigError.exit_status
    lines = said.splitlines()
    assert len(lines) == len(words)
    for line, word in zip(lines, words, strict=True):
        assert line.startswith("partnershipd: ")
        assert word in line


def test_a_database_that_is_not_there_is_named(house: House, once: Once) -> None:
    """A server says so of one that is only being restored, too: whoever watches over the daemon starts it again."""
    databases.lose(house.folder)
    status, said = once()
    (line,) = said.splitlines()
    if databases.POSTGRESQL:
        assert status == service.AWAY
        assert line.endswith(f'database "{databases.name_of(house.folder)}" does not exist')
    else:
        assert status == ConfigError.exit_status
        assert f"there is no database at {databases.shown(house.folder)}; run `partnershipctl init`" in line


@pytest.mark.parametrize("damage", [None, a_table_gone, no_certificates])
def test_it_leaves_no_connection_behind(
    house: House, once: Once, damage: Callable[[House], None] | None
) -> None:
    if damage is not None:
        damage(house)
    once()
    until(lambda: databases.connections(house.folder) == 0, "all connections are closed")


def test_the_help_says_what_signals_and_exit_statuses_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        service.main(["--help"], prog_name="partnershipd")
    text = " ".join(capsys.readouterr().out.split())
    assert left.value.code == 0
    for phrase in (
        "SIGTERM ends it",
        "SIGHUP makes it read its configuration again",
        "5 the configuration",
        "--once",
    ):
        assert phrase in text


@pytest.mark.promise("failures-stay-alone")
def test_a_part_of_the_tick_that_fails_keeps_neither_deadlines_nor_mail(
    house: House, once: Once, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("a record that nobody foresaw")

    for module, name in (
        (tick.replan, "replan"),
        (tick.meetings, "tell_changed"),
        (tick.digest, "gather"),
    ):
        monkeypatch.setattr(module, name, fail)
    monkeypatch.setattr(tick.digest, "is_waiting", lambda _: True)
    status, said = once()
    assert status == 1
    assert said.count("a part of the tick failed") == 3
    assert house.sql("SELECT count(*) FROM history WHERE event = 'close-applications'") == [(1,)]
    assert house.letters()


def test_one_run_delivers_everything_also_if_that_takes_many_turns(
    house: House, once: Once, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.delivery, "TURN", timedelta(0))
    status, said = once()
    assert status == 0
    assert said.count("notices_sent") == len(house.letters()) > 3
    assert house.sql("SELECT count(*) FROM notices WHERE status = 'queued' AND next_at <= queued_at") == [
        (0,)
    ]


@pytest.mark.promise("failures-stay-alone")
@pytest.mark.parametrize("error", [ValueError("what nobody foresaw"), StoreLocked("the database is locked")])
def test_deadlines_that_fail_keep_no_mail_and_mail_that_fails_no_deadlines(
    house: House, once: Once, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(service.delivery, "deliver", fail)
        status, said = once()
    assert (status, '"part": "mail"' in said) == (1, True)
    assert house.sql("SELECT count(*) FROM history WHERE event = 'close-applications'") == [(1,)]
    assert not house.letters()
    house.postpone(-60)
    with monkeypatch.context() as patch:
        patch.setattr(tick, "fire_due", fail)
        status, said = once()
    assert (status, '"part": "deadlines"' in said) == (1, True)
    assert house.letters()
