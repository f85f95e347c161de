"""Runs the command import: import a file of schools, people, meetings and partnerships with their history."""

from __future__ import annotations

from pathlib import Path

import click

from workflow.admin.console import Console, common
from workflow.admin.progress import Progress
from workflow.admin.terminal import echo
from workflow.record import district_file, importing
from workflow.record.directory_import import Options


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything and change nothing.")
@click.option("--append", is_flag=True, help="Add events to partnerships on record, and tell their people.")
@click.option("--because", metavar="REASON", help="Why meetings of the past are added to a record in use.")
@common
def import_(console: Console, file: Path, dry_run: bool, append: bool, because: str | None) -> None:
    """Import a district FILE (TOML), all or nothing.

    It has schools, organizations, people, meetings, and partnerships with their history. The same file twice
    changes nothing.
    """
    rights = console.require_manager("import")
    options = Options(rights, append, because, file.name)
    user = rights.name
    district = district_file.read_file(file)
    with Progress("Importing", len(district.partnership)) as advance:
        counts = importing.take_in(
            console.system,
            district,
            by=user,
            now=console.now,
            ran_by=user,
            dry_run=dry_run,
            progress=advance,
            options=options,
        )
    document = {
        "file": str(file),
        "dry_run": dry_run,
        "added": counts.added,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
    }

    def people() -> None:
        echo(f"{'Would import' if dry_run else 'Imported'} {file}:")
        for word, table in (
            ("added", counts.added),
            ("changed", counts.changed),
            ("unchanged", counts.unchanged),
        ):
            if table:
                echo(f"  {word}: " + ", ".join(_count_text(*item) for item in table.items()))

    console.show(document, people)


def _count_text(kind: str, number: int) -> str:
    """Return a number of rows with their kind, such as "1 school" or "2 schools"."""
    return f"{number} " + ({"people": "person"}.get(kind, kind.removesuffix("s")) if number == 1 else kind)
