"""Runs the command schools: list the schools, add one, change one or close one."""

from __future__ import annotations

from datetime import date

import click

from workflow.admin.console import Console, Listing, common
from workflow.admin.directory import show_rows, write
from workflow.admin.terminal import echo
from workflow.record import changes, district_file, school_changes
from workflow.session import Session
from workflow.store import tables


@click.group(cls=Listing)
def schools() -> None:
    """List the schools, add one, change one or close one."""


@schools.command("list")
@common
def schools_list(console: Console) -> None:
    """List every school, and when the Board invited a Lead Partner there (4270.1)."""
    with console.system.reading() as session:
        former = changes.former_names(session, tables.schools)
        rows = [
            {
                "id": s.id,
                "name": s.name,
                "invited_on": s.invited_on.isoformat() if s.invited_on else None,
            }
            | ({"closed_on": s.closed_on.isoformat(), "merged_into": s.merged_into} if s.closed_on else {})
            | ({"former_names": former[s.id]} if s.id in former else {})
            for s in session.directory.schools.values()
        ]
    show_rows(
        console, "schools", ("id", "name", "invited_on", "former_names", "closed_on", "merged_into"), rows
    )


@schools.command("add")
@click.argument("id_", metavar="ID")
@click.option("--name", required=True)
@click.option("--invited-on", metavar="DAY", help="Day of the Board's invitation, such as 2025-07-02.")
@common
def schools_add(console: Console, id_: str, name: str, invited_on: str | None) -> None:
    """Add a school or change it."""
    write(
        console,
        "people",
        tables.schools,
        district_file.GivenSchool,
        {
            "id": id_,
            "name": name,
            "invited_on": invited_on and console.read_day("--invited-on", invited_on),
        },
    )


@schools.command("close")
@click.argument("id_", metavar="ID")
@click.option("--on", "day", required=True, metavar="DAY", help="Day on which the school closes.")
@click.option("--into", metavar="ID", help="The school that takes over its partnerships.")
@click.option("--reason", required=True, help="Why; it stands on record.")
@common
def schools_close(console: Console, id_: str, day: str, into: str | None, reason: str) -> None:
    """Close a school, and hand its partnerships over to another one.

    The principal of the other school acts for them from then on, and the record keeps the school that began them.
    """
    rights = console.require_manager("people")
    closed_on = date.fromisoformat(console.read_day("--on", day))

    def work(session: Session) -> list[str]:
        closing = school_changes.Closing(id_, closed_on, into, reason.strip(), rights.name, console.now)
        return school_changes.close(session, closing)

    refs = console.system.transact(work)
    document = {"id": id_, "done": "closed", "into": into, "partnerships": refs}
    words = f"{id_}: closed." + (f" {into} has its partnerships now: {', '.join(refs)}." if refs else "")
    console.show(document, lambda: echo(words))
