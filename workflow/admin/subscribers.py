"""Runs the command subscribers: list who hears of new calls, and remove an address on request."""

from __future__ import annotations

import click

from workflow.actions import subscriptions
from workflow.admin.console import Console, Listing, common
from workflow.admin.terminal import echo, format_minute
from workflow.record import changes
from workflow.session import Session
from workflow.store.errors import NotFound


@click.group(cls=Listing)
def subscribers() -> None:
    """List who hears of new calls, or remove an address."""


@subscribers.command("list")
@common
def subscribers_list(console: Console) -> None:
    """List the addresses that hear of new calls, and since when.

    They are of people outside, so only those who manage people read them, and `changes` says who did.
    """
    rights = console.require_manager("people")

    def work(session: Session) -> list[dict[str, str | bool | None]]:
        everybody = subscriptions.list_all(session)
        changes.record(session, "read the subscribers", len(everybody), by=rights.name, now=console.now)
        return [
            {"email": each.email, "since": session.local(each.confirmed_at), "bounced": each.bounced}
            for each in everybody
        ]

    rows = console.system.transact(work)

    def people() -> None:
        shown = [
            (each["email"], format_minute(str(each["since"])), "mail comes back" if each["bounced"] else "")
            for each in rows
        ]
        console.show_table(("email", "since", ""), shown, "Nobody.")

    console.show(rows, people)


@subscribers.command("remove")
@click.argument("email")
@common
def subscribers_remove(console: Console, email: str) -> None:
    """Remove an address: nothing about new calls goes to it any more.

    `changes` says who removed one and when. It keeps the first letter and the domain, and not the address.
    """
    rights, address = console.require_manager("people"), email.strip().lower()

    def work(session: Session) -> None:
        if not subscriptions.is_subscribed(session, address):
            raise NotFound(f"{email!r} does not hear of new calls")
        subscriptions.end(session, address, console.now)
        changes.record(session, "removed a subscriber", _mask(address), by=rights.name, now=console.now)

    console.system.transact(work)
    document = {"email": address, "done": "removed"}
    console.show(document, lambda: echo(f"{address}: removed. It hears of no more calls."))


def _mask(address: str) -> str:
    """Return the first letter and the domain of an address: "r...@example.org"."""
    return f"{address[:1]}...@{address.rpartition('@')[2]}"
