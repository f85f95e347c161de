"""The command notices: what was sent, to whom and why; try again, revoke."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import partial
from typing import Any

import click
from sqlalchemy import Row, select

from states.errors import BadInput, Problem
from states.partnership import Role
from workflow import directory
from workflow.admin.console import Console, Listing, common, minute
from workflow.admin.references import ANY_REF, known, number_of
from workflow.engine import NotFound
from workflow.outbox import delivery, message, queue
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, NoticeStatus
from workflow.views import documents, visibility


@click.group(cls=Listing, subcommand_metavar="[REF] | show ID | retry ID | revoke ID")
def notices() -> None:
    """What was sent, to whom, why; try again, revoke."""


@notices.command("list")
@ANY_REF
@click.option("--status", metavar="STATUS,...", help="Only of these: " + ", ".join(NoticeStatus) + ".")
@common
def notices_list(console: Console, ref: str | None, status: str | None) -> None:
    """The notices, of a partnership REF or of all."""
    wanted = _statuses(status)
    table, about = tables.notices, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).order_by(table.c.id)
    if wanted:
        query = query.where(table.c.status.in_(wanted))
    with console.system.reading() as session:
        if ref:
            query = query.where(table.c.partnership == known(session, ref).id)
        found = [_document(session, row) for row in session.connection.execute(query)]

    def people() -> None:
        rows = [
            (one["id"], one["ref"], one["status"], one["to"], one["role"], one["subject"], _remark(one))
            for one in found
        ]
        console.table(("id", "ref", "status", "to", "role", "subject", "reason"), rows, "No notices.")

    console.show(found, people)


def _document(session: Session, row: Row[Any]) -> dict[str, Any]:
    notice = Notice.from_row(row)
    return documents.notice(session, row.ref, notice, message.subject_of(session, notice))


def _remark(one: dict[str, Any]) -> str:
    """What else is to be said of a notice."""
    waits = "waits for the digest" if one["held"] and not one["within"] and one["status"] == "queued" else ""
    within = f"in digest {one['within']}" if one["within"] else ""
    revoked = f"revoked {minute(one['revoked_at'])}" if one["revoked_at"] else ""
    return "; ".join(filter(None, (one["reason"], waits, within, revoked)))


def _statuses(text: str | None, known: Sequence[str] = tuple(NoticeStatus)) -> list[str]:
    wanted = [part.strip() for part in (text or "").split(",") if part.strip()]
    for one in wanted:
        if one not in known:
            problem = f"there is no status {one!r}" + (
                " to be tried again" if one in tuple(NoticeStatus) else ""
            )
            raise BadInput([Problem("--status", problem, "one of " + ", ".join(known))])
    return wanted


# Its links open the application of whoever they were made for.
_SEALED = "(sealed until the call closes: the links in it open an application)"


def _sealed(session: Session, ref: str, now: datetime) -> bool:
    return visibility.is_sealed(known(session, ref).facts, now)


def _read(content: bytes) -> str:
    """What a mail program shows of a message: what the lines of its head say, and its text."""
    message = BytesParser(policy=policy.default).parsebytes(content)
    body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
    if body is None:
        return content.decode("utf-8", "replace")
    head = [f"{name}: {message[name]}\n" for name in ("To", "Reply-To", "Subject") if message[name]]
    return "".join((*head, *(["\n"] if head else []), body.get_content().replace("\r\n", "\n")))


@notices.command("show")
@click.argument("id_", metavar="ID", type=int)
@click.option("--text", is_flag=True, help="Only what its reader reads, with links that can be followed.")
@common
def notices_show(console: Console, id_: int, text: bool) -> None:
    """One notice: whom it went to and why, and its message byte for byte."""
    table, about = tables.notices, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).where(table.c.id == number_of("notice", id_))
    with console.system.reading() as session:
        row = session.connection.execute(query).first()
        if row is None:
            raise NotFound(f"there is no notice {id_}")
        document = _document(session, row)
        content = bytes(row.message) if row.message is not None else None
        if content and row.ref and row.role == Role.APPLICANT and _sealed(session, row.ref, console.now):
            content = f"{_SEALED}\n".encode()
    document["message"] = content.decode("utf-8", "surrogateescape") if content else None

    def people() -> None:
        tries = (
            "not tried yet" if not row.attempts else f"tried {row.attempts} time{'s' * (row.attempts > 1)}"
        )
        instead = f", in place of {row.delegate_for}" if row.delegate_for else ""
        remark = _remark(document)
        reason = f": {remark}" if remark else ""
        about = f"Notice {id_} to {row.to} as {row.role}{instead}: {row.status}, {tries}{reason}."
        if content is None:
            click.echo(f"{about} Its message is written when it is sent.")
            return
        click.echo(about, err=True)
        click.echo(_read(content) if text else content, nl=False)

    console.show(document, people)


@notices.command("retry")
@click.argument("id_", metavar="[ID]", type=int, required=False)
@click.option("--status", metavar="STATUS,...", help="All of these: failed, dead, in-doubt.")
@common
def notices_retry(console: Console, id_: int | None, status: str | None) -> None:
    """Try a notice again that failed, is in doubt or was set aside, or all of a status."""
    console.may_write()
    if (id_ is None) == (status is None):
        raise BadInput([Problem("ID", "it is not said what is to be tried again", "ID, or --status dead")])
    if id_ is None:
        _retry_all(console, _statuses(status, delivery.STUCK))
        return
    before = console.system.transact(partial(_retry, id_=id_, now=console.now))
    document = {"id": id_, "status": "queued", "before": before}
    console.show(document, lambda: click.echo(f"Notice {id_} will be tried again; it was {before}."))


def _retry(session: Session, id_: int, now: datetime) -> str:
    table = tables.notices
    query = select(table.c.status).where(table.c.id == number_of("notice", id_))
    status = session.connection.scalar(query)
    if status is None:
        raise NotFound(f"there is no notice {id_}")
    if not delivery.retry(session.connection, id_, now):
        expected = "one that failed, is in doubt or was set aside, and is not on its way just now"
        raise BadInput([Problem("ID", f"notice {id_} is {status}", expected)])
    return str(status)


def _retry_all(console: Console, statuses: Sequence[str]) -> None:
    table = tables.notices
    query = select(table.c.id).where(table.c.status.in_(statuses), table.c.within.is_(None))

    def work(session: Session) -> list[int]:
        found = list(session.connection.scalars(query.order_by(table.c.id)))
        return [key for key in found if delivery.retry(session.connection, key, console.now)]

    done = console.system.transact(work)
    many = f"{len(done)} notice{'s' * (len(done) != 1)}"
    said = f"{many} will be tried again." if done else "There is none to be tried again."
    console.show({"retried": done}, lambda: click.echo(said))


@notices.command("revoke")
@click.argument("id_", metavar="[ID]", type=int, required=False)
@click.option("--person", metavar="EMAIL", help="All notices to this person.")
@common
def notices_revoke(console: Console, id_: int | None, person: str | None) -> None:
    """Make the links and replies of a notice do nothing any more, or those of all notices to a person.

    What was not sent yet is not sent. Who did it and when stays on record.
    """
    user = console.may_write()
    if (id_ is None) == (person is None):
        raise BadInput([Problem("ID", "it is not said what is to be revoked", "ID, or --person EMAIL")])
    table = tables.notices

    def work(session: Any) -> list[int]:
        chosen = (
            table.c.id == number_of("notice", id_ or 0) if person is None else table.c.to == person.lower()
        )
        keys = list(session.connection.scalars(select(table.c.id).where(chosen)))
        if not keys:
            raise NotFound(
                f"there is no notice {id_}" if person is None else f"there is no notice to {person}"
            )
        found = queue.revoke(session.connection, keys, console.now)
        directory.record_change(session.connection, "revoked notices", found, by=user, now=console.now)
        return found

    done = console.system.transact(work)
    document = {"revoked": done, "revoked_at": console.local(console.now)}
    many = f"{len(done)} notice{'s' * (len(done) != 1)}"
    said = f"Revoked {many}: links and replies do nothing any more." if done else "Already revoked."
    console.show(document, lambda: click.echo(said))
