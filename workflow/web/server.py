"""Serves the pages: listens, answers in a few threads, and finishes the pages in progress before closing."""

from __future__ import annotations

import contextlib
import socket
import threading

from flask import Flask
from waitress.server import create_server

THREADS = 4
# Connections at one time. A request is read whole before a thread makes its page, so a slow one costs a connection
# only. Half-open ones end after `IDLE` seconds without a byte. Fewer than the 1,024 files that a process may open.
CONNECTIONS, IDLE = 800, 60
PATIENCE = 5.0  # seconds to wait for the pages in progress when the server closes


class Server:
    """A server at one host and port. Raise `OSError`, `OverflowError` or `ValueError` if it cannot listen there."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        # Only the first address of a host name. For several, waitress makes a set of servers that closes in another
        # way than `close` does.
        *_, endpoint = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0]
        largest = app.config["MAX_CONTENT_LENGTH"]
        self._server = create_server(
            app,
            host=endpoint[0],
            port=port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE,
            cleanup_interval=10,
            # The application alone decides whether to trust X-Forwarded-For, so waitress must not remove it.
            clear_untrusted_proxy_headers=False,
            # The application answers a request that is a little too large with a page that says so. The
            # server refuses a larger one before it reads it.
            max_request_body_size=2 * largest,
        )
        self.port = port
        self._loop = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Start to answer requests, in threads of the server."""
        self._loop.start()

    @property
    def connections(self) -> int:
        """Return how many connections are open, those of requests that are not whole among them."""
        return len(self._server.active_channels)

    def close(self) -> None:
        """Finish the pages in progress, send them, and stop listening. Wait for at most two times `PATIENCE`.

        1. Stop the threads that make pages.
        2. Let the loop send the finished pages and close the socket.
        3. Wait for the loop to end.
        """
        # The threads stop first: a thread that finished later would wake a loop that no longer exists.
        self._server.task_dispatcher.shutdown(timeout=PATIENCE)
        # Only the loop may close the sockets that it waits for, so it runs `_hang_up` itself. The trigger is gone
        # already (`OSError`) if the loop has ended.
        with contextlib.suppress(OSError):
            self._server.trigger.pull_trigger(self._hang_up)
        self._loop.join(timeout=PATIENCE)

    def _hang_up(self) -> None:
        for channel in list(self._server.active_channels.values()):
            channel.close_when_flushed = True
        self._server.close()
