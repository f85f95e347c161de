"""Runs the command list: print a line for each partnership, or what waits for one person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from states.errors import suggest
from states.names import State
from workflow.admin.console import Console, common
from workflow.admin.terminal import format_minute
from workflow.record import histories
from workflow.session import Session
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import Snapshot
from workflow.views import documents, pending
from workflow.views.shown_directory import read_directory


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
    """List the partnerships, each with its next deadline."""
    table = tables.partnerships
    query = select(table)
    if state:
        query = query.where(table.c.state == state)
    with console.system.reading() as session:
        if school and school not in session.directory.schools:
            raise NotFound(f"there is no school {school!r}{suggest(school, session.directory.schools)}")
        if school:
            query = query.where(table.c.school.in_(session.directory.with_merged([school])))
        shown = []
        for record in histories.read_records(session.connection, query):
            with histories.reraise_with_ref(record.ref):
                shown.append(with_waiting(session, record, console.now))
        is_person = person is None or person.lower() in session.directory.people
        near = suggest(person or "", read_directory(session).people)
    if overdue:
        shown = [p for p in shown if any(d["overdue"] for d in p["deadlines"])]
    if person is not None:
        shown = [p for p in shown if _select_waits(p, person.lower())]
        # Somebody outside of the directory, such as an applicant, may be waited for too.
        if not shown and not is_person:
            raise NotFound(f"there is no person {person!r}{near}")

    def people() -> None:
        if person is not None:
            _print_waits(console, shown, person.lower())
            return
        rows = [
            (p["ref"], p["school_name"], _state(p), p["entered_at"][:10], _next_deadline(p["deadlines"]))
            for p in shown
        ]
        console.show_table(("ref", "school", "state", "since", "next deadline"), rows, "No partnerships.")

    console.show(shown, people)


def with_waiting(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    """Return the document of a partnership, with what it waits for."""
    waits = [pending.document(session, wait, now) for wait in pending.list_waits(session, record, now)]
    return documents.partnership(session, record, now) | {"waiting_on": waits}


def _select_waits(partnership: dict[str, Any], email: str) -> list[dict[str, Any]]:
    """Return what a partnership waits for that this person may do, also as the delegate of another."""
    return [
        wait
        for wait in partnership["waiting_on"]
        if email in (wait["person"], wait["delegate"], *wait.get("others", ()))
    ]


def _print_waits(console: Console, partnerships: Sequence[dict[str, Any]], email: str) -> None:
    rows = [(p["ref"], *waiting_row(wait)) for p in partnerships for wait in _select_waits(p, email)]
    headings = ("ref", "for", "as", "to do", "since", "by")
    console.show_table(headings, rows, f"Nothing waits for {email}.")


def waiting_row(wait: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a table for a wait: the person, the role, the event, since when, and until when."""
    person = (wait["person"] or "nobody") + (f" (away: {wait['delegate']})" if wait["delegate"] else "")
    by = format_minute(wait["by"] or "") + (", overdue" if wait["overdue"] else "")
    return person, wait["role"], wait["event"], format_minute(wait["since"]), by


def _state(partnership: dict[str, Any]) -> str:
    """Return the state, with the day from which an agreement is in force that has not begun."""
    begins = partnership["in_force_from"]
    return f"{partnership['state']}, in force from {begins}" if begins else str(partnership["state"])


def _next_deadline(deadlines: Sequence[dict[str, Any]]) -> str:
    """Return the first overdue deadline, else the next one, for people."""
    late = [d for d in deadlines if d["overdue"]]
    if late:
        return f"{late[0]['name']}: overdue"
    coming = [d for d in deadlines if d["kind"] == "due"]
    return f"{coming[0]['name']}: {format_minute(coming[0]['due_at'])}" if coming else ""
