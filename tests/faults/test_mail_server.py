"""A mail server in every bad mood, before a running daemon: what can leave leaves, what cannot is tried again, set
aside or in doubt, and staff are told. Nothing is lost, and nothing goes out twice by itself.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from tests.faults import dying
from tests.faults.account import NOTICES, account, eventually, message_ids, rows, statuses
from tests.faults.conftest import CHAOS, Figures
from tests.support.house import House, free_port
from tests.support.post import content
from tests.support.smtp_server import HOST, Desk

SMTP = 'mailer = "smtp"\nretry_minutes = {waits}\n[mail.smtp]\nhost = "{host}"\nport = {port}\nsecurity = "none"\n'
SHORT = "timeout_seconds = 1\n"
PATIENT = [0.01] * 100  # minutes between attempts
DEFERRED, REJECTED, DOUBTFUL, HUNG, GARBLED = (
    "reviewer-1@example.org", "reviewer-2@example.org", "reviewer-3@example.org", "principal@example.org",
    "franklin-principal@example.org",
)  # fmt: skip
STAFF = "staff@example.org"
EVERYBODY = {DEFERRED, REJECTED, DOUBTFUL, HUNG, GARBLED, STAFF}


class Moody(Desk):
    """A server that treats each recipient in its own way until it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.mended = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        agreed = await super().handle_RCPT(server, session, envelope, address, options)
        if self.mended:
            return agreed
        if address == HUNG:
            await asyncio.sleep(60)  # ends with the connection
        return {DEFERRED: "451 Later", REJECTED: "550 Nobody here", GARBLED: "what?"}.get(address, agreed)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        if envelope.rcpt_tos == [STAFF] and not self.mended:
            server.transport.write(b"250 Taken, and goodbye\r\n")
            server.transport.close()
        elif envelope.rcpt_tos == [DOUBTFUL] and not self.mended:
            server.transport.abort()
        return answer

    def arrived(self) -> Counter[tuple[str, str]]:
        """How often each message came, by recipient and Message-ID."""
        return Counter(
            (one.rcpt_tos[0], str(message_from_bytes(content(one))["Message-ID"])) for one in self.received
        )


Opens = Callable[[Any, int], Controller]


@pytest.fixture
def opens() -> Iterator[Opens]:
    """Opens a mail server at a port; all are shut in the end."""
    servers: list[Controller] = []

    def opens(desk: Any, port: int) -> Controller:
        servers.append(Controller(desk, hostname=HOST, port=port))
        servers[-1].start()
        return servers[-1]

    yield opens
    for server in servers:
        server.stop()


def notices(house: House, *to: str) -> list[Any]:
    """Each message that is for these people, or everybody: its notice's status, attempts and reason."""
    columns = (
        NOTICES.to,
        NOTICES.template,
        NOTICES.status,
        NOTICES.attempts,
        NOTICES.reason,
        NOTICES.message_id,
    )
    query = select(*columns).where(NOTICES.within.is_(None)).order_by(NOTICES.id)
    return [row for row in rows(house, query) if not to or row.to in to]


def waits_for(house: House, found: Callable[[list[Any]], bool], what: str, *to: str) -> None:
    eventually(lambda: found(notices(house, *to)), what)


@pytest.mark.promise("notice-sent")
def test_a_server_in_every_bad_mood_and_then_mended(house: House, opens: Opens) -> None:
    desk, port, before = Moody(), free_port(), set(message_ids(house))
    house.configure(mail=SMTP.format(host=HOST, port=port, waits=PATIENT) + SHORT)
    house.start(command=dying.command("partnershipd", rest=1))
    # Nobody listens: everything keeps its turn, and the daemon says what is wrong.
    waits_for(house, lambda all_: {r.to for r in all_ if r.status == "queued"} >= EVERYBODY
              and any("could not be reached" in (r.reason or "") for r in all_), "it was tried")  # fmt: skip
    eventually(lambda: "mail cannot leave" in house.page("/healthz")[1], "it says so")
    assert {row.attempts for row in notices(house) if row.status != "sent"} == {0}

    opens(desk, port)
    waits_for(house, lambda mine: {r.status for r in mine} == {"dead"}, "the rejected is set aside", REJECTED)
    waits_for(house, lambda mine: {r.status for r in mine} == {"in-doubt"}, "nobody knows", DOUBTFUL)
    waits_for(house, lambda mine: [r.template for r in mine if r.status == "sent"].count("message-failed") == 2,
              "staff are told of both", STAFF)  # fmt: skip
    waits_for(house, lambda mine: all(r.status == "sent" for r in mine), "staff have theirs", STAFF)
    tried = {row.message_id: row.attempts for row in notices(house, DEFERRED, HUNG, GARBLED)}
    waits_for(house, lambda mine: all(r.attempts >= tried[r.message_id] + 2 or r.status == "sent" for r in mine),
              "the others are tried again", DEFERRED, HUNG, GARBLED)  # fmt: skip
    waiting = [row for row in notices(house, DEFERRED, HUNG, GARBLED) if row.status != "sent"]
    assert {row.to for row in waiting} == {DEFERRED, HUNG, GARBLED}
    assert {row.status for row in waiting} == {"failed"}
    assert {row.to: word for row in waiting for word in (": 451", "timed out", ": -1") if word in row.reason} == {
        DEFERRED: ": 451", HUNG: "timed out", GARBLED: ": -1",
    }  # fmt: skip
    (rejected,) = notices(house, REJECTED)
    assert "550 Nobody here" in rejected.reason

    desk.mended = True
    waits_for(
        house, lambda all_: not any(r.status in ("queued", "failed") for r in all_), "the rest has left"
    )
    house.signal(signal.SIGTERM)
    assert house.ended() == 0
    counts = statuses(house)
    assert counts == {"sent": counts["sent"], "dead": 1, "in-doubt": 1}
    left = [row for row in notices(house) if row.message_id not in before]
    came = desk.arrived()
    assert set(came) == {(row.to, row.message_id) for row in left if row.status != "dead"}
    assert set(came.values()) == {1}, "nothing twice, and what is in doubt not again by itself"
    assert account(house).faults == ()


class Mute:
    """A server that takes every message and never says so."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
        await asyncio.sleep(120)
        return "250 too late"


@pytest.mark.promise("stops-in-time")
@pytest.mark.skipif(not CHAOS, reason="it takes the daemon's whole patience: CHAOS=1, or make chaos")
def test_a_server_that_never_answers_does_not_keep_the_daemon_longer_than_twenty_seconds(
    house: House, opens: Opens, figures: Figures
) -> None:
    port = free_port()
    opens(Mute(), port)
    house.configure(mail=SMTP.format(host=HOST, port=port, waits=PATIENT) + "timeout_seconds = 60\n")
    house.start()
    eventually(
        lambda: any(row[0] for row in rows(house, select(NOTICES.lease_until))), "a message is on its way"
    )
    began = time.monotonic()
    house.signal(signal.SIGTERM)
    assert house.ended(within=20) == 0
    figures(
        f"ended {time.monotonic() - began:.1f} s after SIGTERM, with a message on its way to a server that is mute"
    )
