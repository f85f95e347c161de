"""Reads the open rungs of deadlines, of one partnership or of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from sqlalchemy import Connection, bindparam, select

from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineRow, DeadlineStatus, Snapshot

# Made once, since every partnership of a list asks for them. It is in no order: SQLite would read all open rungs of
# the district in the order of an index, once for every chunk, to find those of the chunk.
_OPEN = select(*(tables.deadlines.c[name] for name in DeadlineRow._fields)).where(
    tables.deadlines.c.status == DeadlineStatus.OPEN.value,
    tables.deadlines.c.partnership.in_(bindparam("keys", expanding=True)),
)


def read(session: Session, record: Snapshot) -> Sequence[DeadlineRow]:
    """Return the open rungs of a partnership, the earliest first."""
    if record.id is None:
        return ()
    key = record.id
    return session.once(_name(key), lambda: _read(session.connection, [key]).get(key, ()))


def read_ahead(session: Session, keys: Sequence[int]) -> None:
    """Read the open rungs of these partnerships in one query, so that none of them asks for its own."""
    by_key = _read(session.connection, keys)
    session.keep({_name(key): by_key.get(key, ()) for key in keys})


def _name(key: int) -> tuple[str, int]:
    """Return the key under which a session keeps the open rungs of a partnership."""
    return ("open rungs", key)


def _read(connection: Connection, keys: Sequence[int]) -> dict[int, Sequence[DeadlineRow]]:
    rungs: dict[int, list[DeadlineRow]] = {}
    for row in connection.execute(_OPEN, {"keys": keys}):
        rung = DeadlineRow._make(row)
        rungs.setdefault(rung.partnership, []).append(rung)
    return {key: sorted(of, key=attrgetter("due_at", "id")) for key, of in rungs.items()}
