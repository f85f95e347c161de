"""Runs the command history: list who did what, when and how, and the time spent in each state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from states.chapters.correction import CORRECT_ENTRY
from workflow.admin.console import Console, common
from workflow.admin.references import REF, find_record
from workflow.admin.terminal import echo, format_minute
from workflow.record import histories
from workflow.store.rows import Channel
from workflow.views import corrections, documents, sealing


@click.command()
@REF
@common
def history(console: Console, ref: str) -> None:
    """List who did what, when and how; the time in each state."""
    with console.system.reading() as session:
        record = find_record(session, ref)
        rows = histories.read_history(session.connection, record.id or 0)
        sealed = sealing.sealed_rows(record.facts, rows, console.now)
        unopened = sealing.unopened_rows(record.facts, rows)
        corrected = {each.target.seq: each for each in corrections.corrections_in(rows)}
        document = [
            documents.entry(
                session, row, sealed=row.seq in sealed, unopened=row.seq in unopened,
                correction=corrected.get(row.seq),
            )
            for row in rows
        ]  # fmt: skip

    def people() -> None:
        shown = [
            (
                entry["seq"],
                format_minute(entry["at"]),
                entry["event"],
                entry["actor"] or "an applicant",
                _describe_channel(entry),
                entry["to"] if entry["from"] != entry["to"] else "",
                "; ".join(filter(None, [entry["note"], _describe_correction(entry)])),
            )
            for entry in document
        ]
        console.show_table(("#", "at", "event", "by", "how", "to", "note"), shown, "No history.")
        for state, stay in histories.time_in_states(rows, console.now).items():
            echo(f"{state}: {stay / timedelta(days=1):.1f} days")

    console.show(document, people)


def _describe_correction(entry: dict[str, Any]) -> str | None:
    """Return that a row does not count as it stands, who corrected it, when and why; of a correction its row."""
    if entry["event"] == CORRECT_ENTRY and entry["input"]:
        return f"of row {entry['input']['seq']}: {entry['input']['reason']}"
    made = entry["corrected"]
    if not made:
        return None
    what = "taken back" if made["void"] else "corrected"
    return (
        f"STRUCK: {what} in row {made['seq']} by {made['by']}, {format_minute(made['at'])}: {made['reason']}"
    )


def _describe_channel(entry: dict[str, Any]) -> str:
    """Return the channel of an event, and who used it: a user of this machine, or the reader of a message."""
    channel, ran_by, address = entry["channel"], entry["ran_by"], entry["address"]
    if address:
        instead = " instead" if entry["through"] else ""
        return f"{channel} {'from' if channel == Channel.REPLY else 'sent to'} {address}{instead}"
    return f"{channel} ({ran_by})" if ran_by else str(channel)
