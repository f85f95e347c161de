"""What the daemon says of itself: its pages, its figures and its log, looked at without a process of its own."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import update

from notifications.incoming.letterboxes import LetterboxFailed
from tests.support.house import House
from workflow.clock.fire import Tally
from workflow.daemon import logs, service
from workflow.daemon.metrics import Metrics
from workflow.daemon.service import Daemon
from workflow.procedure import config
from workflow.session import System, current_time, open_system
from workflow.store import database, tables
from workflow.web.app import application, listen_address

Log = Callable[[str], list[str]]


Pages = Callable[..., Any]


@pytest.fixture
def pages(house: House) -> Iterator[Pages]:
    opened = open_system(house.folder / "config.toml", words=False)

    def pages(well: bool = True, known: Mapping[str, Any] | None = None) -> Any:
        registry = CollectorRegistry()
        Counter("letters", "Letters written", registry=registry).inc(3)
        return application(opened, lambda: (well, known or {}), registry).test_client()

    yield pages
    opened.engine.dispose()


@pytest.mark.parametrize(("well", "status", "word"), [(True, 200, "ok"), (False, 503, "failing")])
def test_health_is_told_by_status_and_word(pages: Pages, well: bool, status: int, word: str) -> None:
    answer = pages(well, {"problem": None}).get("/healthz")
    assert (answer.status_code, answer.json) == (status, {"status": word, "problem": None})


def test_a_refused_configuration_is_told_with_200_and_trouble_with_503(pages: Pages) -> None:
    known = {"problem": None, "configuration": "refused at a reload"}
    answers = [pages(well, known).get("/healthz") for well in (True, False)]
    assert [(answer.status_code, answer.json["status"]) for answer in answers] == [
        (200, "configuration refused"), (503, "failing"),
    ]  # fmt: skip


def test_figures_are_in_the_text_format_of_prometheus(pages: Pages) -> None:
    answer = pages().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    assert "letters_total 3.0\n" in answer.text


@pytest.mark.parametrize("path", ["/healthz/", "/static/x", "/metrics/x"])
def test_there_is_no_other_page(pages: Pages, path: str) -> None:
    assert pages().get(path).status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_pages_are_only_read(pages: Pages, path: str) -> None:
    assert pages().post(path).status_code == 405


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("203.0.113.7", 404),
        ("unknown", 404),
        ("127.0.0.1:99", 404),
        ("", 404),
    ],
)
def test_the_daemon_tells_of_itself_to_this_machine_only(
    pages: Pages, path: str, sender: str, status: int
) -> None:
    answer = pages().get(path, environ_overrides={"REMOTE_ADDR": sender})
    assert answer.status_code == status
    assert ("letters_total" in answer.text or "status" in answer.text) is (status == 200)


def settings_of(house: House, **given: Any) -> config.Config:
    house.configure(**given)
    return config.load(house.folder / "config.toml", words=False)


def test_the_address_is_the_one_of_the_configuration(house: House) -> None:
    assert listen_address(settings_of(house)) == ("127.0.0.1", house.port)


@pytest.fixture
def open_daemon(house: House) -> Iterator[Daemon]:
    settings = settings_of(house)
    opened = System(settings, database.open_store(settings.database_url))
    yield Daemon(opened, Path("config.toml"))
    opened.engine.dispose()


def test_a_daemon_is_not_well_before_its_first_tick_nor_when_ticks_stay_away(open_daemon: Daemon) -> None:
    assert open_daemon.health() == (
        False, {"seconds_since_tick": None, "problem": None, "config": "config.toml", "configuration": "loaded"},
    )  # fmt: skip
    open_daemon._tick()
    assert open_daemon.health()[0] is True
    assert open_daemon._ticked is not None
    open_daemon._ticked -= 60 + service.STALE * 0.2
    well, known = open_daemon.health()
    assert well is False
    assert known["seconds_since_tick"] >= 60


@pytest.mark.parametrize(
    ("due_in", "wakes_in"),
    [(90, 90), (0, 1), (-60, 1), (3700, None)],
    ids=["later", "just now", "during the tick", "after the next tick"],
)
def test_the_next_tick_comes_early_for_what_is_due_before_it(
    house: House, due_in: float, wakes_in: float | None
) -> None:
    settings = settings_of(house, tick=3600)
    sleeping = Daemon(System(settings, database.open_store(settings.database_url)), None)
    now = current_time()
    sleeping._wake_at(now + timedelta(seconds=due_in))
    woken = sleeping._jobs.get_job("wake")
    sleeping.system.engine.dispose()
    assert (woken is None) is (wakes_in is None)
    if woken is not None:
        assert woken.trigger.run_date.timestamp() == pytest.approx(now.timestamp() + wakes_in, abs=5)


def test_a_status_that_no_notice_has_any_more_is_counted_as_none(open_daemon: Daemon) -> None:
    metrics, opened = Metrics(), open_daemon.system

    def waiting(status: str) -> float | None:
        return metrics.registry.get_sample_value("partnerships_notices_waiting", {"status": status})

    open_daemon.once()
    for before, after in (("sent", "dead"), ("dead", "queued")):
        opened.transact(
            lambda session, before=before, after=after: session.connection.execute(
                update(tables.notices).values(status=after).where(tables.notices.c.status == before)
            )
        )
        with opened.reading() as session:
            metrics.measure(session, time.time())
        assert waiting(before) == 0
        assert (waiting(after) or 0) > 0


def test_what_a_run_of_the_clock_did_is_added_up() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.count(Tally(fired=1, told=2, skipped=3, failed=4))
    counted = {
        name: metrics.registry.get_sample_value(f"partnerships_deadlines_{name}_total")
        for name in ("fired", "told", "skipped", "failed")
    }
    assert counted == {"fired": 2, "told": 4, "skipped": 6, "failed": 8}


@pytest.fixture
def log(house: House, capsys: pytest.CaptureFixture[str]) -> Log:
    """What lands on standard error from our own log and from a library's, with this in the configuration."""

    def log(form: str) -> list[str]:
        logs.set_up(settings_of(house, log=form))
        service.log.info("event", ref="rbhs-2025", reason='it said "no" twice')
        logging.getLogger("a.library").warning("queue depth is %d", 3)
        logging.getLogger("a.library").info("not so important")
        logging.getLogger("apscheduler.scheduler").warning("skipped: maximum number of running instances")
        try:
            raise ValueError("two\nlines")
        except ValueError:
            service.log.exception("tick failed")
        assert sys.stderr is not None
        return capsys.readouterr().err.splitlines()

    return log


