"""Changes the directory, tells the Board office and the Superintendent of it, and lists the changes.

A grant of a role or a change of the Board's calendar changes who may decide what, so those who answer for it hear.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Table, select

from states.errors import Refused, Unmet
from workflow import directory_changes
from workflow.outbox import queue
from workflow.procedure.checks import CHANGES
from workflow.record.moved import DEADLINES, describe_moves
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.chain import Entry
from workflow.views.shown_directory import find_unnamed

# A message names at most so many changes; the command lists all of them.
_NAMED = 40
# The columns, by the kind of row, that say what a person may do or what the procedure asks: the Board's invitation
# of a school (4270.1), and the kind of an organization (4270.2). A new name is nobody's business.
_WATCHED = {
    "people": ("roles", "schools", "organization", "contact_rights", "away_until", "delegate", "active"),
    "schools": ("invited_on", "closed_on", "merged_into"),
    "organizations": ("kind",),
}
# How the `what` of other entries begins that people are told of.
_TOLD = (
    "meetings ",
    "procedure ",
    "rights ",
    "import ",
    "restore ",
    "revoked notices to ",
    "hold ",
    "destruction ",
)


def put(session: Session, table: Table, values: Mapping[str, Any], *, by: str, now: datetime) -> str | None:
    """Add or change a row as `directory_changes.put` does, and tell of it."""
    mark = last_entry(session)
    done = directory_changes.put(session.connection, table, values, by=by, now=now)
    tell_since(session, mark, by=by, now=now)
    return done


def remove(session: Session, table: Table, key: object, *, by: str, now: datetime) -> bool:
    """Remove a row as `directory_changes.remove` does, and tell of it."""
    mark = last_entry(session)
    done = directory_changes.remove(session.connection, table, key, by=by, now=now)
    tell_since(session, mark, by=by, now=now)
    return done


def record(session: Session, what: str, after: object, *, by: str, now: datetime) -> None:
    """Record that somebody changed or read what is not in the directory, and tell of it as `tell_since` does."""
    mark = last_entry(session)
    chain.record(session.connection, what, after, by=by, now=now)
    tell_since(session, mark, by=by, now=now)


def last_entry(session: Session) -> int:
    """Return how many changes this transaction has put on record so far."""
    return len(chain.entries_of(session.connection))


def tell_since(session: Session, mark: int, *, by: str, now: datetime) -> None:
    """Queue one notice about what this transaction has put on record after its first `mark` changes.

    Those are told who held their roles before the change: nobody can hide a change by removing its readers.
    """
    new = chain.entries_of(session.connection)[mark:]
    entries = [describe(each) for each in new if (each.by, each.at) == (by, now) and _concerns(each)]
    if entries:
        more = max(len(entries) - _NAMED, 0)
        lines = [f"{entry['what']}: {describe_difference(entry)}" for entry in entries[:_NAMED]]
        extra = {"changes": {"by": by, "lines": lines, "more": more}}
        queue.tell_staff(session, None, CHANGES, extra, now)


def _concerns(row: Entry) -> bool:
    """Return whether an entry changes who may decide what, when, or on which conditions."""
    watched = _WATCHED.get(row.what.partition(" ")[0])
    if watched is None:
        return bool(row.what.startswith(_TOLD))
    before, after = (json.loads(text) if text else {} for text in (row.before, row.after))
    # Rows that leave a column out mean its default, which gives no right.
    values = [(before.get(name), after.get(name)) for name in watched if name in before or name in after]
    return any(was != now and not (_gives_nothing(was) and _gives_nothing(now)) for was, now in values)


def _gives_nothing(value: object) -> bool:
    return value in (None, "", "[]")


def describe(row: Entry | Row[Any]) -> dict[str, Any]:
    """Return an entry as JSON takes it: what was changed, and its columns before and after; None for no row."""
    return {
        "what": row.what,
        "by": row.by,
        "before": json.loads(row.before) if row.before else None,
        "after": json.loads(row.after) if row.after else None,
    }


def describe_difference(entry: Mapping[str, Any]) -> str:
    """Return in words what an entry says before and after, column by column where it has columns."""
    before, after = entry["before"], entry["after"]
    if entry["what"].startswith(DEADLINES) and isinstance(after, list):
        return describe_moves(after)
    if after is None:
        return f"removed; it was {_text(before)}"
    if not isinstance(after, dict):
        return _text(after) if before is None else f"{_text(before)}, now {_text(after)}"
    if before is None:
        return "added; " + "; ".join(f"{name} {_text(value)}" for name, value in after.items())
    differing = [name for name, value in after.items() if before.get(name) != value]
    return "; ".join(f"{name} {_text(before.get(name))}, now {_text(after[name])}" for name in differing)


def _text(value: object) -> str:
    """Return a value in words."""
    if value in (None, "", "[]", [], (), "None"):
        return "nothing"
    if isinstance(value, dict):
        return "; ".join(f"{name} {_text(each)}" for name, each in value.items()) or "nothing"
    return str(value)


def list_changes(session: Session) -> list[dict[str, Any]]:
    """Return the changes on record, the oldest first, without those that name who withdrew before the closing."""
    table, unnamed = tables.changes, find_unnamed(session)
    told = select(table).where(table.c.what != chain.ROWS).order_by(table.c.id)
    rows = session.connection.execute(told)
    return [
        {"id": row.id, "at": session.local(row.at), **describe(row)} for row in rows if not unnamed.hides(row)
    ]


def former_names(session: Session, table: Table) -> dict[str, list[str]]:
    """Return the names that rows of a table had before, by key and in order: of schools or organizations."""
    changes = tables.changes
    query = select(changes.c.what, changes.c.before, changes.c.after).order_by(changes.c.id)
    names: dict[str, list[str]] = {}
    for row in session.connection.execute(query.where(changes.c.what.startswith(f"{table.name} "))):
        before, after = (json.loads(text) if text else {} for text in (row.before, row.after))
        if before.get("name") and after.get("name") and before["name"] != after["name"]:
            names.setdefault(row.what.partition(" ")[2], []).append(before["name"])
    return names


def require_to_come(session: Session, days: Iterable[tuple[str, date]], now: datetime) -> None:
    """Raise `Refused` for each meeting, given with its place, that would be put on a day that is over."""
    today = session.config.calendar.day(now)
    unmet = [
        Unmet(
            "meeting-to-come",
            f"{place}: {day} is over; a meeting is added or changed before its day",
            "4270.9",
        )
        for place, day in days
        if day < today
    ]
    if unmet:
        raise Refused(unmet)
