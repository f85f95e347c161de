"""Runs the command report: the annual report of a partnership, or of the whole district for the Board."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.references import ANY_REF, find_record
from workflow.admin.terminal import echo
from workflow.publishing import annual_report, district_report, report_page
from workflow.publishing.pdf import to_pdf
from workflow.publishing.school_year import SchoolYear

# No event lies outside of these years (`states.inputs.check_range`).
_YEARS = click.IntRange(1901, 2199)
_EXPECTED = "a name that ends in .html or .pdf"


@click.command()
@ANY_REF
@click.option("--district", is_flag=True, help="The report of all partnerships, for the Board.")
@click.option(
    "--year", required=True, type=_YEARS, help="The year in which the school year ends: 2026 is 2025-26."
)
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path),
    help="Where to write it: FILE.html or FILE.pdf. Without it a summary is printed.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Put it in the place of a FILE that is there already.")
@common
def report(
    console: Console, ref: str | None, district: bool, year: int, output: Path | None, force: bool
) -> None:
    """Make the annual report of REF, or of the district.

    It draws outcomes against targets over the years, and the days in each state against the procedure. It lists
    duties done and missed, findings, amounts and the Board's votes, as they stood at the end of a school year.

    A school year lasts from September to August. It is named by the calendar year in which it ends. An annual
    review belongs to the school year in which it was opened.
    """
    if (ref is None) is not district:
        raise BadInput([Problem("REF", "one report was not named", "either a REF or --district")])
    if output:
        _check_output(output, force=force)
    wanted = SchoolYear(year)
    with console.system.reading() as session:
        if ref is None:
            whole = district_report.collect(session, wanted, console.now)
            document, lines = whole.document, district_report.summarize(whole)
            page = report_page.render_district(session, whole) if output else ""
        else:
            one = annual_report.collect(session, find_record(session, ref), wanted, console.now)
            document, lines = one.document, annual_report.summarize(one)
            page = report_page.render(session, one) if output else ""
    if output:
        document, lines = _write(output, page, document)
    console.show(document, lambda: echo("\n".join(lines)))


def _check_output(output: Path, *, force: bool) -> None:
    """Raise `BadInput` if the file cannot be what was asked for, before anything is read."""
    if output.suffix.lower() not in (".html", ".pdf"):
        raise BadInput([Problem("--output", f"{output} is neither HTML nor PDF", _EXPECTED)])
    if output.exists() and not output.is_file():
        raise BadInput([Problem("--output", f"{output} is no regular file", _EXPECTED)])
    if output.exists() and not force:
        raise BadInput([Problem("--output", f"{output} is there already", "another name, or --force")])


def _write(output: Path, page: str, report: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Write the report, and return what was written as JSON and for people. Raise `BadInput`, `CannotDraw`."""
    content = to_pdf(page) if output.suffix.lower() == ".pdf" else page.encode()
    try:
        output.write_bytes(content)
    except OSError as error:
        problem = f"{output} cannot be written: {error.strerror}"
        raise BadInput([Problem("--output", problem, "a place that can be written")]) from None
    document = {
        "ref": report.get("ref"),
        "year": report["year"],
        "school_year": report["school_year"],
        "file": str(output),
        "format": output.suffix.lower().removeprefix("."),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return document, [f"Wrote {output}: the school year {report['school_year']}, {len(content):,} bytes."]
