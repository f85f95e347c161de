"""Commands about the directory: people, schools, organizations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import time
from typing import Any

import click
from pydantic import BaseModel, ValidationError
from sqlalchemy import Table, select

from states.errors import BadInput, Problem
from states.mistakes import problems
from workflow import directory, links
from workflow.admin.console import Console, Listing, common
from workflow.engine import NotFound
from workflow.record import importing
from workflow.session import Session
from workflow.store import tables


def listing(console: Console, what: str, headings: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Show rows of the directory."""

    def people() -> None:
        shown = [[row[name] for name in headings] for row in rows]
        console.table([name.replace("_", " ") for name in headings], shown, f"No {what}.")

    console.show(rows, people)


def write(console: Console, table: Table, takes: type[BaseModel], values: Mapping[str, Any]) -> None:
    """Check a row of the directory, add or change it, and say which."""
    user = console.may_write()
    try:
        checked = takes.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        raise BadInput(problems(error, takes)) from None
    row: dict[str, Any] = {
        key: json.dumps(value) if isinstance(value, (tuple, list)) else value
        for key, value in checked.model_dump(exclude_unset=True).items()
    }
    if isinstance(row.get("at"), time):
        row["at"] = row["at"].strftime("%H:%M")
    key = next(iter(table.primary_key.columns)).name

    def work(session: Session) -> str | None:
        _check_known(session, row)
        if table is tables.people:
            for column in ("roles", "schools"):
                if row[key] not in session.directory.people:
                    row.setdefault(column, "[]")
        return directory.put(session.connection, table, row, by=user, now=console.now)

    done = console.system.transact(work) or "unchanged"
    name = str(row[key])
    console.show({"id": name, "done": done}, lambda: click.echo(f"{name}: {done}."))


def _check_known(session: Session, row: Mapping[str, Any]) -> None:
    """Refuse names that the directory does not have."""
    schools = session.directory.schools
    found = [
        Problem("--school", f"there is no school {school!r}", ", ".join(schools))
        for school in json.loads(row.get("schools", "[]"))
        if school not in schools
    ]
    organization = row.get("organization")
    if organization and organization not in session.directory.organizations:
        known = ", ".join(session.directory.organizations)
        found.append(Problem("--organization", f"there is no organization {organization!r}", known))
    delegate = row.get("delegate")
    if delegate and delegate == row.get("email"):
        found.append(Problem("--delegate", "nobody stands in for themselves", "somebody else"))
    elif delegate and delegate not in session.directory.people:
        found.append(Problem("--delegate", f"there is no person {delegate!r}", "somebody in the directory"))
    if found:
        raise BadInput(found)


def remove(console: Console, table: Table, key: object, what: str) -> None:
    """Take a row out of the directory. Raises `NotFound`."""
    user = console.may_write()

    def work(session: Session) -> bool:
        return directory.remove(session.connection, table, key, by=user, now=console.now)

    if not console.system.transact(work):
        raise NotFound(f"there is no {what} {key}")
    console.show({"id": str(key), "done": "removed"}, lambda: click.echo(f"{key}: removed."))


def _known_person(console: Console, email: str) -> directory.Person:
    with console.system.reading() as session:
        person = session.directory.people.get(email.lower())
    if person is None:
        raise NotFound(f"there is no person {email!r}")
    return person


@click.group(cls=Listing)
def people() -> None:
    """The people: list, add, change, away, feed, remove."""


@people.command("list")
@common
def people_list(console: Console) -> None:
    """Everybody in the directory."""
    with console.system.reading() as session:
        rows: list[dict[str, Any]] = [
            {
                "email": p.email,
                "name": p.name,
                "roles": list(p.roles),
                "schools": list(p.schools),
                "organization": p.organization,
                "away_until": p.away_until.isoformat() if p.away_until else None,
                "delegate": p.delegate,
                "active": p.active,
                "digest": p.digest,
            }
            for p in session.directory.people.values()
        ]

    def people() -> None:
        shown = [
            (
                one["email"],
                one["name"],
                ", ".join(one["roles"]),
                ", ".join(one["schools"] + ([one["organization"]] if one["organization"] else [])),
                f"until {one['away_until']}: {one['delegate']}" if one["away_until"] else "",
            )
            for one in rows
        ]
        console.table(("email", "name", "roles", "of", "away"), shown, "No people.")

    console.show(rows, people)


