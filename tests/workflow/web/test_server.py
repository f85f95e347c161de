"""The web server around the pages."""

from __future__ import annotations

import socket
import urllib.request
from typing import Any

import pytest
from flask import Flask

from tests.support.house import free_port
from workflow.web.server import Server


def test_a_name_with_several_addresses_is_listened_on_at_the_first_and_closed_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.getaddrinfo

    def resolved(host: str, port: int, family: int = 0, *rest: Any, **more: Any) -> list[Any]:
        addresses = ("127.0.0.1", "127.0.0.2") if host == "localhost" else (host,)
        return [entry for one in addresses for entry in real(one, port, family, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    app = Flask("pages")
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.add_url_rule("/", view_func=lambda: "here")
    port = free_port()
    server = Server(app, "localhost", port)
    server.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
        assert page.read() == b"here"
    server.close()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/")
