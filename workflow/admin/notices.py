"""Runs the command notices: list or show what was sent, to whom and why; try it again or revoke it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import partial
from typing import Any

import click
from sqlalchemy import Row, select

from states.errors import BadInput, Problem, Refused, suggest
from states.names import Role
from workflow import links
from workflow.admin.console import Console, Listing, common
from workflow.admin.references import ANY_REF, check_id, find_record, parse_words
from workflow.admin.terminal import echo, format_minute
from workflow.outbox import claims, queue, writing
from workflow.procedure.checks import WATCHERS
from workflow.record import changes, histories
from workflow.session import Session
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import DESTROYED, Notice, NoticeStatus
from workflow.views import documents, sealing
from workflow.views.shown_directory import read_directory

_USAGE = "[REF] | show ID | preview NAME REF | test | retry ID | resend ID | revoke ID"


@click.group(cls=Listing, subcommand_metavar=_USAGE)
def notices() -> None:
    """List what was sent; preview, test, resend, revoke."""


@notices.command("list")
@ANY_REF
@click.option("--status", metavar="STATUS,...", help="Only of these: " + ", ".join(NoticeStatus) + ".")
@common
def notices_list(console: Console, ref: str | None, status: str | None) -> None:
    """List the notices, of a partnership REF or of all."""
    wanted = parse_words("status", status, tuple(NoticeStatus))
    table, about = tables.notices, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).order_by(table.c.id)
    if wanted:
        query = query.where(table.c.status.in_(wanted))
    with console.system.reading() as session:
        if ref:
            query = query.where(table.c.partnership == find_record(session, ref).id)
        seal = Seal(session, console.now)
        shown = [_document(session, row, seal) for row in session.connection.execute(query)]

    def people() -> None:
        rows = [
            (
                n["id"],
                n["ref"],
                n["status"],
                n["to"] or _NOBODY,
                n["role"],
                n["subject"] or _NOBODY,
                _remark_on(n),
            )
            for n in shown
        ]
        console.show_table(("id", "ref", "status", "to", "role", "subject", "reason"), rows, "No notices.")

    console.show(shown, people)


def _document(session: Session, row: Row[Any], seal: Seal) -> dict[str, Any]:
    """Return the JSON document of a notice; `row` also has the reference of its partnership."""
    notice = Notice.from_row(row)
    document = documents.notice(session, row.ref, notice, writing.subject_of(session, notice))
    # To whom it went would say who has withdrawn an application.
    return document | dict.fromkeys(
        ("to", "delegate_for", "subject") if seal.names(row.role, row.ref, row.seq) else ()
    )


def _remark_on(notice: dict[str, Any]) -> str:
    """Return the reason of the status of a notice, its digest, and when it was revoked, for people."""
    held = notice["held"] and not notice["within"] and notice["status"] == "queued"
    waits = "waits for the digest" if held else ""
    within = f"in digest {notice['within']}" if notice["within"] else ""
    revoked = f"revoked {format_minute(notice['revoked_at'])}" if notice["revoked_at"] else ""
    return "; ".join(filter(None, (notice["reason"], waits, within, revoked)))


# Shown in place of a message to an applicant, since a link in it would open the application before the call closes.
_SEALED = "(sealed until the call closes: the links in it open an application)"
# Shown in place of an address, a subject and a message about an application that was withdrawn before.
_NOBODY = "(sealed: an applicant)"


@dataclass(frozen=True)
class Seal:
    """What is sealed of the notices to applicants at one instant."""

    session: Session
    now: datetime
    _unopened: dict[str, frozenset[int]] = field(default_factory=dict)

    def hides(self, row: Row[Any]) -> bool:
        """Return whether the links in a notice open an application to a call that has not closed."""
        if row.role != Role.APPLICANT or row.ref is None:
            return False
        return sealing.is_sealed(find_record(self.session, row.ref).facts, self.now)

    def names(self, role: str, ref: str | None, seq: int | None) -> bool:
        """Return whether a notice says whose application it was that was withdrawn before the call closed."""
        if role != Role.APPLICANT or ref is None or seq is None:
            return False
        if ref not in self._unopened:
            record = find_record(self.session, ref)
            history = histories.read_history(self.session.connection, record.key)
            self._unopened[ref] = sealing.unopened_rows(record.facts, history)
        return seq in self._unopened[ref]


def _read_message(content: bytes) -> str:
    """Return what a mail program shows of a message: its main headers and its text."""
    message = BytesParser(policy=policy.default).parsebytes(content)
    body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
    if body is None:
        return content.decode("utf-8", "replace")
    head = [f"{name}: {message[name]}\n" for name in ("To", "Reply-To", "Subject") if message[name]]
    return "".join((*head, *(["\n"] if head else []), body.get_content().replace("\r\n", "\n")))


def look_at_links(console: Console, notice: Notice, signed: Callable[[], bytes]) -> bytes | None:
    """Return a message with its links if the user may act as its reader. Record the look in any case."""
    try:
        console.require_actor(notice.to)
    except Refused:
        record_look(console, "read a notice", notice.id)
        return None
    content = signed()
    # These links act in the name of their person, so the record says who has looked at them.
    record_look(console, "read the links of a notice", notice.id)
    return content


def record_look(console: Console, what: str, id_: int) -> None:
    """Put on record that the operating-system user has read a message to or from somebody else."""
    user, now = console.user[0], console.now
    console.system.transact(lambda session: changes.record(session, what, id_, by=user, now=now))


@notices.command("show")
@click.argument("id_", metavar="ID", type=int)
@click.option("--text", is_flag=True, help="Only what its reader reads.")
@common
def notices_show(console: Console, id_: int, text: bool) -> None:
    """Show a notice: to whom it went and why, and its message.

    Its links are masked unless the user may act as its reader. The record keeps who looked.
    """
    table, about = tables.notices, tables.partnerships
    query = select(table, about.c.ref).join(about, isouter=True).where(table.c.id == check_id("notice", id_))
    with console.system.reading() as session:
        row = session.connection.execute(query).first()
        if row is None:
            raise NotFound(f"there is no notice {id_}")
        seal = Seal(session, console.now)
        document = _document(session, row, seal)
        content = bytes(row.message) if row.message is not None else None
        if content and (seal.hides(row) or seal.names(row.role, row.ref, row.seq)):
            content = f"{_NOBODY if seal.names(row.role, row.ref, row.seq) else _SEALED}\n".encode()
    if kept := content:
        sign = partial(links.sign_again, console.system.config, kept, row.to)
        content = look_at_links(console, Notice.from_row(row), sign) or kept
    document["message"] = content.decode("utf-8", "surrogateescape") if content else None

    def people() -> None:
        tries = (
            "not tried yet" if not row.attempts else f"tried {row.attempts} time{'s' * (row.attempts > 1)}"
        )
        instead = f", in place of {document['delegate_for']}" if document["delegate_for"] else ""
        remark = _remark_on(document)
        reason = f": {remark}" if remark else ""
        reader = f"{document['to'] or _NOBODY} as {row.role}{instead}"
        about = f"Notice {id_} to {reader}: {row.status}, {tries}{reason}."
        if content is None:
            gone = row.to == DESTROYED
            echo(
                f"{about} Its message was destroyed."
                if gone
                else f"{about} Its message is written when it is sent."
            )
            return
        echo(about, err=True)
        if text:
            echo(_read_message(content), nl=False)
        else:
            click.echo(content, nl=False)

    console.show(document, people)


@notices.command("retry")
@click.argument("id_", metavar="[ID]", type=int, required=False)
@click.option("--status", metavar="STATUS,...", help="All of these: failed, dead, in-doubt.")
@common
def notices_retry(console: Console, id_: int | None, status: str | None) -> None:
    """Try a notice again that failed, is in doubt or was set aside, or all of a status."""
    user = console.require_manager("notices").name
    if (id_ is None) == (status is None):
        raise BadInput([Problem("ID", "it is not said what is to be tried again", "ID, or --status dead")])
    if id_ is None:
        _retry_all(console, user, parse_words("status", status, claims.STUCK, " to be tried again"))
        return
    before = console.system.transact(partial(_retry, id_=id_, user=user, now=console.now))
    document = {"id": id_, "status": "queued", "before": before}
    console.show(document, lambda: echo(f"Notice {id_} will be tried again; it was {before}."))


def _retry(session: Session, id_: int, user: str, now: datetime) -> str:
    """Queue a notice again, and return its status before. Raises `NotFound`, `BadInput`."""
    table = tables.notices
    query = select(table.c.status).where(table.c.id == check_id("notice", id_))
    status = session.connection.scalar(query)
    if status is None:
        raise NotFound(f"there is no notice {id_}")
    if not claims.retry(session.connection, id_, now):
        expected = "one that failed, is in doubt or was set aside, and is not on its way just now"
        raise BadInput([Problem("ID", f"notice {id_} is {status}", expected)])
    changes.record(session, "retried notices", [id_], by=user, now=now)
    return str(status)


def _retry_all(console: Console, user: str, statuses: Sequence[str]) -> None:
    """Queue all notices of these statuses again, except those in a digest, which is queued as a whole."""
    table = tables.notices
    query = select(table.c.id).where(table.c.status.in_(statuses), table.c.within.is_(None))

    def work(session: Session) -> list[int]:
        keys = list(session.connection.scalars(query.order_by(table.c.id)))
        retried = [key for key in keys if claims.retry(session.connection, key, console.now)]
        if retried:
            changes.record(session, "retried notices", retried, by=user, now=console.now)
        return retried

    done = console.system.transact(work)
    many = f"{len(done)} notice{'s' * (len(done) != 1)}"
    words = f"{many} will be tried again." if done else "There is none to be tried again."
    console.show({"retried": done}, lambda: echo(words))


@notices.command("revoke")
@click.argument("id_", metavar="[ID]", type=int, required=False)
@click.option("--person", metavar="EMAIL", help="All notices to this person.")
@common
def notices_revoke(console: Console, id_: int | None, person: str | None) -> None:
    """Make the links and replies of a notice do nothing any more, or those of all notices to a person.

    A notice that is not sent yet stays unsent. The record keeps who did it and when.
    """
    user = console.require_manager("notices").name
    if (id_ is None) == (person is None):
        raise BadInput([Problem("ID", "it is not said what is to be revoked", "ID, or --person EMAIL")])
    table = tables.notices

    def work(session: Session) -> list[int]:
        chosen = (
            table.c.id == check_id("notice", id_ or 0) if person is None else table.c.to == person.lower()
        )
        keys = list(session.connection.scalars(select(table.c.id).where(chosen)))
        if not keys:
            near = suggest(person or "", read_directory(session).people)
            raise NotFound(
                f"there is no notice {id_}" if person is None else f"there is no notice to {person}{near}"
            )
        revoked = queue.revoke(session.connection, keys, console.now)
        # Revoking takes from a person what they could do or would have read, so the record says who did it.
        if revoked:
            watched = table.c.id.in_(revoked) & table.c.role.in_(WATCHERS)
            to = session.connection.scalar(select(table.c.to).where(watched).limit(1))
            what = f"revoked notices to {to}" if to else "revoked notices"
            changes.record(session, what, revoked, by=user, now=console.now)
        return revoked

    done = console.system.transact(work)
    document = {"revoked": done, "revoked_at": console.format_local(console.now)}
    many = f"{len(done)} notice{'s' * (len(done) != 1)}"
    words = f"Revoked {many}: links and replies do nothing any more." if done else "Already revoked."
    console.show(document, lambda: echo(words))
