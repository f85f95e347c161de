"""The command backup: one file with everything."""

from __future__ import annotations

from pathlib import Path

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.procedure import config
from workflow.record.backup import Summary
from workflow.store.database import open_store

FILE = click.argument("file", type=click.Path(path_type=Path))


@click.command()
@FILE
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
        click.echo(f"Wrote {file}: {counted(found)}, {found.size:,} bytes.")
        click.echo(f"SHA-256 {found.sha256}")

    console.show(summary_document(file, found), people)


def _check_place(file: Path, database: str | None) -> None:
    """Refuse a file whose name would do harm."""
    if file.is_dir():
        raise BadInput([Problem("FILE", f"{file} is a folder", "the name of a file")])
    taken = [f"{database}{more}" for more in ("", "-journal", "-wal", "-shm", ".lock")] if database else []
    if str(file.resolve()) in [str(Path(name).resolve()) for name in taken]:
        raise BadInput([Problem("FILE", f"{file} belongs to the database itself", "another name")])


def summary_document(file: Path, found: Summary) -> dict[str, object]:
    return {
        "file": str(file),
        "version": found.version,
        "partnerships": found.partnerships,
        "rows": sum(found.tables.values()),
        "tables": dict(found.tables),
        "bytes": found.size,
        "sha256": found.sha256,
    }


def counted(found: Summary) -> str:
    many = "s" * (found.partnerships != 1)
    return f"{found.partnerships} partnership{many}, {sum(found.tables.values()):,} rows in all"
