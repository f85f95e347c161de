"""A district that is alive: its daemon runs under a shifted clock and sends by SMTP; people open their messages."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeVar

from aiosmtpd.smtp import Envelope

from tests.notifications.test_mailers import Desk
from tests.support.house import free_port
from tests.support.office import Office, address, wall
from tests.support.post import letter

T = TypeVar("T")
PATIENCE = 30.0  # seconds that something may take on a busy machine


def awaited(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, once it finds something. Fails if it never does."""
    until = time.monotonic() + PATIENCE
    while (found := look()) is None:
        assert time.monotonic() < until, f"it never came: {what}"
        time.sleep(0.05)
    return found


class _Anchors(HTMLParser):
    """The links of a document: where each leads, and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._href: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href = dict(attrs).get("href")
            self.found.append((self._href or "", ""))

    def handle_data(self, data: str) -> None:
        if self._href is not None:
            href, said = self.found[-1]
            self.found[-1] = (href, said + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None


def links(message: EmailMessage) -> list[tuple[str, str]]:
    """The links of a message's HTML part: what each says, and where it leads."""
    part = message.get_body(("html",))
    assert part is not None
    anchors = _Anchors()
    anchors.feed(part.get_content())
    return [(" ".join(said.split()), href) for href, said in anchors.found]


class Town:
    """The folder, the mail server's desk, and the daemon that runs in between."""

    def __init__(self, office: Office, desk: Desk) -> None:
        self.office, self.desk, self.port = office, desk, free_port()
        self.running: subprocess.Popen[bytes] | None = None

    def settle(self, settings: str) -> None:
        """Write the configuration: mail by the server, pages on a port of our own."""
        pages = f'[web]\nlisten = "127.0.0.1:{self.port}"\nbase_url = "{self.base}"\n'
        self.office.configure(settings + pages + "[daemon]\ntick_seconds = 0.3\n")
        self.office.ctl("init")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def at(self, when: str) -> Town:
        """Let it be this wall-clock time, with the daemon running and done with what was due."""
        self.stop()
        self.office.now = wall(when)
        program = Path(sys.executable).parent / "partnershipd"
        with (self.office.folder / "log").open("ab") as log:
            self.running = subprocess.Popen(
                [str(program)], cwd=self.office.folder, env=self.office.shifted(), stderr=log, stdout=log,
            )  # fmt: skip
        awaited(self._healthy, "the daemon's first tick")
        return self

    def _healthy(self) -> bool | None:
        assert self.running is not None
        assert self.running.poll() is None, (self.office.folder / "log").read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{self.base}/healthz", timeout=5) as answer:
                return True if answer.status == 200 else None
        except OSError:
            return None

    def stop(self) -> None:
        """End the daemon, if it runs."""
        if self.running is not None:
            self.running.terminate()
            assert self.running.wait(timeout=30) == 0
            self.running = None

    # Mail

    def letters(self, to: str) -> list[EmailMessage]:
        """Every message that somebody has got, the newest last."""
        arrived = (letter(envelope) for envelope in list(self.desk.received))
        return [one for one in arrived if parseaddr(one["To"])[1] == address(to)]

    def link(self, to: str, says: str, after: int = 0) -> str:
        """Where the newest link of this label leads, in a message to somebody; waits until there is one.

        `after` leaves out that many of the person's first messages.
        """

        def look() -> str | None:
            return next(self._said(to, says, after), None)

        return awaited(look, f"a message to {to} with a link {says!r}")

    def _said(self, to: str, says: str, after: int) -> Iterator[str]:
        for message in reversed(self.letters(to)[after:]):
            yield from (href for said, href in links(message) if said == says)

    def reply_to(self, to: str, subject: str) -> tuple[str, EmailMessage]:
        """Where an answer to somebody's newest message with this in its subject goes, and the message."""

        def look() -> EmailMessage | None:
            return next((one for one in reversed(self.letters(to)) if subject in one["Subject"]), None)

        message = awaited(look, f"a message to {to} about {subject!r}")
        return parseaddr(message["Reply-To"])[1], message

    def opened(self, envelope: Envelope) -> EmailMessage:
        """A message as it arrived."""
        return letter(envelope)

    def post(self, message: EmailMessage) -> None:
        """Put a message into the mailbox of the office, as its mail server would."""
        mailbox = self.office.folder / "var" / "replies"
        for folder in ("tmp", "new", "cur"):
            (mailbox / folder).mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex
        (mailbox / "tmp" / name).write_bytes(message.as_bytes())
        (mailbox / "tmp" / name).rename(mailbox / "new" / name)
