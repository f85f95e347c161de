"""A small IMAP server (RFC 3501) with one folder, over TLS, as much of it as reading new mail takes."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HOST = "127.0.0.1"
CAPABILITIES = b"CAPABILITY IMAP4rev1"
_WORDS = re.compile(rb'"(?:[^"\\]|\\.)*"|\([^)]*\)|[^\s"()]+(?:\[[^\]]*\])?')


class MailboxServer:
    """Messages by their uid, and which of them were seen. `sick` makes it answer every fetch with NO."""

    def __init__(self, context: ssl.SSLContext, password: str) -> None:
        self.messages: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self.asked: list[bytes] = []
        self.sick = False
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
        lines, status = self._done(verb, words[1:])
        file.write(b"".join(lines) + tag + b" " + status + b" that is all\r\n")  # type: ignore[attr-defined]
        return verb != b"LOGOUT"

    def _done(self, verb: bytes, words: list[bytes]) -> tuple[list[bytes], bytes]:
        if verb == b"CAPABILITY":
            return [b"* " + CAPABILITIES + b"\r\n"], b"OK"
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
