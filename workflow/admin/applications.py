"""Runs the command applications: list those that wait for the office, let them in, or set them aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click
from sqlalchemy import select

from states.errors import BadInput, Problem, Unmet, WrongRole, suggest
from states.names import Role
from workflow.actions import applications as sending
from workflow.actions import held_applications
from workflow.actions.held_applications import Held
from workflow.admin.console import Console, Listing, common
from workflow.admin.references import REF, complete_refs, find_record, resolve
from workflow.admin.terminal import echo, format_minute
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.errors import NotFound
from workflow.store.rows import Snapshot
from workflow.views import authorization


@click.group(cls=Listing)
def applications() -> None:
    """Keep the applications that wait for the office.

    List them, let them in, or set them aside.

    An application over a cap of its call waits (`[selection]` in the configuration). Nobody can read it meanwhile.
    """


@applications.command("list")
@click.argument("ref", required=False, shell_complete=complete_refs)
@common
def applications_list(console: Console, ref: str | None) -> None:
    """List what waits for the office, of one call or of all."""
    with console.system.reading() as session:
        query = select(tables.partnerships.c.ref).where(
            tables.partnerships.c.id.in_(select(tables.held_applications.c.partnership))
        )
        refs = [ref] if ref else sorted(session.connection.scalars(query))
        records = [find_record(session, each) for each in refs]
        rows = [
            _document(console, record, held)
            for record in records
            for held in held_applications.list_held(session, record)
        ]

    def people() -> None:
        shown = [
            (
                row["ref"],
                row["email"],
                row["name"],
                row["kind"],
                format_minute(row["held_at"]),
                "set aside" if row["set_aside_at"] else row["reason"],
            )
            for row in rows
        ]
        console.show_table(("call", "from", "organization", "kind", "sent", "why"), shown, "Nothing waits.")

    console.show(rows, people)


def _document(console: Console, record: Snapshot, held: Held) -> dict[str, Any]:
    """Return the document of an application that waits: who sent it and when, and nothing that it says."""
    return {
        "ref": record.ref,
        "email": held.email,
        "name": held.values["name"],
        "kind": held.values["kind"],
        "contact_name": held.values["contact_name"],
        "held_at": console.format_local(held.held_at),
        "reason": held.reason,
        "set_aside_at": console.format_local(held.set_aside_at),
    }


_EMAILS = click.argument("emails", metavar="[EMAIL]...", nargs=-1)
_ALL = click.option("--all", "every", is_flag=True, help="All that wait; what was set aside is left out.")
_AS = click.option("--as", "as_", metavar="EMAIL", help="Who acts; else the person of this user.")


@applications.command("release")
@REF
@_EMAILS
@_ALL
@_AS
@common
def applications_release(
    console: Console, ref: str, emails: Sequence[str], every: bool, as_: str | None
) -> None:
    """Let in what waits from these addresses, also what was set aside. Each sender gets a receipt."""

    def let_in(session: Session, record: Snapshot, held: Held, actor: str) -> None:
        sending.release(session, record, held, actor, console.now)

    _settle(console, ref, emails, every, as_, "released", let_in)


@applications.command("set-aside")
@REF
@_EMAILS
@_ALL
@_AS
@common
def applications_set_aside(
    console: Console, ref: str, emails: Sequence[str], every: bool, as_: str | None
) -> None:
    """Set aside what waits from these addresses. It is kept, its sender is told, and it can still be released."""

    def put_away(session: Session, record: Snapshot, held: Held, _: str) -> None:
        held_applications.set_aside(session, record, held.email, console.now)

    _settle(console, ref, emails, every, as_, "set aside", put_away)


def _settle(
    console: Console,
    ref: str,
    emails: Sequence[str],
    every: bool,
    as_: str | None,
    done: str,
    work: Callable[[Session, Snapshot, Held, str], None],
) -> None:
    """Do the same with the applications of these addresses, each in a transaction of its own, and print so."""
    actor, user = console.require_actor(as_)
    if bool(emails) == every:
        raise BadInput([Problem("EMAIL", "it is not said which applications", "addresses, or --all")])
    with console.system.reading() as session:
        ref = resolve(session.connection, ref)

    def choose(session: Session) -> list[str]:
        record = find_record(session, ref)
        if Role.STAFF not in authorization.roles_of(session, record, actor):
            raise WrongRole([Unmet("role", f"applications are {done} by staff; {actor} is not of staff")])
        waiting = held_applications.list_held(session, record)
        if every:
            return [held.email for held in waiting if held.set_aside_at is None]
        known = {held.email for held in waiting}
        for email in emails:
            if email.lower() not in known:
                near = suggest(email, known)
                raise NotFound(f"no application of {email} waits for the office in {ref}{near}")
        return list(dict.fromkeys(email.lower() for email in emails))

    def settle(session: Session, email: str) -> None:
        record = find_record(session, ref)
        held = held_applications.find_held(session, record, email)
        # Another command may have settled it since.
        if held is None:
            return
        work(session, record, held, actor)
        chain.record(
            session.connection, f"applications {ref} {email}", done, by=f"{actor} ({user})", now=console.now
        )

    chosen = console.system.transact(choose)
    # A thousand long applications do not fit into one transaction, and each one is settled for good.
    for email in chosen:
        console.system.transact(partial(settle, email=email))
    many = f"{len(chosen)} application{'s' * (len(chosen) != 1)}"
    words = f"{many} {done}." if chosen else "Nothing waits."
    console.show({"ref": ref, "done": done, "emails": chosen}, lambda: echo(words))
