"""Keeps holds: while one is open, nothing of a partnership, or of the whole district, is destroyed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from states.errors import Refused, Unmet
from workflow.record import changes
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.locks import one_at_a_time

DISTRICT = "the whole district"


def add(session: Session, ref: str | None, reason: str, *, by: str, now: datetime) -> int:
    """Put a partnership, or without `ref` the whole district, on hold. Return the number of the hold.

    The Board office and the Superintendent are told.
    """
    one_at_a_time(session.connection, "holds")
    table = tables.holds
    number: int = (session.connection.scalar(select(func.max(table.c.id))) or 0) + 1
    values = {"id": number, "ref": ref, "reason": reason, "by": by, "added_at": now}
    chain.execute(session.connection, insert(table).values(**values))
    changes.record(session, f"hold on {ref or DISTRICT}", reason, by=by, now=now)
    return number


def release(session: Session, ref: str | None, reason: str, *, by: str, now: datetime) -> list[int]:
    """Release every hold on a partnership, or on the whole district. Return their numbers.

    The Board office and the Superintendent are told. Raise `Refused` if there is none.
    """
    table = tables.holds
    numbers = [row.id for row in find_open(session) if row.ref == ref]
    if not numbers:
        raise Refused([Unmet("on-hold", f"{ref or DISTRICT} is not on hold")])
    values = {"released_at": now, "released_by": by, "released_reason": reason}
    chain.execute(session.connection, update(table).where(table.c.id.in_(numbers)).values(**values))
    changes.record(session, f"hold released on {ref or DISTRICT}", reason, by=by, now=now)
    return numbers


def find_open(session: Session) -> Sequence[Row[Any]]:
    """Return the holds that are open, oldest first."""
    table = tables.holds
    return session.connection.execute(
        select(table).where(table.c.released_at.is_(None)).order_by(table.c.id)
    ).all()


def list_holds(session: Session) -> list[dict[str, Any]]:
    """Return every hold there ever was, oldest first."""
    return [
        {
            "id": row.id,
            "ref": row.ref,
            "reason": row.reason,
            "by": row.by,
            "added_at": session.local(row.added_at),
            "released_at": session.local(row.released_at),
            "released_by": row.released_by,
            "released_reason": row.released_reason,
        }
        for row in session.connection.execute(select(tables.holds).order_by(tables.holds.c.id))
    ]


def find_reasons(session: Session) -> dict[str | None, list[str]]:
    """Return why nothing may be destroyed, by partnership; under None what stops everything."""
    reasons: dict[str | None, list[str]] = {}
    for row in find_open(session):
        reasons.setdefault(row.ref, []).append(
            f"on hold since {session.config.calendar.day(row.added_at)}: {row.reason}"
        )
    # RCW 42.56.100: a record that was requested is kept until the request is resolved.
    requests = tables.records_requests
    for row in session.connection.execute(select(requests).where(requests.c.closed_on.is_(None))):
        words = f"a request for public records of {row.received_on} is open"
        reasons.setdefault(row.ref, []).append(words)
    return reasons
