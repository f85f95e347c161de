"""Adds the forms that were filled in and not recorded yet, so that a mistake or a reload loses nothing."""

import sqlalchemy as sa
from alembic import op

from workflow.store.column_types import Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_forms",
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("file_name", sa.String()),
        sa.Column("file", sa.LargeBinary()),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("form", name="pk_kept_forms"),
    )
    op.create_index("ix_kept_forms_link", "kept_forms", ["link"])
    op.create_index("ix_kept_forms_until", "kept_forms", ["until"])
