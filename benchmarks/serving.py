"""Starts a real `partnershipd` that serves pages, asks it for them, and reads how much memory it has.

The programs that run another source tree import this module as well, so it imports nothing of either.
"""

from __future__ import annotations

import contextlib
import http
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_STARTS = 120  # seconds within which a daemon has to be well, after its first tick


class Answer(NamedTuple):
    """What came back for a page: its status, its body, and how many seconds that took."""

    status: int
    body: bytes
    seconds: float


class Served:
    """A daemon that serves pages at a port of this machine."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def ask(self, path: str, form: Mapping[str, str] | None = None) -> Answer:
        """Ask for a page, or send a form."""
        return ask(self.port, path, form)

    def memory(self, name: str = "VmHWM") -> float:
        """Return megabytes of memory: the most that the daemon has had (VmHWM), or what it has now (VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (kilobytes,) = re.findall(rf"{name}:\s+(\d+) kB", status)
        return int(kilobytes) / 1000

    def forget_most(self) -> None:
        """Let the kernel count the most memory anew (proc_pid_clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")


def ask(
    port: int, path: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Ask for a page, or send a form; a redirect is followed. Of an address only the path and the query count."""
    parts = urllib.parse.urlsplit(path)
    url = f"http://127.0.0.1:{port}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    began = time.perf_counter()
    try:
        request = urllib.request.Request(url, body, headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=900) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    return Answer(status, content, time.perf_counter() - began)


@contextlib.contextmanager
def serve(folder: Path, port: int) -> Iterator[Served]:
    """Run the daemon of a folder until the end of the block. Its log is the file `log` in the folder."""
    program = Path(sys.executable).with_name("partnershipd")
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([str(program), "--config", str(folder / "config.toml")], stderr=log)
        try:
            _wait(process, port, folder / "log")
            yield Served(process, port)
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + _STARTS
    while process.poll() is None and time.monotonic() < ends:
        # Before it listens there is no answer, and before its first tick one that it is not well.
        with contextlib.suppress(OSError):
            if ask(port, "/healthz").status == http.HTTPStatus.OK:
                return
        time.sleep(0.2)
    sys.exit(f"the daemon did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
