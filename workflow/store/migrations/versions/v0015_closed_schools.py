"""Adds when a school closed, and which school has its partnerships since."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schools", sa.Column("closed_on", sa.Date()))
    op.add_column("schools", sa.Column("merged_into", sa.String()))
