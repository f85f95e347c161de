"""Creates the database or brings it up to date. The only module that knows Alembic, which is slow to import."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from workflow.store import StoreError


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the tables to the newest version. The versions before (None: no tables) and after.

    Raises `StoreError` if they are of a version that this program does not know.
    """
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(settings)
    newest = scripts.get_current_head() or ""
    with engine.begin() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before and before not in {script.revision for script in scripts.walk_revisions()}:
            raise StoreError(
                f"its tables are of version {before}, which this program does not know (its own is {newest});"
                " install the newer program"
            )
        if before != newest:
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    return before, newest
