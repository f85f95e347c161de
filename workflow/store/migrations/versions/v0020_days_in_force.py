"""Adds the days on which an agreement is in force, and the triggers that keep two of a school apart by them.

Before, no two agreements of a school could be in force on record at the same time. Now a successor's may be
approved while the present one runs, if the two have no day in common (4270.4).
"""

import json
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from workflow.store.triggers import LEADS_POSTGRESQL as POSTGRESQL
from workflow.store.triggers import LEADS_SQLITE as SQLITE

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partnerships", sa.Column("first_day", sa.Date()))
    op.add_column("partnerships", sa.Column("last_day", sa.Date()))
    _fill_days(op.get_bind())
    op.drop_index("uq_partnerships_in_force", "partnerships")
    op.create_index(
        "ix_partnerships_in_force",
        "partnerships",
        ["school"],
        sqlite_where=sa.text("in_force"),
        postgresql_where=sa.text("in_force"),
    )
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _fill_days(connection: sa.Connection) -> None:
    """Write the days of the agreements in force, from the facts in their rows."""
    table = sa.table(
        "partnerships",
        sa.column("id"),
        sa.column("facts"),
        sa.column("in_force", sa.Boolean),
        sa.column("first_day", sa.Date),
        sa.column("last_day", sa.Date),
    )
    rows = connection.execute(sa.select(table.c.id, table.c.facts).where(table.c.in_force)).all()
    for key, text in rows:
        try:
            first, last = _days(json.loads(text))
        # A damaged row stays as it is: `verify` names it.
        except (ValueError, KeyError, TypeError):
            continue
        change = sa.update(table).where(table.c.id == key).values(first_day=first, last_day=last)
        connection.execute(change)


def _days(facts: dict[str, Any]) -> tuple[date, date]:
    """Return the first and the last day on which the agreement of these facts is in force."""
    agreement, ending = facts["agreement"], facts.get("ending")
    # Facts have instants in the district's zone, so this is the day there.
    began = datetime.fromisoformat(agreement["in_force_at"]).date()
    last = date.fromisoformat(agreement["ends_on"])
    if ending:
        last = min(last, date.fromisoformat(ending["effective_on"]) - timedelta(days=1))
    return max(date.fromisoformat(agreement["starts_on"]), began), last
