"""Keeps which items of a partnership somebody marked by hand, so that a copy for public records withholds them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from states.errors import BadInput, Problem, suggest
from workflow.record import changes
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.errors import NotFound
from workflow.store.rows import Snapshot

_TABLE = tables.marks


class Mark(NamedTuple):
    """An item to withhold, the exemption that allows it, and the reason of the person who marked it."""

    item: str
    exemption: str
    reason: str | None


def list_marks(session: Session, record: Snapshot) -> list[Mark]:
    """Return the marks of a partnership in the order of their items."""
    query = select(_TABLE.c.item, _TABLE.c.exemption, _TABLE.c.reason).where(
        _TABLE.c.partnership == record.key
    )
    return sorted(Mark(*row) for row in session.connection.execute(query))


def put(session: Session, record: Snapshot, mark: Mark, *, by: str, now: datetime) -> None:
    """Mark an item, or change its mark. Raise `BadInput` if the configuration has no such exemption."""
    names = [row.name for row in session.config.procedure.redaction]
    if mark.exemption not in names:
        problem = f"there is no exemption {mark.exemption!r}{suggest(mark.exemption, names)}"
        raise BadInput([Problem("--exemption", problem, "one of " + ", ".join(names))])
    before = _remove(session, record, mark.item)
    values = {"partnership": record.key, **mark._asdict()}
    chain.execute(session.connection, insert(_TABLE).values(**values))
    _record(session, record, mark.item, before, mark, by, now)


def remove(session: Session, record: Snapshot, item: str, *, by: str, now: datetime) -> None:
    """Take back the mark of an item. Raise `NotFound` if it has none."""
    before = _remove(session, record, item)
    if before is None:
        raise NotFound(f"{item!r} of {record.ref} is not marked")
    _record(session, record, item, before, None, by, now)


def _remove(session: Session, record: Snapshot, item: str) -> Mark | None:
    before = next((mark for mark in list_marks(session, record) if mark.item == item), None)
    if before is not None:
        here = (_TABLE.c.partnership == record.key) & (_TABLE.c.item == item)
        chain.execute(session.connection, delete(_TABLE).where(here))
    return before


def _record(
    session: Session,
    record: Snapshot,
    item: str,
    before: Mark | None,
    after: Mark | None,
    by: str,
    now: datetime,
) -> None:
    what = f"withheld {record.ref} {item}"
    mark = after or before
    shown = {"exemption": mark.exemption, "reason": mark.reason} if mark else {}
    changes.record(session, what, shown | {"marked": after is not None}, by=by, now=now)
