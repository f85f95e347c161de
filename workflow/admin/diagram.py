"""The command diagram: the lifecycle as a drawing."""

from __future__ import annotations

import click

from states.machine import draw
from workflow.admin.console import Console, common
from workflow.admin.references import ANY_REF, known


@click.command()
@ANY_REF
@click.option("--format", "format_", type=click.Choice(["mermaid"]), default="mermaid", show_default=True)
@common
def diagram(console: Console, ref: str | None, format_: str) -> None:
    """The lifecycle as Mermaid text; where REF stands in it."""
    state = None
    if ref:
        with console.system.reading() as session:
            state = known(session, ref).state
    text = draw(state)
    console.show({"ref": ref, "state": state, "format": format_, "diagram": text}, lambda: click.echo(text))
