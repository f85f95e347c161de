"""Runs the upgrade steps on the connection that `workflow.store.upgrade` hands over."""

from alembic import context

from workflow.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
