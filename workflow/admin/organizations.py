"""The command organizations: list and add."""

from __future__ import annotations

import click

from workflow.admin.console import Console, Listing, common
from workflow.admin.directory import listing, write
from workflow.record import importing
from workflow.store import tables


@click.group(cls=Listing)
def organizations() -> None:
    """The organizations: list, add or change."""


@organizations.command("list")
@common
def organizations_list(console: Console) -> None:
    """Every organization and its kind (4270.2)."""
    with console.system.reading() as session:
        rows = [
            {"id": o.id, "name": o.name, "kind": o.kind} for o in session.directory.organizations.values()
        ]
    listing(console, "organizations", ("id", "name", "kind"), rows)


@organizations.command("add")
@click.argument("id_", metavar="ID")
@click.option("--name", required=True)
@click.option(
    "--kind", required=True, help="community-based-organization, higher-education, public-agency, other."
)
@common
def organizations_add(console: Console, id_: str, name: str, kind: str) -> None:
    """Add an organization or change it."""
    write(console, tables.organizations, importing.GivenOrganization, {"id": id_, "name": name, "kind": kind})
