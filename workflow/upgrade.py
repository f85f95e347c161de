"""Creates the database or brings it up to date. The only module that knows Alembic, which is slow to import."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the tables to the newest version. The versions before (None: no tables) and after."""
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    newest = ScriptDirectory.from_config(settings).get_current_head() or ""
    with engine.begin() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before != newest:
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    return before, newest
