"""Killed again and again at random moments while it is busy from all sides: nothing is lost, nothing double.

A mail server may get a message twice if the kill falls between its "taken" and our note of it; SMTP offers
nothing against that. It has the same Message-ID then, and is counted here. `CHAOS=200` kills that often.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.faults import dying
from tests.faults.account import HISTORY, account, letters, message_ids, nothing_waits, of_ref, rows, statuses
from tests.faults.conftest import CHAOS, Build, Figures
from tests.faults.load import Load, assert_closed_once, told_twice
from tests.support.desk import real
from tests.support.house import House, until
from tests.support.post import content
from tests.support.smtp_server import HOST, Desk, serving

KILLS = CHAOS or 4
VERIFIER = Path(__file__).parents[2] / "docs" / "verify_export.py"
WORDED = ("add-note", "correct-entry")  # the events that carry words of their own
LEASE = 4.0  # seconds; what the killed one held is free again after that
MAILDIR = 'maildir = "mail"\nper_minute = 0\n'
SMTP = 'mailer = "smtp"\nper_minute = 0\n[mail.smtp]\nhost = "{host}"\nport = {port}\nsecurity = "none"\n'


class SlowDesk(Desk):
    """A server that takes a message and needs a moment to say so."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.02)
        return answer


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


def times_started(house: House) -> int:
    return house.log_file.read_bytes().count(b'"event": "running"') if house.log_file.exists() else 0


def killed_at_random(house: House, chance: random.Random) -> float:
    """Start a daemon, and kill it at a moment of its start, or of the second after that. How long it lived."""
    runs = times_started(house)
    began = time.monotonic()
    house.start(command=dying.command("partnershipd", lease=LEASE))
    if chance.random() < 0.75:
        until(lambda: times_started(house) > runs, "it runs", timeout=60)
    threading.Event().wait(chance.uniform(0, 1.5))
    house.signal(signal.SIGKILL)
    assert house.ended() == -9
    return time.monotonic() - began


def check(house: House, load: Load) -> None:
    """Everything that was due or asked for is on record once, and everybody was told of it once."""
    typed = rows(house, select(HISTORY.input).where(HISTORY.event.in_(WORDED)))
    inputs = [json.loads(row.input) for row in typed]
    stands = Counter(str(values.get("text", values.get("reason"))) for values in inputs)
    assert {words: stands[words] for words in load.done} == dict.fromkeys(load.done, 1)
    assert max(stands.values()) == 1
    assert stands.keys() <= load.asked.keys()
    assert verified(house) == 0
    found = account(house)
    assert found.faults == ()
    assert set(statuses(house)) == {"sent"}
    assert told_twice(house, load.before) == []
    receipts = sum(number for (_, template, *_), number in found.notices.items() if template == "receipt")
    assert receipts == found.answers.total(), "whoever acted has a receipt for each"
    assert_closed_once(house, load.calls)


def verified(house: House) -> int:
    """Export the record, and return what the script says that knows nothing of this program: 0 if all is well."""
    export = house.folder / "export.json"
    export.write_bytes(real("--config", str(house.folder / "config.toml"), "export").stdout)
    return subprocess.run([sys.executable, "-I", str(VERIFIER), str(export)], check=False).returncode


def came(house: House, desk: Desk) -> list[str]:
    """The Message-ID of every message that arrived."""
    sent = [message_from_bytes(content(envelope)) for envelope in desk.received]
    return [str(letter["Message-ID"]) for letter in [*sent, *letters(house)]]


@pytest.mark.promise("notice-sent")
@pytest.mark.parametrize(("post", "kills"), [("smtp", KILLS), ("maildir", KILLS // 4)][: 2 if CHAOS else 1])
def test_killed_at_random_nothing_is_lost_and_nothing_double(
    build: Build, seed: int, post: str, kills: int, figures: Figures
) -> None:
    house, chance, desk = build(), random.Random(seed), SlowDesk()
    with serving(desk) as server:
        load = Load(house, calls=4 * kills, gap=0.6)
        mail = SMTP.format(host=HOST, port=server.port) if post == "smtp" else MAILDIR
        house.configure(mail=mail, web="posts_per_minute = 10000")
        began = time.monotonic()
        with load.running():
            lived = [killed_at_random(house, chance) for _ in range(kills)]
        house.start(command=dying.command("partnershipd", lease=LEASE))
        nothing_waits(house, within=max(120, 6 * kills))
        house.signal(signal.SIGTERM)
        assert house.ended() == 0
    check(house, load)
    events = {event for _, event in rows(house, of_ref(HISTORY.event))}
    assert "correct-entry" in events, "entries were corrected meanwhile"
    known = set(message_ids(house)) - load.before
    arrived = Counter(one for one in came(house, desk) if one not in load.before)
    assert set(arrived) == known
    double = sum(arrived.values()) - len(arrived)
    assert double <= (kills if post == "smtp" else 0)
    took, longest = time.monotonic() - began, max(lived)
    figures(
        f"{kills} kills at random in {took:.0f} s (seed {seed}, {post}; they lived {min(lived):.1f} to"
        f" {longest:.1f} s); {len(load.calls)} deadlines, {len(load.done)} forms, commands and replies;"
        f" {len(known)} messages; 0 lost, 0 double on record, {double} delivered twice"
    )
