"""A district that is alive: its daemon runs under a shifted clock and sends by SMTP; people open their messages."""

from __future__ import annotations

import re
import subprocess
from email.message import EmailMessage
from email.utils import parseaddr
from html import unescape

from tests.support.facts import instant
from tests.support.house import PROGRAM, fetched, free_port, until
from tests.support.office import Office, address
from tests.support.post import letter
from tests.support.smtp_server import Desk
from tests.support.visitor import words


def links(message: EmailMessage) -> list[tuple[str, str]]:
    """The links of a message's HTML part: what each says, and where it leads."""
    part = message.get_body(("html",))
    assert part is not None
    found = re.findall(r'<a\b[^>]*\bhref="([^"]*)"[^>]*>(.*?)</a>', part.get_content(), re.S)
    return [(words(said), unescape(href)) for href, said in found]


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
        self.office.now = instant(when)
        with (self.office.folder / "log").open("ab") as log:
            self.running = subprocess.Popen(
                [str(PROGRAM)], cwd=self.office.folder, env=self.office.shifted(), stderr=log, stdout=log,
            )  # fmt: skip
        until(self._healthy, "the daemon's first tick")
        return self

    def _healthy(self) -> bool:
        assert self.running is not None
        assert self.running.poll() is None, (self.office.folder / "log").read_text(encoding="utf-8")
        return fetched(f"{self.base}/healthz")[0] == 200

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
            fresh = reversed(self.letters(to)[after:])
            return next((href for message in fresh for said, href in links(message) if said == says), None)

        return str(until(look, f"a message to {to} with a link {says!r}"))
