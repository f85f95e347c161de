"""Runs the command organizations: list the organizations, add one or change one."""

from __future__ import annotations

import click

from workflow.admin.console import Console, Listing, common
from workflow.admin.directory import show_rows, write
from workflow.directory import Directory
from workflow.record import changes, district_file
from workflow.store import tables
from workflow.views.shown_directory import read_directory


@click.group(cls=Listing)
def organizations() -> None:
    """List the organizations, add one or change one."""


@organizations.command("list")
@common
def organizations_list(console: Console) -> None:
    """List every organization with its kind (4270.2) and its contacts with their rights (4270.4)."""
    with console.system.reading() as session:
        shown = read_directory(session)
        organizations = shown.organizations.values()
        former = changes.former_names(session, tables.organizations)
        rows = [
            {"id": o.id, "name": o.name, "kind": o.kind}
            | ({"former_names": former[o.id]} if o.id in former else {})
            | ({"contacts": mine} if (mine := _list_contacts(shown, o.id)) else {})
            for o in organizations
        ]
    show_rows(console, "organizations", ("id", "name", "kind", "former_names", "contacts"), rows)


def _list_contacts(directory: Directory, organization: str) -> list[str]:
    """Return who has rights as a contact of an organization, each with their rights."""
    return [
        f"{person.email} ({' and '.join(person.contact_rights)})"
        for person in directory.people.values()
        if person.active and person.organization == organization and person.contact_rights
    ]


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
