"""A whole life of the daemon: it fires what is due, delivers, tells of itself, reloads, fails and recovers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases
from tests.support.house import CALL, NEW, PROGRAM, House, Systemd, until


@pytest.fixture(scope="module")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    listening = Systemd(tmp_path_factory.mktemp("systemd"))
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def running(foundation: Path, tmp_path_factory: pytest.TempPathFactory, systemd: Systemd) -> Iterator[House]:
    """One daemon for all tests below, each of which leaves it well; at the end SIGTERM must end it."""
    house = House(foundation, tmp_path_factory.mktemp("house"))
    house.start(NOTIFY_SOCKET=systemd.path)
    try:
        until(house.healthy, "the daemon is healthy")
        yield house
        house.signal(signal.SIGTERM)
        assert house.ended() == 0
        until(lambda: "STOPPING=1" in systemd.heard(), "systemd heard of the end")
        assert [line["event"] for line in house.logged()[-2:]] == ["stopping", "stopped"]
    finally:
        house.end()


def test_it_tells_of_its_health(running: House) -> None:
    status, text = running.page("/healthz")
    known = json.loads(text)
    assert (status, known["status"], known["problem"]) == (200, "ok", None)
    assert 0 <= known["seconds_since_tick"] < 20
    assert known["config"] == str(running.folder / "config.toml")


def test_what_was_due_has_happened_once_and_is_on_record(running: House) -> None:
    rows = running.sql("SELECT event, actor, channel FROM history WHERE event = 'close-applications'")
    assert rows == [("close-applications", "clock", "clock")]
    (said,) = [line for line in running.logged("event") if line["event_name"] == "close-applications"]
    assert (said["ref"], said["state"], said["was"]) == (CALL, "open-selection", "open-selection")


def test_those_concerned_have_a_letter_of_their_own(running: House) -> None:
    to = {one[0] for one in running.sql('SELECT "to" FROM notices WHERE template = ?', "close-applications")}
    assert {"staff@example.org", "principal@example.org", "reviewer-1@example.org"} <= to
    statuses = until(
        lambda: {one[0] for one in running.sql("SELECT status FROM notices")} == {"sent"} and "sent",
        "all are sent",
    )
    assert statuses == "sent"
    letters = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in running.letters()]
    assert len(letters) == running.sql("SELECT count(*) FROM notices")[0][0]
    assert to <= {str(letter["To"]).rpartition("<")[2].rstrip(">") for letter in letters}


def test_what_it_counts_can_be_read(running: House) -> None:
    until(lambda: running.metric('partnerships_notices_waiting{status="queued"}') == 0, "nothing waits")
    assert running.metric("partnerships_deadlines_fired_total") == 1
    assert running.metric("partnerships_deadlines_failed_total") == 0
    sent = running.metric('partnerships_notices_total{status="sent"}')
    assert sent == len(running.letters())
    assert running.metric('partnerships_notices_waiting{status="sent"}') == sent
    assert running.metric('partnerships_notices_waiting{status="dead"}') == 0
    assert running.metric('partnerships{state="open-selection"}') == 1
    assert running.metric('partnerships{state="terminated"}') == 0
    assert running.metric("partnerships_deadlines_due") == 0
    ticks = running.metric("partnerships_tick_seconds_count") or 0
    until(lambda: (running.metric("partnerships_tick_seconds_count") or 0) > ticks, "another tick")
    last = "partnerships_last_tick_timestamp_seconds"
    assert (running.metric(last) or 0) > 1_700_000_000


def test_systemd_hears_that_it_is_ready_and_of_each_completed_tick(running: House, systemd: Systemd) -> None:
    heard = until(lambda: systemd.heard().count("WATCHDOG=1") > 1 and systemd.heard(), "two ticks")
    assert heard.count("READY=1") >= 1
    before = heard.count("WATCHDOG=1")
    until(lambda: systemd.heard().count("WATCHDOG=1") > before, "another tick")


def test_every_line_of_its_log_is_a_json_document(running: House) -> None:
    lines = running.log_file.read_text(encoding="utf-8").splitlines()
    assert lines
    for line in map(json.loads, lines):
        assert line.keys() >= {"event", "level", "timestamp"}
    (began,) = running.logged("running")
    assert began["web"] == f"http://127.0.0.1:{running.port}"


@pytest.mark.promise("damaged-file-refused")
@pytest.mark.skipif(
    databases.POSTGRESQL, reason="a server takes several daemons: tests/workflow/daemon/test_several.py"
)
def test_a_second_daemon_on_the_same_database_is_refused(running: House) -> None:
    second = subprocess.run(
        [PROGRAM, "--config", running.folder / "config.toml"], capture_output=True, timeout=60, check=False
    )
    assert second.returncode == 5
    assert (
        b"partnershipd: another partnershipd runs on this database; one SQLite file has one daemon"
        in second.stderr
    )


def due(house: House, ref: str) -> list[str]:
    return [
        row[0]
        for row in house.sql(
            "SELECT due_at FROM deadlines JOIN partnerships ON partnerships.id = partnership"
            " WHERE ref = ? AND deadlines.name = 'needs-agreed' AND kind = 'due' AND status = 'open'", ref,
        )
    ]  # fmt: skip


def foreseen(house: House) -> Any:
    """What `partnershipctl check --against-record` says will happen when the daemon loads the configuration."""
    words = ["--config", str(house.folder / "config.toml"), "check", "--against-record", "--json"]
    answer = subprocess.run(
        [PROGRAM.with_name("partnershipctl"), *words], capture_output=True, timeout=60, check=True
    )
    return json.loads(answer.stdout)["loading"]


def on_record(house: House) -> list[tuple[str, Any, Any]]:
    """The changes on record that came from the configuration, as `partnershipctl changes` has them."""
    words = ["--config", str(house.folder / "config.toml"), "changes", "--json"]
    answer = subprocess.run(
        [PROGRAM.with_name("partnershipctl"), *words], capture_output=True, timeout=60, check=True
    )
    return [
        (each["what"], each["before"], each["after"])
        for each in json.loads(answer.stdout)
        if each["by"] in ("procedure", "config.toml")
    ]


def test_a_new_procedure_is_taken_up_and_what_moved_is_told_and_recorded(
    running: House, systemd: Systemd
) -> None:
    before = due(running, NEW)
    running.configure('[deadline.needs-agreed]\ndue = "60 days after entering"\n[board]\nreadings = 1\n')
    predicted = foreseen(running)
    running.signal(signal.SIGHUP)
    (moved,) = until(lambda: running.logged("deadline changed with the procedure"), "what moved")
    assert (moved["ref"], moved["deadline"]) == (NEW, "needs-agreed")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T17:00:00-0[78]:00", moved["was"])
    assert moved["was"] < moved["is_now"]
    until(lambda: due(running, NEW) != before, "the deadline has moved")
    assert len(due(running, NEW)) == 1
    recorded = until(lambda: len(on_record(running)) == 3 and on_record(running), "what changed")
    assert recorded == [
        (f"deadlines {NEW}", None, predicted["deadlines"]),
        *((f"procedure {each['name']}", each["before"], each["after"]) for each in predicted["settings"]),
    ]
    heard = systemd.heard
    until(lambda: "READY=1" in heard()[heard().index("RELOADING=1") :], "the reload is over")
    assert running.healthy()


def test_a_bad_configuration_is_refused_with_each_mistake_and_the_old_one_kept(running: House) -> None:
    before, ticks = due(running, NEW), running.metric("partnerships_tick_seconds_count") or 0
    good = (running.folder / "config.toml").read_text(encoding="utf-8")
    running.configure('[deadline.needs-agreed]\ndue = "60 moons after entering"\n[board]\nquorum = "half"\n')
    running.signal(signal.SIGHUP)
    refused = until(
        lambda: len(running.logged("configuration refused")) == 2 and running.logged(), "both mistakes"
    )
    places = {line["at"] for line in refused if line["event"] == "configuration refused"}
    assert places == {"deadline.needs-agreed.due", "board.quorum"}
    until(lambda: (running.metric("partnerships_tick_seconds_count") or 0) > ticks, "another tick")
    assert due(running, NEW) == before
    (running.folder / "config.toml").write_text(good, encoding="utf-8")


def read_health(running: House) -> tuple[int, dict[str, str]]:
    status, text = running.page("/healthz")
    return status, json.loads(text)


def test_health_says_since_when_and_why_a_configuration_is_refused_until_a_good_one_is_loaded(
    running: House,
) -> None:
    good = (running.folder / "config.toml").read_text(encoding="utf-8")
    seen = []
    for quorum in ("half", "most"):
        refusals = len(running.logged("configuration refused"))
        running.configure(f'[board]\nquorum = "{quorum}"\n')
        running.signal(signal.SIGHUP)
        until(lambda n=refusals: len(running.logged("configuration refused")) > n, "the refusal")
        seen.append(until(lambda q=quorum: q in running.page("/healthz")[1] and read_health(running), "why"))
    for status, known in seen:
        # It works on with the old one, so nothing may restart it.
        assert (status, known["status"], known["problem"]) == (200, "configuration refused", None)
        assert "board.quorum" in known["configuration"]
    since = [known["configuration"].partition("since ")[2][:25] for _, known in seen]
    assert since[0] == since[1]
    assert running.metric("partnerships_configuration_refused") == 1
    (running.folder / "config.toml").write_text(good, encoding="utf-8")
    running.signal(signal.SIGHUP)
    until(lambda: read_health(running)[1]["configuration"] == "loaded", "the good one is loaded")
    assert read_health(running)[1]["status"] == "ok"
    assert running.metric("partnerships_configuration_refused") == 0


def test_what_only_a_restart_can_change_is_told(running: House) -> None:
    good = (running.folder / "config.toml").read_text(encoding="utf-8")
    loaded = len(running.logged("configuration loaded"))
    (running.folder / "config.toml").write_text(
        good.replace(f":{running.port}", ":1").replace(running.address, f"{running.address}2"),
        encoding="utf-8",
    )
    running.signal(signal.SIGHUP)
    until(lambda: len(running.logged("configuration loaded")) > loaded, "the reload")
    assert {line["at"] for line in running.logged("changed only after a restart")} == {
        "database.url",
        "web.listen",
    }
    assert running.healthy()
    (running.folder / "config.toml").write_text(good, encoding="utf-8")
    running.signal(signal.SIGHUP)
    until(lambda: len(running.logged("configuration loaded")) > loaded + 1, "the second reload")


def test_a_tick_that_fails_is_told_and_the_next_one_recovers(running: House, systemd: Systemd) -> None:
    running.sql("ALTER TABLE notices RENAME TO elsewhere")
    try:
        until(lambda: running.page("/healthz")[0] == 503, "it is unwell")
        known = json.loads(running.page("/healthz")[1])
        assert known["status"] == "failing"
        assert databases.no_such_table("notices") in known["problem"]
        fed, failed = systemd.heard().count("WATCHDOG=1"), len(running.logged("tick failed"))
        until(lambda: len(running.logged("tick failed")) > failed + 1, "two more failures")
        assert systemd.heard().count("WATCHDOG=1") == fed, "the watchdog is fed by completed ticks only"
        assert databases.no_such_table("notices") in running.logged("tick failed")[-1]["exception"]
    finally:
        running.sql("ALTER TABLE elsewhere RENAME TO notices")
    until(running.healthy, "it is well again")
    until(lambda: systemd.heard().count("WATCHDOG=1") > fed, "the watchdog is fed again")
