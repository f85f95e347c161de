"""Records since when each meeting of the Board has been in the calendar; empty for meetings known before."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meetings", sa.Column("known_at", sa.DateTime(timezone=True)))
