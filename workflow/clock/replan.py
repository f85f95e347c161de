"""Moves the open deadlines when the procedure has changed, and reports which of them moved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from workflow import deadlines
from workflow.procedure import ladders
from workflow.session import Session
from workflow.store import chain, database, tables
from workflow.store.rows import DeadlineStatus, Snapshot


def has_changed(session: Session) -> bool:
    """Return whether the procedure is another one than that by which the open deadlines were planned."""
    return database.remembered(session.connection, "procedure") != session.config.fingerprint


def replan(session: Session, now: datetime) -> list[dict[str, str]]:
    """Bring every open deadline in line with the present procedure; return what moved, from when to when.

    1. Compare the fingerprint of the procedure with the one that was remembered. If they are equal, read nothing.
    2. Lock every partnership and move its open deadlines to where the procedure puts them now.
    3. Remember the fingerprint in the same transaction, so that a crash before its end repeats the whole.

    An item has the keys "ref", "deadline", "was" and "is_now" (local times, "" for none). Of a partnership whose
    record cannot be read it has "ref" and "problem", and the deadlines of that partnership stay as they are.
    """
    if not has_changed(session):
        return []
    moved: list[dict[str, str]] = []
    table = tables.partnerships
    # `loading.load` locks in this order too, so that the two cannot deadlock.
    everyone = select(table).order_by(table.c.id)
    for row in session.connection.execute(database.locking(session.connection, everyone)).all():
        try:
            record = Snapshot.from_row(row)
        # One damaged record must not keep the new procedure from all other partnerships.
        except ValueError:
            moved.append({"ref": row.ref, "problem": "its record cannot be read: partnershipctl verify"})
            continue
        moved += _replan_one(session, record, now)
    database.remember(session.connection, "procedure", session.config.fingerprint)
    return moved


def _replan_one(session: Session, record: Snapshot, now: datetime) -> list[dict[str, str]]:
    """Move the deadlines of one partnership, and note in the directory's history which of them moved."""
    key = record.key
    # Read all rows: the new procedure may lead back to a ladder that is over.
    rows = deadlines.rows_of(session.connection, [key]).get(key, [])
    # Take these before anything is written, since the moves replace them.
    was = {row.name: row.ladder for row in rows if row.status == DeadlineStatus.OPEN}
    moves = deadlines.plan_moves(session.config, record, rows, now)
    if not moves:
        return []
    deadlines.write_beside(session.connection, moves.inserts, moves.updates)
    due = ladders.due_instants(session.config, record)
    local = session.config.calendar.local
    moved = [
        {
            "ref": record.ref,
            "deadline": name,
            "was": local(was[name]).isoformat() if name in was else "",
            "is_now": local(due[name]).isoformat() if name in due else "",
        }
        for name in sorted(was.keys() | due.keys())
        if was.get(name) != due.get(name)
    ]
    # A change of procedure is not an event of the partnership, so its history does not show it.
    if moved:
        chain.record(session.connection, f"deadlines {record.ref}", moved, by="procedure", now=now)
    return moved
