"""Adds triggers with which the database itself refuses to change or delete a row of a history.

The triggers protect the history from accidents and from roles that may only write; the owner of the tables can
drop them. A later step that makes the table `history` anew (as `batch_alter_table` does on SQLite) has to make them
again: see `tests/workflow/store/test_upgrade.py`.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WORDS = "the history is only added to"
SQLITE = (
    f"""CREATE TRIGGER history_no_update BEFORE UPDATE ON history
    BEGIN SELECT RAISE(ABORT, '{_WORDS}: no row is changed'); END""",
    f"""CREATE TRIGGER history_no_delete BEFORE DELETE ON history
    BEGIN SELECT RAISE(ABORT, '{_WORDS}: no row is taken away'); END""",
    # REPLACE takes the old row away without a word to the trigger above.
    f"""CREATE TRIGGER history_no_replace BEFORE INSERT ON history
    WHEN EXISTS (SELECT 1 FROM history WHERE partnership = NEW.partnership AND seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, '{_WORDS}: there is such a row already'); END""",
)
POSTGRESQL = (
    f"""CREATE FUNCTION history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_WORDS}: % is refused', TG_OP USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER history_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON history
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_kept()""",
)


def upgrade() -> None:
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)
