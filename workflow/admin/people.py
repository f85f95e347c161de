"""Runs the command people: list, add and change people; absences, feeds, and links to sign in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from sqlalchemy import select

from states.errors import BadInput, Problem, suggest
from states.names import Role
from workflow import directory, links
from workflow.actions import sign_in
from workflow.admin.console import Console, Listing, common
from workflow.admin.directory import write
from workflow.admin.leaving import people_remove, people_replace
from workflow.admin.references import parse_words
from workflow.admin.terminal import echo
from workflow.outbox import queue
from workflow.record import changes, district_file
from workflow.session import Session
from workflow.store import feeds, tables
from workflow.store.errors import NotFound
from workflow.views.shown_directory import read_directory


def _find_person(console: Console, email: str) -> directory.Person:
    """Return a person of the directory. Raises `NotFound`."""
    with console.system.reading() as session:
        people = read_directory(session).people
        person = people.get(email.lower())
        if person is None:
            raise NotFound(f"there is no person {email!r}{suggest(email, people)}")
    return person


@click.group(cls=Listing)
def people() -> None:
    """Keep the people: list, add, change, replace, link, revoke."""


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
                "dates": p.dates,
                "contact_rights": list(p.contact_rights),
            }
            for p in read_directory(session).people.values()
        ]

    def people() -> None:
        shown = [
            (
                row["email"],
                row["name"],
                ", ".join([*row["roles"], *(f"{right} contact" for right in row["contact_rights"])]),
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
        click.option("--dates", metavar="LANGUAGE", help="Dates in this language too, such as es."),
        click.option("--digest/--no-digest", default=None, help="One message a day, or each on its own."),
        click.option(
            "--right",
            "contact_rights",
            multiple=True,
            help="As a contact of their organization: lead, reports, finance or none; may be repeated.",
        ),
        click.option("--organization", help="Identifier of an organization."),
        click.option("--school", "schools", multiple=True, help="Identifier of a school; may be repeated."),
        click.option("--role", "roles", multiple=True, help="A role; may be repeated."),
        click.option("--name", help="Name, or title of the position."),
        click.argument("email"),
    ):
        command = option(command)
    return command


def _read_rights(words: Sequence[str]) -> Sequence[str]:
    """Return the rights of a contact that the options give; the word "none" takes them all away."""
    return () if tuple(words) == ("none",) else words


@people.command("add")
@_add_person_options
@common
def people_add(console: Console, email: str, **options: Any) -> None:
    """Add a person with roles, or change all of them."""
    # `add` states all roles, so an option that is left out takes them away. `change` leaves them as they are.
    options |= {key: options[key] or () for key in ("roles", "schools")}
    options["contact_rights"] = _read_rights(options["contact_rights"])
    write(console, "people", tables.people, district_file.GivenPerson, {"email": email, **options})


@people.command("change")
@_add_person_options
@common
def people_change(console: Console, email: str, **options: Any) -> None:
    """Change what the options give of a person."""
    person = _find_person(console, email)
    given = {key: value for key, value in options.items() if value not in (None, "", ())}
    if "contact_rights" in given:
        given["contact_rights"] = _read_rights(given["contact_rights"])
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
            raise NotFound(f"there is no person {email!r}{suggest(email, read_directory(session).people)}")
        if not new:
            # The address shows a person's dates to everybody who has it, so the record says who has looked.
            changes.record(session, "read the feed of", address, by=user, now=console.now)
            return feeds.generation_of(session.connection, address)
        generation = feeds.renew(session.connection, address)
        changes.record(session, f"feed {address}", generation, by=user, now=console.now)
        return generation

    feed = links.feed_address(console.system.config, address, console.system.transact(work))
    console.show({"email": address, "feed": feed, "new": new}, lambda: echo(feed))


def _has_notice(session: Session, email: str) -> bool:
    """Return whether a notice was ever addressed to somebody, such as an applicant outside of the directory."""
    table = tables.notices
    return session.connection.scalar(select(table.c.id).where(table.c.to == email).limit(1)) is not None


@people.command("link")
@click.argument("email")
@common
def people_link(console: Console, email: str) -> None:
    """Send somebody the link to sign in to their page. It works once, for 15 minutes."""
    user = console.require_manager("people").name
    address = email.lower()

    def work(session: Session) -> int:
        try:
            notice = sign_in.send(session, address, console.now)
        except sign_in.Unknown:
            raise NotFound(f"there is no person {email!r} who takes part in a partnership") from None
        changes.record(session, f"sent a link to sign in to {address}", notice, by=user, now=console.now)
        return notice

    notice = console.system.transact(work)
    words = f"Notice {notice} with a link to sign in goes to {address}."
    console.show({"email": address, "notice": notice}, lambda: echo(words))


@people.command("invite")
@click.option("--role", "roles", multiple=True, help="Only people with this role; may be repeated.")
@common
def people_invite(console: Console, roles: tuple[str, ...]) -> None:
    """Send everybody in the directory who has a role a message about their page, with a link to it.

    People who have got an invitation before get none again.
    """
    user = console.require_manager("people").name
    for role in roles:
        parse_words("role", role, [role.value for role in Role])
    table = tables.notices

    def work(session: Session) -> list[str]:
        earlier = set(session.connection.scalars(select(table.c.to).where(table.c.template == "invitation")))
        chosen = [
            person.email
            for person in session.directory.people.values()
            if person.active and (held := _roles_of(person)) and (not roles or set(roles) & held)
        ]
        invited = [email for email in chosen if email not in earlier]
        for email in invited:
            sign_in.send(session, email, console.now, "invitation")
        if invited:
            changes.record(session, "invited", invited, by=user, now=console.now)
        return invited

    invited = console.system.transact(work)
    many = f"{len(invited)} {'person' if len(invited) == 1 else 'people'}"
    console.show(
        {"invited": invited}, lambda: echo(f"Invited {many}." if invited else "Everybody is invited.")
    )


def _roles_of(person: directory.Person) -> set[str]:
    """Return the roles of a person, with that of a contact of a Lead Partner if they have rights as one."""
    return {*person.roles, *([str(Role.LEAD_PARTNER)] if person.contact_rights else [])}


@people.command("revoke")
@click.argument("email")
@common
def people_revoke(console: Console, email: str) -> None:
    """Sign somebody out everywhere, and make every link and reply of theirs do nothing any more."""
    user = console.require_manager("people").name
    address = email.lower()

    def work(session: Session) -> tuple[int, list[int]]:
        if address not in session.directory.people and not _has_notice(session, address):
            raise NotFound(f"there is no person {email!r}{suggest(email, read_directory(session).people)}")
        ended = sign_in.end(session, address, None, console.now)
        revoked = queue.revoke_person(session.connection, address, console.now)
        feeds.renew(session.connection, address)
        what = f"revoked notices to {address}"
        changes.record(session, what, {"notices": revoked, "sign_ins": ended}, by=user, now=console.now)
        return ended, revoked

    ended, revoked = console.system.transact(work)
    browsers = f"{ended} browser{'s' * (ended != 1)}"
    words = f"{address} is signed out of {browsers}; {len(revoked)} messages do nothing any more."
    console.show({"email": address, "sign_ins": ended, "revoked": revoked}, lambda: echo(words))


people.add_command(people_remove)
people.add_command(people_replace)
