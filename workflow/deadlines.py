"""Plans the deadlines of a partnership, and replans them when its facts or the procedure change.

A deadline is a ladder of rungs: reminders, the due instant itself, escalations. The due instant identifies the
ladder: if a fact that it is counted from moves, the old ladder is cancelled and a new one is inserted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum, auto
from itertools import product
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select

from workflow.procedure.config import Config
from workflow.procedure.ladders import Key, Rung, due_instants, next_repetition, rungs
from workflow.store import chain, tables
from workflow.store.rows import DeadlineRow, DeadlineStatus, RungKind, Snapshot
from workflow.store.writing import Writing, write

REMINDER_PAST = "already past when the deadline was set"
BEFORE_IMPORT = "fell before the import"


def rung_of(row: DeadlineRow) -> Rung:
    """Return the rung that a row holds."""
    return Rung(row.name, row.ladder, row.rung, row.kind, row.due_at, row.fires)


@dataclass(frozen=True, slots=True)
class Moves:
    """The changes to the rows of deadlines: rows to insert, and values for existing rows (by the key "row")."""

    inserts: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.inserts or self.updates)


_HIGHEST = select(func.max(tables.deadlines.c.rung)).where(
    tables.deadlines.c.partnership == bindparam("key"),
    tables.deadlines.c.name == bindparam("name"),
    tables.deadlines.c.ladder == bindparam("ladder"),
)


def renumber(connection: Connection, partnership: int, rung: Rung) -> Rung:
    """Return the rung with a number that its ladder never had: an earlier procedure may have planned more rungs."""
    values = {"key": partnership, "name": rung.name, "ladder": rung.ladder}
    highest = connection.scalar(_HIGHEST, values)
    return rung if highest is None else rung._replace(rung=max(rung.rung, highest + 1))


# An IntEnum, since its members are looked up for every rung of every event, and it has the fast hash of a number.
class _RowStatus(IntEnum):
    """The status of a rung in the database, as far as planning needs it."""

    NOWHERE = auto()
    OPEN = auto()
    CANCELLED = auto()
    OVER = auto()  # fired or skipped


class _Move(Enum):
    """What to do with the row of a rung."""

    LEAVE = auto()
    INSERT = auto()
    INSERT_SKIPPED = auto()
    REOPEN = auto()
    SKIP = auto()
    CANCEL = auto()


# What to do with a rung, by four questions: its status in the database, whether the procedure plans it now, whether
# for another time than the row has, and whether that time is past and useless. None means yes or no.
_DECISIONS: tuple[tuple[_RowStatus, bool, bool | None, bool | None, _Move], ...] = (
    # status                planned moved  past
    (_RowStatus.NOWHERE,    False,  None,  None,  _Move.LEAVE),
    (_RowStatus.NOWHERE,    True,   None,  False, _Move.INSERT),
    (_RowStatus.NOWHERE,    True,   None,  True,  _Move.INSERT_SKIPPED),
    (_RowStatus.OPEN,       False,  None,  None,  _Move.CANCEL),
    (_RowStatus.OPEN,       True,   False, None,  _Move.LEAVE),
    (_RowStatus.OPEN,       True,   True,  None,  _Move.REOPEN),
    (_RowStatus.CANCELLED,  False,  None,  None,  _Move.LEAVE),
    (_RowStatus.CANCELLED,  True,   None,  False, _Move.REOPEN),
    (_RowStatus.CANCELLED,  True,   None,  True,  _Move.SKIP),
    (_RowStatus.OVER,       False,  None,  None,  _Move.LEAVE),
    (_RowStatus.OVER,       True,   False, None,  _Move.LEAVE),
    (_RowStatus.OVER,       True,   True,  None,  _Move.REOPEN),
)  # fmt: skip
_DECIDED = {
    (status, planned, moved, past): move
    for status, planned, moved_, past_, move in _DECISIONS
    for moved, past in product(
        (False, True) if moved_ is None else (moved_,), (False, True) if past_ is None else (past_,)
    )
}
_ROW_STATUS: Mapping[str, _RowStatus] = {
    DeadlineStatus.OPEN: _RowStatus.OPEN,
    DeadlineStatus.CANCELLED: _RowStatus.CANCELLED,
    DeadlineStatus.FIRED: _RowStatus.OVER,
    DeadlineStatus.SKIPPED: _RowStatus.OVER,
}


def plan_moves(
    config: Config,
    record: Snapshot,
    rows: Iterable[DeadlineRow],
    now: datetime,
    *,
    due: Mapping[str, datetime] | None = None,
    fired: int | None = None,
    imported: bool = False,
) -> Moves:
    """Return what must change so that the rows of a partnership's deadlines fit its facts and the procedure.

    `rows` are the open rows and all rows of the ladders that run, `due` the due instants, if the caller has them.
    `fired` is the id of the row that is firing now, which is left alone. With `imported`, a rung before `now` is
    skipped unless it makes an event happen.

    1. Plan: work out every rung of every deadline that runs.
    2. Decide for each rung that is planned or has a row (`_DECISIONS`).
    3. Repeat: plan one more repetition for a ladder that runs and has no open rung left.
    """
    existing = {(row.name, row.ladder, row.rung): row for row in rows}
    due = due_instants(config, record) if due is None else due
    ladders = (rungs(config, name, at, record.moments) for name, at in due.items())
    planned = {rung.key: rung for ladder in ladders for rung in ladder}
    reason = BEFORE_IMPORT if imported else REMINDER_PAST
    changes = Moves()
    for key in {**existing, **planned}:
        row, rung = existing.get(key), planned.get(key)
        if row is not None and row.id == fired:
            continue
        past = rung is not None and _is_past(rung, now, imported=imported)
        status = _RowStatus.NOWHERE if row is None else _ROW_STATUS[row.status]
        move = _DECIDED[status, rung is not None, _has_moved(row, rung, now), past]
        if row is None and rung is not None:
            skipped = reason if move is _Move.INSERT_SKIPPED else None
            changes.inserts.append(new_row(record.key, rung, now, skipped))
        elif row is not None and rung is not None and move is _Move.REOPEN:
            changes.updates.append(_reopen(row, rung.due_at))
        elif row is not None and move is _Move.SKIP:
            changes.updates.append(close(row, DeadlineStatus.SKIPPED, now, reason))
        elif row is not None and move is _Move.CANCEL and not _is_repetition(config, row, due, existing):
            why = _why_cancelled(row, due, config, record)
            changes.updates.append(close(row, DeadlineStatus.CANCELLED, now, why))
    changes.inserts.extend(_repeats(config, record, due, existing.values(), changes, now))
    return changes


def _is_past(rung: Rung, now: datetime, *, imported: bool) -> bool:
    """Return whether a rung is past and useless. A rung that makes an event happen never is."""
    return rung.due_at <= now and rung.fires is None and (rung.kind == RungKind.REMIND or imported)


def _has_moved(row: DeadlineRow | None, rung: Rung | None, now: datetime) -> bool:
    """Return whether the procedure plans a rung for another time than its row has.

    A rung that is over moves only if its new time is still to come. The due instant never moves within its ladder.
    """
    if row is None or rung is None or row.due_at == rung.due_at:
        return False
    return row.status == DeadlineStatus.OPEN or (rung.kind != RungKind.DUE and rung.due_at > now)


def _is_repetition(
    config: Config, row: DeadlineRow, due: Mapping[str, datetime], rows: Mapping[Key, DeadlineRow]
) -> bool:
    """Return whether an unplanned rung repeats the last planned rung, which is over.

    If an earlier procedure planned several rungs more, only the last of them counts as the repetition.
    """
    if due.get(row.name) != row.ladder:
        return False
    planned = len(config.deadlines[row.name].overdue)
    last = rows.get((row.name, row.ladder, planned))
    highest = max(number for name, ladder, number in rows if (name, ladder) == (row.name, row.ladder))
    repeats = config.deadlines[row.name].again is not None and row.rung == highest > planned
    return repeats and last is not None and last.status != DeadlineStatus.OPEN


def _repeats(
    config: Config,
    record: Snapshot,
    due: Mapping[str, datetime],
    rows: Iterable[DeadlineRow],
    changes: Moves,
    now: datetime,
) -> Iterator[dict[str, Any]]:
    """Yield a new row for the next repetition of each ladder that still runs but has no open rung left."""
    # Look at the rows as they will be, or a ladder that is reopened now would get a second open rung.
    after = {row.id: row.status for row in rows} | {u["row"]: u["status"] for u in changes.updates}
    everything = [(row.name, row.ladder, row.rung, after[row.id]) for row in rows]
    everything += [(row["name"], row["ladder"], row["rung"], row["status"]) for row in changes.inserts]
    for name, at in due.items():
        last = rungs(config, name, at, record.moments)[-1]
        if last.due_at > now:
            continue
        mine = [(rung, status) for of, ladder, rung, status in everything if (of, ladder) == (name, at)]
        if any(status == DeadlineStatus.OPEN for _, status in mine):
            continue
        number = max((rung for rung, _ in mine), default=last.rung)
        following = next_repetition(config, last._replace(rung=max(number, last.rung)), now)
        if following:
            yield new_row(record.key, following, now)


def new_row(partnership: int, rung: Rung, now: datetime, skipped: str | None = None) -> dict[str, Any]:
    """Return the row of a new rung: open, or skipped for a reason."""
    return {
        "partnership": partnership,
        "name": rung.name,
        "ladder": rung.ladder,
        "rung": rung.rung,
        "kind": rung.kind,
        "due_at": rung.due_at,
        "next_at": rung.due_at,
        "fires": rung.fires,
        "status": DeadlineStatus.SKIPPED if skipped else DeadlineStatus.OPEN,
        "reason": skipped,
        "done_at": now if skipped else None,
    }


def _reopen(row: DeadlineRow, due_at: datetime) -> dict[str, Any]:
    """Return the update that opens a row again for another time."""
    return {
        "row": row.id,
        "status": DeadlineStatus.OPEN,
        "reason": None,
        "done_at": None,
        "due_at": due_at,
        "next_at": due_at,
        "attempts": 0,
    }


def close(
    row: DeadlineRow, status: DeadlineStatus, now: datetime, reason: str | None = None
) -> dict[str, Any]:
    """Return the update that closes a row as fired, skipped or cancelled."""
    return {
        "row": row.id,
        "status": status,
        "reason": reason,
        "done_at": now,
        "due_at": row.due_at,
        "next_at": row.due_at,
        "attempts": row.attempts,
    }


def _why_cancelled(row: DeadlineRow, due: Mapping[str, datetime], config: Config, record: Snapshot) -> str:
    """Return the reason to keep with a row that is cancelled."""
    settings = config.deadlines.get(row.name)
    if settings is None:
        return "no longer in the procedure"
    if record.state not in settings.state:
        return f"the partnership is in {record.state}"
    moved = due.get(row.name)
    if moved is None:
        return "met"
    if moved == row.ladder:
        return "no longer in the procedure"
    return f"now due {config.calendar.local(moved).isoformat()}"


ROW = [tables.deadlines.c[name] for name in DeadlineRow._fields]
_OF = select(*ROW).where(tables.deadlines.c.partnership.in_(bindparam("keys", expanding=True)))
_SINCE = _OF.where(
    or_(
        tables.deadlines.c.status == DeadlineStatus.OPEN.value,
        tables.deadlines.c.ladder >= bindparam("since"),
    )
)


def rows_of(
    connection: Connection, keys: Sequence[int], since: datetime | None = None
) -> dict[int, list[DeadlineRow]]:
    """Return the rows of these partnerships' deadlines, by partnership id.

    With `since`, only the open rows and those of ladders that are due at that instant or later.
    """
    rows: dict[int, list[DeadlineRow]] = {}
    if keys:
        query, values = (_OF, {"keys": keys}) if since is None else (_SINCE, {"keys": keys, "since": since})
        for row in map(DeadlineRow._make, connection.execute(query, values)):
            rows.setdefault(row.partnership, []).append(row)
    return rows


# As `new_row` makes a row, and as `close` and `_reopen` change one.
NEW = Writing(
    tables.deadlines,
    (
        "partnership", "name", "ladder", "rung", "kind", "due_at", "next_at", "fires", "status", "reason",
        "done_at",
    ),
)  # fmt: skip
CHANGED = Writing(
    tables.deadlines, ("status", "reason", "done_at", "due_at", "next_at", "attempts"), (("id", "row"),)
)


def last_of_each(updates: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the updates that count: of several updates of one row the last one."""
    return list({update["row"]: update for update in updates}.values())


def commit_to(
    inserts: Iterable[Mapping[str, Any]], updates: Iterable[Mapping[str, Any]], rows: Iterable[DeadlineRow]
) -> list[list[str]]:
    """Return what a row of the history says of these moves of one partnership; `rows` are those on record."""
    changed = {update["row"]: update for update in last_of_each(updates)}
    by_id = {row.id: row for row in rows if row.id in changed}
    after = {key: {**by_id[key]._asdict(), **update} for key, update in changed.items()}
    return [chain.commitment_of("deadlines", row) for row in (*inserts, *after.values())]


def write_beside(
    connection: Connection, inserts: Sequence[Mapping[str, Any]], updates: Sequence[Mapping[str, Any]]
) -> None:
    """Write rows of deadlines that no event of a partnership commits to, and have the second chain do it."""
    write(connection, (CHANGED, last_of_each(updates)))
    chain.note(connection, tables.deadlines.name, [row["row"] for row in updates])
    if inserts:
        chain.execute(connection, insert(tables.deadlines), inserts)
