"""Runs the command changes: list who changed directory, meetings, rights and procedure, and when."""

from __future__ import annotations

import click

from workflow.admin.console import Console, common
from workflow.admin.terminal import format_minute
from workflow.record.changes import describe_difference, list_changes


@click.command()
@common
def changes(console: Console) -> None:
    """List the changes of people, meetings and rules."""
    with console.system.reading() as session:
        entries = list_changes(session)

    def people() -> None:
        rows = [(format_minute(e["at"]), e["by"], e["what"], describe_difference(e)) for e in entries]
        console.show_table(("at", "by", "what", "before and after"), rows, "No changes.")

    console.show(entries, people)
