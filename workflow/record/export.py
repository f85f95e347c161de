"""Writes partnerships and their histories as JSON that anybody can check (form: docs/record.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, true

from workflow.record import disclosure, histories
from workflow.session import Session
from workflow.store import tables
from workflow.store.column_types import canonical, utc_text
from workflow.store.errors import NotFound
from workflow.store.rows import HistoryEntry, Snapshot
from workflow.views import documents, sealing

FORMAT, VERSION = "lead-community-partners record", 2


def as_json(session: Session, records: Iterable[Snapshot], now: datetime) -> Iterator[str]:
    """Yield the JSON document of these partnerships in pieces, with each partnership on a line of its own."""
    head = {"format": FORMAT, "version": VERSION, "exported_at": utc_text(now)}
    # Leave out the closing brace, since the partnerships go inside.
    yield canonical(head)[:-1] + ',"partnerships":['
    for number, record in enumerate(records):
        with histories.reraise_with_ref(record.ref):
            text = canonical(_document(session, record, now))
        yield (",\n" if number else "\n") + text
    yield "\n]}\n"


def select_records(session: Session, refs: Sequence[str]) -> Iterator[Snapshot]:
    """Yield the partnerships of these references, or all without any, with only some in memory at once.

    Raise `NotFound`, and `StoreError` for one that cannot be read.
    """
    table = tables.partnerships
    query = select(table).where(table.c.ref.in_(refs) if refs else true())
    existing = set(session.connection.scalars(query.with_only_columns(table.c.ref))) if refs else set()
    # A reference that is misspelt must not make the export silently shorter.
    for ref in refs:
        if ref not in existing:
            raise NotFound(f"there is no partnership {ref!r}")
    for records in histories.read_in_chunks(session.connection, query):
        yield from records


def _document(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    """Return the document of a partnership: its row, its facts and its history."""
    rows = histories.read_history(session.connection, record.id or 0)
    sealed = sealing.sealed_rows(record.facts, rows, now)
    unopened = sealing.unopened_rows(record.facts, rows)
    return {
        "ref": record.ref,
        "school": record.facts.school,
        "title": record.facts.title,
        "state": record.state,
        "entered_at": utc_text(record.entered_at),
        "version": record.version,
        "head": record.head,
        "facts": documents.facts(session, record, now),
        "history": [_entry(row, row.seq in sealed, row.seq in unopened) for row in rows],
    }


def _entry(row: HistoryEntry, sealed: bool, unopened: bool) -> dict[str, Any]:
    """Return a row without what is sealed: the input, or of an `unopened` row all that says whose it is."""
    hidden = {f"/{name}" for name in disclosure.hidden_columns(row, sealed=sealed, unopened=unopened)}
    return disclosure.show(row, hidden.__contains__, sealed=bool(hidden))
