"""Adds what people may do as contacts of their organization. Nobody has any of these rights at first."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("contact_rights", sa.Text(), nullable=False, server_default="[]"))
