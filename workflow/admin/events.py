"""The command events: what can happen now, who may do it, and what is missing."""

from __future__ import annotations

import click

from workflow import engine
from workflow.admin.console import Console, common
from workflow.admin.references import REF, known
from workflow.views import documents


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
