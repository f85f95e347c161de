"""Lists what of a partnership can be marked by hand, so that a copy for public records withholds it."""

from __future__ import annotations

from datetime import datetime

from workflow.publishing.dossier_parts import gather
from workflow.session import Session
from workflow.store.commitments import flatten
from workflow.store.rows import Snapshot

_LONGEST = 80  # characters of a value that are shown


def list_items(session: Session, record: Snapshot, now: datetime) -> list[tuple[str, str]]:
    """Return the name of each item, and the beginning of what it says. What is sealed is not among them."""
    parts = gather(session, record, now)
    values = [
        (f"row/{row.entry.seq}{pointer}", str(value))
        for row in parts.rows
        for name, part in row.values.items()
        for pointer, value in flatten(part, f"/{name}")
        if value not in (None, [], {}, "")
    ]
    documents = [(file.item, file.name) for file in parts.files]
    messages = [(message.item, f"{message.address}: {message.subject}") for message in parts.messages]
    return [(item, _shorten(text)) for item, text in (*values, *documents, *messages)]


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
