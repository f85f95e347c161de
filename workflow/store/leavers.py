"""Reads from the changes of the directory who has left it, when, and under which name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from workflow.store import chain, tables

_PEOPLE = f"{tables.people.name} "


def read_leavers(
    connection: Connection, active: Mapping[str, bool]
) -> tuple[dict[str, datetime], dict[str, str]]:
    """Return when people were removed or made inactive, and the names of those removed, by address.

    `active` says of the people in the directory, by address, whether they are. People who were added again are left
    out.
    """
    table = tables.changes
    # Only the last change of each person tells how things are now.
    last = select(func.max(table.c.id)).where(table.c.what.like(f"{_PEOPLE}%")).group_by(table.c.what)
    left, former = {}, {}
    columns = (table.c.what, table.c.at, table.c.before, table.c.after)
    rows: dict[str, Any] = {
        row.what: row for row in connection.execute(select(*columns).where(table.c.id.in_(last)))
    }
    # What this transaction has changed is appended when it commits.
    rows.update((each.what, each) for each in chain.entries_of(connection) if each.what.startswith(_PEOPLE))
    for row in rows.values():
        email = row.what.partition(" ")[2]
        if row.after is None or not active.get(email, True):
            left[email] = row.at
        if row.after is None and row.before is not None:
            former[email] = str(json.loads(row.before).get("name") or email)
    return left, former
