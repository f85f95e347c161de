"""Runs the command deadlines: list what is coming, what is overdue, and what fired."""

from __future__ import annotations

import click
from sqlalchemy import select

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common, format_minute
from workflow.admin.references import ANY_REF, find_record
from workflow.procedure.due import Offset, parse_offset
from workflow.store import tables
from workflow.store.rows import DeadlineRow, DeadlineStatus
from workflow.views import documents


@click.command()
@ANY_REF
@click.option(
    "--within", metavar="SPAN", help="Only what falls within days, weeks, months or years: 30d, 4w, 2m, 1y."
)
@click.option("--all", "all_", is_flag=True, help="Also what has fired, was skipped or cancelled.")
@common
def deadlines(console: Console, ref: str | None, within: str | None, all_: bool) -> None:
    """List deadlines that are coming or overdue, or all of them."""
    span = _parse_span(within) if within else None
    table, about = tables.deadlines, tables.partnerships
    query = select(table, about.c.ref).join(about).order_by(table.c.due_at, table.c.id)
    if not all_:
        query = query.where(table.c.status == DeadlineStatus.OPEN.value)
    with console.system.reading() as session:
        if ref:
            query = query.where(table.c.partnership == find_record(session, ref).id)
        if span:
            query = query.where(table.c.due_at <= span.after(console.now, session.config.calendar))
        shown = [
            documents.deadline(session, row.ref, DeadlineRow.from_row(row), console.now)
            for row in session.connection.execute(query)
        ]

    def people() -> None:
        rows = [
            (
                deadline["ref"],
                deadline["name"],
                deadline["kind"],
                format_minute(deadline["due_at"]),
                documents.status_words(deadline),
            )
            for deadline in shown
        ]
        headings = ("ref", "deadline", "kind", "at", "status")
        # The list of one partnership does not repeat its reference.
        skip = 1 if ref else 0
        empty = "No deadlines." if all_ or span else "No deadline is open."
        console.show_table(headings[skip:], [row[skip:] for row in rows], empty)

    console.show(shown, people)


_UNITS = {"d": "day", "w": "week", "m": "month", "y": "year"}


def _parse_span(text: str) -> Offset:
    """Return the span of --within. Raises `BadInput`."""
    unit = _UNITS.get(text[-1:])
    try:
        return parse_offset(f"{text[:-1]} {unit}s" if unit else text)
    except ValueError:
        expected = "a number and d, w, m or y, such as 30d"
        raise BadInput([Problem("--within", f"{text!r} is not a span of time", expected)]) from None
