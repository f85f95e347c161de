"""Takes the signatures out of the links in the messages that are kept."""

import sqlalchemy as sa
from alembic import op

from notifications.masking import mask

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NOTICES = sa.table(
    "notices",
    sa.column("id", sa.Integer),
    sa.column("message", sa.LargeBinary),
    sa.column("extra", sa.Text),
)


def upgrade() -> None:
    connection = op.get_bind()
    # Read the messages one by one, since all together may not fit into memory.
    for key in connection.scalars(sa.select(_NOTICES.c.id)).all():
        mine = _NOTICES.c.id == key
        row = connection.execute(sa.select(_NOTICES.c.message, _NOTICES.c.extra).where(mine)).one()
        values = {
            "message": mask(bytes(row.message)) if row.message is not None else None,
            "extra": mask(row.extra.encode()).decode() if row.extra is not None else None,
        }
        connection.execute(sa.update(_NOTICES).where(mine).values(**values))