def test_the_log_is_a_line_of_keys_and_values_for_each_event(log: Log) -> None:
    ours, theirs, failure = log("text")
    assert ours.startswith("timestamp=")
    assert 'level=info event=event ref=rbhs-2025 reason="it said \\"no\\" twice"' in ours
    assert 'level=warning event="queue depth is 3"' in theirs
    assert 'level=error event="tick failed"' in failure
    assert "ValueError: two\\nlines" in failure


def test_the_log_is_a_json_document_for_each_event_if_asked_for(log: Log) -> None:
    ours, theirs, failure = map(json.loads, log("json"))
    assert (ours["event"], ours["level"], ours["reason"]) == ("event", "info", 'it said "no" twice')
    assert datetime.fromisoformat(ours["timestamp"]).utcoffset() is not None
    assert (theirs["event"], theirs["level"]) == ("queue depth is 3", "warning")
    assert failure["exception"].endswith("ValueError: two\nlines")


def test_the_level_of_the_log_is_the_one_of_the_configuration(
    log: Log, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    log("json")
    settings = settings_of(house)
    louder = settings.procedure.log.model_copy(update={"level": "error"})
    quiet = settings.procedure.model_copy(update={"log": louder})
    logs.set_up(config.Config(quiet, house.folder, None, settings.files, settings.calendar, {}))
    service.log.warning("nobody hears this")
    service.log.error("everybody hears this")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "everybody hears this"


@pytest.mark.promise("slow-mail-bounded")
def test_replies_are_read_after_deadlines_have_fired_and_mail_has_left(
    open_daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[str] = []
    monkeypatch.setattr(open_daemon, "_run_part", lambda name, _: parts.append(name))
    open_daemon.once()
    assert parts.index("deadlines") < parts.index("mail") < parts.index("replies") == len(parts) - 1


@pytest.mark.promise("mailbox-watched")
def test_a_mailbox_out_of_reach_is_shown_by_healthz(open_daemon: Daemon) -> None:
    def refuse(*_: object, **__: object) -> None:
        open_daemon.mailbox.problem = "mailbox mail.example.org:993: LOGIN failed"
        raise LetterboxFailed(open_daemon.mailbox.problem)

    open_daemon.mailbox.judge = refuse  # type: ignore[assignment,method-assign]
    open_daemon._tick()
    well, known = open_daemon.health()
    assert well is False
    assert known["problem"] == "replies cannot be read: mailbox mail.example.org:993: LOGIN failed"
