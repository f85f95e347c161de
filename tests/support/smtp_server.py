"""A real SMTP server of a test's own, which answers as the test tells it to."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from notifications.mailers import (
    Mailer,
    SmtpMailer,
)

HOST = "127.0.0.1"
MESSAGE = b"Subject: Report\r\nTo: principal@example.org\r\n\r\nHello.\r\n.\r\n..two\r\n"
PASSWORD = "correct horse"
PEOPLE = {"sender": "office@example.org", "recipient": "principal@example.org"}

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


def send(mailer: Mailer, message: bytes = MESSAGE, key: str = "1", **people: str) -> None:
    mailer.deliver(message, key=key, **{**PEOPLE, **people})


# A real SMTP server


class Desk:
    """What the server does with a message: it keeps it, or answers as a test tells it to."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.connections: list[SMTP] = []
        self.answers: dict[str, str] = {}
        self.drop_at: str | None = None

    def _answer(self, server: SMTP, command: str, agreed: str) -> str:
        if self.drop_at == command:
            server.transport.abort()
        return self.answers.get(command, agreed)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer(server, "MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer(server, "RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        return self._answer(server, "DATA", "250 Taken")

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return self._answer(server, "QUIT", "221 Bye")


class Server(Controller):
    """aiosmtpd in a thread, on a port of the system's choosing, remembering its connections."""

    def __init__(self, desk: Desk, **settings: Any) -> None:
        self.desk = desk
        super().__init__(desk, hostname=HOST, port=0, **settings)

    def factory(self) -> SMTP:
        connection = super().factory()
        self.desk.connections.append(connection)
        return connection

    def _trigger_server(self) -> None:
        """Learns the port before the controller makes its first call to it."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
        self.await_hang_ups()
        self.desk.connections.clear()

    def drop_connections(self) -> None:
        """As a server does with a connection that was idle for too long."""
        for connection in self.desk.connections:
            if connection.transport is not None:
                self.loop.call_soon_threadsafe(connection.transport.abort)
        self.await_hang_ups()

    def await_hang_ups(self) -> None:
        asyncio.run_coroutine_threadsafe(self._until_alone(), self.loop).result(timeout=5)

    async def _until_alone(self) -> None:
        me = asyncio.current_task()
        handlers = [task for task in asyncio.all_tasks() if task is not me]
        await asyncio.gather(*handlers, return_exceptions=True)


@contextmanager
def serving(desk: Desk, **settings: Any) -> Iterator[Server]:
    server = Server(desk, **settings)
    server.start()
    try:
        yield server
    finally:
        server.await_hang_ups()
        server.stop()


def plain(server: Server) -> SmtpMailer:
    return SmtpMailer(HOST, server.port, "none", timeout=5, local_hostname="client.example.org")
