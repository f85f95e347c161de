"""The Django half of advance.py, run by an interpreter that has Django and django-viewflow.

    python django_side.py DATABASE PLAN WARM JOURNAL_MODE

Does the transitions of a plan on a copy of the database, each in one atomic transaction, and prints how
many a second. It reads the partnership and its open deadlines, moves the state, chains and hashes the history
and writes. It is spared the rest: the new facts, what falls due when and who is told are handed to it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django_models

django_models.configure(
    {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": sys.argv[1],
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": f"PRAGMA journal_mode={sys.argv[4]}; PRAGMA synchronous=FULL",
        },
    }
)

from django.db import models, transaction  # noqa: E402
from viewflow.fsm import State  # noqa: E402

STATES = (
    "needs-identified",
    "open-selection",
    "board-review",
    "active",
    "annual-review",
    "terminated",
)


# Facts, input and setting are read and written as what their JSON says.
Partnership = django_models.model("partnerships", facts=models.JSONField())
History = django_models.model("history", input=models.JSONField(), setting=models.JSONField())
Deadline, Notice = django_models.model("deadlines"), django_models.model("notices")


class Flow:
    """The lifecycle, as viewflow has it: every event of the plan is a transition of the state."""

    stage = State(STATES, default=STATES[0])

    def __init__(self, partnership: Any) -> None:
        self.partnership = partnership

    @stage.setter()
    def _set(self, value: str) -> None:
        self.partnership.state = value

    @stage.getter()
    def _get(self) -> str:
        return str(self.partnership.state)

    @stage.transition(source=STATES[0], target=STATES[0], conditions=[lambda flow: not flow.over()])
    def agree_needs(self, new: dict[str, Any]) -> None:
        self.become(new)

    @stage.transition(source=STATES[3], target=STATES[3], conditions=[lambda flow: not flow.over()])
    def record_meeting(self, new: dict[str, Any]) -> None:
        self.become(new)

    @stage.transition(source=STATES[3], target=STATES[3], conditions=[lambda flow: not flow.over()])
    def record_assessment(self, new: dict[str, Any]) -> None:
        self.become(new)

    @stage.transition(source=STATES[3], target=STATES[3], conditions=[lambda flow: not flow.over()])
    def amend_agreement(self, new: dict[str, Any]) -> None:
        self.become(new)

    @stage.transition(source=STATES[3], target=STATES[3], conditions=[lambda flow: not flow.over()])
    def sign_agreement(self, new: dict[str, Any]) -> None:
        self.become(new)

    def over(self) -> bool:
        return bool(self.partnership.state == STATES[5])

    def become(self, new: dict[str, Any]) -> None:
        for name, value in new.items():
            setattr(self.partnership, name, value)


class Conflict(Exception):
    """Somebody else moved it first."""


NEW = ("title", "version", "entered_at", "facts", "head", "in_force")
MOMENTS = ("at", "entered_at", "ladder", "due_at", "done_at", "queued_at", "next_at")


def valued(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the plan with its moments as Python has them."""
    for name in MOMENTS:
        for key in (name, f"new_{name}"):
            if row.get(key):
                row[key] = datetime.fromisoformat(row[key]).replace(tzinfo=UTC)
    for key in ("new_facts", "input", "setting"):
        if key in row:
            row[key] = json.loads(row[key])
    return row


def digest(ref: str, entry: dict[str, Any]) -> str:
    text = json.dumps([ref, entry["at"].isoformat(), *entry.values()], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Step:
    """One transition of the plan: what it makes of the partnership, and the rows that follow from it."""

    def __init__(self, rows: list[Any]) -> None:
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for kind, table, row in rows:
            found.setdefault((kind, table), []).append(valued(row))
        (change,) = found["update", "partnerships"]
        (self.entry,) = found["insert", "history"]
        self.key = self.entry.pop("partnership")
        del self.entry["previous"], self.entry["hash"]
        self.seen = self.entry["seq"] - 1
        self.new = {name: change[name] for name in NEW}
        self.deadlines = found.get(("insert", "deadlines"), [])
        self.notices = found.get(("insert", "notices"), [])
        # Those that become the same are updated together.
        self.over: dict[tuple[Any, ...], list[int]] = {}
        for row in found.get(("update", "deadlines"), []):
            became = (row["status"], row["reason"], row["done_at"], row["attempts"])
            self.over.setdefault(became, []).append(row["where_id"])

    def do(self) -> None:
        with transaction.atomic():
            partnership = Partnership.objects.get(pk=self.key)
            if partnership.version != self.seen:
                raise Conflict(partnership.ref)
            chained = {**self.entry, "previous": partnership.head}
            chained["hash"] = digest(partnership.ref, chained)
            getattr(Flow(partnership), self.entry["event"].replace("-", "_"))(
                {**self.new, "head": chained["hash"]}
            )
            partnership.save(update_fields=("state", *NEW))
            History.objects.create(partnership=self.key, **chained)
            running = {
                deadline.pk for deadline in Deadline.objects.filter(partnership=self.key, status="open")
            }
            for (status, reason, done_at, attempts), keys in self.over.items():
                if not running.issuperset(keys):
                    raise Conflict(partnership.ref)
                Deadline.objects.filter(pk__in=keys).update(
                    status=status, reason=reason, done_at=done_at, attempts=attempts
                )
            if self.deadlines:
                Deadline.objects.bulk_create([Deadline(**row) for row in self.deadlines])
            if self.notices:
                Notice.objects.bulk_create([Notice(**row) for row in self.notices])


def main() -> None:
    steps = [Step(rows) for rows in json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))]
    warm = int(sys.argv[3])
    for step in steps[:warm]:
        step.do()
    began = time.perf_counter()
    for step in steps[warm:]:
        step.do()
    print((len(steps) - warm) / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
