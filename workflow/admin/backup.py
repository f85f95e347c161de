"""Runs the command backup: write everything to one file."""

from __future__ import annotations

from pathlib import Path

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.terminal import echo
from workflow.procedure.config import require_place
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
    # This leaves the templates unread: a broken one must not stop a backup.
    settings = console.settings
    from workflow.record import backup as backups

    require_place(settings)
    engine = open_store(settings.database_url)
    try:
        _check_place(file, engine.url.database if engine.dialect.name == "sqlite" else None)
        summary = backups.write(engine, file, force=force)
    except FileExistsError:
        raise BadInput([Problem("FILE", f"{file} is there already", "another name, or --force")]) from None
    except OSError as error:
        problem = f"{file} cannot be written: {error.strerror}"
        raise BadInput([Problem("FILE", problem, "a place that can be written")]) from None
    finally:
        engine.dispose()

    def people() -> None:
        echo(f"Wrote {file}: {count_text(summary)}, {summary.size:,} bytes.")
        echo(f"SHA-256 {summary.sha256}")

    console.show(summary_document(file, summary), people)


def _check_place(file: Path, database: str | None) -> None:
    """Raise `BadInput` if the backup would replace a folder, a device or a file of the database itself."""
    if file.is_dir():
        raise BadInput([Problem("FILE", f"{file} is a folder", "the name of a file")])
    if file.exists() and not file.is_file():
        raise BadInput([Problem("FILE", f"{file} is no regular file", "the name of a file")])
    # A backup in the place of the journal or the lock would destroy the database that it copies.
    taken = [f"{database}{more}" for more in ("", "-journal", "-wal", "-shm", ".lock")] if database else []
    if str(file.resolve()) in [str(Path(name).resolve()) for name in taken]:
        raise BadInput([Problem("FILE", f"{file} belongs to the database itself", "another name")])


def summary_document(file: Path, summary: Summary) -> dict[str, object]:
    """Return the JSON document of a backup."""
    return {
        "file": str(file),
        "version": summary.version,
        "partnerships": summary.partnerships,
        "rows": sum(summary.tables.values()),
        "tables": dict(summary.tables),
        "bytes": summary.size,
        "sha256": summary.sha256,
    }


def count_text(summary: Summary) -> str:
    """Return how many partnerships and rows a backup has, for people."""
    many = "s" * (summary.partnerships != 1)
    return f"{summary.partnerships} partnership{many}, {sum(summary.tables.values()):,} rows in all"
