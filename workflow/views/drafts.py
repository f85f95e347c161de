"""Reads the applications that are saved and not sent. Only their authors see what they say (4270.8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Row, select

from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot


@dataclass(frozen=True, slots=True)
class Draft:
    """A form of an application that was saved. `is_withdrawn`: it is the text of one that its author withdrew."""

    email: str
    values: Mapping[str, str]
    saved_at: datetime
    is_withdrawn: bool

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make it from a row of the table."""
        return cls(row.email, json.loads(row._mapping["values"]), row.saved_at, row.withdrawn)


def find_draft(session: Session, record: Snapshot, email: str) -> Draft | None:
    """Return what this address has saved for a partnership, in the present call or in an earlier one."""
    table = tables.drafts
    query = select(table).where(table.c.partnership == record.id, table.c.email == email)
    row = session.connection.execute(query).first()
    return Draft.from_row(row) if row else None


def list_unsent(session: Session, record: Snapshot) -> list[str]:
    """Return the addresses that have saved a form in the present call and not sent it, in alphabetical order.

    Leave out those who have withdrawn their application, and those who were removed after they had saved.
    """
    call, table, left = record.facts.selection, tables.drafts, session.directory.left
    if call is None:
        return []
    query = select(table.c.email, table.c.saved_at).where(
        table.c.partnership == record.id, table.c.saved_at >= call.opened_at, ~table.c.withdrawn
    )
    rows = session.connection.execute(query)
    return sorted(row.email for row in rows if row.email not in left or row.saved_at > left[row.email])
