"""Runs the command diagram: draw the states and events of the lifecycle as Mermaid text or as SVG."""

from __future__ import annotations

from pathlib import Path

import click

from states.machine import draw
from workflow.admin.console import Console, common
from workflow.admin.output import OUTPUT, write_output
from workflow.admin.references import ANY_REF, find_record
from workflow.admin.terminal import echo
from workflow.publishing.lifecycle import Stand, draw_svg


@click.command()
@ANY_REF
@click.option(
    "--format", "format_", type=click.Choice(["mermaid", "svg"]), default="mermaid", show_default=True
)
@OUTPUT
@common
def diagram(console: Console, ref: str | None, format_: str, output: Path | None) -> None:
    """Draw the lifecycle; mark where REF stands.

    As Mermaid text, or as an SVG picture that is 320 pixels wide.
    """
    stand = None
    if ref:
        with console.system.reading() as session:
            record = find_record(session, ref)
            school = session.directory.school_name(record.facts.school)
        if record.state is not None:
            stand = Stand(record.ref, school, record.state, record.entered_at)
    state = stand.state if stand else None
    text = draw_svg(console.settings, stand) if format_ == "svg" else draw(state)
    document = {"ref": stand.ref if stand else None, "state": state, "format": format_}
    if output is not None:
        write_output(console, output, f"{text}\n".encode(), document)
        return
    console.show(document | {"diagram": text}, lambda: echo(text))
