"""Runs the command dossier: everything about one partnership for a reader outside, and what is withheld from it."""

from __future__ import annotations

from datetime import date

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, Listing, common, echo
from workflow.admin.references import REF, find_record
from workflow.record import records_requests
from workflow.session import Session


class _Dossier(Listing):
    default = "request"


@click.group(cls=_Dossier, subcommand_metavar="request REF")
def dossier() -> None:
    """Answer requests for the record of a partnership."""


@dossier.command("request")
@REF
@click.option("--received", metavar="DATE", help="A request came on this day.")
@click.option("--close", is_flag=True, help="The open requests are answered.")
@common
def dossier_request(console: Console, ref: str, received: str | None, close: bool) -> None:
    """Put a request for public records on record, or close it.

    While a request is open, nothing of the partnership is destroyed (RCW 42.56.100). Without an option, list the
    open requests.
    """
    if received and close:
        raise BadInput([Problem("--close", "a request is opened or closed", "--received DATE, or --close")])
    if not received and not close:
        with console.system.reading() as session:
            record = find_record(session, ref)
            days = records_requests.open_requests(session, record)
        _show(console, record.ref, days)
        return
    user = console.require_manager("records").name
    day = date.fromisoformat(console.read_day("--received", received)) if received else None

    def work(session: Session) -> tuple[str, list[date]]:
        record = find_record(session, ref)
        if day is None:
            records_requests.close_requests(session, record, by=user, now=console.now)
        else:
            records_requests.open_request(session, record, day, by=user, now=console.now)
        return record.ref, records_requests.open_requests(session, record)

    whole, days = console.system.transact(work)
    _show(console, whole, days)


def _show(console: Console, ref: str, days: list[date]) -> None:
    """Print the open requests of a partnership."""
    shown = [{"ref": ref, "received_on": day.isoformat(), "closed_on": None} for day in days]
    words = "; ".join(day.isoformat() for day in days)
    console.show(
        shown, lambda: echo(f"{ref}: open requests of {words}." if days else f"{ref}: no open request.")
    )
