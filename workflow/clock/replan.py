"""Moves the open deadlines when the procedure has changed, and reports which of them moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from workflow import deadlines
from workflow.clock.procedure import read_labels
from workflow.record.moved import DEADLINES
from workflow.session import Session
from workflow.store import chain, database, tables
from workflow.store.rows import DeadlineStatus, Snapshot


def has_changed(session: Session) -> bool:
    """Return whether the procedure is another one than that by which the open deadlines were planned."""
    return session.remembered("procedure") != session.config.fingerprint


def replan(session: Session, now: datetime) -> list[dict[str, str]]:
    """Bring every open deadline in line with the present procedure; record what moved, and return it.

    1. Compare the fingerprint of the procedure with the one that was remembered. If they are equal, read nothing.
    2. Lock every partnership and move its open deadlines to where the procedure puts them now.
    3. Record what moved, for each partnership.
    4. Remember the fingerprint in the same transaction, so that a crash before its end repeats the whole.

    An item has the keys "ref", "school" (its name), "deadline", "label", "was" and "is_now" (local times, "" for
    none). If the two are equal, only its reminders or escalations moved. Of a partnership whose record cannot be
    read an item has "ref" and "problem", and the deadlines of that partnership stay as they are.
    """
    if not has_changed(session):
        return []
    moved: list[dict[str, str]] = []
    labels = read_labels(session)
    table = tables.partnerships
    # `loading.load` locks in this order too, so that the two cannot deadlock.
    everyone = select(table).order_by(table.c.id)
    for row in session.connection.execute(database.locking(session.connection, everyone)).all():
        try:
            record = Snapshot.from_row(row)
        # One damaged record must not keep the new procedure from all other partnerships.
        except ValueError:
            items = [{"ref": row.ref, "problem": "its record cannot be read: partnershipctl verify"}]
        else:
            items = _replan_one(session, record, labels, now)
        # A change of procedure is not an event of the partnership, so its history does not show it.
        if items:
            chain.record(session.connection, f"{DEADLINES}{row.ref}", items, by="procedure", now=now)
        moved += items
    database.remember(session.connection, "procedure", session.config.fingerprint)
    return moved


def _replan_one(
    session: Session, record: Snapshot, labels: Mapping[str, str], now: datetime
) -> list[dict[str, str]]:
    """Move the deadlines of one partnership, and return which of them moved."""
    key = record.key
    # Read all rows: the new procedure may lead back to a ladder that is over.
    rows = deadlines.rows_of(session.connection, [key]).get(key, [])
    moves = deadlines.plan_moves(session.config, record, rows, now)
    if not moves:
        return []
    was = _open_rungs(row._asdict() for row in rows)
    updated = {update["row"]: update for update in moves.updates}
    after = [row._asdict() | updated.get(row.id, {}) for row in rows]
    is_now = _open_rungs([*after, *moves.inserts])
    deadlines.write_beside(session.connection, moves.inserts, moves.updates)
    return [
        {
            "ref": record.ref,
            "school": session.directory.school_name(record.facts.school),
            "deadline": name,
            "label": labels.get(name, name),
            "was": _format_due(session, was.get(name)),
            "is_now": _format_due(session, is_now.get(name)),
        }
        for name in sorted(was.keys() | is_now.keys())
        if was.get(name) != is_now.get(name)
    ]


def _open_rungs(rows: Iterable[Mapping[str, Any]]) -> dict[str, set[tuple[datetime, datetime]]]:
    """Return the open rungs of each deadline by its name: the due instant of the ladder, and its own."""
    rungs: dict[str, set[tuple[datetime, datetime]]] = {}
    for row in rows:
        if row["status"] == DeadlineStatus.OPEN:
            rungs.setdefault(row["name"], set()).add((row["ladder"], row["due_at"]))
    return rungs


def _format_due(session: Session, rungs: set[tuple[datetime, datetime]] | None) -> str:
    """Return the due instant of the ladder that these rungs belong to, as local time; "" if there are none."""
    return session.config.calendar.local(max(rungs)[0]).isoformat() if rungs else ""
