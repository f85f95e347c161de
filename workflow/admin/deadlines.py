"""Runs the command deadlines: list what is coming, what is overdue, and what fired."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from typing import Any

import click
from sqlalchemy import ColumnElement, select, tuple_

from notifications.written import long_day
from states.errors import BadInput, Problem, suggest
from workflow.admin.console import Console, Listing, common
from workflow.admin.references import ANY_REF, REF, find_record
from workflow.admin.terminal import JsonList, echo, format_minute
from workflow.procedure.offsets import Offset, parse_span
from workflow.record import explanation
from workflow.session import Session
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import DeadlineRow, DeadlineStatus
from workflow.views import documents

_PAGE = 1000  # rungs that are read at once
_MINUTE = "2000-01-01 00:00"  # as wide as every instant


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
    table = tables.deadlines
    is_shown: ColumnElement[bool] = table.c.name.not_in(documents.deadlines_of_drafts(console.settings))
    if not all_:
        is_shown &= table.c.status == DeadlineStatus.OPEN.value
    with console.system.reading() as session:
        if ref:
            is_shown &= table.c.partnership == find_record(session, ref).id
        if span:
            is_shown &= table.c.due_at <= span.after(console.now, session.config.calendar)
        widest = [] if console.as_json else _list_widest(session, is_shown, console.now)
    # No index has all deadlines in this order. Sorted for every page anew, they would take forever.
    shown = _read_pages(console, is_shown, None if all_ else _PAGE)
    if console.as_json:
        with closing(JsonList()) as answer:
            for document in shown:
                answer.add(document)
            answer.print()
        return
    headings = ("ref", "deadline", "kind", "at", "status")
    # The list of one partnership does not repeat its reference.
    skip = 1 if ref else 0
    console.show_table(
        headings[skip:],
        (_cells(document)[skip:] for document in shown),
        "No deadlines." if all_ or span else "No deadline is open.",
        widest=(row[skip:] for row in widest),
    )


def _read_pages(
    console: Console, is_shown: ColumnElement[bool], size: int | None
) -> Iterator[dict[str, Any]]:
    """Yield the documents of rungs, the earliest first, of which so many are read at once.

    Each page is a transaction of its own. One that stayed open while a reader scrolls would keep the daemon from
    writing.
    """
    table, about = tables.deadlines, tables.partnerships
    query = select(table, about.c.ref).join(about).where(is_shown)
    query = query.order_by(table.c.due_at, table.c.id).limit(size)
    page = query
    while True:
        with console.system.reading() as session:
            rows = [(row.ref, DeadlineRow.from_row(row)) for row in session.connection.execute(page)]
        for ref, row in rows:
            yield documents.deadline(session, ref, row, console.now)
        if size is None or len(rows) < size:
            return
        last = rows[-1][1]
        page = query.where(tuple_(table.c.due_at, table.c.id) > tuple_(last.due_at, last.id))


def _list_widest(session: Session, is_shown: ColumnElement[bool], now: datetime) -> list[tuple[str, ...]]:
    """Return rows in which every text of the list is found, so that the columns get their widths."""
    table, about = tables.deadlines, tables.partnerships
    refs = session.connection.scalars(
        select(about.c.ref).where(about.c.id.in_(select(table.c.partnership).where(is_shown)))
    )
    kinds = session.connection.execute(
        select(
            table.c.name, table.c.kind, table.c.status, table.c.fires, table.c.reason,
            (table.c.ladder <= now).label("late"),
        )
        .where(is_shown)
        .distinct()
    )  # fmt: skip
    rows: list[tuple[str, ...]] = [(ref, "", "", "", "") for ref in refs]
    for row in kinds:
        overdue = row.status == DeadlineStatus.OPEN and bool(row.late)
        document = {"status": row.status, "overdue": overdue, "fires": row.fires, "reason": row.reason}
        rows.append(("", row.name, row.kind, _MINUTE, documents.status_words(document)))
    return rows


def _cells(deadline: dict[str, Any]) -> tuple[str, ...]:
    return (
        deadline["ref"],
        deadline["name"],
        deadline["kind"],
        format_minute(deadline["due_at"]),
        documents.status_words(deadline),
    )


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
