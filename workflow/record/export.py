"""The whole record in an open form, from which anybody can check it: docs/record.md says how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, true

from states.machine import event_named
from workflow import engine
from workflow.engine import HASHED
from workflow.record import verify
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import HistoryEntry, Snapshot
from workflow.store.tables import canonical
from workflow.views import documents, visibility

FORMAT, VERSION = "lead-community-partners record", 1


def as_json(session: Session, records_: Sequence[Snapshot], now: datetime) -> Iterator[str]:
    """The JSON document of these partnerships, in pieces: a partnership stands on a line of its own."""
    head = {"format": FORMAT, "version": VERSION, "exported_at": instant(now)}
    yield canonical(head)[:-1] + ',"partnerships":['
    for number, record in enumerate(records_):
        with verify.reraise_with_ref(record.ref):
            text = canonical(_partnership(session, record, now))
        yield (",\n" if number else "\n") + text
    yield "\n]}\n"


def chosen(session: Session, refs: Sequence[str]) -> list[Snapshot]:
    """The partnerships of these references, or all of them. Raises `NotFound`."""
    table = tables.partnerships
    found = verify.stored(session.connection, select(table).where(table.c.ref.in_(refs) if refs else true()))
    known = {record.ref for record in found}
    for ref in refs:
        if ref not in known:
            raise engine.NotFound(f"there is no partnership {ref!r}")
    return found


def instant(moment: datetime) -> str:
    """An instant in UTC as it is hashed."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _partnership(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    sealed = visibility.is_sealed(record.facts, now)
    return {
        "ref": record.ref,
        "school": record.facts.school,
        "title": record.facts.title,
        "state": record.state,
        "entered_at": instant(record.entered_at),
        "version": record.version,
        "head": record.head,
        "facts": documents.facts(record.facts, now),
        "history": [_entry(row, sealed) for row in verify.entries(session.connection, record.id or 0)],
    }


def _entry(row: HistoryEntry, sealed: bool) -> dict[str, Any]:
    """Return a row of a history: what is hashed, as it is hashed. What is sealed is left out, and that is said."""
    columns = row._asdict()
    entry = {name: columns[name] for name in HASHED} | {"at": instant(row.at), "hash": row.hash}
    if sealed and event_named(row.event).sealed:
        entry |= {"input": None, "sealed": True}
    return entry
