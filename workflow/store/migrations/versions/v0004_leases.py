"""Adds an index that finds the few notices under a lease at once, however many have been sent."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LEASED = sa.text("lease_until IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_notices_lease_until", "notices", ["lease_until"], sqlite_where=_LEASED, postgresql_where=_LEASED
    )
