"""Runs the commands of retention: list what is due, destroy it with a certificate, and clean the files after it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from states.errors import BadInput, Problem, Refused, Unmet
from workflow.admin.console import Console, common
from workflow.admin.terminal import echo
from workflow.record import certificate, forgetting
from workflow.record import retention as periods
from workflow.record.retention import Due
from workflow.session import Session
from workflow.store import erasing


@click.group()
def retention() -> None:
    """Destroy what need not be kept any longer."""


@retention.command("preview")
@common
def retention_preview(console: Console) -> None:
    """List what is due, with its rule, and why some of it is kept."""
    with console.system.reading() as session:
        due = periods.find_due(session, console.now)
    document = {"items": _count(due), "due": [each.as_json() for each in due]}

    def people() -> None:
        _show(console, due)
        if items := _count(due):
            echo(f"{items} items can be destroyed: partnershipctl retention apply --certificate FILE")

    console.show(document, people)


def _count(due: list[Due]) -> int:
    """Return how many items can be destroyed now."""
    return sum(each.items for each in due if not each.refused)


def _show(console: Console, due: list[Due]) -> None:
    rows = [
        (each.class_, each.ref or "", each.items, each.since, each.due_on, each.rule, "; ".join(each.refused))
        for each in due
    ]
    headings = ("class", "partnership", "items", "counts from", "due on", "rule", "kept because")
    console.show_table(headings, rows, "Nothing is due.")


@retention.command("apply")
@click.option("--confirm", type=int, metavar="N", help="How many items; retention preview says it.")
@click.option(
    "--certificate",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the certificate: an HTML file, and beside it the same as JSON.",
)
@common
def retention_apply(console: Console, confirm: int | None, file: Path) -> None:
    """Destroy what is due and not kept, for good, and write a certificate.

    Backups that were made before still hold it: the certificate says by when they must be destroyed.
    """
    user = console.require_manager("records").name
    page, data = file.with_suffix(".html"), file.with_suffix(".json")
    for path in (page, data):
        if path.exists():
            raise BadInput([Problem("--certificate", f"{path} exists already", "a new file")])
        if not path.parent.is_dir():
            raise BadInput(
                [Problem("--certificate", f"there is no folder {path.parent}", "a folder that exists")]
            )
    with console.system.reading() as session:
        due = periods.find_due(session, console.now)
    wanted = confirm if confirm is not None or not _count(due) else _ask(console, due)

    def work(session: Session) -> tuple[dict[str, Any], bytes, str]:
        # Look again: a hold may have come between.
        due = periods.find_due(session, console.now)
        free = [each for each in due if not each.refused]
        if not free:
            raise Refused(_reasons(due))
        _check_count(wanted, _count(due))
        document = certificate.make(session, due, by=user, now=console.now)
        content = certificate.as_json(document)
        digest = forgetting.sha256(content)
        forgetting.destroy(session, free, by=user, now=console.now, digest=digest)
        return document, content, certificate.as_page(session, document, digest)

    document, content, text = console.system.transact(work, exclusive="retention")
    data.write_bytes(content)
    page.write_text(text, encoding="utf-8")
    left = erasing.erase(console.system.engine)
    document |= {"certificate": str(page), "still_holds": left}

    def people() -> None:
        echo(f"{document['items']} items were destroyed. The certificate is in {page} and {data}.")
        echo(f"Destroy every backup from before now by {document['backups']['destroy_by']}.")
        for each in document["kept"]:
            echo(f"Kept: {each['class']} of {each['ref'] or 'no partnership'}: {'; '.join(each['refused'])}")
        if left:
            echo(left)

    console.show(document, people)


def _ask(console: Console, due: list[Due]) -> int:
    """Return the count that somebody typed. Raise `BadInput` where nobody can type it."""
    if console.as_json or not sys.stdin.isatty():
        problem = "the count is missing"
        raise BadInput([Problem("--confirm", problem, "how many items; retention preview says it")])
    _show(console, due)
    return int(click.prompt("This cannot be undone. Type how many items to destroy", type=int))


def _check_count(given: int | None, items: int) -> None:
    if given != items:
        problem = f"it says {given}, and {items} items can be destroyed"
        raise BadInput([Problem("--confirm", problem, str(items))])


def _reasons(due: list[Due]) -> list[Unmet]:
    """Return why nothing can be destroyed."""
    if not due:
        return [Unmet("period-over", "nothing is due: no period is over")]
    return [
        Unmet("destruction-allowed", f"{each.class_} of {each.ref or 'no partnership'}: {why}")
        for each in due
        for why in each.refused
    ]


@retention.command("clean")
@common
def retention_clean(console: Console) -> None:
    """Write the files of the database anew, so that nothing deleted is left in them; apply does it as well."""
    console.require_manager("records")
    left = erasing.erase(console.system.engine)
    console.show({"still_holds": left}, lambda: echo(left or "Nothing deleted is left in the database."))
