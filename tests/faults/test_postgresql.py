"""The server of the database goes away, crashes and drops connections, and daemons stand still: on PostgreSQL."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope
from sqlalchemy import select

from tests.faults import dying
from tests.faults.account import (
    NOTICES,
    account,
    eventually,
    letters,
    message_ids,
    nothing_waits,
    rows,
    statuses,
)
from tests.faults.conftest import CHAOS, Figures
from tests.faults.load import Load
from tests.faults.server import Server, districts, served
from tests.faults.test_random import MAILDIR, SMTP, check
from tests.faults.test_room import MANY, fill, goes_on, queue, says, settled, small_disk
from tests.support.house import House, free_port, until
from tests.support.post import content
from tests.support.smtp_server import HOST, Desk, serving
from workflow.daemon import service
from workflow.procedure.config import ConfigError

LEASE = 2.0  # seconds
ROUNDS = max(1, CHAOS // 10)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    yield from served()


@pytest.fixture
def house(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    yield from districts(server, tmp_path, monkeypatch)


@pytest.mark.skipif(not CHAOS, reason="a long run: CHAOS=1, or make chaos")
def test_a_full_disk_under_the_server_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Path(tempfile.mkdtemp(prefix="disk-"))  # where the server's own user may come
    with small_disk(disk, megabytes=250):
        server = Server(disk)
        try:
            house = next(districts(server, tmp_path, monkeypatch))
            settled(house)
            house.signal(signal.SIGSTOP)
            queue(house)
            balloon = fill(disk, leave=0)
            house.signal(signal.SIGCONT)
            says(house, "No space left on device")
            assert statuses(house)["queued"] == MANY
            balloon.unlink()
            goes_on(house)
        finally:
            server.end()
    disk.rmdir()


@pytest.mark.promise("database-returns")
def test_connections_cut_and_a_server_that_crashes_and_stays_away_lose_nothing(
    server: Server, house: House, figures: Figures
) -> None:
    load, cut, began = Load(house, calls=6 * ROUNDS, gap=1.0), 0, time.monotonic()
    house.configure(web="posts_per_minute = 10000", tick=0.3, mail=MAILDIR)
    house.start(command=dying.command("partnershipd", lease=LEASE, rest=1))
    until(house.healthy, "the daemon is healthy", timeout=60)
    with load.running():
        for _ in range(ROUNDS):
            for _ in range(3):
                threading.Event().wait(random.uniform(0.1, 0.7))
                cut += server.cut()
            server.stop("immediate")
            server.start()
            until(house.healthy, "it goes on after a crash", timeout=60)
            server.stop()
            eventually(lambda: "StoreError" in house.page("/healthz")[1], "it says that the database is away")
            server.start()
            until(house.healthy, "it goes on by itself", timeout=60)
    nothing_waits(house, within=120)
    house.signal(signal.SIGTERM)
    assert house.ended() == 0
    check(house, load)
    known = set(message_ids(house)) - load.before
    arrived = Counter(one for one in (str(letter["Message-ID"]) for letter in letters(house)) if one in known)
    assert arrived == dict.fromkeys(known, 1)
    figures(
        f"{cut} connections cut, {ROUNDS} crashes and {ROUNDS} times away of a server of its own, in"
        f" {time.monotonic() - began:.0f} s; {len(load.calls)} deadlines, {len(load.done)} forms, commands and"
        f" replies; {len(known)} messages; 0 lost, 0 double"
    )


def test_a_daemon_that_starts_while_the_server_is_away_ends_so_that_it_is_started_again(
    server: Server, house: House
) -> None:
    """After a power cut both machines start at once; 5 would be an end until somebody mends something."""
    server.stop()
    house.start()
    assert house.ended(within=60) == service.AWAY
    server.start()
    assert "the database cannot be opened" in house.log_file.read_text(encoding="utf-8")
    unit = Path(service.__file__).parents[2] / "contrib" / "partnershipd.service"
    text = unit.read_text(encoding="utf-8")
    assert "Restart=on-failure\n" in text
    assert f"RestartPreventExitStatus={ConfigError.exit_status}\n" in text
    house.start("--once")
    assert house.ended(within=60) == 0


# Two daemons


class Doorkeeper(Desk):
    """A server that lets the first who brings a message wait, and then refuses it; all others it serves at once."""

    def __init__(self) -> None:
        super().__init__()
        self.first: str | None = None
        self.waits, self.refuse = threading.Event(), asyncio.Event()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        answer = await super().handle_DATA(server, session, envelope)
        if self.first is not None:
            return answer
        self.first = message_id(envelope)
        self.waits.set()
        await self.refuse.wait()
        return "550 Too late"


def message_id(envelope: Envelope) -> str:
    return str(message_from_bytes(content(envelope))["Message-ID"])


@contextmanager
def another(house: House) -> Iterator[None]:
    """A second daemon on the same database."""
    text = (house.folder / "config.toml").read_text(encoding="utf-8")
    (house.folder / "second.toml").write_text(
        text.replace(str(house.port), str(free_port())), encoding="utf-8"
    )
    command = [*dying.command("partnershipd", lease=LEASE), "--config", str(house.folder / "second.toml")]
    with (house.folder / "log-2").open("ab") as log:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
        running.terminate()
        assert running.wait(timeout=20) == 0
    finally:
        running.kill()
        running.wait(timeout=20)


def outcome(house: House, message: str) -> tuple[str, int]:
    columns = (NOTICES.status, NOTICES.attempts)
    ((status, attempts),) = rows(house, select(*columns).where(NOTICES.message_id == message))
    return status, attempts


@pytest.mark.promise("daemons-share-work")
def test_one_that_stood_still_beyond_its_lease_does_not_settle_over_the_next_holder(house: House) -> None:
    desk = Doorkeeper()
    with serving(desk) as post:
        house.configure(mail=SMTP.format(host=HOST, port=post.port), tick=0.3)
        house.start(command=dying.command("partnershipd", lease=LEASE))
        assert desk.waits.wait(60), "a message is on its way"
        house.signal(signal.SIGSTOP)
        assert desk.first is not None
        message = desk.first
        with another(house):
            eventually(lambda: outcome(house, message) == ("sent", 1), "the next holder has sent it")
            nothing_waits(house)
            post.loop.call_soon_threadsafe(desk.refuse.set)
            house.signal(signal.SIGCONT)
            eventually(
                lambda: any(line.get("notices_overtaken") for line in house.logged("tick")), "it is told so"
            )
        # The other may have read the reply, and left the receipt for it.
        nothing_waits(house)
        house.signal(signal.SIGTERM)
        assert house.ended() == 0
    assert outcome(house, message) == ("sent", 1)
    assert set(statuses(house)) == {"sent"}
    arrived = Counter(message_id(envelope) for envelope in desk.received)
    assert arrived == dict.fromkeys(arrived, 1) | {message: 2}, (
        "the server itself was given it twice, no other"
    )
    assert account(house).faults == ()
