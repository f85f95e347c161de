"""Adds triggers with which the database itself refuses to change or delete a row of a history.

The triggers protect the history from accidents and from roles that may only write; the owner of the tables can
drop them. A later step that makes the table `history` anew (as `batch_alter_table` does on SQLite) has to make them
again: see `tests/workflow/store/test_upgrade.py`.
"""

from alembic import op

from workflow.store.triggers import HISTORY_POSTGRESQL as POSTGRESQL
from workflow.store.triggers import HISTORY_SQLITE as SQLITE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)
