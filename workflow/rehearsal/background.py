"""Works the next 90 days out in a process of its own, when somebody looks, and keeps the last result in memory.

A rehearsal of a hundred partnerships takes a minute of a processor. So:

1. A page never waits for it. It shows the last result with its age, or says that there is none yet.
2. A child process does the work, at a low priority. Threads of pages and ticks share one interpreter, where a
   rehearsal would slow them down; a child runs beside them, and its memory is free again when it ends.
3. One child runs at a time for each daemon. It starts when somebody looks and the result is of another day, of an
   earlier state of the record, or of other settings. The next one starts at the earliest `REST` after the last one
   ended, since the record may change every minute. Nothing runs while nobody looks.
4. The result is written neither to the database nor to a file. It can be worked out again, so there is nothing to
   migrate, to back up, to destroy, or to guard by rights. Where several daemons share a database,
   each keeps its own.
5. The child only reads the database, on SQLite as on PostgreSQL (`copying`). It ends with its daemon.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import func, select

from notifications.errors import ServiceError
from workflow.procedure.config import Config
from workflow.rehearsal.ahead import Ahead, look_ahead
from workflow.session import Session, System, open_system
from workflow.store import tables

REST = timedelta(minutes=10)
_LONGEST = 3600.0  # seconds after which a child is ended
_NICE = 15

log = structlog.get_logger("partnershipd.ahead")


class NotWorkedOut(Exception):
    """Says why a child brought no result."""


@dataclass(frozen=True)
class Version:
    """What a result was worked out from. Another day, record, directory or configuration gives another result."""

    day: date
    events: int
    directory: str
    settings: Config = field(compare=False)

    @classmethod
    def of(cls, session: Session, now: datetime) -> Version:
        """Return the version of the record as a session sees it."""
        # The version of a partnership is the number of its events.
        events = session.connection.scalar(select(func.sum(tables.partnerships.c.version))) or 0
        config = session.config
        return cls(config.calendar.day(now), int(events), session.directory.version, config)

    def is_as(self, other: Version) -> bool:
        """Return whether both are of the same record, read with the same settings."""
        return self == other and self.settings is other.settings


@dataclass(frozen=True)
class Standing:
    """What there is to show. `failed_at` is when the last attempt brought no result; None if it did."""

    ahead: Ahead | None
    is_fresh: bool  # nothing has changed since it was worked out
    is_running: bool
    failed_at: datetime | None


Work = Callable[[System, datetime], Ahead]
Start = Callable[[Callable[[], None]], None]


def run_child(system: System, now: datetime) -> Ahead:
    """Look ahead in a child process. Raise `NotWorkedOut` if it brings no result."""
    path = system.config.path
    # -P keeps modules out that lie in the folder in which the daemon was started.
    command = [
        sys.executable,
        "-P",
        "-m",
        "workflow.rehearsal.background",
        str(path.resolve()) if path else "",
    ]
    child = subprocess.Popen(
        [*command, now.isoformat(), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        result, problems = child.communicate(timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise NotWorkedOut(f"it took more than {_LONGEST:.0f} seconds") from None
    if child.returncode:
        lines = problems.decode(errors="replace").strip().splitlines()
        raise NotWorkedOut(lines[-1] if lines else f"it ended with status {child.returncode}")
    return Ahead.model_validate_json(result)


def _start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="ahead", daemon=True).start()


class Background:
    """Keeps the last look ahead of a system, and starts the next one where it is needed."""

    def __init__(self, work: Work = run_child, start: Start = _start_thread) -> None:
        self._work, self._start = work, start
        self._lock = threading.Lock()
        self._ahead: Ahead | None = None
        self._version: Version | None = None
        self._tried_at: datetime | None = None  # when the last attempt ended
        self._failed_at: datetime | None = None
        self._running = False

    def look(self, system: System, now: datetime) -> Standing:
        """Return what there is to show, and start to work it out anew if it is out of date."""
        with system.reading() as session:
            version = Version.of(session, now)
        with self._lock:
            fresh = self._version is not None and self._version.is_as(version)
            begins = not fresh and not self._running and self._may_try(now)
            self._running = self._running or begins
        if begins:
            self._start(lambda: self._work_out(system, version, now))
        with self._lock:
            fresh = self._version is not None and self._version.is_as(version)
            return Standing(self._ahead, fresh, self._running, self._failed_at)

    def _may_try(self, now: datetime) -> bool:
        # A clock that was set back must not keep everybody waiting.
        return self._tried_at is None or abs(now - self._tried_at) >= REST

    def _work_out(self, system: System, version: Version, now: datetime) -> None:
        """Work it out and keep the result. After a failure keep the last one."""
        began = time.monotonic()
        try:
            ahead = self._work(system, now)
        except NotWorkedOut as error:
            log.error("the next 90 days cannot be worked out", problem=str(error))  # noqa: TRY400 - words say it
            ahead = None
        except Exception:
            log.exception("the next 90 days cannot be worked out")
            ahead = None
        took = timedelta(seconds=time.monotonic() - began)
        with self._lock:
            if ahead is not None:
                self._ahead, self._version = ahead, version
            self._failed_at = now if ahead is None else None
            self._tried_at, self._running = now + took, False


def main(arguments: Sequence[str]) -> int:
    """Work it out as a child of a daemon, and write the result to standard output as JSON."""
    path, now, parent = arguments
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    # The unit of systemd may forbid it. The work is done all the same.
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    # What happens in a rehearsal is no event of the daemon, so it must not reach its log, nor the result.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        system = open_system(Path(path) if path else None, words=False)
        result = look_ahead(system, datetime.fromisoformat(now)).model_dump_json()
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    print(result)
    return 0


def _end_with(parent: int) -> None:
    """End this process soon after the daemon that started it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
