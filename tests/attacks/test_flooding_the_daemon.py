"""Flood the mailbox and the pages of a running daemon, while honest people work and deadlines fall due.

`make hostile` sends 5,000 messages and 5,000 forms (`HOSTILE=5000`) and says how long the longest tick was.
"""

from __future__ import annotations

import base64
import http.client
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from sqlalchemy import select

from tests.attacks.test_slow_mail import FIELDS, HEAD, REPORT, SLOW
from tests.faults.account import HISTORY, RUNGS, eventually, newcomer, nothing_waits, of_ref, rows
from tests.faults.conftest import Build, Figures
from tests.faults.load import Load
from tests.faults.test_random import check
from tests.support.district import STATIONS, Life
from tests.support.facts import LA
from tests.support.house import House, until
from tests.support.letters import put
from tests.support.visitor import Visitor
from tests.workflow.inbox.test_hostile_mail import damaged, not_believed
from tests.workflow.web.test_hostile import MAY, SEED, Door, Garbage, doors, tokens
from workflow.session import current_time
from workflow.store import tables

COUNT = int(os.environ.get("HOSTILE", "0")) or 32  # messages, and as many forms
# Seconds that a tick may take. Beside other tests a machine is several times slower than in a run of its own.
LONGEST = 5 if COUNT > 100 else 20
SENDERS = 4  # who send forms at the same time
MAIL = 'maildir = "mail"\nper_minute = 0\ntrust = "dmarc"\nauthserv = "mx.example.org"\n'
PASSED = b"Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n"
# What no message and no form of a stranger may change.
KEPT = [
    tables.schools, tables.organizations, tables.people, tables.meetings, tables.documents, tables.drafts,
    tables.addresses,
]  # fmt: skip
BOMB = base64.encodebytes(b"agree\n" * 1_000_000)
BAD = {
    **SLOW,
    "addresses by the thousand": b"From: " + b"a@example.org, " * 20_000 + b"\nTo: " + b"b@example.org, " * 20_000,
    "encoded words": HEAD + b"X: " + b"=?utf-8?q?=41?= " * 20_000 + b"\nFrom: " + b"=?utf-8?b?QQ==?= " * 9_000,
    "a large text in few bytes": HEAD + b"Content-Transfer-Encoding: base64\n\n" + BOMB,
    "zeros": HEAD + b"\n" + b"\0" * 1_000_000,
    "lone returns": HEAD.replace(b"\r\n", b"\r") + b"\ragree" * 50_000,
    "no message": b"",
    "a codec that is no text": HEAD + b"Content-Type: text/plain; charset=zip_codec\n\nagree",
    "a codec of names": HEAD + b"Content-Type: text/plain; charset=idna\n\n" + b"xn--" * 20_000,
    "a report about others": REPORT + FIELDS + b"Final-Recipient: rfc822; principal@example.org\nAction: failed\n"
    b"Status: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <1@example.org>\nTo: principal@example.org"
    b"\n\n--b--\n",
}  # fmt: skip


