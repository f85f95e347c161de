"""Commands about partnerships: list, show, events, history."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from states.partnership import State
from workflow import engine
from workflow.admin.console import Console, common, minute
from workflow.engine import NotFound
from workflow.procedure.config import ConfigError
from workflow.record import verify
from workflow.session import Session
from workflow.store import tables
from workflow.store.database import StoreError
from workflow.store.rows import Snapshot
from workflow.views import documents, pending, visibility


def complete_refs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completion of a reference; nothing where the configuration or the database cannot be used."""
    named = (one.params.get("config_file") for one in (context, context.parent) if one)
    console = Console(next(filter(None, named), None), as_json=False)
    with (
        closing(console),
        suppress(ConfigError, StoreError, SQLAlchemyError),
        console.system.reading() as session,
    ):
        found = session.connection.scalars(select(tables.partnerships.c.ref))
        return sorted(ref for ref in found if ref.startswith(incomplete))
    return []


REF = click.argument("ref", shell_complete=complete_refs)
ANY_REF = click.argument("ref", required=False, shell_complete=complete_refs)


def number_of(what: str, id_: int) -> int:
    """The number of a notice or reply, if one can have it. Raises `NotFound`."""
    if abs(id_) > tables.LARGEST:
        raise NotFound(f"there is no {what} {id_}")
    return id_


def known(session: Session, ref: str) -> Snapshot:
    """The partnership of a reference. Raises `NotFound`."""
    found = engine.load(session.connection, [ref]).get(ref)
    if found is None:
        raise NotFound(f"there is no partnership {ref!r}")
    return found


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
            with verify.naming(record.ref):
                found.append(_with_waiting(session, record, console.now))
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


