"""Runs the command organizations: list the organizations, add one or change one."""

from __future__ import annotations

import click

from workflow.admin.console import Console, Listing, common
from workflow.admin.directory import show_rows, write
from workflow.record import district_file
from workflow.store import tables
from workflow.views.shown_directory import read_directory


@click.group(cls=Listing)
def organizations() -> None:
    """List the organizations, add one or change one."""


@organizations.command("list")
@common
def organizations_list(console: Console) -> None:
    """List every organization and its kind (4270.2)."""
    with console.system.reading() as session:
        organizations = read_directory(session).organizations.values()
        rows = [{"id": o.id, "name": o.name, "kind": o.kind} for o in organizations]
    show_rows(console, "organizations", ("id", "name", "kind"), rows)


@organizations.command("add")
@click.argument("id_", metavar="ID")
@click.option("--name", required=True)
@click.option(
    "--kind", required=True, help="community-based-organization, higher-education, public-agency, other."
)
@common
def organizations_add(console: Console, id_: str, name: str, kind: str) -> None:
    """Add an organization or change it."""
    write(
        console,
        "people",
        tables.organizations,
        district_file.GivenOrganization,
        {"id": id_, "name": name, "kind": kind},
    )
