"""Adds the browsers in which people have signed in, the sign-in of an answer, and a person's language of dates."""

import sqlalchemy as sa
from alembic import op

from workflow.store.column_types import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("link", name=op.f("uq_sign_ins_link")),
        sa.UniqueConstraint("key", name=op.f("uq_sign_ins_key")),
    )
    op.create_index("ix_sign_ins_email", "sign_ins", ["email"])
    op.add_column("people", sa.Column("dates", sa.String()))
    op.add_column("answers", sa.Column("sign_in", sa.Integer()))
    op.create_index("ix_answers_sign_in", "answers", ["sign_in"])