def _with_waiting(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    waits = [pending.document(session, wait, now) for wait in pending.on(session, record, now)]
    return documents.partnership(session, record, now) | {"waiting_on": waits}


def _waits_for(one: dict[str, Any], email: str) -> list[dict[str, Any]]:
    """What a partnership waits for somebody to do, or for whom he or she stands in."""
    return [wait for wait in one["waiting_on"] if email in (wait["person"], wait["delegate"])]


def _waiting_table(console: Console, found: Sequence[dict[str, Any]], email: str) -> None:
    rows = [(one["ref"], *_waiting_row(wait)) for one in found for wait in _waits_for(one, email)]
    headings = ("ref", "for", "as", "to do", "since", "by")
    console.table(headings, rows, f"Nothing waits for {email}.")


def _waiting_row(wait: dict[str, Any]) -> tuple[str, ...]:
    person = wait["person"] + (f" (away: {wait['delegate']})" if wait["delegate"] else "")
    by = minute(wait["by"] or "") + (", overdue" if wait["overdue"] else "")
    return person, wait["role"], wait["event"], minute(wait["since"]), by


def _next(deadlines: Sequence[dict[str, Any]]) -> str:
    late = [d for d in deadlines if d["overdue"]]
    if late:
        return f"{late[0]['name']}: overdue"
    coming = [d for d in deadlines if d["kind"] == "due"]
    return f"{coming[0]['name']}: {minute(coming[0]['due_at'])}" if coming else ""


@click.command()
@REF
@common
def show(console: Console, ref: str) -> None:
    """Everything about one partnership."""
    with console.system.reading() as session:
        record = known(session, ref)
        document = _with_waiting(session, record, console.now)
        history = verify.entries(session.connection, record.id or 0)
        document["replies"] = documents.replies(session, record)
    stays = verify.stays(history, console.now)
    document["days_in_state"] = {state: round(stay / timedelta(days=1), 1) for state, stay in stays.items()}

    def people() -> None:
        click.echo(f"{ref}: {document['title']}")
        click.echo(f"{document['school_name']}")
        click.echo(" ".join(f"[{s}]" if s == document["state"] else str(s) for s in State))
        click.echo(
            f"In {document['state']} since {console.short(record.entered_at)}, version {record.version}"
        )
        click.echo("\nOn record:")
        for line in _outline(documents.facts(record.facts, console.now, brief=True)):
            click.echo("  " + line)
        click.echo("")
        _deadline_table(console, document["deadlines"])
        if document["waiting_on"]:
            click.echo("")
            rows = [_waiting_row(wait) for wait in document["waiting_on"]]
            console.table(("waiting for", "as", "to do", "since", "by"), rows, "")
            click.echo("")
        _written_by_people(document["replies"])
        click.echo("Possible now: " + (", ".join(document["next_events"]) or "nothing"))

    console.show(document, people)


def _written_by_people(replies: Sequence[dict[str, Any]]) -> None:
    """What people answered by mail, the last few; machines are left to `replies`."""
    shown = [one for one in replies if one["verdict"] in ("done", "note", "refused")][-10:]
    if shown:
        click.echo("Answers by mail:")
    for one in shown:
        said = " ".join((one["text"] or one["reason"] or "").split())[:100]
        click.echo(f"  {minute(one['received_at'])} {one['sender'] or 'nobody'}, {one['verdict']}: {said}")
    if shown:
        click.echo("")


def _outline(value: Any, indent: int = 0) -> list[str]:
    """A document as indented lines for people."""
    lines = []
    pairs = value.items() if isinstance(value, dict) else [("-", item) for item in value]
    for key, item in pairs:
        head = "  " * indent + (f"{key}:" if key != "-" else "-")
        if isinstance(item, (dict, list)) and item:
            simple = isinstance(item, list) and all(not isinstance(i, (dict, list)) for i in item)
            if simple and len(item) == 1:
                lines.append(f"{head} {item[0]}")
            else:
                lines += [head, *_outline(item, indent + 1)]
        elif item not in (None, {}, []):
            lines.append(f"{head} {item}")
    return lines


def _deadline_table(console: Console, found: Sequence[dict[str, Any]]) -> None:
    rows = [(d["name"], d["kind"], minute(d["due_at"]), documents.standing(d)) for d in found]
    console.table(("deadline", "kind", "at", "status"), rows, "No deadline is open.")


@click.command()
@REF
@click.option("--as", "as_", metavar="EMAIL", help="Only what this person may do.")
@common
def events(console: Console, ref: str, as_: str | None) -> None:
    """Every event of its state, and what each requires.

    Who may do it, each requirement met or unmet with its clause, and the keys of its input.
    """
    with console.system.reading() as session:
        record = known(session, ref)
        roles = engine.roles_of(session, record, as_.lower()) if as_ else []
        found = documents.possibilities(session, record, console.now, as_ or "", roles[0] if roles else None)
    if as_:
        found = [one for one in found if set(one.row.who) & set(roles)]
    document = [documents.possibility(one) for one in found]

    def people() -> None:
        for one in document:
            to = f" -> {one['to']}" if one["to"] else ""
            mark = "possible" if one["possible"] else "not yet"
            click.echo(f"{one['event']}{to}  ({', '.join(one['who'])}): {mark}")
            for need in one["requirements"]:
                sign = {True: "met  ", False: "unmet", None: "asked"}[need["met"]]
                clause = f" ({need['clause']})" if need["clause"] else ""
                why = f": {need['reason']}" if need["met"] is False else ""
                click.echo(f"    {sign} {need['requirement']}{clause}{why}")
            if one["input"]:
                click.echo(f"    takes {', '.join(one['input'])}")
        if not document:
            click.echo(f"{as_} may do nothing here now.")
        if any(need["met"] is None for one in document for need in one["requirements"]):
            click.echo('"asked": depends on what is given with the event.')

    console.show(document, people)


@click.command()
@REF
@common
def history(console: Console, ref: str) -> None:
    """Who did what, when and how; the time in each state."""
    with console.system.reading() as session:
        record = known(session, ref)
        rows = verify.entries(session.connection, record.id or 0)
        sealed = visibility.is_sealed(record.facts, console.now)
        document = [documents.entry(session, row, sealed=sealed) for row in rows]

    def people() -> None:
        shown = [
            (
                one["seq"],
                minute(one["at"]),
                one["event"],
                one["actor"],
                _how(one),
                one["to"] if one["from"] != one["to"] else "",
                one["note"] or "",
            )
            for one in document
        ]
        console.table(("#", "at", "event", "by", "how", "to", "note"), shown, "No history.")
        for state, stay in verify.stays(rows, console.now).items():
            click.echo(f"{state}: {stay / timedelta(days=1):.1f} days")

    console.show(document, people)


def _how(one: dict[str, Any]) -> str:
    """How an event came about; by link or reply a delegate may have acted for the actor."""
    if not one["ran_by"]:
        return str(one["channel"])
    return f"{one['channel']}" + (f", {one['ran_by']} instead" if one["through"] else f" ({one['ran_by']})")


COMMANDS = (list_, show, events, history)
