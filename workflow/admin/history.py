"""The command history: who did what, when and how, and the time spent in each state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from workflow.admin.console import Console, common, minute
from workflow.admin.references import REF, known
from workflow.record import verify
from workflow.views import documents, visibility


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
