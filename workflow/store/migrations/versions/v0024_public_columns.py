"""Adds the columns and indexes by which the public lists find and order partnerships."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from workflow.store.column_types import Instant

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_BATCH = 500  # partnerships whose facts are in memory at once
_OPENING = "open-selection"
_PUBLIC = (
    _OPENING, "extend-selection", "close-applications", "ask-question", "answer-question", "withdraw",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("partnerships", sa.Column("public_state", sa.String()))
    op.add_column("partnerships", sa.Column("call_changed_at", Instant()))
    op.add_column("partnerships", sa.Column("call_ends_at", Instant()))
    _fill(op.get_bind())
    op.create_index("ix_partnerships_public", "partnerships", ["school", "public_state", "id"])
    op.create_index(
        "ix_partnerships_call_changed_at", "partnerships", ["call_changed_at", "id", "call_ends_at"]
    )
    op.create_index("ix_partnerships_call_ends_at", "partnerships", ["call_ends_at", "id"])


def _fill(connection: sa.Connection) -> None:
    """Write the columns of every partnership of which a call was opened, from its facts and its history."""
    table = sa.table(
        "partnerships",
        sa.column("id"),
        sa.column("state"),
        sa.column("facts"),
        sa.column("public_state"),
        sa.column("call_changed_at", Instant()),
        sa.column("call_ends_at", Instant()),
    )
    last = 0
    while rows := connection.execute(
        sa.select(table.c.id, table.c.state, table.c.facts)
        .where(table.c.id > last)
        .order_by(table.c.id)
        .limit(_BATCH)
    ).all():
        changed = _read_changes(connection, [row.id for row in rows])
        for row in rows:
            try:
                values = _values(row.state, json.loads(row.facts), changed.get(row.id))
            # A damaged row stays as it is: `verify` names it.
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            if any(values.values()):
                connection.execute(sa.update(table).where(table.c.id == row.id).values(values))
        last = rows[-1].id


def _read_changes(connection: sa.Connection, keys: Sequence[int]) -> dict[int, datetime]:
    """Return when the call of each of these partnerships last changed for everybody, from its opening on."""
    table = sa.table(
        "history", sa.column("partnership"), sa.column("seq"), sa.column("event"), sa.column("at", Instant())
    )
    query = (
        sa.select(table.c.partnership, table.c.event, table.c.at)
        .where(table.c.partnership.in_(keys), table.c.event.in_(_PUBLIC))
        .order_by(table.c.partnership, table.c.seq)
    )
    changed: dict[int, datetime] = {}
    for row in connection.execute(query):
        if row.event == _OPENING or row.partnership in changed:
            changed[row.partnership] = row.at
    return changed


def _values(state: str, facts: dict[str, Any], changed_at: datetime | None) -> dict[str, Any]:
    call = facts.get("selection")
    item = (facts.get("board") or {}).get("item")
    ends_at = None
    if call and changed_at:
        closes_at = datetime.fromisoformat(call["closes_at"])
        ends_at = max(changed_at, closes_at) if state == "open-selection" else changed_at
    # A referral that the Board has not introduced is not public.
    if state == "board-review" and item and not item.get("introduced"):
        state = item["origin"]
    shown = state if call or facts.get("earlier_selections") else None
    return {"public_state": shown, "call_changed_at": changed_at, "call_ends_at": ends_at}
