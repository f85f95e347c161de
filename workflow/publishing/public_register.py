"""Reads the public register: the partnerships of which a call was ever opened, each as its public entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select

from states.names import State
from workflow.session import Session
from workflow.store import loading, tables
from workflow.store.errors import Damaged
from workflow.store.rows import Snapshot
from workflow.views.public_entry import Entry, make_entry
from workflow.views.public_rules import public_state

PER_PAGE = 50
_OPENED = "open-selection"  # the event with which a partnership becomes public


class Filter(NamedTuple):
    """What a list keeps: the partnerships of a school, by its id, and those in a state. Empty keeps all."""

    school: str = ""
    state: str = ""


ALL = Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the register: its entries with their records, and the schools to choose from, by id and name."""

    entries: tuple[tuple[Entry, Snapshot], ...]
    number: int
    last: int
    total: int
    schools: tuple[tuple[str, str], ...]


def read_page(session: Session, now: datetime, wanted: Filter = ALL, number: int = 1) -> Page:
    """Return a page of the partnerships, by the name of the school, the latest first.

    A page beyond the last has no entries. Three queries read it, however many partnerships there are.
    """
    chosen, schools = _choose(session, wanted)
    entries = _read_entries(session, chosen[(number - 1) * PER_PAGE : number * PER_PAGE], now)
    return Page(tuple(entries), number, max(1, -(-len(chosen) // PER_PAGE)), len(chosen), schools)


def read_all(session: Session, now: datetime, wanted: Filter = ALL) -> Iterator[Entry]:
    """Yield every entry in the order of the pages, with only some of them in memory at once."""
    chosen, _ = _choose(session, wanted)
    for start in range(0, len(chosen), PER_PAGE):
        for entry, _ in _read_entries(session, chosen[start : start + PER_PAGE], now):
            yield entry


def find_entry(session: Session, ref: str, now: datetime) -> tuple[Entry, Snapshot] | None:
    """Return the entry of a reference, and its record. Return None if the public knows of no such partnership."""
    table = tables.partnerships
    for record in _read(session, table.c.ref == ref):
        if entry := make_entry(session, record, now):
            return entry, record
    return None


def _choose(session: Session, wanted: Filter) -> tuple[list[int], tuple[tuple[str, str], ...]]:
    """Return the numbers of the partnerships that are asked for, in their order, and every school that has one."""
    rows = _read_listed(session)
    states = _public_states(session, rows)
    present, name = session.directory.present_school, session.directory.school_name
    names = {row.school: name(row.school) for row in rows}
    chosen = [
        row
        for row in rows
        if wanted.school in ("", present(row.school)) and wanted.state in ("", states[row.id])
    ]
    chosen.sort(key=lambda row: (names[row.school], -row.id))
    schools = sorted({(present(key), name) for key, name in names.items()}, key=lambda each: each[::-1])
    return [row.id for row in chosen], tuple(schools)


def _read_entries(session: Session, keys: Sequence[int], now: datetime) -> Iterator[tuple[Entry, Snapshot]]:
    """Yield the entry and the record of each of these partnerships, in one query."""
    table = tables.partnerships
    found = {record.id: record for record in _read(session, table.c.id.in_(keys))}
    for record in (found[key] for key in keys if key in found):
        if entry := make_entry(session, record, now):
            yield entry, record


def _read_listed(session: Session) -> list[Any]:
    """Return id, school and state of each partnership whose call was ever opened."""
    table, history = tables.partnerships, tables.history
    opened = select(history.c.partnership).where(history.c.event == _OPENED)
    columns = (table.c.id, table.c.school, table.c.state)
    return list(session.connection.execute(select(*columns).where(table.c.id.in_(opened))))


def _public_states(session: Session, rows: Iterable[Any]) -> dict[int, str]:
    """Return the state that the public may know, by the number of each partnership.

    Only what is before the Board can differ from the state on record, so only those facts are read.
    """
    table = tables.partnerships
    reviewed = _read(session, table.c.state == str(State.BOARD_REVIEW))
    shown = {record.id: public_state(record) for record in reviewed}
    return {row.id: str(shown.get(row.id, row.state)) for row in rows}


def _read(session: Session, wanted: ColumnElement[bool]) -> list[Snapshot]:
    """Return records without those that are damaged, which nobody may take for the record, or destroyed."""
    records = []
    for row in session.connection.execute(loading.WITH_COMMITTED.where(wanted)):
        try:
            records.append(loading.snapshot_of(session.connection, row))
        except (ValueError, Damaged):
            continue
    return [record for record in records if not record.destroyed]
