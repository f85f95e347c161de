"""Commands about what came back by mail: replies."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import select

from states.errors import BadInput, Problem
from workflow.admin.console import Console, Listing, common, minute
from workflow.admin.references import ANY_REF, known, number_of
from workflow.engine import NotFound
from workflow.store import tables
from workflow.store.rows import ReplyRow, Verdict
from workflow.views import documents


@click.group(cls=Listing, subcommand_metavar="[REF] | show ID")
def replies() -> None:
    """What came back by mail, and what became of it."""


@replies.command("list")
@ANY_REF
@click.option("--verdict", metavar="VERDICT,...", help="Only of these: " + ", ".join(Verdict) + ".")
@common
def replies_list(console: Console, ref: str | None, verdict: str | None) -> None:
    """The messages that came back, of a partnership REF or all."""
    wanted = _verdicts(verdict)
    table, about = tables.replies, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).order_by(table.c.id)
    if wanted:
        query = query.where(table.c.verdict.in_(wanted))
    with console.system.reading() as session:
        if ref:
            query = query.where(table.c.partnership == known(session, ref).id)
        found = [
            documents.reply(session, row.ref, ReplyRow.from_row(row))
            for row in session.connection.execute(query)
        ]

    def people() -> None:
        headings = ("id", "ref", "at", "from", "verdict", "reason", "says")
        rows = [
            (
                one["id"], one["ref"], minute(one["received_at"]), one["sender"], one["verdict"], one["reason"],
                _beginning(one["text"]),
            )
            for one in found
        ]  # fmt: skip
        console.table(headings, rows, "No replies.")

    console.show(found, people)


def _beginning(text: str | None) -> str:
    words = " ".join((text or "").split())
    return words if len(words) <= 60 else f"{words[:59]}…"


def _verdicts(text: str | None) -> list[str]:
    wanted = [part.strip() for part in (text or "").split(",") if part.strip()]
    for one in wanted:
        if one not in tuple(Verdict):
            expected = "one of " + ", ".join(Verdict)
            raise BadInput([Problem("--verdict", f"there is no verdict {one!r}", expected)])
    return wanted


@replies.command("show")
@click.argument("id_", metavar="ID", type=int)
@common
def replies_show(console: Console, id_: int) -> None:
    """One message that came back: what became of it and why, and the message byte for byte."""
    table, about = tables.replies, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).where(table.c.id == number_of("reply", id_))
    with console.system.reading() as session:
        row: Any = session.connection.execute(query).first()
        if row is None:
            raise NotFound(f"there is no reply {id_}")
        document = documents.reply(session, row.ref, ReplyRow.from_row(row))
        content = bytes(row.message)
    document["message"] = content.decode("utf-8", "backslashreplace")

    def people() -> None:
        of = f" to notice {row.notice}" if row.notice else ""
        reason = f": {row.reason}" if row.reason else ""
        click.echo(f"Reply {id_} from {row.sender or 'nobody'}{of}: {row.verdict}{reason}", err=True)
        click.echo(content, nl=False)

    console.show(document, people)
