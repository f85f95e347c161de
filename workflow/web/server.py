"""The web server around the pages: listens, answers in a few threads, finishes what it holds when it closes."""

from __future__ import annotations

import contextlib
import socket
import threading

from flask import Flask
from waitress.server import create_server

THREADS = 4
PATIENCE = 5.0  # seconds for the pages that are being made when it closes


class Server:
    """Pages at a host and port. Raises `OSError`, `OverflowError` or `ValueError` if it cannot listen there."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        # The first of a name's addresses: of several, waitress makes several servers that end in another way.
        *_, found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0]
        largest = app.config["MAX_CONTENT_LENGTH"]
        self._server = create_server(
            app,
            host=found[0],
            port=port,
            threads=THREADS,
            # X-Forwarded-For is left alone here, and read by the pages or not at all.
            clear_untrusted_proxy_headers=False,
            # What is a little too large still gets a page that says so; what is larger is not even taken in.
            max_request_body_size=2 * largest,
        )
        self._loop = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Answer from now on, in threads of its own."""
        self._loop.start()

    def close(self) -> None:
        """Finish and send the pages that are being made, and listen no more. Takes a few seconds at most."""
        # In this order: a thread that is still at a page would wake a loop that is gone.
        self._server.task_dispatcher.shutdown(timeout=PATIENCE)
        # In the loop, which alone may close what it waits for.
        with contextlib.suppress(OSError):
            self._server.trigger.pull_trigger(self._hang_up)
        self._loop.join(timeout=PATIENCE)

    def _hang_up(self) -> None:
        for channel in list(self._server.active_channels.values()):
            channel.close_when_flushed = True
        self._server.close()
