"""Makes the changes of the directory a chain of their own, and has the history commit to more.

The changes that were recorded before become the first rows of the chain, in their order. `upgrade.py` then lets the
chain commit to every row that is there.
"""

import sqlalchemy as sa
from alembic import op

from workflow.store import chain, tables
from workflow.store.chain import Entry
from workflow.store.rows import GENESIS
from workflow.store.triggers import CHANGES_POSTGRESQL as POSTGRESQL
from workflow.store.triggers import CHANGES_SQLITE as SQLITE

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    _make_tables()
    old = sa.table(
        "directory_changes", *(sa.column(name) for name in ("id", "by", "what", "before", "after"))
    )
    at = sa.column("at", tables.changes.c.at.type)
    previous = GENESIS
    query = sa.select(old, at).select_from(old).order_by(old.c.id)
    for key, row in enumerate(connection.execute(query).all(), start=1):
        made = chain.row_of(key, Entry(row.at, row.by, row.what, row.before, row.after), (), previous)
        connection.execute(sa.insert(tables.changes).values(**made))
        previous = made["hash"]
    op.drop_table("directory_changes")
    for statement in POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _make_tables() -> None:
    instant = tables.changes.c.at.type
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("rows", sa.Text()),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_what"), "changes", ["what"])
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("heads", sa.Text(), nullable=False),
        sa.Column("stamp", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoints")),
    )
    op.add_column("history", sa.Column("salt", sa.Text()))
    op.add_column("history", sa.Column("facts", sa.String()))
    op.add_column("history", sa.Column("rows", sa.Text()))
    op.add_column("history", sa.Column("beside", sa.String()))
