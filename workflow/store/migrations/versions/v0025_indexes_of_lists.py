"""Adds indexes, so that lists, pages and ticks need not read every partnership or deadline to find a few."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_WANTED = sa.text("""facts LIKE '%"wanted":{%'""")


def upgrade() -> None:
    op.create_index(op.f("ix_partnerships_state"), "partnerships", ["state"])
    # The version too, since a tick adds up those of a school.
    op.create_index(op.f("ix_partnerships_school_version"), "partnerships", ["school", "version"])
    op.create_index(
        "ix_partnerships_wanted",
        "partnerships",
        ["state", "school"],
        sqlite_where=_WANTED,
        postgresql_where=_WANTED,
    )
    op.create_index(op.f("ix_deadlines_status_due_at"), "deadlines", ["status", "due_at"])
    op.create_index(
        op.f("ix_deadlines_status_partnership_ladder"), "deadlines", ["status", "partnership", "ladder"]
    )
