"""Which deadlines a partnership has, and what changes among them when its facts or the procedure change.

A deadline is a ladder of rungs: reminders, the due instant itself, escalations. The due instant tells one
ladder of a deadline from the next, so a ladder whose anchor moves is cancelled and armed anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from states.moments import Moment, done_on, moments
from states.partnership import Partnership, State
from workflow.procedure.config import Config
from workflow.procedure.settings import DeadlineRow
from workflow.store import tables

_LADDERS = 10_000  # how many are kept: what falls due together has the same ones
REMINDER_PAST = "already past when the deadline was set"


class Rung(NamedTuple):
    """One rung: below 0 a reminder, 0 the due instant, above 0 an escalation. Instants in UTC."""

    name: str
    ladder: datetime
    rung: int
    kind: str
    due_at: datetime
    fires: str | None = None

    @property
    def key(self) -> tuple[str, datetime, int]:
        return (self.name, self.ladder, self.rung)


@dataclass(frozen=True)
class Life:
    """What deadlines are worked out from."""

    state: State
    facts: Partnership
    entered_at: datetime

    @cached_property
    def moments(self) -> dict[str, Moment]:
        """Every moment that is known, by name."""
        return moments(self.facts, self.entered_at)


@dataclass(frozen=True, slots=True)
class Moves:
    """What changes: rows to insert, and by row id what becomes of rows that are there."""

    inserts: list[dict[str, Any]]
    updates: list[dict[str, Any]]

    def __bool__(self) -> bool:
        return bool(self.inserts or self.updates)


def anchors(life: Life) -> tuple[object, ...]:
    """What the deadlines of a life depend on: the same for two lives with the same deadlines."""
    return (life.state, life.moments, len(life.facts.duties))


def due_instants(config: Config, life: Life) -> dict[str, datetime]:
    """By name, when each deadline that runs now is due."""
    known = life.moments
    in_force = known.get("agreement.in_force")
    since = config.calendar.day(in_force) if isinstance(in_force, datetime) else None
    found = {}
    for name, row in config.deadlines.items():
        if life.state not in row.state or row.until in known or (row.when and row.when not in known):
            continue
        done = done_on(life.facts, row.done, config.calendar.day) if row.done else ()
        due = row.due.resolve(
            known, at=config.clock(row), roll=row.roll, calendar=config.calendar, since=since, done=done
        )
        if due is not None:
            found[name] = due
    return found


def rungs(config: Config, name: str, due: datetime) -> tuple[Rung, ...]:
    """The ladder of a deadline that is due at an instant, first rung first."""
    found = config.ladders.get((name, due))
    if found is None:
        if len(config.ladders) >= _LADDERS:
            config.ladders.clear()
        found = config.ladders[name, due] = tuple(_rungs(config, name, due))
    return found


def _rungs(config: Config, name: str, due: datetime) -> list[Rung]:
    row = config.deadlines[name]
    before = sorted(offset.before(due, config.calendar) for offset in row.remind)
    ladder = [Rung(name, due, i - len(before), "remind", at) for i, at in enumerate(before)]
    ladder.append(Rung(name, due, 0, "due", due, row.fires))
    after = sorted(step.after.after(due, config.calendar) for step in row.overdue)
    return ladder + [Rung(name, due, i, "escalate", at) for i, at in enumerate(after, start=1)]


def again(config: Config, rung: Rung, now: datetime) -> Rung | None:
    """The rung that follows the last of a ladder that still waits: the same once more, after `now`."""
    row = config.deadlines.get(rung.name)
    if row is None or row.again is None or rung.rung < len(row.overdue):
        return None
    following = row.again.after(rung.due_at, config.calendar)
    number = rung.rung + 1
    while following <= now:
        following = row.again.after(following, config.calendar)
    return Rung(rung.name, rung.ladder, number, "escalate", following)


_HIGHEST = select(func.max(tables.deadlines.c.rung)).where(
    tables.deadlines.c.partnership == bindparam("key"),
    tables.deadlines.c.name == bindparam("name"),
    tables.deadlines.c.ladder == bindparam("ladder"),
)


def numbered(connection: Connection, partnership: int, rung: Rung) -> Rung:
    """The rung with a number that its ladder never had: an earlier procedure may have planned more of them."""
    values = {"key": partnership, "name": rung.name, "ladder": rung.ladder}
    highest = connection.scalar(_HIGHEST, values)
    return rung if highest is None else rung._replace(rung=max(rung.rung, highest + 1))


def step_of(row: DeadlineRow, rung: int) -> tuple[str, ...]:
    """To whom a rung goes: those reminded up to the due instant, then those of each escalation."""
    if rung <= 0 or not row.overdue:
        return row.to
    return row.overdue[min(rung, len(row.overdue)) - 1].to


def moves(
    config: Config,
    partnership: int,
    life: Life,
    rows: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    due: Mapping[str, datetime] | None = None,
    fired: int | None = None,
    imported: bool = False,
) -> Moves:
    """What must change so that the rows of a partnership's deadlines fit its life.

    `rows` are those that are open, and those of the ladders that are due; `due` is when, if that is known.
    `fired` is the one that is happening now. With `imported`, what fell before
    `now` is skipped, except what makes an event happen.
    """
    existing = {(row["name"], row["ladder"], row["rung"]): row for row in rows}
    due = due_instants(config, life) if due is None else due
    planned = {rung.key: rung for name, at in due.items() for rung in rungs(config, name, at)}
    inserts: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for key, row in existing.items():
        if row["status"] != "open" or row["id"] == fired:
            continue
        runs = due.get(row["name"]) == row["ladder"]
        if key not in planned and not (runs and _repeats_last(config, key, existing)):
            updates.append(closed(row, "cancelled", now, _why(row, due, config, life)))
        elif key in planned and planned[key].due_at != row["due_at"]:
            updates.append(_reopened(row, planned[key].due_at))
    for key, rung in planned.items():
        row_there = existing.get(key)
        past = rung.due_at <= now and rung.fires is None and (rung.kind == "remind" or imported)
        reason = "fell before the import" if imported else REMINDER_PAST
        if row_there is None:
            inserts.append(_row(partnership, rung, now, reason if past else None))
        elif row_there["status"] == "cancelled" and row_there["id"] != fired:
            updates.append(
                closed(row_there, "skipped", now, reason) if past else _reopened(row_there, rung.due_at)
            )
        elif _is_another(row_there, rung) and rung.due_at > now:
            updates.append(_reopened(row_there, rung.due_at))
    inserts += _repeats(config, partnership, due, existing.values(), Moves(inserts, updates), now)
    return Moves(inserts, updates)


def _is_another(row: Mapping[str, Any], rung: Rung) -> bool:
    """Whether a rung that is over stood, in the procedure of then, for another time than the one planned now."""
    over = row["status"] in ("fired", "skipped")
    return over and rung.kind != "due" and row["due_at"] != rung.due_at


def _repeats_last(
    config: Config, key: tuple[str, datetime, int], rows: Mapping[Any, Mapping[str, Any]]
) -> bool:
    """Whether a rung that no row of the procedure plans repeats the last one planned, which is over.

    Of several, as an earlier procedure planned them, the last.
    """
    name, ladder, number = key
    planned = len(config.deadlines[name].overdue)
    last = rows.get((name, ladder, planned))
    highest = max(rung for of, at, rung in rows if (of, at) == (name, ladder))
    repeats = config.deadlines[name].again is not None and number == highest > planned
    return repeats and last is not None and last["status"] != "open"


def _repeats(
    config: Config,
    partnership: int,
    due: Mapping[str, datetime],
    rows: Iterable[Mapping[str, Any]],
    changes: Moves,
    now: datetime,
) -> list[dict[str, Any]]:
    """For ladders that still run but have no rung left open, the next repetition: they insist."""
    after = {row["id"]: row["status"] for row in rows} | {u["row"]: u["status"] for u in changes.updates}
    everything = [(row, after[row["id"]]) for row in rows] + [(row, row["status"]) for row in changes.inserts]
    found = []
    for name, at in due.items():
        last = rungs(config, name, at)[-1]
        if last.due_at > now:
            continue
        mine = [
            (row["rung"], status) for row, status in everything if (row["name"], row["ladder"]) == (name, at)
        ]
        if any(status == "open" for _, status in mine):
            continue
        number = max((rung for rung, _ in mine), default=last.rung)
        following = again(config, last._replace(rung=max(number, last.rung)), now)
        if following:
            found.append(new_row(partnership, following, now))
    return found


def _row(partnership: int, rung: Rung, now: datetime, skipped: str | None) -> dict[str, Any]:
    return {
        "partnership": partnership,
        "name": rung.name,
        "ladder": rung.ladder,
        "rung": rung.rung,
        "kind": rung.kind,
        "due_at": rung.due_at,
        "next_at": rung.due_at,
        "fires": rung.fires,
        "status": "skipped" if skipped else "open",
        "reason": skipped,
        "done_at": now if skipped else None,
    }


def new_row(partnership: int, rung: Rung, now: datetime) -> dict[str, Any]:
    """The row of an open rung."""
    return _row(partnership, rung, now, None)


def _reopened(row: Mapping[str, Any], due_at: datetime) -> dict[str, Any]:
    return {
        "row": row["id"],
        "status": "open",
        "reason": None,
        "done_at": None,
        "due_at": due_at,
        "next_at": due_at,
        "attempts": 0,
    }


def closed(row: Mapping[str, Any], status: str, now: datetime, reason: str | None = None) -> dict[str, Any]:
    """The update of a row that has fired, or was skipped or cancelled."""
    return {
        "row": row["id"],
        "status": status,
        "reason": reason,
        "done_at": now,
        "due_at": row["due_at"],
        "next_at": row["due_at"],
        "attempts": row["attempts"],
    }


def _why(row: Mapping[str, Any], due: Mapping[str, datetime], config: Config, life: Life) -> str:
    found = config.deadlines.get(row["name"])
    if found is None:
        return "no longer in the procedure"
    if life.state not in found.state:
        return f"the partnership is in {life.state}"
    moved = due.get(row["name"])
    if moved is None:
        return "met"
    if moved == row["ladder"]:
        return "no longer in the procedure"
    return f"now due {config.calendar.local(moved).isoformat()}"


_NAMES = ("id", "partnership", "name", "ladder", "rung", "due_at", "status", "attempts")
_OF = select(*(tables.deadlines.c[name] for name in _NAMES)).where(
    tables.deadlines.c.partnership.in_(bindparam("keys", expanding=True))
)


_SINCE = _OF.where(or_(tables.deadlines.c.status == "open", tables.deadlines.c.ladder >= bindparam("since")))


def rows_of(
    connection: Connection, keys: Sequence[int], since: datetime | None = None
) -> dict[int, list[Mapping[str, Any]]]:
    """The rows of the deadlines of these partnerships, by partnership: all, or the open and those since."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    if keys:
        query, values = (_OF, {"keys": keys}) if since is None else (_SINCE, {"keys": keys, "since": since})
        for row in connection.execute(query, values):
            found.setdefault(row.partnership, []).append(dict(zip(_NAMES, row, strict=True)))
    return found


_INSERT = insert(tables.deadlines)
_UPDATE = (
    update(tables.deadlines)
    .where(tables.deadlines.c.id == bindparam("row"))
    .values(
        {name: bindparam(name) for name in ("status", "reason", "done_at", "due_at", "next_at", "attempts")}
    )
)


def write(
    connection: Connection, inserts: Sequence[Mapping[str, Any]], updates: Sequence[Mapping[str, Any]]
) -> None:
    """Write what changes among deadlines."""
    if updates:
        connection.execute(_UPDATE, list(updates))
    if inserts:
        connection.execute(_INSERT, list(inserts))
