"""Adds withdrawn drafts, the addresses of those who ask about a call, and those who hear of new calls."""

import sqlalchemy as sa
from alembic import op

from workflow.store.column_types import Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("drafts", sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "asked_questions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("partnership", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("seq", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["partnership"], ["partnerships.id"], name=op.f("fk_asked_questions_partnership")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_asked_questions")),
    )
    op.create_index("ix_asked_questions_partnership", "asked_questions", ["partnership"])
    op.create_table(
        "subscribers",
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_subscribers")),
    )
