"""Adds the days from which a meeting of the Board was moved, so that the items on its agenda move with it."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meetings", sa.Column("moved_from", sa.Text()))
