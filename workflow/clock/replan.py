"""A change of procedure: brings open deadlines in line with it, and tells what moved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update

from workflow import deadlines
from workflow.session import Session
from workflow.store import database, tables
from workflow.store.rows import DeadlineStatus, Snapshot
from workflow.store.tables import canonical


def replan(session: Session, now: datetime) -> list[dict[str, str]]:
    """Bring every open deadline in line with the procedure as it is now. What moved: from when to when.

    A partnership whose record cannot be read is passed over and told of as a problem.

    The procedure that was last looked at is remembered, so that without a change nothing is read.
    """
    mark = session.config.fingerprint
    meta = tables.meta
    before = session.connection.scalar(select(meta.c.value).where(meta.c.key == "procedure"))
    if before == mark:
        return []
    moved: list[dict[str, str]] = []
    table = tables.partnerships
    everyone = select(table).order_by(table.c.id)
    for row in session.connection.execute(database.locking(session.connection, everyone)).all():
        try:
            record = Snapshot.from_row(row)
        except ValueError:
            moved.append({"ref": row.ref, "problem": "its record cannot be read: partnershipctl verify"})
            continue
        moved += _replanned(session, record, now)
    if before is None:
        session.connection.execute(insert(meta).values(key="procedure", value=mark))
    else:
        session.connection.execute(update(meta).where(meta.c.key == "procedure").values(value=mark))
    return moved


def _replanned(session: Session, record: Snapshot, now: datetime) -> list[dict[str, str]]:
    key = record.key
    rows = deadlines.rows_of(session.connection, [key]).get(key, [])
    was = {row.name: row.ladder for row in rows if row.status == DeadlineStatus.OPEN}
    found = deadlines.plan_moves(session.config, record, rows, now)
    if not found:
        return []
    deadlines.write(session.connection, found.inserts, found.updates)
    due = deadlines.due_instants(session.config, record)
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
    if moved:
        text = canonical(moved)
        session.connection.execute(
            insert(tables.directory_changes).values(
                at=now, by="procedure", what=f"deadlines {record.ref}", after=text
            )
        )
    return moved
