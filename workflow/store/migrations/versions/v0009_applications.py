"""Leaves the texts of applications to the history, and adds the table of those that wait for the office."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _remove_texts()
    op.create_table(
        "held_applications",
        sa.Column("partnership", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partnership"], ["partnerships.id"], name=op.f("fk_held_applications_partnership")
        ),
        sa.PrimaryKeyConstraint("partnership", "email", name=op.f("pk_held_applications")),
    )


def _remove_texts() -> None:
    """Remove from the facts what applicants wrote. The history has it too, and alone keeps it."""
    connection = op.get_bind()
    table = sa.table("partnerships", sa.column("id", sa.Integer), sa.column("facts", sa.Text))
    # One at a time, since the facts of a call with many applications are large.
    for key in connection.scalars(sa.select(table.c.id)).all():
        facts = str(connection.scalar(sa.select(table.c.facts).where(table.c.id == key)))
        if (shorter := _without_texts(facts)) is not None:
            connection.execute(sa.update(table).where(table.c.id == key).values(facts=shorter))


def _without_texts(text: str) -> str | None:
    """Return the facts without texts; None if there is nothing to remove."""
    try:
        facts: dict[str, Any] = json.loads(text)
    # Somebody has changed the row by hand. `partnershipctl verify` says so, before and after.
    except ValueError:
        return None
    calls = [*facts.get("earlier_selections", ()), facts.get("selection") or {}]
    applications = [each for call in calls for each in call.get("applications", {}).values()]
    for application in applications:
        application.pop("abilities", None)
        application.pop("demonstration", None)
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False) if applications else None
