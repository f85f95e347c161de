"""Reads histories again: folds each one, compares it with the row, checks the chain, and names each fault."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Select, select

from states.case import Case, Setting
from states.errors import LawError
from states.inputs import read_input
from states.machine import replay, row_of
from states.partnership import Partnership, Role, State
from workflow.engine import facts_text, hash_entry
from workflow.procedure.config import Config
from workflow.store import tables, triggers
from workflow.store.database import StoreError
from workflow.store.rows import GENESIS, HistoryEntry, Snapshot
from workflow.store.tables import NotAnInstant


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not fit: in which partnership, at which row of its history (None: the row itself)."""

    ref: str
    seq: int | None
    problem: str

    def __str__(self) -> str:
        place = f"{self.ref}, row {self.seq}" if self.seq else self.ref
        return f"{place}: {self.problem}"


def entries(connection: Connection, key: int) -> list[HistoryEntry]:
    """Return the rows of a history, oldest first."""
    table = tables.history
    query = select(table).where(table.c.partnership == key).order_by(table.c.seq)
    return [HistoryEntry.from_row(row) for row in connection.execute(query)]


def stored(connection: Connection, query: Select[Any]) -> list[Snapshot]:
    """Return the partnerships that a query finds, in the order of references. Raises as `reraise_with_ref` does."""
    try:
        rows = connection.execute(query).all()
    except NotAnInstant:  # which says of no row that it is that one
        for ref in connection.scalars(query.with_only_columns(tables.partnerships.c.ref)).all():
            with reraise_with_ref(ref):
                connection.execute(query.where(tables.partnerships.c.ref == ref)).one()
        raise
    found = []
    for row in sorted(rows, key=lambda row: row.ref):
        with reraise_with_ref(row.ref):
            found.append(Snapshot.from_row(row))
    return found


@contextmanager
def reraise_with_ref(ref: str) -> Iterator[None]:
    """Re-raise a read error with the reference of the record. Raises `StoreError`."""
    try:
        yield
    except ValueError as error:
        raise StoreError(
            f"the record of {ref} cannot be read: {_said(error)}; partnershipctl verify says more"
        ) from None


def verify(
    connection: Connection, config: Config, refs: Sequence[str] = ()
) -> Iterator[tuple[str, list[Fault]]]:
    """Each partnership (or each of `refs`) with its faults, one after the other."""
    table = tables.partnerships
    query = select(table.c.id, table.c.ref)
    if refs:
        query = query.where(table.c.ref.in_(refs))
    for key, ref in sorted(connection.execute(query).all(), key=lambda row: row.ref):
        try:  # one by one: what was changed by hand may be no time or number at all
            row = connection.execute(select(table).where(table.c.id == key)).one()
            history = entries(connection, key)
        except (ValueError, TypeError) as error:
            yield ref, [Fault(ref, None, f"the row or its history cannot be read: {_said(error)}")]
        else:
            yield ref, list(_faults(config, row, history))
    if not refs:
        yield from _orphans(connection)


def _orphans(connection: Connection) -> Iterator[tuple[str, list[Fault]]]:
    """The histories whose partnership is gone."""
    table, about = tables.history, tables.partnerships
    query = select(table.c.partnership).distinct().where(table.c.partnership.not_in(select(about.c.id)))
    for key in sorted(connection.scalars(query)):
        ref = f"partnership number {key}"
        yield ref, [Fault(ref, None, "its row is gone; its history is still there")]


def unguarded(connection: Connection) -> list[Fault]:
    """What is missing of that which keeps the histories from being changed in the database."""
    return [
        Fault(
            "the database",
            None,
            f"its trigger {name} is gone or disabled, so that rows of the history can be changed or taken away;"
            " find out who did it, then `partnershipctl init` puts it back",
        )
        for name in triggers.missing_triggers(connection)
    ]


def _said(error: Exception) -> str:
    """What an error says, on one line and in its first words where it is pydantic's."""
    if isinstance(error, ValidationError):
        return "; ".join(detail["msg"] for detail in error.errors())
    return str(error)


def _faults(config: Config, row: Row[Any], history: Sequence[HistoryEntry]) -> Iterator[Fault]:
    yield from _chain_faults(row.ref, history)
    if history and row.head != history[-1].hash:
        yield Fault(row.ref, None, "the row does not carry the hash of the last row of its history")
    if row.version != len(history):
        yield Fault(
            row.ref, None, f"the row is at version {row.version}; its history has {len(history)} rows"
        )
    try:
        stored = Snapshot.from_row(row)
    except (ValueError, TypeError) as error:
        yield Fault(row.ref, None, f"the row cannot be read: {_said(error)}")
        return
    try:
        folded = fold(config, row.ref, history)
    except (LookupError, ValueError, LawError, TypeError) as error:
        yield Fault(row.ref, None, f"the history cannot be folded: {_said(error)}")
        return
    if folded is None:
        yield Fault(row.ref, None, "it has no history")
        return
    yield from _differences(row, stored, folded)


def _chain_faults(ref: str, history: Iterable[HistoryEntry]) -> Iterator[Fault]:
    previous, expected = GENESIS, 1
    for entry in history:
        seq = entry.seq
        if seq != expected:
            yield Fault(ref, seq, f"row {expected} of the history is missing")
        if entry.previous != previous:
            yield Fault(ref, seq, "it does not follow the row before it: the chain is broken")
        if hash_entry(ref, entry._asdict()) != entry.hash:
            yield Fault(ref, seq, "its content does not fit its hash: it was changed")
        previous, expected = entry.hash, seq + 1


def _differences(row: Row[Any], stored: Snapshot, folded: Snapshot) -> Iterator[Fault]:
    if stored.state is not folded.state:
        yield Fault(row.ref, None, f"the row says {stored.state}, its history {folded.state}")
    if stored.entered_at != folded.entered_at:
        yield Fault(row.ref, None, "the row says another time of entering its state than its history")
    if row.school != folded.facts.school or row.title != folded.facts.title:
        yield Fault(row.ref, None, "the row says another school or title than its history")
    if row.in_force != folded.facts.in_force:
        yield Fault(row.ref, None, "the row and its history differ on whether an agreement is in force")
    was, now = json.loads(facts_text(stored.facts)), json.loads(facts_text(folded.facts))
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield Fault(row.ref, None, f"the row and its history differ in '{name}'")


def fold(config: Config, ref: str, history: Iterable[HistoryEntry]) -> Snapshot | None:
    """The record that a history adds up to. Raises as the law does if it cannot be folded."""
    state: State | None = None
    facts = Partnership(school="", title="")
    record: Snapshot | None = None
    for entry in history:
        takes = row_of(entry.event, state).takes
        case = Case(
            state=state,
            facts=facts,
            input=read_input(takes, entry.input_values),
            actor=entry.actor,
            role=Role(entry.role),
            at=config.calendar.local(entry.at),
            setting=Setting.model_validate(json.loads(entry.setting)),
        )
        made = replay(entry.event, case)
        entered = entry.at if record is None or made.state is not state else record.entered_at
        state, facts = made.state, made.facts
        record = Snapshot(None, ref, state, entry.seq, entered, facts, entry.hash)
    return record


def stays(history: Sequence[HistoryEntry], now: datetime) -> dict[str, timedelta]:
    """The time spent in each state so far."""
    spent: dict[str, timedelta] = {}
    for entry, following in zip(history, [*history[1:], None], strict=False):  # none, if it was deleted
        until = following.at if following else now
        state = entry.to_state
        if following is None and state == State.TERMINATED:
            until = entry.at
        spent[state] = spent.get(state, timedelta()) + (until - entry.at)
    return spent
