"""Adds to each meeting the UID and the title of its event in the calendar file that it came from."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("meetings") as meetings:
        meetings.add_column(sa.Column("uid", sa.String(), nullable=True))
        meetings.add_column(sa.Column("title", sa.String(), nullable=True))
