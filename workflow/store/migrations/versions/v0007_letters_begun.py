"""Adds the table of messages that a daemon has begun to read, so that one that ends daemons is set aside."""

import sqlalchemy as sa
from alembic import op

from workflow.store.column_types import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "letters_begun",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_letters_begun"),
    )
