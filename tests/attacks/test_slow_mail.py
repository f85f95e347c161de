"""Somebody sends messages that take long to read, or puts things into the Maildir that are no messages."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from notifications.incoming import reader, replies
from notifications.incoming.letterboxes import Letter, MaildirLetterbox
from notifications.incoming.reader import Reader, Unreadable
from notifications.incoming.replies import Incoming
from tests.support.district import Begin
from tests.support.letters import put, untouched
from tests.support.letters import replies as rows
from tests.workflow.inbox.test_questions import told
from workflow.inbox import aside, begun, judge
from workflow.inbox.message import MOST_TOLD
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
    digest = aside.digest_of(letter)
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
    life.system.transact(lambda s: begun.begin(s, aside.digest_of(letter), life.now, "the one before"))
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


class Shut(MaildirLetterbox):
    """A Maildir as a daemon has it that may not read one of its files: root, which tests may be, reads all."""

    def letters(self, most: int) -> Iterator[Letter]:
        shut = {"shut": f"{self._path / 'new' / 'shut'} cannot be read: Permission denied"}
        for letter in super().letters(most):
            problem = shut.get(Path(letter.key).name)
            yield Letter(letter.key, b"", problem=problem) if problem else letter


@pytest.mark.promise("slow-mail-bounded")
def test_staff_hear_once_of_what_cannot_be_read(begin: Begin, tmp_path: Path) -> None:
    life, folder = begin("needs"), tmp_path / "in"
    put(folder, b"From: a@example.org\n\nhi")
    (folder / "new" / "link").symlink_to(tmp_path / "gone")
    (folder / "new" / "folder").mkdir()
    os.mkfifo(folder / "new" / "pipe")
    put(folder, b"From: b@example.org\n\nhi", "shut")
    # Another daemon takes over now and then, and knows nothing of what the one before has seen.
    for box in [*[Shut(folder)] * 3, Shut(folder)]:
        with untouched(life):
            list(judge.judge_letters(life.system, box, lambda: life.now))
    unread = [row["reason"] for row in rows(life) if row["verdict"] == "refused"]
    assert sorted(Path(reason.split(" ")[0]).name for reason in unread) == ["folder", "link", "pipe", "shut"]
    assert len(told(life, "reply-doubtful")) == 4
    assert "pipe is not a regular file" in "".join(told(life, "reply-doubtful"))


@pytest.mark.promise("limits-only-the-sender")
def test_staff_are_not_flooded_by_messages_that_are_set_aside(begin: Begin) -> None:
    life = begin("needs")

    def fail(*_: object) -> Incoming:
        raise Unreadable("reading it took more than 2 seconds")

    for number in range(12):
        judge.judge_letter(life.system, Letter("1", b"%d" % number), life.now, fail)
    notices = told(life, "reply-doubtful")
    assert (len(rows(life)), len(notices)) == (12, MOST_TOLD)
    assert "You are not told of the following ones" in notices[-1]
