"""Loads partnerships, and refuses facts that are not those which the last row of their history left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from workflow.store import database, forgotten, tables
from workflow.store.errors import Damaged
from workflow.store.rows import Snapshot
from workflow.store.saving import digest_of

_LAST = tables.history.alias("last")
# The rows of partnerships, each with the digest of the facts to which the last row of its history commits.
WITH_COMMITTED = select(tables.partnerships, _LAST.c.facts.label("committed")).join_from(
    tables.partnerships,
    _LAST,
    (_LAST.c.partnership == tables.partnerships.c.id) & (_LAST.c.seq == tables.partnerships.c.version),
    isouter=True,
)
_OF = (
    WITH_COMMITTED.where(tables.partnerships.c.ref.in_(bindparam("refs", expanding=True))).order_by(
        tables.partnerships.c.id
    )  # all that wait for locks take them in this order, so no two deadlock
)
_LOCKED = database.lock(_OF, of=tables.partnerships)  # made once, since every event reads with it


def load(connection: Connection, refs: Sequence[str]) -> dict[str, Snapshot]:
    """Return the partnerships with these references that exist, by reference.

    In a transaction that writes, lock them, so that no other transaction changes them before this one ends, and
    raise `Damaged` for facts to which the last row of the history does not commit: nothing may be decided on them.
    Pages and lists show them all the same.
    """
    if database.only_reads(connection):
        return {row.ref: _snapshot_as_stored(row) for row in connection.execute(_OF, {"refs": refs})}
    rows = connection.execute(_LOCKED, {"refs": refs})
    return {row.ref: snapshot_of(connection, row) for row in rows}


def _snapshot_as_stored(row: Row[Any]) -> Snapshot:
    """Return a partnership from its row, whatever its last row commits to."""
    return replace(Snapshot.from_row(row), destroyed=forgotten.is_forgotten(row.committed))


def snapshot_of(connection: Connection, row: Row[Any]) -> Snapshot:
    """Return a partnership from its row with the digest that its last row commits to (`committed`).

    Raise `Damaged` if the facts have another digest, unless a certificate in the second chain says that they were
    lawfully destroyed. A row of format 1 commits to none.
    """
    if row.committed is not None and row.committed != (digest := digest_of(row.facts)):
        if forgotten.is_forgotten(row.committed) and forgotten.covers(connection, row.ref, digest):
            return _snapshot_as_stored(row)
        raise Damaged(
            f"the facts of {row.ref} are not those that its last row left: somebody has changed them in the"
            f" database; partnershipctl verify {row.ref} says more"
        )
    return Snapshot.from_row(row)
