"""How the daemon ends and when it wakes: signals while mail is on its way, the next due instant, a port in use."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.support.house import NEW, House, Systemd, free_port, until
from workflow.daemon import service


class SlowPost:
    """A mail server that takes its time: it answers to a message once it is told to."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()
        self.taken: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.begun.set()
        await asyncio.get_running_loop().run_in_executor(None, self.release.wait, 60)
        self.taken += envelope.rcpt_tos
        return "250 taken"


@pytest.fixture
def post() -> Iterator[tuple[SlowPost, str]]:
    """A slow mail server, and the configuration with which a house uses it."""
    slow = SlowPost()
    server = Controller(slow, hostname="127.0.0.1", port=free_port())
    server.start()
    mail = f'mailer = "smtp"\n[mail.smtp]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
    yield slow, mail
    slow.release.set()
    server.stop()


def notices(house: House) -> dict[str, int]:
    return dict(house.sql("SELECT status, count(*) FROM notices GROUP BY status"))  # type: ignore[arg-type]


def test_a_message_that_is_on_its_way_is_finished_before_the_end(
    house: House, post: tuple[SlowPost, str]
) -> None:
    slow, mail = post
    house.configure(mail=mail)
    house.start()
    assert slow.begun.wait(20), "a message is on its way"
    waiting = notices(house)["queued"]
    assert waiting > 1
    house.signal(signal.SIGTERM)
    until(lambda: house.logged("stopping"), "it has heard")
    slow.release.set()
    assert house.ended(within=18) == 0
    assert house.logged()[-1]["event"] == "stopped"
    assert len(slow.taken) == 1
    assert notices(house) == {"sent": 1, "queued": waiting - 1}
    leased = house.sql("SELECT count(*) FROM notices WHERE status = 'queued' AND lease_until IS NOT NULL")
    assert leased == [(0,)], "the next daemon need not wait for what this one had taken"


@pytest.mark.promise("stops-in-time")
def test_pages_that_are_being_made_are_finished_before_the_end(house: House) -> None:
    """Many look at once; each gets a whole page or none, and the log has no word of a page that went wrong."""
    house.start()
    until(house.healthy, "the daemon is well")
    gone, statuses = threading.Event(), []

    def look() -> None:
        while not gone.is_set():
            statuses.append(house.page("/calls")[0])

    visitors = [threading.Thread(target=look) for _ in range(6)]
    for visitor in visitors:
        visitor.start()
    until(lambda: len(statuses) > 30, "all are looking")
    house.signal(signal.SIGTERM)
    assert house.ended() == 0
    gone.set()
    for visitor in visitors:
        visitor.join()
    assert set(statuses) <= {200, 0}
    assert [line for line in house.logged() if line["level"] not in ("info", "warning")] == []
    assert house.logged()[-1]["event"] == "stopped"


def test_a_server_that_never_answers_does_not_hold_up_the_end(
    house: House, post: tuple[SlowPost, str]
) -> None:
    """The patience is cut short here; that the real one leaves time enough is tested below."""
    slow, mail = post
    house.configure(mail=mail)
    impatient = "from workflow.daemon import service; service.PATIENCE = 0.5; service.main()"
    house.start(command=(sys.executable, "-c", impatient))
    assert slow.begun.wait(20), "a message is on its way"
    house.signal(signal.SIGHUP)  # a reload waits for the tick; a stop does not wait for the reload
    began = time.monotonic()
    house.signal(signal.SIGTERM)
    assert house.ended() == 0
    assert time.monotonic() - began < 5
    assert house.logged()[-1]["event"] == "stopped while a message was still on its way"
    assert set(notices(house)) == {"queued"}, "it is tried again when its lease is over"


def test_its_patience_leaves_time_to_end_within_twenty_seconds() -> None:
    assert 10 <= service.PATIENCE <= 19


def test_it_wakes_early_for_what_is_due_next_and_ends_on_interrupt(house: House, systemd: Systemd) -> None:
    house.configure(tick=3600)
    told = "partnerships_deadlines_told_total"
    for seconds in (4, 12, 30):  # as long as this machine takes to start it
        house.postpone(seconds)
        house.start(NOTIFY_SOCKET=systemd.path)
        until(house.healthy, "the daemon is healthy")
        if house.metric(told) == 0:
            break
        house.end()
    assert (house.metric(told), house.metric("partnerships_tick_seconds_count")) == (0, 1)
    until(lambda: house.metric(told) == 1, "it is told in time", timeout=40)
    assert house.metric("partnerships_tick_seconds_count") == 2
    (row,) = house.sql(
        "SELECT due_at, done_at FROM deadlines WHERE name = 'needs-agreed' AND status = 'fired'"
    )
    assert row[0] <= row[1], "never before it is due"
    assert len(house.letters()) >= 2, "principal and staff have a letter"
    assert house.state(NEW) == "needs-identified"
    house.signal(signal.SIGINT)
    assert house.ended() == 0
    assert until(systemd.heard, "what systemd heard")[-1] == "STOPPING=1"


def test_a_port_in_use_is_named(house: House) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", house.port))
        other.listen()
        house.start()
        assert house.ended() == 5
    assert house.log_file.read_text(encoding="utf-8") == (
        f"partnershipd: web.listen: cannot listen on 127.0.0.1:{house.port}: Address already in use; "
        "expected a free address here\n"
    )
