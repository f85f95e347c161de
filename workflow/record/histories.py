"""Reads partnerships and their histories, and folds a history into the record that it adds up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Select, bindparam, select

from states import history as history_of_law
from states.names import State
from workflow.procedure.config import Config
from workflow.store import past, tables
from workflow.store.column_types import NotAnInstant
from workflow.store.database import StoreError
from workflow.store.rows import HistoryEntry, Snapshot

CHUNK = 400  # partnerships that are in memory at once
# Made once, since every partnership that is exported or verified asks for it.
_HISTORY = (
    select(tables.history)
    .where(tables.history.c.partnership == bindparam("key"))
    .order_by(tables.history.c.seq)
)


def read_history(connection: Connection, key: int) -> list[HistoryEntry]:
    """Return the history of the partnership with this key, oldest entry first, as the hashes cover it."""
    return [HistoryEntry.exact(row) for row in connection.execute(_HISTORY, {"key": key})]


def read_records(connection: Connection, query: Select[Any]) -> list[Snapshot]:
    """Return the partnerships that a query selects, ordered by reference.

    Raise `StoreError` for one that cannot be read, with its reference.
    """
    try:
        rows = connection.execute(query).all()
    except NotAnInstant:
        # The error does not name the row. Read the rows one at a time to learn which of them it is.
        for ref in connection.scalars(query.with_only_columns(tables.partnerships.c.ref)).all():
            with reraise_with_ref(ref):
                connection.execute(query.where(tables.partnerships.c.ref == ref)).one()
        raise
    records = []
    for row in sorted(rows, key=lambda row: row.ref):
        with reraise_with_ref(row.ref):
            records.append(Snapshot.from_row(row))
    return records


def read_in_chunks(
    connection: Connection, query: Select[Any], size: int | None = None
) -> Iterator[list[Snapshot]]:
    """Yield the partnerships that a query selects, ordered by reference, so many at a time.

    Raise `StoreError` for one that cannot be read, with its reference.
    """
    table = tables.partnerships
    refs = {row.id: row.ref for row in connection.execute(query.with_only_columns(table.c.id, table.c.ref))}
    # Sort here and not in the query, since SQLite and PostgreSQL order text differently.
    keys = sorted(refs, key=refs.__getitem__)
    size = size or CHUNK
    for first in range(0, len(keys), size):
        yield read_records(connection, select(table).where(table.c.id.in_(keys[first : first + size])))


def read_unfinished(connection: Connection, query: Select[Any]) -> Iterator[Snapshot]:
    """Yield those of the partnerships in which somebody may still have something to do."""
    for record in read_records(connection, query):
        ended = record.facts.ended
        if record.facts.closed_out or (ended and ended.how == "withdrawn"):
            continue
        # The facts of a destroyed record no longer say how it ended.
        if not past.is_destroyed(connection, record.key):
            yield record


@contextmanager
def reraise_with_ref(ref: str) -> Iterator[None]:
    """Re-raise a read error with the reference of the record. Raise `StoreError`."""
    try:
        yield
    except ValueError as error:
        raise StoreError(
            f"the record of {ref} cannot be read: {describe_error(error)}; partnershipctl verify says more"
        ) from None


def describe_error(error: Exception) -> str:
    """Return the message of an error; on one line, without values and links, for an error of pydantic."""
    if isinstance(error, ValidationError):
        # The full text of pydantic quotes the values, and these may be of a sealed application.
        return "; ".join(detail["msg"] for detail in error.errors())
    return str(error)


def fold(config: Config, ref: str, history: Iterable[HistoryEntry]) -> Snapshot | None:
    """Return the record that a history adds up to, or None if the history is empty.

    Each entry is replayed on the facts and the state that the entries before it left, with the setting that it
    recorded, or as it was corrected. Requirements are not checked again, since the law may have changed.
    Raise `LawError`, `LookupError`, `ValueError` or `TypeError` if an entry cannot be replayed.
    """
    rows = list(history)
    folded = history_of_law.fold([past.entry_of(row, config.calendar.local) for row in rows])
    if folded.state is None or folded.entered_at is None:
        return None
    last, entered = rows[-1], folded.entered_at.astimezone(UTC)
    return Snapshot(None, ref, folded.state, last.seq, entered, folded.facts, last.hash)


def time_in_states(history: Sequence[HistoryEntry], now: datetime) -> dict[str, timedelta]:
    """Return the time spent in each state until `now`; none in the state terminated."""
    spent: dict[str, timedelta] = {}
    # Not strict: a history that was deleted by hand is empty, and the second list then is the longer one.
    for entry, following in zip(history, [*history[1:], None], strict=False):
        until = following.at if following else now
        state = entry.to_state
        # No time passes after the end of a partnership, so its last state gets none.
        if following is None and state == State.TERMINATED:
            until = entry.at
        spent[state] = spent.get(state, timedelta()) + (until - entry.at)
    return spent
