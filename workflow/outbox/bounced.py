"""Marks the addresses from which mail comes back, so that staff are told of each failure once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update

from workflow.session import Session
from workflow.store import chain, tables


def mark(session: Session, email: str, reason: str, now: datetime) -> bool:
    """Record that an address takes no mail; return False if it was recorded before."""
    table = tables.addresses
    row = session.connection.execute(select(table).where(table.c.email == email)).first()
    values = {"bounced_at": now, "bounce": reason}
    if row is None:
        chain.execute(session.connection, insert(table).values(email=email, **values))
    elif row.bounced_at is None:
        chain.execute(session.connection, update(table).where(table.c.email == email).values(**values))
    return row is None or row.bounced_at is None


def clear(session: Session, email: str) -> None:
    """Remove the mark from an address: its owner has acted, so they get mail again and a new failure is news."""
    table = tables.addresses
    marked = update(table).where(table.c.email == email, table.c.bounced_at.is_not(None))
    chain.execute(session.connection, marked.values(bounced_at=None, bounce=None))
