"""Runs the command diagram: draw the states and events of the lifecycle as Mermaid text."""

from __future__ import annotations

import click

from states.machine import draw
from workflow.admin.console import Console, common, echo
from workflow.admin.references import ANY_REF, find_record


@click.command()
@ANY_REF
@click.option("--format", "format_", type=click.Choice(["mermaid"]), default="mermaid", show_default=True)
@common
def diagram(console: Console, ref: str | None, format_: str) -> None:
    """Draw the lifecycle as Mermaid text; mark where REF stands."""
    state = None
    if ref:
        with console.system.reading() as session:
            record = find_record(session, ref)
        ref, state = record.ref, record.state
    text = draw(state)
    console.show({"ref": ref, "state": state, "format": format_, "diagram": text}, lambda: echo(text))