class Flood:
    """Hostile messages in the mailbox of a house, and hostile forms that are sent to its pages."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.folder = house.folder / "var" / "replies"
        self.statuses: Counter[int] = Counter()
        with newcomer(house) as life:
            self.doors, self.tokens = doors_of(life)

    def fill(self, asked: EmailMessage, count: int) -> None:
        """Put messages into the mailbox, and now and then something that is no message."""
        chance, bad = random.Random(f"{SEED} mail"), list(BAD.values())
        for number in range(count):
            made = (
                lambda: not_believed(asked, chance),
                lambda: damaged(asked, chance),
                lambda: b"X-Number: %d\r\n" % chance.getrandbits(64) + chance.choice(bad),
            )
            content = chance.choice(made)()
            # A mail server signs no report, so one that comes to the address of a notice is believed.
            while b"Action: failed" in content and b"X-Number" not in content:
                content = chance.choice(made)()
            put(self.folder, content, f"{number}.hostile")
        put(self.folder, b"")
        for number in range(1 + count // 100):
            (self.folder / "new" / f"{number}.link").symlink_to("/dev/zero")
            os.mkfifo(self.folder / "new" / f"{number}.pipe")
            (self.folder / "new" / f"{number}.folder").mkdir()

    def waiting(self) -> list[Path]:
        return [path for path in (self.folder / "new").iterdir() if path.is_file() and not path.is_symlink()]

    def send(self, who: int, count: int) -> float:
        """Send forms as one sender, one after the other; the seconds until the slowest answer."""
        garbage, slowest = Garbage(f"{SEED} form {who}", self.doors, self.tokens), 0.0
        for number in range(count):
            environ, began = garbage.request(), time.monotonic()
            status = sent(self.house.port, environ)
            assert status in {*MAY, 0, 501}, f"seed {SEED!r}, sender {who}, number {number}: {status}"
            self.statuses[status] += 1
            slowest = max(slowest, time.monotonic() - began)
        return slowest


def doors_of(life: Life) -> tuple[list[Door], list[str]]:
    """Doors and tokens of an open call, and of partnerships at other stations."""
    call = life.another("hostile-call", "rainier-beach")
    call.now = current_time().astimezone(LA).replace(microsecond=0) - timedelta(days=1)
    call.do("identify-needs")
    call.step(STATIONS["needs-agreed"][1])
    call.do("open-selection", closes_on=(call.now + timedelta(days=30)).date().isoformat())
    lives = [life, call, *(life.another(f"hostile-{at}").to(at) for at in ("scored", "reported"))]
    for each in lives:
        each.now = current_time().astimezone(LA)
    visitors = [Visitor(each) for each in lives]
    return (
        # No form has the mark that its page gave it. What comes of forms that have it, `test_hostile.py` tries.
        [Door(door.path, {**door.texts, "form": ["0" * 31]}, door.files, door.does)
         for visitor in visitors for door in doors(visitor)],
        [token for visitor in visitors for token in tokens(visitor)],
    )  # fmt: skip


def sent(port: int, environ: dict[str, Any]) -> int:
    """Send a request as its environment has it, over the network; the status of the answer, 0 if there is none."""
    body = environ["wsgi.input"].read()
    head = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    head |= {"Content-Type": environ["CONTENT_TYPE"], "Content-Length": environ["CONTENT_LENGTH"]}
    path = quote_from_bytes(environ["PATH_INFO"].encode("latin-1"), safe="/")
    target = f"{path}?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else path
    lines = [f"{environ['REQUEST_METHOD']} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    # A server waits for a body that was promised, so nobody waits for its answer.
    honest = head["Content-Length"] == str(len(body)) and not head.keys() & {"TRANSFER-ENCODING", "EXPECT"}
    with socket.create_connection(("127.0.0.1", port), timeout=60 if honest else 0.3) as line:
        answer = http.client.HTTPResponse(line, method=environ["REQUEST_METHOD"])
        # The server may answer and close before it has read all of it.
        with suppress(OSError, http.client.HTTPException):
            line.sendall("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body)
        with suppress(OSError, http.client.HTTPException):
            answer.begin()
            return answer.status
    return 0


def kept(house: House) -> list[Any]:
    table = tables.changes
    # The program also commits there to the mail and the deadlines of the time, and takes its daily checkpoint.
    told = select(table.c.by, table.c.what).where(table.c.by != "").order_by(table.c.id)
    return [
        rows(house, told),
        *(rows(house, select(table).order_by(*table.primary_key.columns)) for table in KEPT),
    ]


def history(house: House) -> Counter[tuple[str, str]]:
    return Counter((row.ref, row.event) for row in rows(house, of_ref(HISTORY.event)))


def close(house: House, calls: list[str], gap: float) -> None:
    """Let calls fall due one after the other."""
    for number, ref in enumerate(calls):
        due = current_time() + timedelta(seconds=1 + number * gap)
        house.set_deadlines(
            "UPDATE deadlines SET due_at = ?, next_at = ? WHERE status = 'open'"
            " AND partnership = (SELECT id FROM partnerships WHERE ref = ?)",
            *[due.strftime("%Y-%m-%d %H:%M:%S.%f")] * 2, ref,
        )  # fmt: skip


def delays(house: House, calls: list[str]) -> Iterator[float]:
    """The seconds from the instant at which each call had to close until the daemon said that it has."""
    logged = house.logged("event")
    query = of_ref(RUNGS.due_at).where(RUNGS.fires == "close-applications", RUNGS.status == "fired")
    due = {row.ref: row.due_at for row in rows(house, query)}
    for line in logged:
        if line["ref"] in calls:
            yield (datetime.fromisoformat(line["timestamp"]) - due[line["ref"]]).total_seconds()


@pytest.mark.promise("slow-mail-bounded", "damaged-input")
def test_a_flood_of_mail_and_forms_delays_no_deadline_and_changes_nothing(
    build: Build, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = build()
    house.configure(mail=MAIL, web="posts_per_minute = 10000")
    flood = Flood(house)
    load = Load(house, calls=3 + COUNT // 25, gap=3_600)
    load.head = PASSED
    monkeypatch.setattr(
        load, "_staff", lambda: None
    )  # a command takes much of the processor, which is no flood
    house.set_deadlines(
        "UPDATE deadlines SET status = 'cancelled' WHERE partnership ="
        " (SELECT id FROM partnerships WHERE ref = 'hostile-call')"
    )
    flood.fill(load.letter, COUNT)
    before, events = kept(house), history(house)
    house.start()
    until(house.healthy, "the daemon is well", timeout=60)
    close(house, load.calls, gap=4 if COUNT > 100 else 1)
    with ThreadPoolExecutor() as pool, load.running():
        senders = [pool.submit(flood.send, who, COUNT // SENDERS) for who in range(SENDERS)]
        slowest = max(sender.result() for sender in senders)
        eventually(lambda: not flood.waiting(), "every message is judged", within=60 + COUNT)
    nothing_waits(house, within=60 + COUNT)
    # The last deadline may fall due after a small flood is over.
    eventually(
        lambda: len(list(delays(house, load.calls))) == len(load.calls),
        "every call is closed",
        within=60 + COUNT,
    )
    ticks = [line["seconds"] for line in house.logged("tick")]
    late = list(delays(house, load.calls))
    sorts = dict(sorted(flood.statuses.items()))
    figures(
        f"{COUNT} messages and {sum(sorts.values())} forms (answers: {sorts}), seed {SEED}: longest tick "
        f"{max(ticks):.1f} s, {len(late)} deadlines at most {max(late):.1f} s late, slowest answer {slowest:.1f} s"
    )
    house.end()
    check(house, load)
    assert {line["level"] for line in house.logged()} <= {"info", "warning"}
    assert kept(house) == before
    assert {event for _, event in history(house) - events} == {"add-note", "close-applications"}
    assert len(late) == len(load.calls)
    assert max(late) < max(ticks) + 1.5, "a deadline waits for the tick at hand, and no longer"
    assert max(ticks) < LONGEST
