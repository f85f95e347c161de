"""A district with the real `partnershipd` running in it, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from tests.support import databases
from tests.support.district import Life, found, written
from tests.support.facts import LA, way
from workflow.clock import replan
from workflow.procedure import config
from workflow.session import System, current_time
from workflow.store import chain, database, tables
from workflow.store.database import open_store

T = TypeVar("T")
PROGRAM = Path(sys.executable).parent / "partnershipd"
CALL, NEW = "call-rainier", "new-franklin"  # a call that has run out, and needs identified just now


def until(found: Callable[[], T], what: str, timeout: float = 30, every: float = 0.02) -> T:
    """What `found` gives as soon as that is true. Fails if it is not within `timeout` seconds."""
    pause, last = threading.Event(), time.monotonic() + timeout
    while not (value := found()):
        if time.monotonic() > last:
            raise AssertionError(f"not within {timeout} seconds: {what}")
        pause.wait(every)
    return value


def fetched(url: str) -> tuple[int, str]:
    """A page's status and text; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def founded(folder: Path) -> None:
    """A database with two partnerships in it, as of now; nothing of them has been told yet."""
    found(folder)
    settings = config.load(written(folder), words=False)
    opened = System(settings, open_store(settings.database_url))
    now = datetime.now(LA).replace(microsecond=0)
    call, new = Life(opened, CALL), Life(opened, NEW, "franklin")
    call.now, new.now = now - timedelta(days=30), now - timedelta(minutes=1)
    for step in way("needs-agreed"):
        call.do(step.event, step.by)
    call.do("open-selection", closes_on=(call.now + timedelta(days=21)).date().isoformat())
    new.do("identify-needs")
    opened.transact(lambda session: replan.replan(session, now.astimezone(UTC)))
    call.set_up("DELETE FROM notices")
    opened.engine.dispose()


