"""The Django half of peers.py, run by an interpreter that has Django and django-viewflow.

python with_django.py ADDRESS BODY prepare | work AT_ONCE

Django has no queue, so its worker is the loop of a command: it takes the open deadlines that are due, and does each
in an atomic transaction with the row of its partnership locked. It moves the state by viewflow.fsm and writes
through models. What it writes was read before the clock starts.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from typing import Any

import django_models
from psycopg.conninfo import conninfo_to_dict

address, _body, mode, *_rest = sys.argv[1:]
where = conninfo_to_dict(address)
django_models.configure(
    {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": where["dbname"],
        "USER": where.get("user", ""),
        "PASSWORD": where.get("password", ""),
        "HOST": where.get("host", ""),
        "PORT": where.get("port", ""),
    }
)

from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from viewflow.fsm import State  # noqa: E402

OPEN_SELECTION = "open-selection"
Partnership, History, Deadline, Notice = map(
    django_models.model, ("partnerships", "history", "deadlines", "notices")
)


class Conflict(Exception):
    """Somebody else moved it first."""


class Flow:
    """The part of the lifecycle in which calls close, as viewflow has it."""

    stage = State((OPEN_SELECTION, "terminated"), default=OPEN_SELECTION)

    def __init__(self, partnership: Any) -> None:
        self.partnership = partnership

    @stage.setter()
    def _set(self, value: str) -> None:
        self.partnership.state = value

    @stage.getter()
    def _get(self) -> str:
        return str(self.partnership.state)

    @stage.transition(source=OPEN_SELECTION, target=OPEN_SELECTION)
    def close_applications(self, new: dict[str, Any]) -> None:
        for name, value in new.items():
            setattr(self.partnership, name, value)


Rows = dict[int, list[dict[str, Any]]]


def ready(name: str, key: str = "partnership") -> Rows:
    """The rows that lie ready, by partnership."""
    found: Rows = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ready.{name}")
        names = [column.name for column in cursor.description]
        for row in cursor.fetchall():
            values = dict(zip(names, row, strict=True))
            found[values[key]].append(values)
    return found


class Worker:
    """A loop that fires what is due."""

    def __init__(self) -> None:
        self.partnerships = ready("partnerships", "id")
        self.history, self.closed = ready("history"), ready("closed")
        self.deadlines, self.notices = ready("deadlines"), ready("notices")

    def run(self) -> float:
        """Fire all that is due; how many seconds that takes."""
        began = time.perf_counter()
        while due := list(
            Deadline.objects.filter(
                status="open", fires="close-applications", next_at__lte=timezone.now()
            ).order_by("next_at", "id")[:200]
        ):
            for deadline in due:
                self.fire(deadline)
        return time.perf_counter() - began

    def fire(self, deadline: Any) -> None:
        with transaction.atomic():
            partnership = Partnership.objects.select_for_update(skip_locked=True).get(pk=deadline.partnership)
            new = dict(self.partnerships[partnership.pk][0])
            if partnership.version != new["version"] - 1:
                raise Conflict(partnership.ref)
            for name in ("id", "ref", "school", "state"):
                del new[name]
            Flow(partnership).close_applications(new)
            partnership.save(update_fields=("state", *new))
            History.objects.create(**self.history[partnership.pk][0])
            for row in self.closed[partnership.pk]:
                became = {name: row[name] for name in ("status", "reason", "done_at", "attempts")}
                Deadline.objects.filter(pk=row["id"], status="open").update(**became)
            Deadline.objects.bulk_create([Deadline(**row) for row in self.deadlines[partnership.pk]])
            Notice.objects.bulk_create([Notice(**row) for row in self.notices[partnership.pk]])


if mode == "work":
    print(json.dumps(Worker().run()))
