"""Runs the command export: print the record as JSON that anybody can check without this program."""

from __future__ import annotations

import tempfile

import click

from notifications.markup import escape_controls
from workflow.admin.console import JSON_ESCAPE, Console, common
from workflow.admin.references import complete_refs, resolve
from workflow.record import export

# The most bytes of an export that stay in memory. A larger one goes to a temporary file without a name.
_IN_MEMORY = 64 << 20


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
            whole = [resolve(session.connection, ref) for ref in refs]
            made.writelines(export.as_json(session, export.select_records(session, whole), console.now))
        # Print after the transaction: nobody could write to a SQLite file while a slow reader takes the output.
        made.seek(0)
        for line in made:
            # In UTF-8 whatever the terminal has: a letter that was replaced would break the chain of hashes.
            click.echo(escape_controls(line, JSON_ESCAPE).encode(), nl=False)
