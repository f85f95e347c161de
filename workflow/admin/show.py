"""Runs the command show: print everything about one partnership."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from states.names import State
from workflow.admin.console import Console, common
from workflow.admin.list import waiting_row, with_waiting
from workflow.admin.references import REF, find_record
from workflow.admin.terminal import echo, format_minute
from workflow.record import histories
from workflow.views import contacts, documents
from workflow.views.present_names import rename_record


@click.command()
@REF
@common
def show(console: Console, ref: str) -> None:
    """Show everything about one partnership."""
    with console.system.reading() as session:
        record = find_record(session, ref)
        document = with_waiting(session, record, console.now)
        history = histories.read_history(session.connection, record.id or 0)
        document["replies"] = documents.replies(session, record)
        renamed = rename_record(session.directory, record)
        brief = documents.facts(session, renamed, console.now, brief=True)
        document["contacts"] = contacts.list_contacts(session.directory, record.facts)
    spent = histories.time_in_states(history, console.now)
    document["days_in_state"] = {state: round(stay / timedelta(days=1), 1) for state, stay in spent.items()}

    def people() -> None:
        echo(f"{ref}: {document['title']}")
        echo(f"{document['school_name']}")
        echo(" ".join(f"[{s}]" if s == document["state"] else str(s) for s in State))
        echo(
            f"In {document['state']} since {console.format_short(record.entered_at)}, version {record.version}"
        )
        if document["in_force_from"]:
            echo(f"The agreement is in force from {document['in_force_from']}")
        echo("\nOn record:")
        for line in _format_outline(brief):
            echo("  " + line)
        if document["contacts"]:
            echo("\nContacts of the Lead Partner:")
        for one in document["contacts"]:
            named = ", whom the record names" if one["named"] else ""
            echo(f"  {one['name']} ({one['email']}): {' and '.join(one['rights'])}{named}")
        echo("")
        _print_deadlines(console, document["deadlines"])
        if document["waiting_on"]:
            echo("")
            rows = [waiting_row(wait) for wait in document["waiting_on"]]
            console.show_table(("waiting for", "as", "to do", "since", "by"), rows, "")
            for problem in dict.fromkeys(w["name"] for w in document["waiting_on"] if w["person"] is None):
                echo(problem)
            echo("")
        _print_replies(document["replies"])
        echo("Possible now: " + (", ".join(document["next_events"]) or "nothing"))

    console.show(document, people)


def _print_replies(replies: Sequence[dict[str, Any]]) -> None:
    """Print the last ten replies that people wrote; the command `replies` also lists those of machines."""
    shown = [reply for reply in replies if reply["verdict"] in ("done", "note", "refused")][-10:]
    if shown:
        echo("Answers by mail:")
    for reply in shown:
        text = " ".join((reply["text"] or reply["reason"] or "").split())[:100]
        sender = reply["sender"] or "nobody"
        echo(f"  {format_minute(reply['received_at'])} {sender}, {reply['verdict']}: {text}")
    if shown:
        echo("")


def _format_outline(value: Any, indent: int = 0) -> list[str]:
    """Return a document as indented lines for people."""
    lines = []
    pairs = value.items() if isinstance(value, dict) else [("-", item) for item in value]
    for key, item in pairs:
        head = "  " * indent + (f"{key}:" if key != "-" else "-")
        if isinstance(item, (dict, list)) and item:
            simple = isinstance(item, list) and all(not isinstance(i, (dict, list)) for i in item)
            if simple and len(item) == 1:
                lines.append(f"{head} {item[0]}")
            else:
                lines += [head, *_format_outline(item, indent + 1)]
        elif item not in (None, {}, []):
            lines.append(f"{head} {item}")
    return lines


def _print_deadlines(console: Console, deadlines: Sequence[dict[str, Any]]) -> None:
    rows = [(d["name"], d["kind"], format_minute(d["due_at"]), documents.status_words(d)) for d in deadlines]
    console.show_table(("deadline", "kind", "at", "status"), rows, "No deadline is open.")
