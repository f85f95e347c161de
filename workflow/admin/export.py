"""The command export: the record in an open form."""

from __future__ import annotations

import tempfile

import click

from workflow.admin.console import Console, common
from workflow.admin.references import complete_refs
from workflow.record import export

_IN_MEMORY = 64 << 20  # bytes of an export; what is more waits in a file that has no name


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