def _person_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--digest/--no-digest", default=None, help="One message a day, or each by itself."),
        click.option("--organization", help="Identifier of an organization."),
        click.option("--school", "schools", multiple=True, help="Identifier of a school; may be repeated."),
        click.option("--role", "roles", multiple=True, help="A role; may be repeated."),
        click.option("--name", help="Name, or title of the position."),
        click.argument("email"),
    ):
        command = option(command)
    return command


@people.command("add")
@_person_options
@common
def people_add(console: Console, email: str, **given: Any) -> None:
    """Add a person with roles, or change all of them."""
    given |= {"roles": given["roles"] or (), "schools": given["schools"] or ()}
    write(console, tables.people, importing.GivenPerson, {"email": email, **given})


@people.command("change")
@_person_options
@common
def people_change(console: Console, email: str, **given: Any) -> None:
    """Change what is given of a person."""
    person = _known_person(console, email)
    changes = {key: value for key, value in given.items() if value not in (None, "", ())}
    write(console, tables.people, importing.GivenPerson, {"email": email, "name": person.name, **changes})


@people.command("away")
@click.argument("email")
@click.option("--until", required=True, metavar="DAY", help="Last day away, YYYY-MM-DD; the past ends it.")
@click.option("--delegate", help="Who gets the notices meanwhile.")
@common
def people_away(console: Console, email: str, until: str, delegate: str | None) -> None:
    """Say that somebody is away, and who stands in."""
    person = _known_person(console, email)
    values = {
        "email": email,
        "name": person.name,
        "away_until": until,
        "delegate": delegate or person.delegate,
    }
    if values["delegate"] is None:
        raise BadInput([Problem("--delegate", "it is not said who stands in", "an address in the directory")])
    write(console, tables.people, importing.GivenPerson, values)


@people.command("feed")
@click.argument("email")
@click.option("--new", is_flag=True, help="Make a new address; the earlier one shows nothing any more.")
@common
def people_feed(console: Console, email: str, new: bool) -> None:
    """The address of somebody's calendar of all their dates, to subscribe to.

    Whoever has the address can read these dates, so it is for that person alone.
    """
    user = console.may_write()
    address = email.lower()

    def work(session: Session) -> int:
        if address not in session.directory.people and not _was_told(session, address):
            raise NotFound(f"there is no person {email!r}")
        if not new:
            return directory.feed_generation(session.connection, address)
        made = directory.renew_feed(session.connection, address)
        directory.noted(session.connection, f"feed {address}", made, by=user, now=console.now)
        return made

    found = links.feed_address(console.system.config, address, console.system.transact(work))
    console.show({"email": address, "feed": found, "new": new}, lambda: click.echo(found))


def _was_told(session: Session, email: str) -> bool:
    """Whether somebody outside of the directory, such as an applicant, ever got a message."""
    table = tables.notices
    return session.connection.scalar(select(table.c.id).where(table.c.to == email).limit(1)) is not None


@people.command("remove")
@click.argument("email")
@common
def peopleremove(console: Console, email: str) -> None:
    """Take a person out of the directory; what they did stays on record."""
    remove(console, tables.people, email.lower(), "person")


@click.group(cls=Listing)
def schools() -> None:
    """The schools: list, add or change."""


@schools.command("list")
@common
def schools_list(console: Console) -> None:
    """Every school, and when the Board invited a Lead Partner there (4270.1)."""
    with console.system.reading() as session:
        rows = [
            {"id": s.id, "name": s.name, "invited_on": s.invited_on.isoformat() if s.invited_on else None}
            for s in session.directory.schools.values()
        ]
    listing(console, "schools", ("id", "name", "invited_on"), rows)


@schools.command("add")
@click.argument("id_", metavar="ID")
@click.option("--name", required=True)
@click.option("--invited-on", metavar="DAY", help="Day of the Board's invitation, YYYY-MM-DD.")
@common
def schools_add(console: Console, id_: str, name: str, invited_on: str | None) -> None:
    """Add a school or change it."""
    write(console, tables.schools, importing.GivenSchool, {"id": id_, "name": name, "invited_on": invited_on})


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


COMMANDS = (people, schools, organizations)
