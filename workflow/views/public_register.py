"""Reads the public register: the partnerships of which a call was ever opened, each as its public entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from states.names import State
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot
from workflow.views.public_entry import Entry, make_entry
from workflow.views.public_rules import public_state

PER_PAGE = 50
_OPENED = "open-selection"  # the event with which a partnership becomes public


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the register, and what can be chosen from: the schools by id and name, and the states."""

    entries: tuple[Entry, ...]
    number: int
    last: int
    total: int
    schools: tuple[tuple[str, str], ...]


def read_page(
    session: Session,
    now: datetime,
    *,
    number: int = 1,
    school: str = "",
    state: str = "",
    size: int | None = None,
) -> Page:
    """Return a page of the partnerships, by the name of the school, the latest first.

    `school` and `state` keep only those of a school or in a state. A page beyond the last has no entries. Three
    queries read it, however many partnerships there are.
    """
    size = PER_PAGE if size is None else size
    rows, table = _read_listed(session), tables.partnerships
    states = _public_states(session, rows)
    names = {row.school: session.directory.school_name(row.school) for row in rows}
    present = session.directory.present_school
    schools = sorted({(present(key), name) for key, name in names.items()}, key=lambda each: each[::-1])
    chosen = [
        row for row in rows if school in ("", present(row.school)) and state in ("", states.get(row.id))
    ]
    chosen.sort(key=lambda row: (names[row.school], -row.id))
    keys = [row.id for row in chosen[(number - 1) * size : number * size]]
    found = {record.id: record for record in _read(session, select(table).where(table.c.id.in_(keys)))}
    entries = [make_entry(session, found[key], now) for key in keys if key in found]
    last = max(1, -(-len(chosen) // size))
    return Page(tuple(filter(None, entries)), number, last, len(chosen), tuple(schools))


def find_entry(session: Session, ref: str, now: datetime) -> tuple[Entry, Snapshot] | None:
    """Return the entry of a reference, and its record. Return None if the public knows of no such partnership."""
    table = tables.partnerships
    for record in _read(session, select(table).where(table.c.ref == ref)):
        if entry := make_entry(session, record, now):
            return entry, record
    return None


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
    reviewed = _read(session, select(table).where(table.c.state == str(State.BOARD_REVIEW)))
    shown = {record.id: public_state(record) for record in reviewed}
    return {row.id: str(shown.get(row.id, row.state)) for row in rows}


def _read(session: Session, query: Select[Any]) -> list[Snapshot]:
    """Return the records of a query, without those that cannot be read: the office sees which these are."""
    records = []
    for row in session.connection.execute(query):
        try:
            records.append(Snapshot.from_row(row))
        except ValueError:
            continue
    return records
