"""The command init: creates the database or brings it up to date."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click
from sqlalchemy import Engine

from notifications.disk import sync_folder
from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
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
    from workflow.store import upgrade  # late: Alembic takes longer to import than everything else

    engine = database.open_store(settings.database_url, create=True)
    where = database.readable_address(engine)
    try:
        if grant and engine.dialect.name != "postgresql":
            raise BadInput([Problem("--grant", f"{engine.dialect.name} has no roles", "PostgreSQL")])
        before, after = upgrade.preview(engine)
        if engine.dialect.name == "sqlite":
            remove_rights_of_others(Path(where))  # an earlier program made it as the umask had it
        done = "created" if before is None else "unchanged" if before == after else "upgraded"
        written, lost = None, list[str]()
        if done == "created":
            _say(console, f"There are no tables yet; this creates the database {where} of version {after}.")
            upgrade.upgrade(engine)
        elif done == "upgraded":
            written = backup or _free(_place(settings, engine, after))
            _say(console, f"This upgrades the database {where} from version {before} to {after},")
            _say(console, f"after everything was written to the backup {written}.")
            # Nobody may run on a SQLite file while its tables change.
            with database.exclusive(
                engine, "a partnershipd runs on this database; stop it before the upgrade"
            ):
                _back_up(engine, written)
                upgrade.upgrade(engine)
        elif lost := upgrade.missing_triggers(engine):
            done = "mended"
            _say(console, f"Somebody has taken away what guards the history in the database {where}.")
            upgrade.upgrade(engine)
        keys = _keys(settings)
        if grant:
            _grant(engine, grant)
    finally:
        engine.dispose()
    document = {"database": where, "done": done, "from": before, "to": after, "keys": keys}
    document |= {"backup": str(written) if written else None, "granted": grant}

    def people() -> None:
        click.echo(
            {
                "created": f"Created the database {where}.",
                "unchanged": f"The database {where} is up to date; nothing was changed.",
                "mended": f"Put back what guards the history: {', '.join(lost)}.",
                "upgraded": f"Upgraded the database {where} from version {before} to {after}.",
            }[done]
        )
        if keys == "created":
            click.echo(f"Created the keys for links, {settings.folder / settings.procedure.web.keys_file}.")
        if grant:
            click.echo(f"The role {grant} may do what the daemon does, and nothing else.")

    console.show(document, people)


def _say(console: Console, words: str) -> None:
    """Tell people before it is done; a program reads it afterwards."""
    if not console.as_json:
        click.echo(words)


def _place(settings: Config, engine: Engine, version: str) -> Path:
    name = Path(engine.url.database or "partnerships")
    folder = name.parent if engine.dialect.name == "sqlite" else settings.folder
    return folder / f"{name.name}.before-{version}"


def _free(place: Path) -> Path:
    """The same name, with a number if there is such a file: it may be all that is left of something."""
    number, free = 1, place
    while free.exists():
        number += 1
        free = place.with_name(f"{place.name}-{number}")
    return free


def _back_up(engine: Engine, file: Path) -> None:
    from workflow.record import backup

    try:
        backup.write(engine, file)
    except FileExistsError:
        raise BadInput([Problem("--backup", f"{file} is there already", "another name")]) from None
    except OSError as error:
        problem = f"the backup {file} cannot be written: {error.strerror}; nothing was changed"
        raise BadInput([Problem("--backup", problem, "a place that can be written")]) from None


def _grant(engine: Engine, role: str) -> None:
    try:
        database.transact(engine, lambda connection: grants.grant(connection, role))
    except grants.NoSuchRole as error:
        raise BadInput([Problem(f"--grant {role}", str(error), "the role of the daemon alone")]) from None


def _keys(settings: config.Config) -> str:
    """Make the file of keys that sign links, for this user alone, unless there is one."""
    path = settings.folder / settings.procedure.web.keys_file
    if path.exists():
        _ = settings.links  # refused here rather than at the first message
        return "unchanged"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open_private(path, os.O_EXCL, 0o640)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(
                handle
            )  # links are signed at once, and a power cut must not leave them without their keys
        sync_folder(path.parent)
    except OSError as error:
        problem = f"it cannot be made: {error.strerror}"
        raise ConfigError(
            [Problem(f"web.keys_file, {path}", problem, "a place that can be written")]
        ) from None
    return "created"
