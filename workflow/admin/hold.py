"""Runs the commands of hold: add, release and list what stops the destruction of the record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, Listing, common
from workflow.admin.references import complete_refs, resolve
from workflow.admin.terminal import echo, format_minute
from workflow.record import holds
from workflow.session import Session

_REF = click.argument("ref", required=False, shell_complete=complete_refs)
_ALL = click.option("--all", "all_", is_flag=True, help="The whole district, in place of REF.")
_REASON = click.option(
    "--reason", required=True, help="Why; it stands on record, and the Board office is told."
)


@click.group(cls=Listing)
def hold() -> None:
    """Stop the destruction of a record, or let it go on."""


@hold.command("list")
@common
def hold_list(console: Console) -> None:
    """List every hold, also those that were released."""
    with console.system.reading() as session:
        rows = holds.list_holds(session)

    def people() -> None:
        shown = [
            (
                row["id"],
                row["ref"] or holds.DISTRICT,
                format_minute(row["added_at"]),
                row["by"],
                row["reason"],
                format_minute(row["released_at"]) if row["released_at"] else "",
                row["released_reason"] or "",
            )
            for row in rows
        ]
        headings = ("#", "partnership", "since", "by", "reason", "released", "why")
        console.show_table(headings, shown, "No holds.")

    console.show(rows, people)


@hold.command("add")
@_REF
@_ALL
@_REASON
@common
def hold_add(console: Console, ref: str | None, all_: bool, reason: str) -> None:
    """Keep everything of a partnership, or with --all of the district, until the hold is released."""
    _do(console, ref, all_, reason, holds.add, "is on hold", "on-hold")


@hold.command("release")
@_REF
@_ALL
@_REASON
@common
def hold_release(console: Console, ref: str | None, all_: bool, reason: str) -> None:
    """Release every hold on a partnership, or with --all those on the district."""
    _do(console, ref, all_, reason, holds.release, "is not on hold any more", "released")


def _do(
    console: Console,
    ref: str | None,
    all_: bool,
    reason: str,
    work: Callable[..., Any],
    words: str,
    done: str,
) -> None:
    """Add or release a hold, and say so."""
    if (ref is None) != all_:
        raise BadInput(
            [Problem("REF", "it is not said what to hold", "a reference, or --all and no reference")]
        )
    if not reason.strip():
        raise BadInput([Problem("--reason", "it is empty", "why, such as the name of a lawsuit")])
    user = console.require_manager("records").name
    now: datetime = console.now

    def transact(session: Session) -> str | None:
        whole = resolve(session.connection, ref) if ref else None
        work(session, whole, reason.strip(), by=user, now=now)
        return whole

    whole = console.system.transact(transact)
    document = {"ref": whole, "done": done, "reason": reason.strip()}
    console.show(document, lambda: echo(f"{whole or holds.DISTRICT} {words}."))
