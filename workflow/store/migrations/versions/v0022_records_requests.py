"""Adds the requests for public records, and the items that somebody marked to be withheld."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "records_requests",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date()),
        sa.PrimaryKeyConstraint("ref", "received_on", name=op.f("pk_records_requests")),
    )
    op.create_table(
        "marks",
        sa.Column("partnership", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("exemption", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.ForeignKeyConstraint(["partnership"], ["partnerships.id"], name=op.f("fk_marks_partnership")),
        sa.PrimaryKeyConstraint("partnership", "item", name=op.f("pk_marks")),
    )
