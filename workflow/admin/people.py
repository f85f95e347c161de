"""Runs the command people: list, add, change and remove people; absences, delegates and calendar feeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import select

from states.errors import BadInput, Problem, suggest
from workflow import directory, links
from workflow.admin.console import Console, Listing, common, echo
from workflow.admin.directory import remove, write
from workflow.engine import NotFound
from workflow.record import changes, district_file
from workflow.session import Session
from workflow.store import tables


def _find_person(console: Console, email: str) -> directory.Person:
    """Return a person of the directory. Raises `NotFound`."""
    with console.system.reading() as session:
        person = session.directory.people.get(email.lower())
        if person is None:
            raise NotFound(f"there is no person {email!r}{suggest(email, session.directory.people)}")
    return person


@click.group(cls=Listing)
def people() -> None:
    """Keep the people: list, add, change, away, feed, remove."""


@people.command("list")
@common
def people_list(console: Console) -> None:
    """List everybody in the directory."""
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
                row["email"],
                row["name"],
                ", ".join(row["roles"]),
                ", ".join(row["schools"] + ([row["organization"]] if row["organization"] else [])),
                f"until {row['away_until']}: {row['delegate']}" if row["away_until"] else "",
            )
            for row in rows
        ]
        console.show_table(("email", "name", "roles", "of", "away"), shown, "No people.")

    console.show(rows, people)


def _add_person_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that describe a person."""
    for option in (
        click.option("--digest/--no-digest", default=None, help="One message a day, or each on its own."),
        click.option("--organization", help="Identifier of an organization."),
        click.option("--school", "schools", multiple=True, help="Identifier of a school; may be repeated."),
        click.option("--role", "roles", multiple=True, help="A role; may be repeated."),
        click.option("--name", help="Name, or title of the position."),
        click.argument("email"),
    ):
        command = option(command)
    return command


@people.command("add")
@_add_person_options
@common
def people_add(console: Console, email: str, **options: Any) -> None:
    """Add a person with roles, or change all of them."""
    # `add` states all roles, so an option that is left out takes them away. `change` leaves them as they are.
    options |= {"roles": options["roles"] or (), "schools": options["schools"] or ()}
    write(console, "people", tables.people, district_file.GivenPerson, {"email": email, **options})


@people.command("change")
@_add_person_options
@common
def people_change(console: Console, email: str, **options: Any) -> None:
    """Change what the options give of a person."""
    person = _find_person(console, email)
    given = {key: value for key, value in options.items() if value not in (None, "", ())}
    write(
        console,
        "people",
        tables.people,
        district_file.GivenPerson,
        {"email": email, "name": person.name, **given},
    )


@people.command("away")
@click.argument("email")
@click.option(
    "--until", required=True, metavar="DAY", help="Last day away, such as Aug 14; the past ends it."
)
@click.option("--delegate", help="Who gets the notices meanwhile.")
@common
def people_away(console: Console, email: str, until: str, delegate: str | None) -> None:
    """Say that somebody is away, and who stands in."""
    person = _find_person(console, email)
    values = {
        "email": email,
        "name": person.name,
        "away_until": console.read_day("--until", until),
        "delegate": delegate or person.delegate,
    }
    if values["delegate"] is None:
        raise BadInput([Problem("--delegate", "it is not said who stands in", "an address in the directory")])
    write(console, "people", tables.people, district_file.GivenPerson, values)


@people.command("feed")
@click.argument("email")
@click.option("--new", is_flag=True, help="Make a new address; the earlier one shows nothing any more.")
@common
def people_feed(console: Console, email: str, new: bool) -> None:
    """Print the address of somebody's calendar of all their dates, to subscribe to.

    Anybody who has the address can read these dates, so it is for that person alone.
    """
    user = console.require_manager("people").name
    address = email.lower()

    def work(session: Session) -> int:
        if address not in session.directory.people and not _has_notice(session, address):
            raise NotFound(f"there is no person {email!r}{suggest(email, session.directory.people)}")
        if not new:
            # The address shows a person's dates to everybody who has it, so the record says who has looked.
            changes.record(session, "read the feed of", address, by=user, now=console.now)
            return directory.feed_generation(session.connection, address)
        generation = directory.renew_feed(session.connection, address)
        changes.record(session, f"feed {address}", generation, by=user, now=console.now)
        return generation

    feed = links.feed_address(console.system.config, address, console.system.transact(work))
    console.show({"email": address, "feed": feed, "new": new}, lambda: echo(feed))


def _has_notice(session: Session, email: str) -> bool:
    """Return whether a notice was ever addressed to somebody, such as an applicant outside of the directory."""
    table = tables.notices
    return session.connection.scalar(select(table.c.id).where(table.c.to == email).limit(1)) is not None


@people.command("remove")
@click.argument("email")
@common
def people_remove(console: Console, email: str) -> None:
    """Take a person out of the directory; what they did stays on record."""
    remove(console, "people", tables.people, email.lower(), "person")