class House:
    """A folder with a configuration and a database, and whatever daemon runs on them."""

    def __init__(self, source: Path | None, folder: Path, database: Path | None = None) -> None:
        if source is not None:
            databases.copy(source, folder)
        self.folder, self.database, self.port = folder, database or folder, free_port()
        self.address = databases.address(self.database)  # as its configuration has it
        (folder / "keys").write_text("k" * 48, encoding="ascii")
        (folder / "keys").chmod(0o600)
        self.running: subprocess.Popen[bytes] | None = None
        self.neighbours: list[House] = []
        self.configure()

    def neighbour(self, folder: Path) -> House:
        """Another house with the same database, on a server that takes several daemons."""
        folder.mkdir()
        self.neighbours.append(House(None, folder, self.database))
        return self.neighbours[-1]

    def configure(
        self, text: str = "", tick: float = 0.2, mail: str = "", log: str = "json", web: str = "",
        daemon: str = "",
    ) -> None:  # fmt: skip
        """Write a configuration: `text` after the tables that every house has."""
        maildir = "" if mail else 'maildir = "mail"\n'
        (self.folder / "config.toml").write_text(
            f"[database]\nurl = {json.dumps(self.address)}\n"
            f'[web]\nlisten = "127.0.0.1:{self.port}"\nbase_url = "http://127.0.0.1:{self.port}"\n'
            f'keys_file = "keys"\n{web}\n'
            f'[log]\nformat = "{log}"\n[summary]\nroles = []\n'
            f"[daemon]\ntick_seconds = {tick}\n{daemon}\n[mail]\n{maildir}{mail}\n{text}",
            encoding="utf-8",
        )

    def start(self, *words: str, command: Sequence[str] = (str(PROGRAM),), **environment: str) -> None:
        """Start a daemon; what it logs goes to a file."""
        known = {k: v for k, v in os.environ.items() if not k.startswith(("PARTNERSHIPS_", "NOTIFY_"))}
        with self.log_file.open("ab") as log:
            self.running = subprocess.Popen(
                [*command, "--config", str(self.folder / "config.toml"), *words],
                stderr=log, stdout=log, stdin=subprocess.DEVNULL, env=known | environment,
            )  # fmt: skip

    @property
    def log_file(self) -> Path:
        return self.folder / "log"

    def signal(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    def is_over(self) -> bool:
        """Whether the daemon has ended or was killed."""
        return self.running is not None and self.running.poll() is not None

    def ended(self, within: float = 20) -> int:
        """The exit status of the daemon, which must end by itself in time."""
        assert self.running is not None
        return self.running.wait(timeout=within)

    def asked_to_end(self) -> int:
        """Its exit status after it was asked to end. One that is still starting would be ended at once."""
        until(lambda: self.logged("running"), "it runs")
        self.signal(signal.SIGTERM)
        return self.ended()

    def end(self) -> None:
        """Make an end of whatever still runs, here and in the houses that were founded beside this one."""
        for other in self.neighbours:
            other.end()
        if self.running is not None and self.running.poll() is None:
            self.running.kill()
            self.running.wait(timeout=20)

    def logged(self, event: str = "") -> list[dict[str, Any]]:
        """The lines of the log (in JSON) about something."""
        whole = self.log_file.read_text(encoding="utf-8").rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if event in ("", line["event"])]

    def page(self, path: str) -> tuple[int, str]:
        return fetched(f"http://127.0.0.1:{self.port}{path}")

    def healthy(self) -> bool:
        return self.page("/healthz")[0] == 200

    def metric(self, name: str) -> float | None:
        """The value of one metric, by its name with its labels."""
        lines = self.page("/metrics")[1].splitlines()
        values = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " ")]
        return values[0] if values else None

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement with a value for each question mark; the rows it gives."""
        named = {f"value_{number}": value for number, value in enumerate(values)}
        for name in named:
            statement = statement.replace("?", f":{name}", 1)
        return databases.rows(self.database, statement, **named)

    def set_deadlines(self, statement: str, *values: Any) -> None:
        """Change deadlines by one statement as if the program had done it: the second chain commits to them."""
        self.sql(statement, *values)

        def commit(connection: Connection) -> None:
            keys = connection.execute(select(tables.deadlines.c.id)).all()
            chain.note(connection, "deadlines", [tuple(key) for key in keys])

        made = open_store(config.load(self.folder / "config.toml", words=False).database_url)
        database.transact(made, commit)
        made.dispose()

    def postpone(self, seconds: float) -> None:
        """Let the deadline of NEW fall due that much later than now, and everything else be over."""
        self.set_deadlines("UPDATE deadlines SET status = 'cancelled'")
        due = current_time() + timedelta(seconds=seconds)
        self.set_deadlines(
            "UPDATE deadlines SET status = 'open', due_at = ?, next_at = ? WHERE name = 'needs-agreed'"
            " AND kind = 'due' AND partnership = (SELECT id FROM partnerships WHERE ref = ?)",
            *[due.strftime("%Y-%m-%d %H:%M:%S.%f")] * 2, NEW,
        )  # fmt: skip

    def letters(self) -> list[Path]:
        return sorted((self.folder / "mail" / "new").glob("*"))

    def faults(self) -> list[str]:
        """What `verify` finds."""
        settings = config.load(self.folder / "config.toml", words=False)
        life = Life(System(settings, open_store(settings.database_url)))
        found = life.faults()
        life.close()
        return found

    def state(self, ref: str) -> str:
        return str(self.sql("SELECT state FROM partnerships WHERE ref = ?", ref)[0][0])


class Systemd:
    """The socket on which systemd would listen to the daemon, and read without delay as it does."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "notify")
        self._said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        while (said := self._socket.recv(4096).decode()) != "close":
            self._said.append(said)

    def heard(self) -> list[str]:
        """Everything the daemon has said so far."""
        return list(self._said)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"close", self.path)
        self._listening.join()
        self._socket.close()
