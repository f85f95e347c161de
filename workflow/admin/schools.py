"""Runs the command schools: list the schools, add one or change one."""

from __future__ import annotations

import click

from workflow.admin.console import Console, Listing, common
from workflow.admin.directory import show_rows, write
from workflow.record import changes, district_file
from workflow.store import tables


@click.group(cls=Listing)
def schools() -> None:
    """List the schools, add one or change one."""


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
            | ({"former_names": former[s.id]} if s.id in former else {})
            for s in session.directory.schools.values()
        ]
    show_rows(console, "schools", ("id", "name", "invited_on", "former_names"), rows)


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
