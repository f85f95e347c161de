"""Runs one of the programs so that it dies at a named point, as by kill -9, or under terms that it does not have.

    python tests/faults/dying.py [--die POINT --call N] [--lease SECONDS] [--rest SECONDS] -- PROGRAM ARGUMENTS

The programs know nothing of this: what is named is wrapped before they begin.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

PROGRAMS = {"partnershipd": "workflow.daemon.service", "partnershipctl": "workflow.admin.program"}


@dataclass(frozen=True)
class Point:
    """Before or after a function, named as the module that calls it knows it."""

    when: str  # before or after
    module: str
    name: str  # a function, or CLASS.METHOD


COMMIT = ("sqlalchemy.engine.default", "DefaultDialect.do_commit")
POINTS = {
    # of a tick
    "before the procedure is taken up": Point("after", "workflow.clock.replan", "replan"),
    "before a batch is committed": Point("after", "workflow.clock.fire", "_step"),
    "after a batch is committed": Point("before", "workflow.daemon.report", "log_changes"),
    "before a digest is committed": Point("after", "workflow.outbox.digest", "gather"),
    "before anything is delivered": Point("before", "workflow.outbox.delivery", "deliver"),
    "before a claim is committed": Point("after", "workflow.outbox.delivery", "_claim"),
    "between claim and delivery": Point("before", "workflow.outbox.delivery", "_attempt"),
    "after delivery, before it is settled": Point("after", "workflow.outbox.delivery", "_attempt"),
    "before it is settled for good": Point("after", "workflow.outbox.delivery", "_settle"),
    # of a file in a Maildir
    "a letter written, not in its place": Point("before", "os", "fsync"),
    "a letter in its place, not synced": Point("before", "notifications.mailers", "sync_folder"),
    # of a reply
    "before a reply is committed": Point("after", "workflow.inbox.judge", "_judge"),
    "between a reply's commit and its move": Point(
        "before", "notifications.incoming.letterboxes", "MaildirLetterbox.mark_seen"
    ),
    # of a form
    "before a form is acted on": Point("before", "workflow.actions.action", "act"),
    "before a form is committed": Point("after", "workflow.actions.action", "act"),
    "after a form is committed": Point("before", "workflow.web.event_page", "_done"),
    # of the database
    "before a commit": Point("before", *COMMIT),
    "after a commit": Point("after", *COMMIT),
    # of the programs that set up
    "before the keys are made": Point("before", "workflow.admin.init", "_make_keys"),
    "amid the tables": Point("after", "alembic.op", "create_table"),
    "after the tables are made": Point("after", "alembic.command", "upgrade"),
    "before the import writes an event": Point("before", "workflow.engine", "write"),
    "after a partnership is imported": Point("after", "workflow.record.importing", "_import_partnership"),
    "after the import is committed": Point("after", "workflow.record.importing", "take_in"),
}


def place_of(point: Point) -> tuple[Any, str]:
    """The module or class that has the function, and its name there."""
    *path, name = point.name.split(".")
    place: Any = importlib.import_module(point.module)
    for step in path:
        place = getattr(place, step)
    return place, name


def wrap(point: Point, call: int) -> None:
    """Let the process die at the `call`-th time that it comes to a point."""
    place, name = place_of(point)
    inner, calls = getattr(place, name), 0

    def dying(*words: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and point.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        made = inner(*words, **named)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    setattr(place, name, dying)


def command(program: str, *, die: str = "", call: int = 1, lease: float = 0, rest: float = 0) -> list[str]:
    """How to run one of the programs like this; its arguments are to follow."""
    words = [sys.executable, str(Path(__file__)), "--call", str(call)]
    words += ["--die", die] if die else []
    words += ["--lease", str(lease)] if lease else []
    words += ["--rest", str(rest)] if rest else []
    return [*words, "--", program]


def main() -> None:
    reading = argparse.ArgumentParser()
    reading.add_argument("--die", choices=POINTS)
    reading.add_argument("--call", type=int, default=1)
    reading.add_argument("--lease", type=float)
    reading.add_argument("--rest", type=float)
    reading.add_argument("program", choices=PROGRAMS)
    reading.add_argument("arguments", nargs=argparse.REMAINDER)
    given = reading.parse_args()
    program: Callable[..., Any] = importlib.import_module(PROGRAMS[given.program]).main
    if given.lease:
        importlib.import_module("workflow.outbox.delivery").LEASE = timedelta(seconds=given.lease)  # type: ignore[attr-defined]
    if given.rest:
        importlib.import_module("workflow.outbox.throttle").RESTS = (timedelta(seconds=given.rest),)  # type: ignore[attr-defined]
    if given.die:
        wrap(POINTS[given.die], given.call)
    sys.argv = [given.program, *given.arguments]
    program()


if __name__ == "__main__":
    main()
