"""Hold the server of pages by requests that never end, so that nobody else gets a page."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from docs.tables import TOP
from tests.support.house import fetched, free_port, until
from tests.support.office import program
from workflow.web.server import Server

UPLOAD = b"POST /a/x HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\nContent-Type: text/plain\r\n\r\nx"
BEGUN = {
    "silent": (b"", b""),
    "half a head": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X"),
    "a byte now and then": (UPLOAD, b"x"),
}


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of pages, as the daemon starts it."""
    app = Flask("pages", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 1_000_000
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    app.add_url_rule("/calls", "calls", lambda: "the calls")
    made = Server(app, "127.0.0.1", free_port())
    made.start()
    yield made
    made.close()


@contextmanager
def proxied(port: int, folder: Path) -> Iterator[int]:
    """The port of a Caddy before a server, with the settings that the project gives, but without TLS."""
    caddy, front = program("caddy"), free_port()
    text = (TOP / "contrib" / "Caddyfile").read_text(encoding="utf-8")
    assert text.startswith("#")
    assert "\n{\n" in text
    text = text.replace("\n{\n", "\n{\n\tadmin off\n", 1).replace("127.0.0.1:8427", f"127.0.0.1:{port}")
    text = text.replace("partners.example.org {", f"http://:{front} {{")
    version = subprocess.run([caddy, "version"], capture_output=True, check=True, text=True).stdout
    if version.removeprefix("v").startswith(("2.4.", "2.5.", "2.6.")):
        text = text.replace("request_buffers 100KB", "buffer_requests\n\t\tmax_buffer_size 100KB")
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        command = [caddy, "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
        environment = {"HOME": str(folder), "PATH": "/usr/bin"}
        running = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: fetched(f"http://127.0.0.1:{front}/calls")[0] == 200, (folder / "log").read_text())
        yield front
    finally:
        running.terminate()
        running.wait(timeout=20)


@contextmanager
def held(port: int, begun: bytes, then: bytes) -> Iterator[None]:
    """Hold 105 requests open, each of which sends a byte more now and then."""
    with ExitStack() as all_of_them:
        slow = [
            all_of_them.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(105)
        ]
        for more in (begun, then, then):
            for each in slow:
                each.sendall(more)
        yield
        for each in slow:
            each.sendall(then)


def answers(port: int, *paths: str) -> None:
    """Pages come at once. A machine that does other work too may be slow for a moment, so one of three counts."""
    for path in paths:
        taken = []
        for _ in range(3):
            began = time.monotonic()
            assert fetched(f"http://127.0.0.1:{port}{path}")[0] == 200
            taken.append(time.monotonic() - began)
        assert min(taken) < 1


@pytest.mark.promise("limits-only-the-sender")
@pytest.mark.parametrize(("begun", "then"), BEGUN.values(), ids=BEGUN)
def test_slow_requests_do_not_stop_pages(server: Server, begun: bytes, then: bytes) -> None:
    with held(server.port, begun, then):
        answers(server.port, "/healthz", "/calls")


@pytest.mark.promise("limits-only-the-sender")
@pytest.mark.parametrize(("begun", "then"), BEGUN.values(), ids=BEGUN)
def test_behind_caddy_slow_requests_do_not_reach_the_daemon(
    server: Server, tmp_path: Path, begun: bytes, then: bytes
) -> None:
    with proxied(server.port, tmp_path) as front, held(front, begun, then):
        answers(front, "/calls")
        answers(server.port, "/healthz")
        # Caddy keeps a few connections for the pages themselves.
        assert server.connections < 20
