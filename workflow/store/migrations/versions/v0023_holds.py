"""Keeps holds, which stop the destruction of the record."""

import sqlalchemy as sa
from alembic import op

from workflow.store import tables

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = tables.holds.c.added_at.type
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ref", sa.String()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("added_at", instant, nullable=False),
        sa.Column("released_at", instant),
        sa.Column("released_by", sa.String()),
        sa.Column("released_reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
