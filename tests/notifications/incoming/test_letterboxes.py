"""Messages are found in a Maildir or in a mailbox on a server, and let go of only when they were dealt with."""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from notifications.incoming import letterboxes
from notifications.incoming.letterboxes import ImapLetterbox, Letterbox, LetterboxFailed, MaildirLetterbox
from tests.support.letters import put
from tests.support.post import certify

# A small IMAP server.

HOST = "127.0.0.1"
CAPABILITIES = b"CAPABILITY IMAP4rev1"
_WORDS = re.compile(rb'"(?:[^"\\]|\\.)*"|\([^)]*\)|[^\s"()]+(?:\[[^\]]*\])?')


class MailboxServer:
    """Messages by their uid, and which of them were seen. `sick` makes it answer every fetch with NO."""

    def __init__(self, context: ssl.SSLContext, password: str) -> None:
        self.messages: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self.asked: list[bytes] = []
        self.sick, self.said = False, b""
        self._password, self._context = password.encode(), context
        self._socket = socket.create_server((HOST, 0))
        self.port = int(self._socket.getsockname()[1])
        self._talks: list[threading.Thread] = []
        self._listening = threading.Thread(target=self._listen)

    @contextmanager
    def serving(self) -> Iterator[MailboxServer]:
        self._listening.start()
        try:
            yield self
        finally:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._listening.join()
            for talk in self._talks:
                talk.join()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._socket.accept()
                talk = threading.Thread(target=self._talk, args=(plain,))
                self._talks.append(talk)
                talk.start()

    def _talk(self, plain: socket.socket) -> None:
        with plain, suppress(OSError):
            plain.settimeout(10)
            with self._context.wrap_socket(plain, server_side=True) as line, line.makefile("rwb") as file:
                file.write(b"* OK [" + CAPABILITIES + b"] ready\r\n")
                file.flush()
                while (asked := file.readline()) and self._answer(asked.strip(), file):
                    file.flush()
                file.flush()

    def _answer(self, asked: bytes, file: object) -> bool:
        """Answer one command; False after the last."""
        tag, *words = _WORDS.findall(asked)
        verb = words[0].upper()
        if verb == b"UID":
            verb, words = b"UID " + words[1].upper(), words[1:]
        self.asked.append(verb)
        if verb == b"AUTHENTICATE":
            file.write(b"+ \r\n")  # type: ignore[attr-defined]
            file.flush()  # type: ignore[attr-defined]
            self.said = b64decode(file.readline())  # type: ignore[attr-defined]
        lines, status = self._done(verb, words[1:])
        file.write(b"".join(lines) + tag + b" " + status + b" that is all\r\n")  # type: ignore[attr-defined]
        return verb != b"LOGOUT"

    def _done(self, verb: bytes, words: list[bytes]) -> tuple[list[bytes], bytes]:
        if verb == b"CAPABILITY":
            return [b"* " + CAPABILITIES + b"\r\n"], b"OK"
        if verb == b"AUTHENTICATE":
            return [], b"OK"
        if verb == b"LOGIN":
            right = words[1].strip(b'"') == self._password
            return [], b"OK" if right else b"NO wrong password: " + words[1]
        if verb == b"SELECT":
            return [b"* %d EXISTS\r\n" % len(self.messages)], b"OK [READ-WRITE]"
        if verb == b"UID SEARCH":
            unseen = b" ".join(b"%d" % uid for uid in sorted(self.messages) if uid not in self.seen)
            return [b"* SEARCH " + unseen + b"\r\n"], b"OK"
        if verb == b"UID FETCH":
            return ([], b"NO try later") if self.sick else ([self._fetched(int(words[0]), words[1])], b"OK")
        if verb == b"UID STORE":
            self.seen.add(int(words[0]))
            return [], b"OK"
        return ([b"* BYE\r\n"], b"OK") if verb == b"LOGOUT" else ([], b"BAD unknown")

    def _fetched(self, uid: int, parts: bytes) -> bytes:
        message = self.messages[uid]
        if b"SIZE" in parts:
            return b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, len(message))
        name = b"BODY[HEADER]" if b"HEADER" in parts else b"BODY[]"
        given = message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if b"HEADER" in parts else message
        if b"PEEK" not in parts:
            self.seen.add(uid)
        return b"* %d FETCH (UID %d %s {%d}\r\n%s)\r\n" % (uid, uid, name, len(given), given)


# The tests

ONE = b"From: principal@example.org\r\nSubject: One\r\n\r\nagree\r\n\x00\xff"
TWO = b"From: staff@example.org\r\nSubject: Two\r\n\r\n" + b"x" * 500
PASSWORD = "open sesame"


def contents(box: Letterbox, most: int = 10) -> list[bytes]:
    with box.session():
        return [letter.content for letter in box.letters(most)]


def take_all(box: Letterbox, most: int = 10) -> None:
    with box.session():
        for letter in box.letters(most):
            box.mark_seen(letter)


# A Maildir


def test_a_maildir_that_is_not_there_is_made_so_that_mail_can_be_delivered_there(tmp_path):
    assert contents(MaildirLetterbox(tmp_path / "replies")) == []
    assert {path.name for path in (tmp_path / "replies").iterdir()} == {"tmp", "new", "cur"}


