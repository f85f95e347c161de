"""Runs the command init: create the database, upgrade it, or restore the triggers that guard it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click
from sqlalchemy import Engine

from notifications.disk import sync_folder
from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.terminal import echo
from workflow.procedure import config
from workflow.procedure.config import Config, ConfigError
from workflow.store import database, grants
from workflow.store.files import open_private, remove_rights_of_others


@click.command()
@click.option("--backup", type=click.Path(path_type=Path), metavar="FILE", help="Where the backup goes.")
@click.option(
    "--grant", metavar="ROLE", help="Give this role of PostgreSQL what the daemon needs, and no more."
)
@common
def init(console: Console, backup: Path | None, grant: str | None) -> None:
    """Create or upgrade the database; safe to repeat.

    Says what it does before it does it. Before an upgrade everything is written to a backup: to FILE, or else
    beside the database, or with PostgreSQL into the folder of the configuration.
    """
    settings = config.load(console.path)
    # Imported here because Alembic takes longer to import than everything else.
    from workflow.store import upgrade

    engine = database.open_store(settings.database_url, create=True)
    where = database.readable_address(engine)
    try:
        if grant and engine.dialect.name != "postgresql":
            raise BadInput([Problem("--grant", f"{engine.dialect.name} has no roles", "PostgreSQL")])
        before, after = upgrade.preview(engine)
        if engine.dialect.name == "sqlite":
            # An earlier version of this program created the file with the rights that the umask left.
            remove_rights_of_others(Path(where))
        done = "created" if before is None else "unchanged" if before == after else "upgraded"
        written, lost = None, list[str]()
        if done == "created":
            _say(console, f"There are no tables yet; this creates the database {where} of version {after}.")
            upgrade.upgrade(engine)
        elif done == "upgraded":
            written = backup or _find_free(_name_backup(settings, engine, after))
            _say(console, f"This upgrades the database {where} from version {before} to {after},")
            _say(console, f"after everything was written to the backup {written}.")
            # No daemon may use a SQLite file while its tables change.
            with database.exclusive(
                engine, "a partnershipd runs on this database; stop it before the upgrade"
            ):
                _back_up(engine, written)
                upgrade.upgrade(engine)
        elif lost := upgrade.missing_triggers(engine):
            done = "mended"
            _say(console, f"Somebody has taken away what guards the record in the database {where}.")
            upgrade.upgrade(engine)
        keys = _make_keys(settings)
        if grant:
            _grant(engine, grant)
    finally:
        engine.dispose()
    document = {"database": where, "done": done, "from": before, "to": after, "keys": keys}
    document |= {"backup": str(written) if written else None, "granted": grant}

    def people() -> None:
        echo(
            {
                "created": f"Created the database {where}.",
                "unchanged": f"The database {where} is up to date; nothing was changed.",
                "mended": f"Put back what guards the record: {', '.join(lost)}.",
                "upgraded": f"Upgraded the database {where} from version {before} to {after}.",
            }[done]
        )
        if keys == "created":
            echo(f"Created the keys for links, {settings.folder / settings.procedure.web.keys_file}.")
        if grant:
            echo(f"The role {grant} may do what the daemon does, and nothing else.")

    console.show(document, people)


def _say(console: Console, words: str) -> None:
    """Print what is about to happen for people; a program reads it in the JSON document afterwards."""
    if not console.as_json:
        echo(words)


def _name_backup(settings: Config, engine: Engine, version: str) -> Path:
    """Return the file for a backup: in the folder of a SQLite file, else in that of the configuration."""
    name = Path(engine.url.database or "partnerships")
    folder = name.parent if engine.dialect.name == "sqlite" else settings.folder
    return folder / f"{name.name}.before-{version}"


def _find_free(place: Path) -> Path:
    """Return the same name, with a number if the file exists.

    An earlier backup is never overwritten, since it may be the only copy of what it holds.
    """
    number, free = 1, place
    while free.exists():
        number += 1
        free = place.with_name(f"{place.name}-{number}")
    return free


def _back_up(engine: Engine, file: Path) -> None:
    """Write the backup before an upgrade. Raises `BadInput` if the file exists or cannot be written."""
    from workflow.record import backup

    try:
        backup.write(engine, file)
    except FileExistsError:
        raise BadInput([Problem("--backup", f"{file} is there already", "another name")]) from None
    except OSError as error:
        problem = f"the backup {file} cannot be written: {error.strerror}; nothing was changed"
        raise BadInput([Problem("--backup", problem, "a place that can be written")]) from None


def _grant(engine: Engine, role: str) -> None:
    """Give a role of PostgreSQL the rights of the daemon. Raises `BadInput` if the role cannot have them."""
    try:
        database.transact(engine, lambda connection: grants.grant(connection, role))
    except grants.NoSuchRole as error:
        raise BadInput([Problem(f"--grant {role}", str(error), "the role of the daemon alone")]) from None


def _make_keys(settings: config.Config) -> str:
    """Create the file of keys that sign links, and return "created", or "unchanged" if it exists.

    Other users cannot read it. Raises `ConfigError` if it cannot be read or created.
    """
    path = settings.folder / settings.procedure.web.keys_file
    if path.exists():
        # Read the keys now, so that a mistake in them is refused before the daemon writes its first message.
        _ = settings.links
        return "unchanged"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # O_EXCL never overwrites keys. Without the old ones, every link that is out would stop working.
        handle = open_private(path, os.O_EXCL, 0o640)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            # The daemon may sign links at once. After a power cut they need these keys.
            os.fsync(handle)
        sync_folder(path.parent)
    except OSError as error:
        problem = f"it cannot be made: {error.strerror}"
        raise ConfigError(
            [Problem(f"web.keys_file, {path}", problem, "a place that can be written")]
        ) from None
    return "created"
