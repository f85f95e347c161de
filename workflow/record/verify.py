"""Verifies records: folds each history, compares the sum with the row, checks the hashes, and names each fault."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Select, select

from states import history as history_of_law
from states.errors import LawError
from states.names import State
from workflow.procedure.config import Config
from workflow.store import past, tables, triggers
from workflow.store.column_types import NotAnInstant
from workflow.store.database import StoreError
from workflow.store.rows import GENESIS, HistoryEntry, Snapshot
from workflow.store.saving import days_in_force, facts_text, hash_entry


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in the record of a partnership, at a row of its history or (`seq` is None) in its own row."""

    ref: str
    seq: int | None
    problem: str

    def __str__(self) -> str:
        place = f"{self.ref}, row {self.seq}" if self.seq else self.ref
        return f"{place}: {self.problem}"


def read_history(connection: Connection, key: int) -> list[HistoryEntry]:
    """Return the history of the partnership with this key, oldest entry first."""
    table = tables.history
    query = select(table).where(table.c.partnership == key).order_by(table.c.seq)
    return [HistoryEntry.from_row(row) for row in connection.execute(query)]


def read_records(connection: Connection, query: Select[Any]) -> list[Snapshot]:
    """Return the partnerships that a query selects, ordered by reference. Raises as `reraise_with_ref` does."""
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


@contextmanager
def reraise_with_ref(ref: str) -> Iterator[None]:
    """Re-raise a read error with the reference of the record. Raises `StoreError`."""
    try:
        yield
    except ValueError as error:
        raise StoreError(
            f"the record of {ref} cannot be read: {_describe(error)}; partnershipctl verify says more"
        ) from None


def verify(
    connection: Connection, config: Config, refs: Sequence[str] = ()
) -> Iterator[tuple[str, list[Fault]]]:
    """Yield each partnership (or each of `refs`) with its faults, ordered by reference.

    Without `refs` also yield each history whose partnership is gone.
    """
    table = tables.partnerships
    query = select(table.c.id, table.c.ref)
    if refs:
        query = query.where(table.c.ref.in_(refs))
    for key, ref in sorted(connection.execute(query).all(), key=lambda row: row.ref):
        # One partnership at a time: a value that was changed by hand may be unreadable, and hides no other fault.
        try:
            row = connection.execute(select(table).where(table.c.id == key)).one()
            history = read_history(connection, key)
        except (ValueError, TypeError) as error:
            yield ref, [Fault(ref, None, f"the row or its history cannot be read: {_describe(error)}")]
        else:
            yield ref, list(_find_faults(config, row, history))
    if not refs:
        yield from _find_orphans(connection)


def _find_orphans(connection: Connection) -> Iterator[tuple[str, list[Fault]]]:
    """Yield a fault for each history whose partnership is gone."""
    table, about = tables.history, tables.partnerships
    query = select(table.c.partnership).distinct().where(table.c.partnership.not_in(select(about.c.id)))
    for key in sorted(connection.scalars(query)):
        ref = f"partnership number {key}"
        yield ref, [Fault(ref, None, "its row is gone; its history is still there")]


def find_missing_triggers(connection: Connection) -> list[Fault]:
    """Return a fault for each missing trigger of those that protect the record in the database."""
    return [
        Fault(
            "the database",
            None,
            f"its trigger {name} is gone or disabled, so that {allows};"
            " find out who did it, then `partnershipctl init` puts it back",
        )
        for name, allows in triggers.missing_triggers(connection).items()
    ]


def _describe(error: Exception) -> str:
    """Return the message of an error; on one line, without values and links, for an error of pydantic."""
    if isinstance(error, ValidationError):
        # The full text of pydantic quotes the values, and these may be of a sealed application.
        return "; ".join(detail["msg"] for detail in error.errors())
    return str(error)


def _find_faults(config: Config, row: Row[Any], history: Sequence[HistoryEntry]) -> Iterator[Fault]:
    """Yield the faults of one partnership.

    1. Check the chain: each entry follows the one before it and fits its hash.
    2. Check that the row ends the chain: it has the hash of the last entry, and the number of entries as version.
    3. Fold the history and compare the sum with the row. A row or a history that cannot be read ends the search.
    """
    yield from _check_chain(row.ref, history)
    # Rows that were removed from the end leave a sound chain, so compare its end with the row.
    if history and row.head != history[-1].hash:
        yield Fault(row.ref, None, "the row does not carry the hash of the last row of its history")
    if row.version != len(history):
        yield Fault(
            row.ref, None, f"the row is at version {row.version}; its history has {len(history)} rows"
        )
    try:
        stored = Snapshot.from_row(row)
    except (ValueError, TypeError) as error:
        yield Fault(row.ref, None, f"the row cannot be read: {_describe(error)}")
        return
    try:
        folded = fold(config, row.ref, history)
    # A value that was changed by hand can fail in any of these ways, and each of them is a fault to report.
    except (LookupError, ValueError, LawError, TypeError) as error:
        yield Fault(row.ref, None, f"the history cannot be folded: {_describe(error)}")
        return
    if folded is None:
        yield Fault(row.ref, None, "it has no history")
        return
    yield from _compare(row, stored, folded)


def _check_chain(ref: str, history: Iterable[HistoryEntry]) -> Iterator[Fault]:
    """Yield a fault for each entry that is missing, out of place or changed."""
    previous, expected = GENESIS, 1
    for entry in history:
        seq = entry.seq
        if seq != expected:
            yield Fault(ref, seq, f"row {expected} of the history is missing")
        if entry.previous != previous:
            yield Fault(ref, seq, "it does not follow the row before it: the chain is broken")
        if hash_entry(ref, entry._asdict()) != entry.hash:
            yield Fault(ref, seq, "its content does not fit its hash: it was changed")
        # Go on from the row that is there, so that one fault is not reported again at every row after it.
        previous, expected = entry.hash, seq + 1


def _compare(row: Row[Any], stored: Snapshot, folded: Snapshot) -> Iterator[Fault]:
    """Yield a fault for each difference between a row, read as `stored`, and the sum of its history."""
    if stored.state is not folded.state:
        yield Fault(row.ref, None, f"the row says {stored.state}, its history {folded.state}")
    if stored.entered_at != folded.entered_at:
        yield Fault(row.ref, None, "the row says another time of entering its state than its history")
    if row.school != folded.facts.school or row.title != folded.facts.title:
        yield Fault(row.ref, None, "the row says another school or title than its history")
    if row.in_force != folded.facts.in_force:
        yield Fault(row.ref, None, "the row and its history differ on whether an agreement is in force")
    elif any(getattr(row, name) != value for name, value in days_in_force(folded.facts).items()):
        yield Fault(row.ref, None, "the row and its history differ on when the agreement is in force")
    # Compare the stored form, in which it makes no difference whether a default value was written.
    was, now = json.loads(facts_text(stored.facts)), json.loads(facts_text(folded.facts))
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield Fault(row.ref, None, f"the row and its history differ in '{name}'")


def fold(config: Config, ref: str, history: Iterable[HistoryEntry]) -> Snapshot | None:
    """Return the record that a history adds up to, or None if the history is empty.

    Each entry is replayed on the facts and the state that the entries before it left, with the setting that it
    recorded, or as it was corrected. Requirements are not checked again, since the law may have changed.
    Raises `LawError`, `LookupError`, `ValueError` or `TypeError` if an entry cannot be replayed.
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
