"""Runs the command export: print the record as JSON that anybody can check, or in an open format."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import click

from notifications.markup import escape_controls
from workflow.admin.console import JSON_ESCAPE, Console, common, dump_json
from workflow.admin.references import complete_refs, resolve
from workflow.publishing import ocds
from workflow.record import export
from workflow.session import Session
from workflow.store.rows import Snapshot

# The most bytes of an export that stay in memory. A larger one goes to a temporary file without a name.
_IN_MEMORY = 64 << 20


@click.command("export")
@click.argument("refs", metavar="[REF]...", nargs=-1, shell_complete=complete_refs)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "ocds"]),
    default="json",
    show_default=True,
    help="The form.",
)
@click.option(
    "--package",
    type=click.Choice(["releases", "records"]),
    default="releases",
    show_default=True,
    help="Of ocds: every release, or one record for each process.",
)
@common
def export_(console: Console, refs: tuple[str, ...], format_: str, package: str) -> None:
    """Write the record in an open format.

    Of all partnerships, or of each REF, to standard output. json is the whole record: docs/record.md describes it,
    and docs/verify_export.py checks it without this program. What is sealed until a call closes is left out. ocds
    has only what is public (docs/open-data.md).
    """
    if format_ == "json":
        _print_record(console, refs)
        return
    with console.system.reading() as session:
        records = _select(session, refs)
        make = ocds.record_package if package == "records" else ocds.release_package
        document = make(session, records, console.now)
    if not console.settings.procedure.ocds.is_registered:
        console.tell(
            "The prefix of the identifiers is not registered. Register one before you publish: [ocds]."
        )
    click.echo(dump_json(document))


def _select(session: Session, refs: Sequence[str]) -> list[Snapshot]:
    return export.select_records(session, [resolve(session.connection, ref) for ref in refs])


def _print_record(console: Console, refs: Sequence[str]) -> None:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="") as made:
        with console.system.reading() as session:
            made.writelines(export.as_json(session, _select(session, refs), console.now))
        # Print after the transaction: nobody could write to a SQLite file while a slow reader takes the output.
        made.seek(0)
        for line in made:
            # In UTF-8 whatever the terminal has: a letter that was replaced would break the chain of hashes.
            click.echo(escape_controls(line, JSON_ESCAPE).encode(), nl=False)
