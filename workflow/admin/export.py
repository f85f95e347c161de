"""Runs the command export: print the record as JSON that anybody can check, or in an open format."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from notifications.markup import escape_controls
from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.output import OUTPUT, write_output
from workflow.admin.references import complete_refs, resolve
from workflow.admin.terminal import JSON_ESCAPE, dump_json
from workflow.publishing import ocds, spreadsheets
from workflow.publishing.tables import TABLES, make_table
from workflow.publishing.words import read_words
from workflow.record import export
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views import feed

# The most bytes of an export that stay in memory. A larger one goes to a temporary file without a name.
_IN_MEMORY = 4 << 20


@click.command("export")
@click.argument("refs", metavar="[REF]...", nargs=-1, shell_complete=complete_refs)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "csv", "xlsx", "ics", "ocds"]),
    default="json",
    show_default=True,
    help="The form.",
)
@click.option(
    "--table",
    type=click.Choice(list(TABLES)),
    default="list",
    show_default=True,
    help="Of csv: which table.",
)
@click.option(
    "--package",
    type=click.Choice(["releases", "records"]),
    default="releases",
    show_default=True,
    help="Of ocds: every release, or a record of each process.",
)
@OUTPUT
@common
def export_(
    console: Console, refs: tuple[str, ...], format_: str, table: str, package: str, output: Path | None
) -> None:
    """Write the record in an open format.

    Of all partnerships, or of each REF, to standard output or to a file. json is the whole record: docs/record.md
    describes it, and docs/verify_export.py checks it without this program. csv and xlsx are tables, ics a calendar.
    What is sealed until a call closes is left out. ocds has only what is public (docs/open-data.md).
    """
    if format_ == "json" and output is None:
        _print_record(console, refs)
        return
    # A terminal shows a workbook as noise, and some of it would change how the terminal works.
    if format_ == "xlsx" and output is None and (console.as_json or sys.stdout.isatty()):
        raise BadInput([Problem("--output", "a workbook cannot be shown", "--output FILE.xlsx")])
    with console.system.reading() as session:
        content = _make(console, session, refs, format_, table, package)
    if format_ == "ocds" and not console.settings.procedure.ocds.is_registered:
        console.tell(
            "The prefix of the identifiers is not registered. Register one before you publish: [ocds]."
        )
    if output is None:
        # What is JSON already stays as it is.
        is_json = not console.as_json or format_ == "ocds"
        click.echo(content if is_json else dump_json(content.decode()), nl=not is_json)
        return
    write_output(console, output, content, {"format": format_})


def _make(
    console: Console, session: Session, refs: Sequence[str], format_: str, table: str, package: str
) -> bytes:
    """Return the content of the export."""
    now = console.now
    if format_ == "json":
        return "".join(export.as_json(session, _select(session, refs), now)).encode()
    records = list(_select(session, refs))
    if format_ == "ocds":
        make = ocds.record_package if package == "records" else ocds.release_package
        return (dump_json(make(session, records, now)) + "\n").encode()
    if format_ == "ics":
        return feed.calendar_of(session, records, now)
    words = read_words(session.config, "tables")
    if format_ == "csv":
        return spreadsheets.to_csv(make_table(session, words, table, records, now))
    district = session.config.procedure.district
    sheets = [make_table(session, words, name, records, now) for name in TABLES]
    return spreadsheets.to_xlsx(sheets, words("workbook", district.name), district.office, now)


def _select(session: Session, refs: Sequence[str]) -> Iterator[Snapshot]:
    return export.select_records(session, [resolve(session.connection, ref) for ref in refs])


def _print_record(console: Console, refs: Sequence[str]) -> None:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="") as made:
        with console.system.reading() as session:
            # Not `writelines`, which looks at the size only when all of them are in memory.
            for piece in export.as_json(session, _select(session, refs), console.now):
                made.write(piece)
        # Print after the transaction: nobody could write to a SQLite file while a slow reader takes the output.
        made.seek(0)
        for line in made:
            # In UTF-8 whatever the terminal has: a letter that was replaced would break the chain of hashes.
            click.echo(escape_controls(line, JSON_ESCAPE).encode(), nl=False)
