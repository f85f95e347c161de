"""Runs the command deadlines: list what is coming, what is overdue, and what fired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import click
from sqlalchemy import select

from notifications.filters import long_day
from states.errors import BadInput, Problem, suggest
from workflow.admin.console import Console, Listing, common
from workflow.admin.references import ANY_REF, REF, find_record
from workflow.admin.terminal import echo, format_minute
from workflow.procedure.offsets import Offset, parse_span
from workflow.record import explanation
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import DeadlineRow, DeadlineStatus
from workflow.views import documents


@click.group(cls=Listing, subcommand_metavar="[REF] | explain REF NAME")
def deadlines() -> None:
    """List what is due, overdue or fired; explain a date."""


@deadlines.command("list")
@ANY_REF
@click.option(
    "--within", metavar="SPAN", help="Only what falls within days, weeks, months or years: 30d, 4w, 2m, 1y."
)
@click.option("--all", "all_", is_flag=True, help="Also what has fired, was skipped or cancelled.")
@common
def deadlines_list(console: Console, ref: str | None, within: str | None, all_: bool) -> None:
    """List deadlines that are coming or overdue, or all of them."""
    span = _parse_span(within) if within else None
    table, about = tables.deadlines, tables.partnerships
    # The dates of applications that were not sent are nobody's but their authors'.
    of_drafts = [name for name, row in console.settings.deadlines.items() if row.is_of_drafts]
    query = select(table, about.c.ref).join(about).where(table.c.name.not_in(of_drafts))
    query = query.order_by(table.c.due_at, table.c.id)
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


@deadlines.command("explain")
@REF
@click.argument("name")
@common
def deadlines_explain(console: Console, ref: str, name: str) -> None:
    """Explain the date of a deadline of REF.

    From which fact it counts, which days were counted and skipped, whether it moved, and which lines of config.toml
    say so.
    """
    with console.system.reading() as session:
        record = find_record(session, ref)
        if name not in session.config.deadlines:
            near = suggest(name, session.config.deadlines)
            raise NotFound(f"there is no deadline {name!r} in the procedure{near}")
        of = explanation.explain(session, record, name)
        document = explanation.document(session, record.ref, of)
    console.show(document, lambda: echo("\n".join(_explain(document))))


def _explain(d: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of an explanation for people."""
    yield f"{d['name']} of {d['ref']}: {d['label']}"
    lines = d["lines"]

    def place(key: str) -> str:
        found = lines.get(key)
        line = found and (f"{found['file']}:{found['line']}" if found["line"] else found["file"])
        return f"  ({line})" if line else ""

    yield f"  The rule: {d['rule']}{place('due')}"
    if not d["runs"]:
        yield f"  It does not run now: {d['why_not']}."
        return
    fact = d["fact"]
    recorded = f", recorded {format_minute(fact['recorded_at'])} by {fact['event']}" if fact["seq"] else ""
    if fact["name"]:
        yield f"  From the fact {fact['name']}: {fact['value']}{recorded}."
    else:
        yield f"  It recurs since the agreement came into force{recorded}."
    yield f"  Counted from {_day(d['from'])}" + (f": {d['span']} {d['direction']} it." if d["span"] else ".")
    if d["counted"]:
        yield f"  Days that count: {', '.join(d['counted'])}."
    for skipped in d["skipped"]:
        yield f"  Skipped: {_day(skipped['day'])}, {skipped['reason']}."
    if d["moved_to"]:
        why = f"since {_day(d['day'])} is no business day"
        yield f"  Moved {d['roll']}, to {_day(d['moved_to'])}, {why}{place('roll')}."
    if d["at"]:
        yield f"  At {d['at']} on that day{place('at')}."
    yield f"  Due {d['due_at']}."


def _day(text: str) -> str:
    return long_day(date.fromisoformat(text))


def _parse_span(text: str) -> Offset:
    """Return the span of --within. Raises `BadInput`."""
    try:
        return parse_span(text)
    except ValueError:
        expected = "a number and d, w, m or y, such as 30d"
        raise BadInput([Problem("--within", f"{text!r} is not a span of time", expected)]) from None
