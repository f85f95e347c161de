"""Runs one of the programs so that it dies at a named point, as by kill -9, or under terms that it does not have.

    python tests/faults/dying.py POINT CALL LEASE REST PROGRAM ARGUMENTS, as `command` has it

The programs know nothing of this: what is named is wrapped before they begin.
"""

from __future__ import annotations

import os
import pkgutil
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from workflow.outbox import claims, throttle

PROGRAMS = {"partnershipd": "workflow.daemon.service:main", "partnershipctl": "workflow.admin.program:main"}
# Before or after which function, named as the module that calls it knows it.
POINTS = {
    # of a tick
    "before the procedure is taken up": ("after", "workflow.clock.replan:replan"),
    "before a batch is committed": ("after", "workflow.clock.fire:_step"),
    "after a batch is committed": ("before", "workflow.daemon.report:log_changes"),
    "before a digest is committed": ("after", "workflow.outbox.digest:gather"),
    "before anything is delivered": ("before", "workflow.outbox.delivery:deliver"),
    "before a claim is committed": ("after", "workflow.outbox.delivery:claim"),
    "between claim and delivery": ("before", "workflow.outbox.attempts:send"),
    "after delivery, before it is settled": ("after", "workflow.outbox.attempts:send"),
    "before it is settled for good": ("after", "workflow.outbox.delivery:_settle"),
    # of a file in a Maildir
    "a letter written, not in its place": ("before", "os:fsync"),
    "a letter in its place, not synced": ("before", "notifications.mailers:sync_folder"),
    # of a reply
    "before a reply is committed": ("after", "workflow.inbox.judge:_judge"),
    "after a reply is committed": ("before", "notifications.incoming.letterboxes:MaildirLetterbox.mark_seen"),
    # of a form
    "before a form is acted on": ("before", "workflow.actions.action:act"),
    "before a form is committed": ("after", "workflow.actions.action:act"),
    "after a form is committed": ("before", "workflow.web.event_page:_done"),
    # of the database
    "before a commit": ("before", "sqlalchemy.engine.default:DefaultDialect.do_commit"),
    "after a commit": ("after", "sqlalchemy.engine.default:DefaultDialect.do_commit"),
    # of the programs that set up
    "before the keys are made": ("before", "workflow.admin.init:_make_keys"),
    "amid the tables": ("after", "alembic.op:create_table"),
    "after the tables are made": ("after", "alembic.command:upgrade"),
    "before the import writes an event": ("before", "workflow.engine:write"),
    "after a partnership is imported": ("after", "workflow.record.importing:_set_deadlines"),
    "after the import is committed": ("after", "workflow.record.importing:take_in"),
}


def place_of(where: str) -> tuple[Any, str]:
    """The module or class that has the function, and its name there."""
    module, _, path = where.partition(":")
    owner, _, name = path.rpartition(".")
    return pkgutil.resolve_name(f"{module}:{owner}"), name


def wrap(when: str, where: str, call: int) -> None:
    """Let the process die at the `call`-th time that it comes to a point."""
    place, name = place_of(where)
    inner, calls = getattr(place, name), 0

    def dying(*words: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        made = inner(*words, **named)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    setattr(place, name, dying)


def command(program: str, *, die: str = "", call: int = 1, lease: float = 0, rest: float = 0) -> list[str]:
    """How to run one of the programs like this; its arguments are to follow."""
    return [sys.executable, str(Path(__file__)), die, str(call), str(lease), str(rest), program]


def main() -> None:
    die, call, lease, rest, *sys.argv = sys.argv[1:]
    program = pkgutil.resolve_name(PROGRAMS[sys.argv[0]])
    if float(lease):
        claims.LEASE = timedelta(seconds=float(lease))
    if float(rest):
        throttle.RESTS = (timedelta(seconds=float(rest)),)
    if die:
        wrap(*POINTS[die], int(call))
    program()


if __name__ == "__main__":
    main()
