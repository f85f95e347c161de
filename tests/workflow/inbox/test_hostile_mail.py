"""Messages that nobody writes in good faith come into the Maildir: each is recorded, and none does anything."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest

from notifications.incoming.codes import mask_codes
from notifications.incoming.letterboxes import MaildirLetterbox
from tests.support.district import Begin, Life
from tests.support.letters import address, got, put, replies, untouched
from workflow.inbox import judge

SEED = os.environ.get("HOSTILE_SEED", "4270.8")
EACH, AT_A_TIME = 150, 15  # so that only now and then there are too many from one sender within an hour
DMARC = '[mail]\ntrust = "dmarc"\nauthserv = "mx.example.org"\n'
JUNK = (b"\x00", b"\xff\xfe", b"\r\n", b"\n\n", b"=?utf-8?b?////?=", b"=?x?q?=00?=", b"<>", b'"', b"(", b",", b":",
        b"\r\n ", b"@", b"\x1b[2J", "\u202e\u200b".encode(), b"%s", b"{{ 7*7 }}", b"<script>",
        b";", b"x" * 3_000)  # fmt: skip
KINDS = (
    "text/plain; charset=utf-8", "text/plain; charset=none-such", "text/plain; charset=utf-16", "text/html",
    "", ";",
    'text/plain; charset="', "multipart/mixed", "multipart/mixed; boundary=b", "multipart/alternative; boundary=",
    "multipart/report; report-type=delivery-status; boundary=b", "message/rfc822", "message/delivery-status",
    "text/calendar; method=REPLY", "application/octet-stream", "text/plain; name*=utf-8''%FF; name*0=x",
    "a" * 5_000,
)  # fmt: skip
ENCODINGS = ("8bit", "base64", "quoted-printable", "x-uuencode", "none-such", "")
BODIES = (
    "agree", "agree\r\n\r\nfine", "no\r\n\r\nnot at all", "YWdyZWU=", "=61gree=", "<p>agree", "", "> agree",
    "\u202eagree",
    "--b\r\n\r\nagree\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: x\r\n\r\nagree",
    "--b\r\n" * 500, "--b--",
    "begin 644 x\r\n#0V%T\r\n`\r\nend", "<div>" * 20_000, "agree\x00",
    "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    "Final-Recipient: rfc822; x\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--",
)  # fmt: skip


def genuine(asked: EmailMessage, chance: random.Random) -> dict[str, str]:
    """The head of an answer that would be believed."""
    return {
        "From": str(asked["To"]), "To": str(asked["Reply-To"]), "Subject": f"Re: {asked['Subject']}",
        "Message-ID": f"<{chance.getrandbits(64):x}@example.org>", "In-Reply-To": str(asked["Message-ID"]),
        "Content-Type": "text/plain; charset=utf-8",
    }  # fmt: skip


def not_believed(asked: EmailMessage, chance: random.Random) -> bytes:
    """An answer in whose head something says that it is none of the person's, whatever its body is like."""
    head, to, mailbox = genuine(asked, chance), address(asked["To"]), address(asked["Reply-To"])
    head["Content-Type"] = chance.choice(KINDS)
    head["Content-Transfer-Encoding"] = chance.choice(ENCODINGS)
    code = mailbox[mailbox.index("-") + 1 : mailbox.index("@")]
    name, value = chance.choice((
        ("From", ""), ("From", "staff"), ("From", f"{to}, staff@example.org"), ("From",
        f"{to} <other@example.net>"),
        ("From", f'"{to}"'), ("From", f"<{to}"), ("From", f"other@example.net ({to})"), ("From",
        f"{to}.example.net"),
        ("From", f"=?utf-8?q?{to}?= <x@example.net>"), ("From", f"group: {to};"), ("From",
        f"x@example.net\r\nFrom: {to}"),
        ("To", mailbox.replace(code, code[::-1])), ("To", mailbox.replace(code, code[:-1])), ("To",
        "x" * 5_000),
        ("To", mailbox.replace("+", "+9")), ("To", mailbox.replace("+", "+9999999999999")), ("To",
        ", ".join("ab" * 999)),
        ("Auto-Submitted", "auto-replied"), ("Return-Path", "<>"), ("Sender", "other@example.net"),
        ("Resent-To", "x"),
    ))  # fmt: skip
    head[name] = value
    lines = [f"{name}: {value}" for name, value in chance.sample(list(head.items()), len(head))]
    return "\r\n".join([*lines, "", chance.choice(BODIES)]).encode()


def damaged(asked: EmailMessage, chance: random.Random) -> bytes:
    """An answer that was cut, torn and soiled on its way; no mail server says that it is genuine."""
    head = genuine(asked, chance) | {"Content-Type": chance.choice(KINDS)}
    lines = [f"{name}: {value}" for name, value in head.items()]
    content = "\r\n".join([*lines, "", chance.choice(BODIES)]).encode()
    for _ in range(chance.randrange(1, 9)):
        at = chance.randrange(len(content))
        till = at + chance.choice((0, 0, 1, 1, 9, 90))
        content = (
            content[:at] + chance.choice((b"", chance.choice(JUNK), chance.randbytes(3))) + content[till:]
        )
    return content[: chance.randrange(len(content))] if chance.random() < 0.2 else content


WAYS = {"not believed": ("", not_believed), "damaged": (DMARC, damaged)}


@pytest.mark.promise("damaged-input")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("station", "event", "who"),
    [("needs", "describe-needs", "principal"), ("reported", "submit-report", "staff")],
    ids=["needs", "reported"],
)
def test_what_nobody_writes_is_recorded_and_does_nothing(
    begin: Begin, station: str, event: str, who: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "TURN", 60.0)  # seconds: a busy machine reads them all in one turn too
    text, make = WAYS[way]
    life = begin(station, text)
    if station == "needs":
        life.do("describe-needs")
    asked, chance = got(life, event, who), random.Random(f"{SEED} {station} {way}")
    seed = f"seed {SEED!r}"
    with untouched(life):
        sent = {content for _ in range(EACH // AT_A_TIME) for content in comes(life, asked, chance, make)}
    kept = replies(life)
    assert {row["message"] for row in kept} == set(map(mask_codes, sent)), seed
    assert len(kept) == len(sent)
    for row in kept:
        assert row["verdict"] in {"note", "refused", "automatic", "bounce", "repeated", "unknown"}, (
            seed,
            row,
        )
        assert "could not be dealt with" not in (row["reason"] or ""), (seed, row)
    print(dict(Counter(row["verdict"] for row in kept)))
    staff = {row["to"] for row in life.notices() if row["template"].startswith(("reply-", "address-"))}
    assert staff <= {"staff@example.org"}, "no stranger is answered"


def comes(
    life: Life,
    asked: EmailMessage,
    chance: random.Random,
    make: Callable[[EmailMessage, random.Random], bytes],
) -> list[bytes]:
    """Let so many messages come within an hour, and be judged."""
    folder = life.system.config.folder / "replies"
    life.now += timedelta(hours=1)
    made = [make(asked, chance) for _ in range(AT_A_TIME)]
    for number, content in enumerate(made):
        put(folder, content, f"{life.now:%d%H}-{number}.host")
    judged = 0
    # A turn ends after so many seconds, which a slow machine needs for fewer messages.
    while turn := list(judge.judge_letters(life.system, MaildirLetterbox(folder), lambda: life.now)):
        judged += len(turn)
    assert judged == len(made)
    assert list((folder / "new").iterdir()) == []
    return made
