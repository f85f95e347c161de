"""Runs the command meetings: list, add, remove or import the meetings of the Board."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from states.errors import BadInput, Problem
from states.mistakes import problems_of
from workflow import directory
from workflow.admin.console import Console, Listing, common, echo, format_minute
from workflow.admin.directory import remove, write
from workflow.procedure.config import UNREADABLE, explain_unreadable
from workflow.record import importing
from workflow.session import Session
from workflow.store import tables


@click.group(cls=Listing)
def meetings() -> None:
    """Keep the Board's calendar: list, add, remove, import."""


@meetings.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are over.")
@common
def meetings_list(console: Console, all_: bool) -> None:
    """List the Board's meetings to come, and until when each agenda takes an item."""
    with console.system.reading() as session:
        rows = [
            {
                "on": m.on.isoformat(),
                "at": f"{session.config.calendar.local(m.at):%H:%M}",
                "kind": m.kind,
                "agenda_closes_at": console.format_local(m.agenda_closes_at),
            }
            for m in session.directory.meetings
            if all_ or console.as_json or m.at >= console.now
        ]

    def people() -> None:
        shown = [(m["on"], m["at"], m["kind"], format_minute(m["agenda_closes_at"] or "")) for m in rows]
        console.show_table(("on", "at", "kind", "agenda closes"), shown, "No meetings to come.")

    console.show(rows, people)


@meetings.command("add")
@click.argument("on", metavar="DAY")
@click.option("--at", metavar="HH:MM", help="When it begins; else board.meeting_at.")
@click.option("--kind", default="regular", show_default=True, help="regular or special.")
@common
def meetings_add(console: Console, on: str, at: str | None, kind: str) -> None:
    """Add a meeting or change it."""
    at = at or console.system.config.procedure.board.meeting_at.strftime("%H:%M")
    write(console, tables.meetings, importing.GivenMeeting, {"on": on, "at": at, "kind": kind})


@meetings.command("remove")
@click.argument("on", metavar="DAY")
@common
def meetings_remove(console: Console, on: str) -> None:
    """Take a meeting out of the calendar."""
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise BadInput([Problem("DAY", f"{on!r} is not a date", "YYYY-MM-DD")]) from None
    remove(console, tables.meetings, day, "meeting on")


@meetings.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--kind", default="regular", show_default=True, help="Kind of the meetings: regular or special."
)
@common
def meetings_import(console: Console, file: Path, kind: str) -> None:
    """Import meetings from a calendar FILE (.ics).

    RFC 5545. Every event in it is one meeting; events that are marked as cancelled are left out.
    """
    user = console.require_writer()
    rows, cancelled = _read_calendar(console, file, kind)

    def work(session: Session) -> dict[str, int]:
        counts: dict[str, int] = {}
        for row in rows:
            done = (
                directory.put(session.connection, tables.meetings, row, by=user, now=console.now)
                or "unchanged"
            )
            counts[done] = counts.get(done, 0) + 1
        return counts

    counts = console.system.transact(work)
    if cancelled:
        counts["cancelled"] = cancelled
    words = ", ".join(f"{number} {done}" for done, number in counts.items())
    console.show({"file": str(file), **counts}, lambda: echo(f"Meetings of {file}: {words}."))


def _read_calendar(console: Console, file: Path, kind: str) -> tuple[list[dict[str, Any]], int]:
    """Return a row for each meeting of a calendar file, and how many of its events are cancelled.

    Raises `BadInput` if the file, or a meeting in it, cannot be read.
    """
    from icalendar import Calendar

    try:
        events = Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    except UNREADABLE as error:
        problem = f"it cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(str(file), problem, "a calendar file (.ics)")]) from None
    held = [(n, event) for n, event in enumerate(events) if str(event.get("STATUS")).upper() != "CANCELLED"]
    rows = [_read_meeting(console, f"event {number}", event, kind) for number, event in held]
    _check_days([(f"event {number}", row["on"]) for (number, _), row in zip(held, rows, strict=True)])
    if not rows:
        raise BadInput([Problem(str(file), "there is no meeting in it", "a VEVENT for each meeting")])
    return rows, len(events) - len(held)


def _check_days(days: Sequence[tuple[str, date]]) -> None:
    """Raise `BadInput` for a second meeting on a day: at every import it would replace the first."""
    mistakes, seen = [], set()
    for place, day in days:
        if day in seen:
            mistakes.append(Problem(place, f"{day} stands there twice", "each meeting once"))
        seen.add(day)
    if mistakes:
        raise BadInput(mistakes)


def _read_meeting(console: Console, place: str, event: Any, kind: str) -> dict[str, Any]:
    """Return the row of one event: its start in the district's zone, or the usual hour if it lasts all day.

    Raises `BadInput`, with `place`, for an event without a start and for one that repeats.
    """
    start = event.get("DTSTART")
    broken = any(name == "DTSTART" for name, _ in event.errors)
    moment = start.dt if start is not None and not broken else None
    if not isinstance(moment, date):
        raise BadInput([Problem(place, "it has no start that can be read", "DTSTART with a day or a time")])
    # A decision is tied to the day of a meeting in the calendar
    # (4270.9), so each meeting needs a row of its own.
    if any(event.get(name) is not None for name in ("RRULE", "RDATE")):
        raise BadInput(
            [Problem(place, "it repeats by a rule (RRULE or RDATE)", "one event for each meeting")]
        )
    settings = console.system.config
    at = settings.procedure.board.meeting_at
    if isinstance(moment, datetime):
        local = settings.calendar.local(moment) if moment.tzinfo else moment
        moment, at = local.date(), local.time()
    try:
        importing.GivenMeeting.model_validate({"on": moment, "at": at, "kind": kind})
    except ValidationError as error:
        raise BadInput(problems_of(error, importing.GivenMeeting)) from None
    return {"on": moment, "at": at.strftime("%H:%M"), "kind": kind}
