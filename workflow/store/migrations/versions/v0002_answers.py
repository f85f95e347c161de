"""Adds the tables and columns for answers, replies, drafts, revoked notices, calendars and digests."""

import sqlalchemy as sa
from alembic import op

from workflow.store.column_types import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("people") as people:
        people.add_column(sa.Column("digest", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("notices") as notices:
        notices.add_column(sa.Column("shown", sa.Text(), nullable=True))
        notices.add_column(sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False))
        notices.add_column(sa.Column("within", sa.Integer(), nullable=True))
        notices.add_column(sa.Column("revoked_at", Instant(), nullable=True))
        notices.create_foreign_key(op.f("fk_notices_within"), "notices", ["within"], ["id"])
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice", sa.Integer(), nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("partnership", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["notice"], ["notices.id"], name=op.f("fk_answers_notice")),
        sa.ForeignKeyConstraint(["partnership"], ["partnerships.id"], name=op.f("fk_answers_partnership")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sa.UniqueConstraint("form", name=op.f("uq_answers_form")),
    )
    op.create_index("ix_answers_notice", "answers", ["notice"])
    op.create_table(
        "replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("notice", sa.Integer(), nullable=True),
        sa.Column("partnership", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["notice"], ["notices.id"], name=op.f("fk_replies_notice")),
        sa.ForeignKeyConstraint(["partnership"], ["partnerships.id"], name=op.f("fk_replies_partnership")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
        sa.UniqueConstraint("digest", name=op.f("uq_replies_digest")),
    )
    op.create_index("ix_replies_partnership", "replies", ["partnership"])
    op.create_index("ix_replies_message_id", "replies", ["message_id"])
    op.create_table(
        "addresses",
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("bounced_at", Instant(), nullable=True),
        sa.Column("bounce", sa.String(), nullable=True),
        sa.Column("feed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_addresses")),
    )
    op.create_table(
        "drafts",
        sa.Column("partnership", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["partnership"], ["partnerships.id"], name=op.f("fk_drafts_partnership")),
        sa.PrimaryKeyConstraint("partnership", "email", name=op.f("pk_drafts")),
    )
    op.create_table(
        "calendar_entries",
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("partnership", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("start", Instant(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partnership"], ["partnerships.id"], name=op.f("fk_calendar_entries_partnership")
        ),
        sa.PrimaryKeyConstraint("email", "uid", name=op.f("pk_calendar_entries")),
    )
    op.create_index("ix_calendar_entries_partnership", "calendar_entries", ["partnership"])
