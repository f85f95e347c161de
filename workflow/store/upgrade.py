"""Creates the tables of the database or brings them up to date, with Alembic.

No other module imports Alembic, and this one does it when it is used, since that is slow.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from workflow.store import chain, database, triggers
from workflow.store.database import StoreError

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

_CHAINED = "0021"  # the version from which on there is a second chain


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the tables to the newest version. Return the versions before (None: no tables) and after.

    Raise `StoreError` if the tables are of a version that this program does not know.
    """
    with engine.begin() as connection:
        return upgrade_on(connection)


def upgrade_on(connection: Connection, to: str = "head") -> tuple[str | None, str]:
    """Do the same within a transaction, whole or not at all. `to` may name an earlier version."""
    before, newest = read_versions(connection)
    after = newest if to == "head" else to
    if before != after:
        # A new database has no such table to lock, and no program that runs on it.
        if before is not None and connection.dialect.name == "postgresql":
            # Wait until running programs have committed. They write nothing more (`database.lock_version`).
            connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        from alembic import command

        settings = _settings()
        # Otherwise Alembic would open a connection of its own, outside of this transaction.
        settings.attributes["connection"] = connection
        command.upgrade(settings, after)
    # An earlier version may not have the triggers yet.
    if after == newest:
        triggers.restore_triggers(connection)
        if before != after and (before or "") < _CHAINED:
            chain.begin(connection)
    return before, after


def preview(engine: Engine) -> tuple[str | None, str]:
    """Return what `upgrade` would do: the version of the tables (None: there are none), and the newest."""
    with database.inspecting(engine) as connection:
        return read_versions(connection)


def missing_triggers(engine: Engine) -> list[str]:
    """Return the names of the triggers that `upgrade` would create again."""
    with database.inspecting(engine) as connection:
        return list(triggers.missing_triggers(connection))


def read_versions(connection: Connection) -> tuple[str | None, str]:
    """Return the version of the tables (None: there are none) and the newest.

    Raise `StoreError` as `upgrade` does.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_settings())
    newest = scripts.get_current_head() or ""
    version = MigrationContext.configure(connection).get_current_revision()
    if version and version not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            f"its tables are of version {version}, which this program does not know (its own is {newest});"
            " install the newer program"
        )
    return version, newest


def _settings() -> AlembicConfig:
    from alembic.config import Config as AlembicConfig

    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return settings
