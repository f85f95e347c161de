"""The command show: everything about one partnership."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from states.partnership import State
from workflow.admin.console import Console, common, minute
from workflow.admin.list import waiting_row, with_waiting
from workflow.admin.references import REF, known
from workflow.record import verify
from workflow.views import documents


@click.command()
@REF
@common
def show(console: Console, ref: str) -> None:
    """Everything about one partnership."""
    with console.system.reading() as session:
        record = known(session, ref)
        document = with_waiting(session, record, console.now)
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
            rows = [waiting_row(wait) for wait in document["waiting_on"]]
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
