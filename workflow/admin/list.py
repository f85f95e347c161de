"""The command list: a line for each partnership, or who is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from states.partnership import State
from workflow.admin.console import Console, common, minute
from workflow.engine import NotFound
from workflow.record import verify
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot
from workflow.views import documents, pending


@click.command("list")
@click.option("--state", type=click.Choice([str(state) for state in State]), help="Only in this state.")
@click.option("--school", help="Only of this school.")
@click.option("--overdue", is_flag=True, help="Only with a deadline that is overdue.")
@click.option(
    "--waiting-on",
    "person",
    metavar="PERSON",
    help="Only what waits for this person (EMAIL) or as a delegate.",
)
@common
def list_(console: Console, state: str | None, school: str | None, overdue: bool, person: str | None) -> None:
    """A line for each partnership, with its next deadline."""
    table = tables.partnerships
    query = select(table)
    if state:
        query = query.where(table.c.state == state)
    if school:
        query = query.where(table.c.school == school)
    with console.system.reading() as session:
        if school and school not in session.directory.schools:
            raise NotFound(f"there is no school {school!r}")
        found = []
        for record in verify.stored(session.connection, query):
            with verify.reraise_with_ref(record.ref):
                found.append(with_waiting(session, record, console.now))
        known_ = person is None or person.lower() in session.directory.people
    if overdue:
        found = [one for one in found if any(d["overdue"] for d in one["deadlines"])]
    if person is not None:
        found = [one for one in found if _waits_for(one, person.lower())]
        if not found and not known_:
            raise NotFound(f"there is no person {person!r}")

    def people() -> None:
        if person is not None:
            _waiting_table(console, found, person.lower())
            return
        rows = [
            (one["ref"], one["school_name"], one["state"], one["entered_at"][:10], _next(one["deadlines"]))
            for one in found
        ]
        console.table(("ref", "school", "state", "since", "next deadline"), rows, "No partnerships.")

    console.show(found, people)


def with_waiting(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    waits = [pending.document(session, wait, now) for wait in pending.list_waits(session, record, now)]
    return documents.partnership(session, record, now) | {"waiting_on": waits}


def _waits_for(one: dict[str, Any], email: str) -> list[dict[str, Any]]:
    """What a partnership waits for somebody to do, or for whom he or she stands in."""
    return [wait for wait in one["waiting_on"] if email in (wait["person"], wait["delegate"])]


def _waiting_table(console: Console, found: Sequence[dict[str, Any]], email: str) -> None:
    rows = [(one["ref"], *waiting_row(wait)) for one in found for wait in _waits_for(one, email)]
    headings = ("ref", "for", "as", "to do", "since", "by")
    console.table(headings, rows, f"Nothing waits for {email}.")


def waiting_row(wait: dict[str, Any]) -> tuple[str, ...]:
    person = wait["person"] + (f" (away: {wait['delegate']})" if wait["delegate"] else "")
    by = minute(wait["by"] or "") + (", overdue" if wait["overdue"] else "")
    return person, wait["role"], wait["event"], minute(wait["since"]), by


def _next(deadlines: Sequence[dict[str, Any]]) -> str:
    late = [d for d in deadlines if d["overdue"]]
    if late:
        return f"{late[0]['name']}: overdue"
    coming = [d for d in deadlines if d["kind"] == "due"]
    return f"{coming[0]['name']}: {minute(coming[0]['due_at'])}" if coming else ""
