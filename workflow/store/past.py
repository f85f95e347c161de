"""Reads a history as the law reads it, with the setting that each row recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select

from states.case import Entry, Setting
from states.names import Role
from workflow.store import tables
from workflow.store.forgotten import is_forgotten
from workflow.store.rows import HistoryEntry

Localize = Callable[[datetime], datetime]


def entry_of(row: HistoryEntry, localize: Localize) -> Entry:
    """Return a row of a history as the law reads it. Raise `ValueError` if it cannot be read."""
    return Entry(
        seq=row.seq,
        event=row.event,
        values=row.input_values,
        actor=row.actor,
        role=Role(row.role),
        at=localize(row.at),
        setting=Setting.model_validate(json.loads(row.setting)),
    )


def read_entries(connection: Connection, key: int, localize: Localize) -> list[Entry]:
    """Return the history of the partnership with this key as the law reads it, oldest row first."""
    query = select(tables.history).where(tables.history.c.partnership == key).order_by(tables.history.c.seq)
    return [entry_of(HistoryEntry.from_row(row), localize) for row in connection.execute(query)]


def is_destroyed(connection: Connection, key: int) -> bool:
    """Return whether the record of the partnership with this key was lawfully destroyed."""
    table = tables.history
    first = connection.scalar(select(table.c.input).where(table.c.partnership == key, table.c.seq == 1))
    return is_forgotten(first)
