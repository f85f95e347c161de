"""Runs the command meetings: list, add, remove or import the meetings of the Board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, get_args

import click

from workflow.admin.console import Console, Listing, common
from workflow.admin.directory import follow, read_row, remove, show_done, write
from workflow.admin.terminal import echo, format_minute
from workflow.record import board_items, calendar_file, changes, district_file, meeting_import
from workflow.record.board_items import Moved
from workflow.record.meeting_import import Choice, Plan
from workflow.record.meeting_titles import Kind
from workflow.session import Session
from workflow.store import tables


@click.group(cls=Listing)
def meetings() -> None:
    """Keep the Board's calendar: list, add, move, remove, import."""


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
    on = console.read_day("DAY", on)
    at = at or console.system.config.procedure.board.meeting_at.strftime("%H:%M")
    write(
        console, "meetings", tables.meetings, district_file.GivenMeeting, {"on": on, "at": at, "kind": kind}
    )


@meetings.command("remove")
@click.argument("on", metavar="DAY")
@common
def meetings_remove(console: Console, on: str) -> None:
    """Take a meeting out of the calendar."""
    day = date.fromisoformat(console.read_day("DAY", on))
    remove(console, "meetings", tables.meetings, day, "meeting on")


@meetings.command("move")
@click.argument("on", metavar="DAY")
@click.argument("to", metavar="NEW-DAY")
@click.option("--at", metavar="HH:MM", help="When it begins there; else at the same hour.")
@common
def meetings_move(console: Console, on: str, to: str, at: str | None) -> None:
    """Move a meeting to another day. The items on its agenda move with it, and everybody concerned is told."""
    user = console.require_manager("meetings").name
    old = date.fromisoformat(console.read_day("DAY", on))
    row = read_row(district_file.GivenMeeting, {"on": console.read_day("NEW-DAY", to), "at": at or "00:00"})
    hour = row["at"] if at else None

    def work(session: Session) -> list[Moved]:
        changes.require_to_come(session, [("DAY", old), ("NEW-DAY", row["on"])], console.now)
        meeting_import.move(session, old, row["on"], hour, by=user, now=console.now)
        return follow(session, console.now)

    show_done(console, str(old), f"moved to {row['on']}", [], console.system.transact(work))


@meetings.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--regular", multiple=True, metavar="TITLE", help="This title or UID is a regular meeting.")
@click.option("--special", multiple=True, metavar="TITLE", help="This title or UID is a special meeting.")
@click.option(
    "--kind", type=click.Choice(get_args(Kind)), help="Kind of all meetings whose title does not say it."
)
@click.option("--dry-run", is_flag=True, help="Say what would change and change nothing.")
@common
def meetings_import(
    console: Console,
    file: Path,
    regular: Sequence[str],
    special: Sequence[str],
    kind: Kind | None,
    dry_run: bool,
) -> None:
    """Make the Board's calendar follow a calendar FILE (.ics, RFC 5545).

    A later file moves and cancels the meetings of an earlier one. What is not clearly a meeting of the Board is
    listed and left out: say what it is with --regular, --special or --kind. A series gives its meetings of the next
    two years; import the file again each year.
    """
    user = console.require_manager("meetings").name
    named: dict[str, Kind] = dict.fromkeys(regular, "regular")
    named |= dict.fromkeys(special, "special")
    choice = Choice(named, kind)
    calendar = console.system.config.calendar
    contents = calendar_file.read(file, calendar, calendar.day(console.now))

    def work(session: Session) -> tuple[Plan, Counter[str], list[Moved]]:
        plan, counts = meeting_import.follow(session, contents, choice, by=user, now=console.now)
        return plan, counts, follow(session, console.now)

    _show_import(console, file, *console.system.transact(work, dry_run=dry_run), dry_run)


def _show_import(
    console: Console, file: Path, plan: Plan, counts: Counter[str], moved: Sequence[Moved], dry_run: bool
) -> None:
    """Show what an import did, and what staff have to look at."""
    document: dict[str, Any] = {"file": str(file)} | {done: n for done, n in counts.items() if n}
    if plan.left_out:
        document["left_out"] = [
            {"on": event.day and event.day.isoformat(), "title": event.title, "uid": event.uid, "reason": why}
            for event, why in plan.left_out
        ]
    if plan.missing:
        document["missing"] = [day.isoformat() for day in plan.missing]
    if moved:
        document["items"] = board_items.document(moved)
    if dry_run:
        document["dry_run"] = True

    def people() -> None:
        words = ", ".join(f"{number} {done}" for done, number in counts.items() if number)
        title = "Meetings that would change by" if dry_run else "Meetings of"
        echo(f"{title} {file}: {words or 'none'}.")
        if plan.left_out:
            echo("Left out; --regular TITLE or --special TITLE takes one in:")
        for event, why in plan.left_out:
            echo(f"  {event.day or 'no day'}  {event.title or 'without a title'}: {why}")
        for day in plan.missing:
            echo(f"Not in this file any more: {day}. `partnershipctl meetings remove {day}` takes it off.")
        for line in board_items.describe(moved):
            echo(line)

    console.show(document, people)
