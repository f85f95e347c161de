"""Runs the command events: list what can happen now, who may do it, and what is missing."""

from __future__ import annotations

import click

from workflow.admin.console import Console, common
from workflow.admin.references import REF, find_record, require_person
from workflow.admin.terminal import echo
from workflow.views import authorization, contacts, documents


@click.command()
@REF
@click.option("--as", "as_", metavar="EMAIL", help="Only what this person may do.")
@common
def events(console: Console, ref: str, as_: str | None) -> None:
    """List every event of its state, and what each requires.

    Shows who may do it, each requirement met or unmet with its clause, and the keys of its input.
    """
    with console.system.reading() as session:
        record = find_record(session, ref)
        if as_:
            require_person(session, as_.lower(), record.facts)
        roles = authorization.roles_of(session, record, as_.lower()) if as_ else []
        choices = documents.possibilities(
            session, record, console.now, as_ or "", roles[0] if roles else None
        )
        if as_:
            email, directory, facts = as_.lower(), session.directory, record.facts
            choices = [
                choice
                for choice in choices
                if any(
                    role in choice.row.who and contacts.can_do(directory, facts, email, role, choice.row.name)
                    for role in roles
                )
            ]
    document = [documents.possibility(choice) for choice in choices]

    def people() -> None:
        for event in document:
            to = f" -> {event['to']}" if event["to"] else ""
            mark = "possible" if event["possible"] else "not yet"
            echo(f"{event['event']}{to}  ({', '.join(event['who'])}): {mark}")
            for need in event["requirements"]:
                sign = {True: "met  ", False: "unmet", None: "asked"}[need["met"]]
                clause = f" ({need['clause']})" if need["clause"] else ""
                why = f": {need['reason']}" if need["met"] is False else ""
                echo(f"    {sign} {need['requirement']}{clause}{why}")
            if event["input"]:
                echo(f"    takes {', '.join(event['input'])}")
        if not document:
            echo(f"{as_} may do nothing here now.")
        if any(need["met"] is None for event in document for need in event["requirements"]):
            echo('"asked": depends on what is given with the event.')

    console.show(document, people)
