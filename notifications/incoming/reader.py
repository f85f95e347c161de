"""Reads incoming messages in a process of its own, whose time and memory are limited.

A message that takes too long ends that process and not its caller. The process gets no password and no key: it
has a message on its input and writes what it read to its output.
"""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
from contextlib import suppress
from math import ceil
from threading import Timer
from types import TracebackType
from typing import Self

from notifications.incoming import replies
from notifications.incoming.replies import Incoming

CPU = 2  # seconds of the processor that one message may take, rounded up to the next whole second
_MEMORY = 1_000_000_000  # bytes
_PATIENCE = 60.0  # seconds until an answer, on a machine that has much else to do
_NEEDED = ("PATH", "PYTHONPATH", "LANG", "LC_ALL")


class Unreadable(Exception):
    """A message cannot be read within the limits; the text says why."""


class Reader:
    """A process that reads messages one after the other. It starts with the first message."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def read(self, content: bytes, authserv: str = "") -> Incoming:
        """Read a message, as `replies.read` does. Raise `Unreadable` if that takes too much time or memory."""
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = Timer(_PATIENCE, process.kill)
        timer.start()
        try:
            pickle.dump((content, authserv), process.stdin)
            process.stdin.flush()
            answer = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            self.end()
            raise Unreadable(f"reading it took more than {CPU} seconds, or too much memory") from None
        finally:
            timer.cancel()
        if isinstance(answer, Incoming):
            return answer
        raise Unreadable(str(answer))

    def end(self) -> None:
        """End the process, if it runs. The next message starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        # What was not written yet is written when the pipe is closed, and nobody reads it any more.
        with suppress(OSError):
            process.communicate()


def _start() -> subprocess.Popen[bytes]:
    """Start the process. It is in a session of its own, so that Ctrl-C ends the program in order."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # The environment may hold passwords, and this process reads what strangers wrote.
        env={name: os.environ[name] for name in _NEEDED if name in os.environ},
        start_new_session=True,
    )


def _limit(cpu: int) -> None:
    """Let this process use so many more seconds of the processor; the system ends it at the limit."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    # The limit counts from the start of the process, so it moves on with each message.
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(used.ru_utime + used.ru_stime) + cpu - 1, hard))


def _serve() -> None:
    """Read messages from the input until it ends, and write to the output what each of them says."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            content, authserv = pickle.load(source)
        except EOFError:  # the caller has ended
            return
        _limit(CPU)
        try:
            answer: object = replies.read(content, authserv)
        except Exception as error:  # noqa: BLE001 - an error of any kind is one message's, and its caller tells staff
            answer = f"{type(error).__name__}: {error}"[:500]
        pickle.dump(answer, target)
        target.flush()


if __name__ == "__main__":
    _serve()
