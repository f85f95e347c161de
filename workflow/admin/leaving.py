"""Runs the commands for people who leave: people replace and people remove."""

from __future__ import annotations

import click

from states.errors import BadInput, Problem
from states.names import Role
from workflow.admin.console import Console, common
from workflow.admin.directory import remove
from workflow.admin.terminal import echo
from workflow.record import succession
from workflow.record.rights import Rights
from workflow.record.succession import Handover
from workflow.session import Session
from workflow.store import tables


@click.command("remove")
@click.argument("email")
@common
def people_remove(console: Console, email: str) -> None:
    """Take a person out of the directory, and say what has nobody then; what they did stays on record.

    Use `people replace` where somebody else takes over.
    """
    remove(console, "people", tables.people, email.lower(), "person")


@click.command("replace")
@click.argument("old")
@click.argument("new")
@click.option("--reason", required=True, help="Why; both are told, and it stands on record.")
@click.option("--name", help="Name of NEW, if the directory does not have them yet.")
@click.option("--as", "as_", metavar="EMAIL", help="Who of the staff acts; else the person of this user.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@common
def people_replace(
    console: Console, old: str, new: str, reason: str, name: str | None, as_: str | None, dry_run: bool
) -> None:
    """Hand over to NEW what waits for OLD: roles, schools, panels, contacts, delegates and waiting messages.

    What OLD signed and wrote stays theirs. Both are told. A new contact of a Lead Partner accepts by a link.
    """
    rights = console.require_manager("people")
    if not reason.strip():
        raise BadInput([Problem("--reason", "it is empty", "why NEW takes over, such as an illness")])
    actor = console.require_actor(as_)[0] if as_ else rights.entry.person
    old, new = old.strip().lower(), new.strip().lower()

    def work(session: Session) -> list[str]:
        today = session.config.calendar.day(console.now)
        handover = Handover(
            old,
            new,
            name,
            reason.strip(),
            actor or _find_staff(session, rights, old, new),
            rights.name,
            console.now,
        )
        row = succession.new_row(session, handover)
        rights.require_grants(session.directory, [(new, row)], today)
        return succession.hand_over(session, handover, row)

    lines = console.system.transact(work, dry_run=dry_run)
    document = {"old": old, "new": new, "done": "replaced", "went_over": lines, "dry_run": dry_run}
    would = "would take" if dry_run else "takes"
    words = [f"{new} {would} over from {old}.", *(f"- {line}" for line in lines)]
    console.show(document, lambda: echo("\n".join(words)))


def _find_staff(session: Session, rights: Rights, old: str, new: str) -> str | None:
    """Return somebody of the staff as whom this user may act: NEW, if they take over from the last of them."""
    people = session.directory.people.values()
    staff = [p.email for p in people if p.active and Role.STAFF in p.roles and p.email != old]
    return next((email for email in (*staff, new) if rights.can_act_as(email)), None)
