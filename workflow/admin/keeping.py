"""Commands that keep the record safe, and let others check it: backup, restore, export."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.partnerships import complete_refs
from workflow.procedure import config
from workflow.record import export
from workflow.store.database import open_store, shown

# What reads and writes whole databases is imported late: it knows Alembic, which takes longer than everything else.
if TYPE_CHECKING:
    from workflow.record.backup import Summary

_IN_MEMORY = 64 << 20  # bytes of an export; what is more waits in a file that has no name
_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.command()
@_FILE
@click.option("--force", is_flag=True, help="Put it in the place of a FILE that is there already.")
@common
def backup(console: Console, file: Path, force: bool) -> None:
    """Write everything to one FILE, while the daemon runs.

    The FILE is a SQLite database, whatever the configuration names, as it was at one moment; only this user can
    read it. It holds everything: applications that are sealed, messages and their links. The keys for links, the
    configuration and templates are not in it.
    """
    settings = config.load(console.path, words=False)
    from workflow.record import backup as backups

    engine = open_store(settings.database_url)
    try:
        _check_place(file, engine.url.database if engine.dialect.name == "sqlite" else None)
        found = backups.write(engine, file, force=force)
    except FileExistsError:
        raise BadInput([Problem("FILE", f"{file} is there already", "another name, or --force")]) from None
    except OSError as error:
        problem = f"{file} cannot be written: {error.strerror}"
        raise BadInput([Problem("FILE", problem, "a place that can be written")]) from None
    finally:
        engine.dispose()

    def people() -> None:
        click.echo(f"Wrote {file}: {_counted(found)}, {found.size:,} bytes.")
        click.echo(f"SHA-256 {found.sha256}")

    console.show(_document(file, found), people)


def _check_place(file: Path, database: str | None) -> None:
    """Refuse a file whose name would do harm."""
    if file.is_dir():
        raise BadInput([Problem("FILE", f"{file} is a folder", "the name of a file")])
    taken = [f"{database}{more}" for more in ("", "-journal", "-wal", "-shm", ".lock")] if database else []
    if str(file.resolve()) in [str(Path(name).resolve()) for name in taken]:
        raise BadInput([Problem("FILE", f"{file} belongs to the database itself", "another name")])


def _document(file: Path, found: Summary) -> dict[str, object]:
    return {
        "file": str(file),
        "version": found.version,
        "partnerships": found.partnerships,
        "rows": sum(found.tables.values()),
        "tables": dict(found.tables),
        "bytes": found.size,
        "sha256": found.sha256,
    }


def _counted(found: Summary) -> str:
    many = "s" * (found.partnerships != 1)
    return f"{found.partnerships} partnership{many}, {sum(found.tables.values()):,} rows in all"


@click.command()
@_FILE
@common
def restore(console: Console, file: Path) -> None:
    """Put a backup back into a database with nothing in it.

    The database is that of the configuration, absent or empty. The backup may come from SQLite or from PostgreSQL,
    and from an earlier version of this program. It is checked as by `verify` first; if anything is wrong with it,
    nothing is changed. The daemon must not run.
    """
    settings = config.load(console.path, words=False)
    from workflow.record import restore as restoring

    engine = open_store(settings.database_url, create=True)
    try:
        found = restoring.restore(settings, engine, file)
    except restoring.NoBackup as error:
        expected = "a file that `partnershipctl backup` wrote"
        raise BadInput([Problem(f"FILE {file}", str(error), expected)]) from None
    finally:
        engine.dispose()
    where = shown(engine)
    keys = settings.folder / settings.procedure.web.keys_file
    document = _document(file, found) | {"database": where, "keys": keys.is_file()}
    del document["bytes"], document["sha256"]

    def people() -> None:
        click.echo(f"Restored {file} into {where}: {_counted(found)}; every record was verified.")
        if not keys.is_file():
            click.echo(f"The keys for links are not in a backup: put them back at {keys}.")
            click.echo("`partnershipctl init` makes new ones; links that are out then end.")

    console.show(document, people)


@click.command("export")
@click.argument("refs", metavar="[REF]...", nargs=-1, shell_complete=complete_refs)
@click.option("--format", "format_", type=click.Choice(["json"]), default="json", help="The form; json.")
@common
def export_(console: Console, refs: tuple[str, ...], format_: str) -> None:
    """Write the whole record in a form that anybody can check.

    Of all partnerships, or of each REF, to standard output. docs/record.md describes it, and docs/verify_export.py
    checks it without this program. What is sealed until a call closes is left out.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="") as made:
        with console.system.reading() as session:
            made.writelines(export.as_json(session, export.chosen(session, refs), console.now))
        # Only now, as somebody may read slowly: a SQLite file could not be written until the last word was read.
        made.seek(0)
        for line in made:
            click.echo(line, nl=False)


COMMANDS = (backup, restore, export_)
