"""Runs the command replies: list the incoming messages with their verdicts, and show one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import click
from sqlalchemy import select

from workflow import links
from workflow.actions.handled_answers import mark_handled
from workflow.admin.console import Console, Listing, common
from workflow.admin.notices import look_at_links, record_look
from workflow.admin.references import ANY_REF, check_id, find_record, parse_words
from workflow.admin.terminal import echo, format_minute
from workflow.session import Session
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import Notice, ReplyRow, Verdict
from workflow.views import documents, troubled_mail


@click.group(cls=Listing, subcommand_metavar="[REF] | show ID | handled ID")
def replies() -> None:
    """List what came back by mail; show it, mark it as handled."""


@replies.command("list")
@ANY_REF
@click.option("--verdict", metavar="VERDICT,...", help="Only of these: " + ", ".join(Verdict) + ".")
@common
def replies_list(console: Console, ref: str | None, verdict: str | None) -> None:
    """List the messages that came back, of a partnership REF or all."""
    wanted = parse_words("verdict", verdict, tuple(Verdict))
    table, about = tables.replies, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).order_by(table.c.id)
    if wanted:
        query = query.where(table.c.verdict.in_(wanted))
    with console.system.reading() as session:
        if ref:
            query = query.where(table.c.partnership == find_record(session, ref).id)
        handled = troubled_mail.list_handled(session)
        answers = [
            documents.reply(session, row.ref, ReplyRow.from_row(row))
            | _describe_handled(session, handled, row.id)
            for row in session.connection.execute(query)
        ]

    def people() -> None:
        headings = ("id", "ref", "at", "from", "verdict", "reason", "says")
        rows = [
            (
                answer["id"],
                answer["ref"],
                format_minute(answer["received_at"]),
                answer["sender"],
                answer["verdict"],
                answer["reason"],
                _shorten(answer["text"]),
            )
            for answer in answers
        ]
        console.show_table(headings, rows, "No replies.")

    console.show(answers, people)


@replies.command("handled")
@click.argument("id_", metavar="ID", type=int)
@common
def replies_handled(console: Console, id_: int) -> None:
    """Mark a message that needed a person as handled: it leaves the desk, and the record says by whom and when."""
    user = console.require_manager("notices").name

    def work(session: Session) -> None:
        table = tables.replies
        if session.connection.scalar(select(table.c.id).where(table.c.id == check_id("reply", id_))) is None:
            raise NotFound(f"there is no reply {id_}")
        mark_handled(session, id_, user, None, console.now)

    console.system.transact(work)
    console.show({"id": id_, "handled_by": user}, lambda: echo(f"Reply {id_} is marked as handled."))


def _shorten(text: str | None) -> str:
    """Return at most 60 characters of a text, on one line."""
    words = " ".join((text or "").split())
    return words if len(words) <= 60 else f"{words[:59]}…"


def _describe_handled(
    session: Session, handled: Mapping[int, tuple[str, datetime]], key: int
) -> dict[str, str | None]:
    """Return who has marked a message as handled, and when; None for nobody."""
    by, at = handled.get(key, (None, None))
    return {"handled_by": by, "handled_at": session.local(at)}


@replies.command("show")
@click.argument("id_", metavar="ID", type=int)
@common
def replies_show(console: Console, id_: int) -> None:
    """Show a message that came back: what became of it and why, and the message byte for byte.

    The links that it quotes are masked unless the user may act as the person who got them. The record keeps who
    looked.
    """
    table, about = tables.replies, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).where(table.c.id == check_id("reply", id_))
    with console.system.reading() as session:
        row = session.connection.execute(query).first()
        if row is None:
            raise NotFound(f"there is no reply {id_}")
        reply = ReplyRow.from_row(row)
        document = documents.reply(session, row.ref, reply)
        content = kept = bytes(reply.message)
        notices = tables.notices
        answered = session.connection.execute(select(notices).where(notices.c.id == reply.notice)).first()
    record_look(console, "read a reply", id_)
    if answered is not None and answered.message:
        sign = partial(links.sign_quoted, console.system.config, kept, answered.message, answered.to)
        content = look_at_links(console, Notice.from_row(answered), sign) or kept
    document["message"] = content.decode("utf-8", "backslashreplace")

    def people() -> None:
        of = f" to notice {row.notice}" if row.notice else ""
        reason = f": {row.reason}" if row.reason else ""
        echo(f"Reply {id_} from {row.sender or 'nobody'}{of}: {row.verdict}{reason}", err=True)
        # A file gets the message byte for byte, a terminal only what it does not act on.
        if sys.stdout.isatty():
            echo(document["message"].replace("\r\n", "\n"), nl=False)
        else:
            click.echo(content, nl=False)

    console.show(document, people)
