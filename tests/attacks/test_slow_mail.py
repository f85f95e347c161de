"""Somebody sends messages that take long to read, or puts things into the Maildir that are no messages."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from notifications.incoming import reader, replies
from notifications.incoming.letterboxes import Letter, MaildirLetterbox
from notifications.incoming.reader import Reader, Unreadable
from tests.faults.conftest import CHAOS
from tests.support.district import Begin
from tests.support.letters import put, untouched
from tests.support.letters import replies as rows
from workflow.inbox import begun, judge
from workflow.store import tables

HEAD = b"From: stranger@example.org\r\nTo: partnerships@example.org\r\nSubject: A question\r\n"
REPORT = HEAD + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
DAEMON = b"From: mailer-daemon@example.org\nSubject: undeliverable\n\n"
FIELDS = b"Content-Type: message/delivery-status\r\n\r\n"
NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(200))
SLOW = {
    "semicolons in quotes": HEAD + b'Content-Type: text/plain; x="' + b";" * 160_000 + b"\r\n\r\nhi",
    "semicolons in folded lines": HEAD + b"Content-Type: text/plain" + b'\r\n ;"' * 80_000 + b"\r\n\r\nhi",
    "semicolons after bare returns": HEAD + b'Content-Type: text/plain; x="' + b"\r ;;;" * 50_000 + b"\n\nhi",
    "semicolons in a disposition": HEAD + b'Content-Disposition: a; x="' + b";" * 160_000 + b"\r\n\r\nhi",
    "semicolons in a part": REPORT + b'Content-Type: text/plain; x="' + b";" * 160_000 + b"\r\n\r\nhi\r\n--b--",
    "a report of blank lines": REPORT + FIELDS + b"\r\n" * 200_000,
    "a report of many blocks": REPORT + FIELDS + b"a: b\r\n\r\n" * 200_000,
    "a report in words, of blank lines": DAEMON + b" \n" * 50_000,
    "a report in words, of marks": DAEMON + b">" * 50_000,
    "parts in parts": HEAD + NESTED + b"\n" * 150_000,
    "many parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n\n" * 200_000,
    "many headers": HEAD + b"X: y\n" * 200_000 + b"\nhi",
    "one long header": b"From: " + b'(<"' * 200_000 + b"\n\nhi",
    "a bracket for each letter": HEAD + b"Content-Type: text/html\n\n" + b"<" * 400_000,
}  # fmt: skip


@pytest.mark.promise("slow-mail-bounded")
@pytest.mark.parametrize("name", SLOW)
def test_a_message_made_to_be_slow_is_read_at_once(name: str) -> None:
    began = time.process_time()
    replies.read(SLOW[name])
    # The slowest of these took 46 seconds before there were bounds.
    assert time.process_time() - began < 1.5


def test_an_ordinary_message_is_read_whole() -> None:
    letter = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nagree\r\n--b\r\n"
    letter += (
        b"Content-Type: application/pdf; name=plan.pdf\r\n\r\n" + (b"x" * 76 + b"\r\n") * 50_000 + b"--b--"
    )
    incoming = replies.read(letter)
    assert (incoming.words.first, incoming.files, incoming.whole) == ("agree", ("plan.pdf",), True)
    assert not replies.read(SLOW["many parts"]).whole


LOOP = (
    "from notifications.incoming import reader, replies\n"
    "reader.CPU, usual = 1, replies.read\n"
    "replies.read = lambda content, server: usual(content, server) if b'quick' in content else max(iter(int, 1))\n"
    "reader._serve()"
)


@pytest.mark.promise("slow-mail-bounded")
def test_reading_ends_at_its_limit_and_the_next_message_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        reader, "_start",
        lambda: subprocess.Popen([sys.executable, "-c", LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE),
    )  # fmt: skip
    with Reader() as limited:
        with pytest.raises(Unreadable, match="more than"):
            limited.read(HEAD + b"\r\nslow")
        assert limited.read(HEAD + b"\r\nquick").words.first == "quick"


def test_the_process_that_reads_knows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNERSHIPS_IMAP_PASSWORD", "secret")
    with Reader() as limited:
        assert limited.read(HEAD + b"\r\nhi").words.first == "hi"
        assert limited._process is not None
        assert b"secret" not in Path(f"/proc/{limited._process.pid}/environ").read_bytes()


@pytest.mark.promise("slow-mail-bounded")
def test_a_message_that_ended_two_daemons_is_set_aside_unread(begin: Begin) -> None:
    life, letter = begin("needs"), Letter("1", HEAD + b"\r\nhi")
    digest = judge.digest_of(letter)
    for daemon, minutes in (("first", 2), ("second", 1)):
        when = life.now - timedelta(minutes=minutes)
        assert life.system.transact(lambda s, d=daemon, w=when: begun.begin(s, digest, w, d))
    with untouched(life):
        judged = judge.judge_letter(life.system, letter, life.now, lambda *_: pytest.fail("it was read"))
    assert (judged.verdict, "begun 2 times" in str(judged.reason)) == ("refused", True)
    table = tables.notices
    with life.system.reading() as session:
        query = select(table.c.to).where(table.c.template == "reply-doubtful")
        assert list(session.connection.scalars(query)) == ["staff@example.org"]
    assert judge.judge_letter(life.system, letter, life.now).verdict == "repeated"


def test_a_message_that_one_daemon_left_is_read_by_the_next(begin: Begin) -> None:
    life, letter = begin("needs"), Letter("1", HEAD + b"\r\nhi")
    life.system.transact(lambda s: begun.begin(s, judge.digest_of(letter), life.now, "the one before"))
    assert judge.judge_letter(life.system, letter, life.now).verdict == "unknown"


@pytest.mark.promise("slow-mail-bounded")
def test_what_is_no_message_in_the_maildir_is_not_read_and_holds_up_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    put(folder, b"From: a@example.org\n\nhi")
    secret = tmp_path / "secret"
    secret.write_text("secret", encoding="utf-8")
    new = folder / "new"
    (new / "link").symlink_to(secret)
    (new / "nowhere").symlink_to(tmp_path / "gone")
    (new / "folder").mkdir()
    os.mkfifo(new / "pipe")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(new / "plug"))
    with (new / "huge").open("wb") as file:
        file.truncate(50_000_000_000)
    box = MaildirLetterbox(folder)
    with box.session():
        letters = list(box.letters(10))
        again = list(box.letters(10))
    assert sorted(Path(letter.key).name for letter in letters if letter.problem) == [
        "folder", "link", "nowhere", "pipe", "plug",
    ]  # fmt: skip
    assert [letter.content[:10] for letter in letters if letter.problem is None] == [
        b"From: a@ex",
        b"\0" * 10,
    ]
    assert [letter.problem for letter in again] == [None, None], "each is reported once"


@pytest.mark.promise("slow-mail-bounded")
def test_a_mailbox_full_of_hostile_messages_holds_up_no_tick(begin: Begin) -> None:
    life = begin("needs")
    folder = life.system.config.folder / "replies"
    count, kinds = (5_000 if CHAOS else 60), list(SLOW.values())
    for number in range(count):
        put(folder, b"X-Number: %d\r\n" % number + kinds[number % len(kinds)], f"{number}.host")
    box, verdicts, longest = MaildirLetterbox(folder), [], 0.0
    with untouched(life):
        while True:
            began = time.monotonic()
            turn = list(judge.judge_letters(life.system, box, lambda: life.now))
            longest = max(longest, time.monotonic() - began)
            verdicts += [judged.verdict for judged in turn]
            if not turn:
                break
    assert len(verdicts) == len(rows(life)) == count
    assert {"done", "note"}.isdisjoint(verdicts)
    assert longest < 5
