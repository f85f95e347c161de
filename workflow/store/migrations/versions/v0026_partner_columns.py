"""Adds the columns and indexes by which the agreements of an organization are found, and fills them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from states.partnership import Partnership
from workflow.store.partner_columns import partner_columns

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_BATCH = 500  # partnerships whose facts are in memory at once
_COLUMNS = ("partner", "partner_name", "partner_domain")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("partnerships", sa.Column(name, sa.String()))
    _fill(op.get_bind())
    for name in _COLUMNS:
        filled = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            op.f(f"ix_partnerships_{name}"),
            "partnerships",
            [name],
            sqlite_where=filled,
            postgresql_where=filled,
        )


def _fill(connection: sa.Connection) -> None:
    """Write the columns of every partnership that has an agreement, from its facts."""
    table = sa.table("partnerships", *map(sa.column, ("id", "facts", *_COLUMNS)))
    last = 0
    while rows := connection.execute(
        sa.select(table.c.id, table.c.facts).where(table.c.id > last).order_by(table.c.id).limit(_BATCH)
    ).all():
        for row in rows:
            values = _values(row.facts)
            if any(values.values()):
                connection.execute(sa.update(table).where(table.c.id == row.id).values(values))
        last = rows[-1].id


def _values(facts: str) -> Mapping[str, Any]:
    try:
        return partner_columns(Partnership.model_validate_json(facts))
    # A damaged row stays as it is: `verify` names it.
    except ValueError:
        return {}
