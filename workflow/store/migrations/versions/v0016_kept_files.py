"""Lets a form that is not recorded yet keep several documents."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_files",
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["form"], ["kept_forms.form"], name="fk_kept_files_form_kept_forms", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("form", "number", name="pk_kept_files"),
    )
    op.execute(
        "INSERT INTO kept_files (form, number, name, content)"
        " SELECT form, 0, file_name, file FROM kept_forms WHERE file IS NOT NULL"
    )
    for column in ("file_name", "file"):
        op.drop_column("kept_forms", column)
