"""Says how a partnership and its history are stored: columns, hashes, and the statements that write them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, update

from states.partnership import Partnership
from workflow.store import tables
from workflow.store.column_types import canonical, utc_text
from workflow.store.commitments import Salts, commitments, hash_of
from workflow.store.partner_columns import partner_columns
from workflow.store.public_columns import public_columns
from workflow.store.rows import Snapshot
from workflow.store.writing import Writing

# The columns that the hash covers, in the order in which it covers them. Every stored hash depends on it.
HASHED = (
    "seq", "event", "actor", "role", "channel", "from_state", "to_state",
    "input", "setting", "note", "ran_by", "previous",
)  # fmt: skip
# Of a row of format 2: the columns that its hash covers as they are, in this order, and those whose values it
# commits to one by one.
FORMAT = 2
OPEN = ("seq", "event", "role", "channel", "from_state", "to_state", "beside", "previous")
COMMITTED = ("actor", "note", "ran_by", "input", "setting", "facts", "rows")
_TEXTS = ("actor", "note", "ran_by", "facts", "rows")


def hash_entry(ref: str, entry: Mapping[str, Any]) -> str:
    """Return the hash of a row of the history: SHA-256 (FIPS 180-4) over its contents and the hash before it."""
    # The same instant can be written in several ways, so the hash covers this one.
    at = utc_text(entry["at"])
    text = json.dumps([ref, at, *(entry[name] for name in HASHED)], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_row(ref: str, entry: Mapping[str, Any]) -> str:
    """Return the hash of a row of the history of either format (`docs/record.md`).

    Raise `LookupError` if a salt that it needs is missing, `ValueError` if a column is not JSON.
    """
    if entry["salt"] is None:
        return hash_entry(ref, entry)
    at = utc_text(entry["at"])
    columns = (FORMAT, ref, at, *(entry[name] for name in OPEN))
    return hash_of(columns, commitments(committed_parts(entry), Salts(entry["salt"])))


def committed_parts(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a row of format 2 to whose values it commits one by one, as JSON values."""
    return {name: _read(name, entry[name]) for name in COMMITTED}


def _read(name: str, text: str | None) -> Any:
    """Return a part as JSON. Texts stand for themselves, unless they were destroyed."""
    if text is None or (name in _TEXTS and not text.startswith('{"forgotten":')):
        return text
    return json.loads(text)


def values_of(record: Snapshot, facts: str, in_force: bool) -> dict[str, Any]:
    """Return the columns of a partnership that an event may change; `facts` is the text of its facts.

    Without `in_force` it counts as not in force. An event of the past says nothing of today, when another Lead
    Partner may serve at the school.
    """
    return {
        "school": record.facts.school,
        "title": record.facts.title,
        "state": str(record.state),
        "version": record.version,
        "entered_at": record.entered_at,
        "facts": facts,
        "head": record.head,
        **days_in_force(record.facts if in_force else None),
        **public_columns(record),
        **partner_columns(record.facts),
    }


def days_in_force(facts: Partnership | None) -> dict[str, Any]:
    """Return the columns that say whether an agreement is in force, and on which days. None: it counts as not."""
    if facts is None or not facts.in_force:
        return {"in_force": False, "first_day": None, "last_day": None}
    return {"in_force": True, "first_day": facts.first_day, "last_day": facts.last_day}


def facts_text(facts: Partnership) -> str:
    """Return the facts as JSON, as they are stored. A field with its default value is left out."""
    # A release that adds a field then leaves the text of stored facts as it was.
    return facts.model_dump_json(exclude_defaults=True)


def digest_of_row(row: Mapping[str, Any]) -> str:
    """Return the digest of the row of a partnership by which a certificate of destruction vouches for it."""
    values = {name: str(row[name]) for name in ("ref", *_VOUCHED)}
    values["entered_at"] = utc_text(row["entered_at"])
    return hashlib.sha256(canonical(values).encode()).hexdigest()


def digest_of(facts: str) -> str:
    """Return the digest by which a row of the history commits to the facts after it: SHA-256 of their text."""
    return hashlib.sha256(facts.encode()).hexdigest()


# The columns that a certificate of destruction vouches for. Every certificate that was given depends on them.
_VOUCHED = (
    "school", "title", "state", "version", "entered_at", "facts", "head", "in_force", "first_day", "last_day",
)  # fmt: skip
_CHANGED = (
    *_VOUCHED, "public_state", "call_changed_at", "call_ends_at", "partner", "partner_name", "partner_domain",
)  # fmt: skip
# A row of a history, and a partnership that is still at the version that was judged.
APPENDED = Writing(tables.history, tuple(column.name for column in tables.history.columns))
GUARDED = Writing(tables.partnerships, _CHANGED, (("id", "key"), ("version", "seen")))
# The hash of the first row of a partnership is known only when the partnership has its id.
HEAD = (
    update(tables.partnerships)
    .where(tables.partnerships.c.id == bindparam("key"))
    .values(head=bindparam("new_head"))
)
