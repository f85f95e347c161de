"""One message that came back, while it is judged: what it answers, whether it is believed, what staff hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from notifications.incoming.replies import Incoming
from notifications.links import notice_named
from workflow.outbox import queue
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, Verdict

BUSY, WITHIN = 20, timedelta(hours=1)  # more messages from one sender in that time are a machine's, or a loop
TEXT = 20_000  # characters of what somebody wrote that are kept apart from the message


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a message. `reason` says why, in words for staff."""

    verdict: Verdict
    reason: str | None = None
    notice: int | None = None
    partnership: int | None = None

    def line(self) -> dict[str, Any]:
        """What a log says of it: nothing of what somebody wrote."""
        found = {"verdict": self.verdict, "notice": self.notice, "reason": self.reason}
        return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that is being judged: its row, what it is, and the notice whose own address it came to.

    `ref` is the partnership of the notice, `about` what that asked for, in words.
    """

    id: int
    digest: str
    incoming: Incoming
    whole: bool
    notice: Notice | None = None
    ref: str | None = None
    about: str | None = None

    @property
    def answered(self) -> Notice:
        """Return the notice whose own address it came to. Raise `LookupError` if there is none."""
        if self.notice is None:
            raise LookupError("it came to the address of no notice")
        return self.notice

    def judged(self, verdict: Verdict, reason: str | None = None) -> Judged:
        """A verdict about it."""
        of = (self.notice.id, self.notice.partnership) if self.notice is not None else (None, None)
        return Judged(verdict, reason, *of)


def named(session: Session, incoming: Incoming) -> list[Notice]:
    """The notices to whose own addresses a message came, where the code in them is the one we gave out."""
    table, links = tables.notices, session.config.links
    found: dict[int, Notice] = {}
    for address in incoming.to:
        local = address.rpartition("@")[0]
        number = notice_named(local)
        if number is None or number > tables.LARGEST:
            continue  # what no row can have is asked of no database
        row = session.connection.execute(select(table).where(table.c.id == number)).first()
        if row is not None and links.is_reply_of(local, row.to) == row.id:
            found[row.id] = Notice.from_row(row)
    return list(found.values())


def about(session: Session, reply: Reply, notice: Notice) -> Reply:
    table = tables.partnerships
    ref = session.connection.scalar(select(table.c.ref).where(table.c.id == notice.partnership))
    asked = [session.config.label(event) for event in notice.offered]
    return replace(reply, notice=notice, ref=ref, about="; ".join(asked) or None)


def seen(session: Session, reply: Reply) -> bool:
    """Whether the same message was read already, on its way through another address or server."""
    table = tables.replies
    if reply.incoming.message_id is None:
        return False
    query = select(table.c.id).where(
        table.c.message_id == reply.incoming.message_id,
        table.c.sender == reply.incoming.sender,
        table.c.verdict.in_((Verdict.DONE, Verdict.NOTE, Verdict.REFUSED)),
        table.c.id != reply.id,
    )
    return session.connection.scalar(query) is not None


def too_many(session: Session, reply: Reply, now: datetime) -> bool:
    table = tables.replies
    same = [table.c.sender == reply.incoming.sender]
    if reply.notice is not None:
        same.append(table.c.notice == reply.notice.id)
    query = select(func.count()).where(or_(*same), table.c.received_at > now - WITHIN, table.c.id != reply.id)
    return (session.connection.scalar(query) or 0) >= BUSY


def doubt_about(session: Session, reply: Reply, persons: Sequence[str]) -> str | None:
    """Why a message is not believed to be from the person whose answer it would be."""
    incoming, mail = reply.incoming, session.config.procedure.mail
    if incoming.doubt is not None:
        return f"{incoming.doubt[0].upper()}{incoming.doubt[1:]}."
    if persons and any(person != incoming.sender for person in persons):
        return "It is from another address than the one that was asked."
    if mail.trust == "dmarc" and incoming.dmarc != "pass":
        said = f"said: {incoming.dmarc}" if incoming.dmarc else "said nothing"
        return f"It may be forged: of DMARC, which has to be passed, the mail server {mail.authserv} {said}."
    if incoming.passed_on is not None:
        return f"It is no answer of their own: {incoming.passed_on}."
    if not reply.whole:
        return "It is too large to be read."
    return None


def tell(
    session: Session, template: str, reply: Reply, now: datetime, why: Sequence[str], word: str | None = None
) -> None:
    """Tell staff of a message."""
    key = reply.notice.partnership if reply.notice is not None else None
    extra = {"reply": template_values(session, reply, why, word)}
    queue.tell_staff(session, key, template, extra, now, actor=reply.incoming.sender)


def template_values(
    session: Session, reply: Reply, why: Sequence[str], word: str | None = None
) -> dict[str, Any]:
    """Return what templates read of a message that came back."""
    incoming = reply.incoming
    person = reply.notice.to if reply.notice is not None else incoming.sender
    files = [f"With it came: {', '.join(incoming.files)}."] if incoming.files else []
    return {
        "id": reply.id,
        "sender": incoming.sender,
        "name": session.name_of(person) if person else "somebody",
        "subject": incoming.subject,
        "text": incoming.words.text[:TEXT],
        "about": reply.about,
        "word": word,
        "why": [*why, *files],
    }