def test_what_is_new_or_unseen_is_found_byte_for_byte_the_oldest_first(tmp_path):
    box = MaildirLetterbox(tmp_path)
    for age, (name, content) in enumerate({"b": TWO, "a": ONE}.items()):
        os.utime(put(tmp_path, content, name), (1000 + age, 1000 + age))
    put(tmp_path, b"moved by a mail reader").rename(tmp_path / "cur" / "c:2,")
    put(tmp_path, b"seen").rename(tmp_path / "cur" / "d:2,S")
    put(tmp_path, b"of the file system", ".nfs1")
    assert contents(box) == [TWO, ONE, b"moved by a mail reader"]
    assert contents(box, most=1) == [TWO]


def test_what_was_taken_is_seen_and_keeps_its_other_flags(tmp_path):
    put(tmp_path, ONE, "a")
    put(tmp_path, TWO).rename(tmp_path / "cur" / "b:2,F")
    take_all(MaildirLetterbox(tmp_path))
    assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == ["a:2,S", "b:2,FS"]
    assert contents(MaildirLetterbox(tmp_path)) == []


def test_what_somebody_else_moved_meanwhile_stays_where_it_is(tmp_path):
    path = put(tmp_path, ONE, "a")
    box = MaildirLetterbox(tmp_path)
    with box.session():
        (letter,) = box.letters(10)
        path.rename(tmp_path / "cur" / "a:2,F")
        box.mark_seen(letter)
    assert [path.name for path in (tmp_path / "cur").iterdir()] == ["a:2,F"]


def test_of_a_large_message_only_the_head_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(letterboxes, "MOST", 100)
    put(tmp_path, TWO)
    box = MaildirLetterbox(tmp_path)
    with box.session():
        (letter,) = box.letters(10)
    assert not letter.whole
    assert TWO.startswith(letter.content)


def test_what_cannot_be_read_is_told_and_stands_in_nobodys_way(tmp_path):
    put(tmp_path, ONE, "b")
    (tmp_path / "new" / "a").mkdir()
    box = MaildirLetterbox(tmp_path)
    with box.session():
        letters = list(box.letters(1))
    assert [letter.content for letter in letters if letter.problem is None] == [ONE]


def test_a_maildir_that_cannot_be_says_so(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(LetterboxFailed, match="file"):
        contents(MaildirLetterbox(tmp_path / "file"))


# A mailbox on a server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def offered(folder: Path) -> ssl.SSLContext:
    return certify(folder)


@pytest.fixture
def server(offered: ssl.SSLContext) -> Iterator[MailboxServer]:
    with MailboxServer(offered, PASSWORD).serving() as serving:
        serving.messages = {3: ONE, 5: TWO}
        yield serving


@pytest.fixture
def box(server: MailboxServer, folder: Path) -> ImapLetterbox:
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    return ImapLetterbox(HOST, server.port, "office", PASSWORD, timeout=5, context=context)


def test_a_mailbox_gives_what_nobody_has_seen_byte_for_byte_and_marks_nothing_by_itself(box, server):
    assert contents(box) == [ONE, TWO]
    assert contents(box, most=1) == [ONE]
    assert server.seen == set()


def test_what_was_taken_from_a_mailbox_is_marked_as_seen(box, server):
    take_all(box, most=1)
    assert server.seen == {3}
    assert b"EXPUNGE" not in server.asked, "what others have marked as deleted is theirs"
    assert contents(box) == [TWO]


def test_of_a_large_message_in_a_mailbox_only_the_head_is_fetched(box, monkeypatch):
    monkeypatch.setattr(letterboxes, "MOST", 100)
    with box.session():
        first, second = box.letters(10)
    assert (first.content, first.whole) == (ONE, True)
    assert (second.content, second.whole) == (TWO[:-500], False)


def test_a_message_that_a_mailbox_does_not_give_is_told(box, server):
    server.sick = True
    with box.session():
        letters = list(box.letters(10))
    assert [letter.content for letter in letters] == [b"", b""]
    assert all(letter.problem for letter in letters)


def test_every_session_ends_with_a_goodbye(box, server):
    contents(box)
    assert server.asked[-1] == b"LOGOUT"


def test_a_wrong_password_is_told_without_it(server, folder):
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    box = ImapLetterbox(HOST, server.port, "office", "not this one", timeout=5, context=context)
    with pytest.raises(LetterboxFailed, match="wrong password") as failed:
        contents(box)
    assert "not this one" not in str(failed.value)
    assert "not this one" not in repr(box)


def test_a_file_with_an_access_token_is_read_before_each_login(server, folder, tmp_path):
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    file = tmp_path / "token"
    box = ImapLetterbox(HOST, server.port, "office", "", timeout=5, context=context, token_file=file)
    with pytest.raises(LetterboxFailed, match="token"):
        contents(box)
    for token in ("first", "second"):
        file.write_text(f"{token}\n", encoding="utf-8")
        assert contents(box) == [ONE, TWO]
        assert server.said == f"user=office\1auth=Bearer {token}\1\1".encode()


def test_a_certificate_nobody_vouches_for_is_refused(server):
    box = ImapLetterbox(HOST, server.port, "office", PASSWORD, timeout=5)
    with pytest.raises(LetterboxFailed, match="certificate"):
        contents(box)
    assert server.asked == []


def test_a_server_that_is_down_is_told():
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(LetterboxFailed, match=f"{HOST}:{port}"):
        contents(ImapLetterbox(HOST, port, "office", PASSWORD, timeout=5))


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_allowed():
    with socket.create_server((HOST, 0)) as silent:
        box = ImapLetterbox(HOST, silent.getsockname()[1], "office", PASSWORD, timeout=0.2)
        with pytest.raises(LetterboxFailed, match="timed out"):
            contents(box)
