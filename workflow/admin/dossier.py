"""Runs the command dossier: everything about one partnership for a reader outside, and what is withheld from it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from states.errors import BadInput, Problem, suggest
from workflow.admin.console import Console, Listing, common
from workflow.admin.references import REF, find_record
from workflow.admin.terminal import echo
from workflow.publishing import dossier as publishing
from workflow.publishing import dossier_items, third_parties
from workflow.record import changes, marks, records_requests
from workflow.record.backup import temporary_sibling
from workflow.record.marks import Mark
from workflow.session import Session


class _Dossier(Listing):
    default = "write"


_USAGE = "REF --output FILE.zip | items REF | mark REF ITEM | unmark REF ITEM | request REF"


@click.group(cls=_Dossier, subcommand_metavar=_USAGE)
def dossier() -> None:
    """Write everything about a partnership, readable offline."""


@dossier.command("write")
@REF
@click.option("--output", metavar="FILE.zip", help="The file to write.")
@click.option(
    "--for", "for_", type=click.Choice([publishing.PUBLIC]), help="Withhold what the configuration says."
)
@click.option(
    "--notify-third-parties", "notify", is_flag=True, help="Tell those whom the record names first."
)
@click.option("--respond-by", metavar="DATE", help="Until when they may ask a court to forbid it.")
@click.option(
    "--asked", metavar="TEXT", default="the whole record of the partnership", help="What is asked for."
)
@common
def dossier_write(
    console: Console,
    ref: str,
    output: str | None,
    for_: str | None,
    notify: bool,
    respond_by: str | None,
    asked: str,
) -> None:
    """Write a ZIP file that anybody reads offline and checks without this program.

    It has pages, documents, messages, the record, and a program that verifies it. What is sealed until a call
    closes is not in it. The record keeps who made one.
    """
    if notify:
        _notify(console, ref, respond_by, asked)
        return
    if not output:
        raise BadInput([Problem("--output", "it is not said where the dossier goes", "--output FILE.zip")])
    user = console.require_manager("records").name
    public = for_ is not None

    def work(session: Session) -> tuple[str, publishing.Dossier, bytes]:
        record = find_record(session, ref)
        marked = marks.list_marks(session, record) if public else None
        made = publishing.make(session, record, console.now, marked)
        last = max(row.entry.at for row in made.parts.rows)
        # It has other people's messages, so the record says who has read them.
        what = f"made a dossier of {record.ref}"
        after = {"for": for_ or "the office", "withheld": len(made.withheld)}
        changes.record(session, what, after, by=user, now=console.now)
        return record.ref, made, made.write(session.config.calendar.local(last))

    whole, made, content = console.system.transact(work)
    _write(Path(output), content)
    document = {
        "ref": whole,
        "file": output,
        "files": len(made.files),
        "withheld": len(made.withheld),
        "to_read": list(made.unread),
    }

    def people() -> None:
        echo(f"{output}: {len(made.files)} files about {whole}.")
        if public:
            echo(f"{len(made.withheld)} items are withheld; exemptions.html in it says which and why.")
        if public and made.unread:
            echo(
                f"Read these before you give it away; this program cannot search them: {', '.join(made.unread)}."
            )

    console.show(document, people)


def _notify(console: Console, ref: str, respond_by: str | None, asked: str) -> None:
    """Tell third parties of a request, and nothing else. Raise `BadInput` without a day."""
    if not respond_by:
        raise BadInput(
            [Problem("--respond-by", "it is not said until when they may respond", "--respond-by DATE")]
        )
    user = console.require_manager("records").name
    day = date.fromisoformat(console.read_day("--respond-by", respond_by))

    def work(session: Session) -> tuple[str, list[str]]:
        record = find_record(session, ref)
        return record.ref, third_parties.notify(session, record, day, asked, by=user, now=console.now)

    whole, told = console.system.transact(work)
    document = {"ref": whole, "told": told, "respond_by": day.isoformat()}
    console.show(
        document, lambda: echo(f"{whole}: {', '.join(told)} will be told. They may respond by {day}.")
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all. Raise `BadInput` if it cannot be written."""
    try:
        with temporary_sibling(path) as written:
            written.write_bytes(content)
            written.replace(path)
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}"
        raise BadInput([Problem("--output", problem, "a file in a folder that you may write")]) from None


@dossier.command("items")
@REF
@common
def dossier_items_(console: Console, ref: str) -> None:
    """List what can be marked, by its name, and what is marked."""
    with console.system.reading() as session:
        record = find_record(session, ref)
        items = dossier_items.list_items(session, record, console.now)
        marked = {mark.item: mark.exemption for mark in marks.list_marks(session, record)}
    shown = [{"item": item, "text": text, "marked": marked.get(item)} for item, text in items]

    def people() -> None:
        rows = [(each["item"], each["marked"] or "", each["text"]) for each in shown]
        console.show_table(("item", "marked", "what it says"), rows, "Nothing.")

    console.show(shown, people)


@dossier.command("mark")
@REF
@click.argument("item")
@click.option("--exemption", metavar="NAME", required=True, help="The [[redaction]] that allows it.")
@click.option("--reason", metavar="TEXT", help="Why it applies here.")
@common
def dossier_mark(console: Console, ref: str, item: str, exemption: str, reason: str | None) -> None:
    """Have copies for public records withhold an item.

    `dossier items REF` names the items. `row/12/input` marks all values below it.
    """
    user = console.require_manager("records").name

    def work(session: Session) -> str:
        record = find_record(session, ref)
        known = [name for name, _ in dossier_items.list_items(session, record, console.now)]
        if not any(name == item or name.startswith(item.rstrip("/") + "/") for name in known):
            expected = f"a name that `dossier items {record.ref}` lists"
            raise BadInput([Problem("ITEM", f"there is no item {item!r}{suggest(item, known)}", expected)])
        marks.put(session, record, Mark(item.rstrip("/"), exemption, reason), by=user, now=console.now)
        return record.ref

    whole = console.system.transact(work)
    document = {"ref": whole, "item": item, "exemption": exemption, "reason": reason}
    console.show(document, lambda: echo(f"{whole}: {item} is withheld from public records ({exemption})."))


@dossier.command("unmark")
@REF
@click.argument("item")
@common
def dossier_unmark(console: Console, ref: str, item: str) -> None:
    """Take back the mark of an item."""
    user = console.require_manager("records").name

    def work(session: Session) -> str:
        record = find_record(session, ref)
        marks.remove(session, record, item, by=user, now=console.now)
        return record.ref

    whole = console.system.transact(work)
    console.show({"ref": whole, "item": item}, lambda: echo(f"{whole}: {item} is not marked any more."))


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
        _show_requests(console, record.ref, days)
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
    _show_requests(console, whole, days)


def _show_requests(console: Console, ref: str, days: list[date]) -> None:
    """Print the open requests of a partnership."""
    shown = [{"ref": ref, "received_on": day.isoformat(), "closed_on": None} for day in days]
    words = "; ".join(day.isoformat() for day in days)
    console.show(
        shown, lambda: echo(f"{ref}: open requests of {words}." if days else f"{ref}: no open request.")
    )
