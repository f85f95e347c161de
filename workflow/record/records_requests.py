"""Keeps the requests for public records about a partnership: when each came, and when it was closed (RCW 42.56)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import insert, select, update

from states.errors import BadInput, Problem
from workflow.record import changes
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.rows import Snapshot

_TABLE = tables.records_requests


def open_request(session: Session, record: Snapshot, received_on: date, *, by: str, now: datetime) -> bool:
    """Put on record that a request came. Return whether it is new: a day has one request for a partnership.

    Raise `BadInput` for a day that is still to come.
    """
    if received_on > session.config.calendar.day(now):
        raise BadInput([Problem("--received", f"{received_on} is still to come", "the day on which it came")])
    same = select(_TABLE.c.ref).where(_TABLE.c.ref == record.ref, _TABLE.c.received_on == received_on)
    if session.connection.execute(same).first() is not None:
        return False
    values = {"ref": record.ref, "received_on": received_on}
    chain.execute(session.connection, insert(_TABLE).values(**values))
    _record(session, record, {"received_on": str(received_on), "closed_on": None}, by, now)
    return True


def close_requests(session: Session, record: Snapshot, *, by: str, now: datetime) -> list[date]:
    """Close all open requests for a partnership. Return the days on which they had come."""
    today = session.config.calendar.day(now)
    days = open_requests(session, record)
    still_open = (_TABLE.c.ref == record.ref) & _TABLE.c.closed_on.is_(None)
    chain.execute(session.connection, update(_TABLE).where(still_open).values(closed_on=today))
    for day in days:
        _record(session, record, {"received_on": str(day), "closed_on": str(today)}, by, now)
    return days


def open_requests(session: Session, record: Snapshot) -> list[date]:
    """Return the days on which the requests came that are still open, the oldest first."""
    query = select(_TABLE.c.received_on).where(_TABLE.c.ref == record.ref, _TABLE.c.closed_on.is_(None))
    return sorted(session.connection.scalars(query))


def _record(
    session: Session, record: Snapshot, request: dict[str, str | None], by: str, now: datetime
) -> None:
    changes.record(session, f"records request {record.ref}", request, by=by, now=now)
