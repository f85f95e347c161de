"""Takes the signatures out of the links in the messages that came in, which quote ours."""

import sqlalchemy as sa
from alembic import op

from notifications.incoming.codes import mask_codes, mask_text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_REPLIES = sa.table(
    "replies",
    sa.column("id", sa.Integer),
    sa.column("message", sa.LargeBinary),
    sa.column("text", sa.Text),
    sa.column("reason", sa.String),
)


def upgrade() -> None:
    connection = op.get_bind()
    # Read the messages one by one, since all together may not fit into memory.
    for key in connection.scalars(sa.select(_REPLIES.c.id)).all():
        mine = _REPLIES.c.id == key
        row = connection.execute(sa.select(_REPLIES).where(mine)).one()
        values = {
            "message": mask_codes(bytes(row.message)),
            "text": row.text and mask_text(row.text),
            "reason": row.reason and mask_text(row.reason),
        }
        connection.execute(sa.update(_REPLIES).where(mine).values(**values))
