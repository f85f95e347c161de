"""Runs the command import: import a file of schools, people, meetings and partnerships with their history."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from workflow.admin.console import Console, common, echo
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
    with _Progress(len(district.partnership)) as advance:
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


class _Progress:
    """Shows a progress bar on a terminal, for an import of more than 20 partnerships."""

    def __init__(self, length: int) -> None:
        self._shown = sys.stderr.isatty() and length > 20
        self._bar: Any = None
        self._length = length

    def __enter__(self) -> Any:
        if not self._shown:
            return lambda: None
        from rich.console import Console as Terminal
        from rich.progress import Progress

        # Standard output holds only the answer, which may be JSON.
        self._bar = Progress(console=Terminal(stderr=True))
        self._bar.start()
        task = self._bar.add_task("Importing", total=self._length)
        return lambda: self._bar.advance(task)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
