"""Creates the database or brings it up to date. The only module that knows Alembic, which is slow to import."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from workflow.store import database, triggers
from workflow.store.database import StoreError
from workflow.store.migrations.versions import v0003_append_only as append_only


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the tables to the newest version. The versions before (None: no tables) and after.

    Raises `StoreError` if they are of a version that this program does not know.
    """
    with engine.begin() as connection:
        return upgrade_on(connection)


def upgrade_on(connection: Connection, to: str = "head") -> tuple[str | None, str]:
    """The same within a transaction, whole or not at all; `to` may name an earlier version."""
    before, newest = versions(connection)
    after = newest if to == "head" else to
    if before != after:
        if before is not None and connection.dialect.name == "postgresql":
            # Programs that run finish what they write, and write no more: `store.keep_version`.
            connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        settings = _settings()
        settings.attributes["connection"] = connection
        command.upgrade(settings, after)
    if after == newest:
        _guard(connection)
    return before, after


def _guard(connection: Connection) -> None:
    """Put back the triggers that guard the history, where somebody has taken them away."""
    for name in triggers.missing(connection):
        if connection.dialect.name == "sqlite":
            again = [made for made in append_only.SQLITE if f" {name} " in made]
        else:
            dropped = (f"DROP TRIGGER IF EXISTS {name} ON history", f"DROP FUNCTION IF EXISTS {name}")
            again = [*dropped, *append_only.POSTGRESQL]
        for statement in again:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def foreseen(engine: Engine) -> tuple[str | None, str]:
    """What `upgrade` would do: the version of the tables (None: there are none), and the newest."""
    with database.looking(engine) as connection:
        return versions(connection)


def unguarded(engine: Engine) -> list[str]:
    """The triggers that `upgrade` would put back."""
    with database.looking(engine) as connection:
        return triggers.missing(connection)


def versions(connection: Connection) -> tuple[str | None, str]:
    """The version of the tables (None: there are none) and the newest. Raises `StoreError` as `upgrade` does."""
    scripts = ScriptDirectory.from_config(_settings())
    newest = scripts.get_current_head() or ""
    found = MigrationContext.configure(connection).get_current_revision()
    if found and found not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            f"its tables are of version {found}, which this program does not know (its own is {newest});"
            " install the newer program"
        )
    return found, newest


def _settings() -> AlembicConfig:
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return settings
