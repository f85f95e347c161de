"""Finds which notice an incoming message answers and whether to believe it, and tells staff about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from notifications.incoming.replies import Incoming
from notifications.links import parse_notice_number
from workflow.outbox import queue
from workflow.session import Session
from workflow.store import column_types, tables
from workflow.store.rows import Notice, Verdict

# More messages from one sender in this time come from a machine, or from a loop between two of them.
BUSY, WITHIN = 20, timedelta(hours=1)
MOST_TOLD = 5  # doubtful messages about one notice that staff hear of within this time; all are kept
TEXT = 20_000  # characters of the sender's own words that are used; the whole message is kept beside them


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a message. `reason` says why, in words for staff."""

    verdict: Verdict
    reason: str | None = None
    notice: int | None = None  # the notice it answers, by its number
    partnership: int | None = None
    recorded: bool = True  # False if the message stays where it is, or was recorded before

    def line(self) -> dict[str, Any]:
        """Return the fields for a line of the log, which must hold nothing of what the sender wrote."""
        fields = {"verdict": self.verdict, "notice": self.notice, "reason": self.reason}
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that is being judged: its row, its content, and the notice to whose own address it came."""

    id: int
    digest: str  # SHA-256 of its bytes: the same message is judged once
    incoming: Incoming
    whole: bool  # False if it was too large, so that only its head was read
    notice: Notice | None = None
    ref: str | None = None  # the partnership of the notice
    about: str | None = None  # what the notice asked for, in words

    @property
    def answered(self) -> Notice:
        """Return the notice whose own address it was sent to. Raise `LookupError` if there is none."""
        if self.notice is None:
            raise LookupError("it came to the address of no notice")
        return self.notice

    def judged(self, verdict: Verdict, reason: str | None = None) -> Judged:
        """Return a verdict on this message."""
        of = (self.notice.id, self.notice.partnership) if self.notice is not None else (None, None)
        return Judged(verdict, reason, *of)


def find_notices(session: Session, incoming: Incoming) -> list[Notice]:
    """Return the notices whose own addresses a message was sent to, if the codes in the addresses are valid.

    The code is checked against the person the notice was sent to, so nobody can make up the address of another.
    """
    table, links = tables.notices, session.config.links
    notices: dict[int, Notice] = {}
    for address in incoming.to:
        local = address.rpartition("@")[0]
        number = parse_notice_number(local)
        # PostgreSQL refuses a number that is larger than its column, and that would end the transaction.
        if number is None or number > column_types.LARGEST:
            continue
        row = session.connection.execute(select(table).where(table.c.id == number)).first()
        if row is not None and links.match_reply(local, row.to) == row.id:
            notices[row.id] = Notice.from_row(row)
    return list(notices.values())


def attach_notice(session: Session, reply: Reply, notice: Notice) -> Reply:
    """Return the reply with the notice that it answers, its partnership, and what it asked for."""
    table = tables.partnerships
    ref = session.connection.scalar(select(table.c.ref).where(table.c.id == notice.partnership))
    labels = [session.config.label(event) for event in notice.offered]
    return replace(reply, notice=notice, ref=ref, about="; ".join(labels) or None)


def is_repeated(session: Session, reply: Reply) -> bool:
    """Return whether the same message was judged before, when it came by another address or server.

    A message that was not believed then may be believed now, so only some verdicts count.
    """
    table = tables.replies
    if reply.incoming.message_id is None:
        return False
    query = select(table.c.id).where(
        table.c.message_id == reply.incoming.message_id,
        # Anybody can copy a Message-ID. Without this a stranger
        # could make a person's real answer look repeated.
        table.c.sender == reply.incoming.sender,
        table.c.verdict.in_((Verdict.DONE, Verdict.NOTE, Verdict.REFUSED)),
        # The row of this message itself was written before it is judged.
        table.c.id != reply.id,
    )
    return session.connection.scalar(query) is not None


def is_flood(session: Session, reply: Reply, now: datetime) -> bool:
    """Return whether its sender, or everybody who answers its notice, has written too often within an hour.

    Only believed messages count: a stranger who forges many must not silence the true answer. Of those that were
    refused, the believed ones got an answer (`reply-refused`), and these are counted.
    """
    table = tables.replies
    same = [table.c.sender == reply.incoming.sender]
    if reply.notice is not None:
        # A machine that answers may change its own address, but it writes to the same one of ours.
        same.append(table.c.notice == reply.notice.id)
    believed = table.c.verdict.in_((Verdict.DONE, Verdict.NOTE))
    query = select(func.count()).where(or_(*same), believed, table.c.received_at > now - WITHIN)
    sent, person = tables.notices, reply.notice.to if reply.notice is not None else reply.incoming.sender
    refusals = select(func.count()).where(
        sent.c.template == "reply-refused", sent.c.to == person, sent.c.queued_at > now - WITHIN
    )
    counted = [session.connection.scalar(each) or 0 for each in (query, refusals)]
    return sum(counted) >= BUSY


def is_told_enough(session: Session, reply: Reply, now: datetime) -> bool:
    """Return whether staff have heard of `MOST_TOLD` doubtful messages like it within an hour.

    Those to the same notice count, or else those of the same sender.
    """
    table = tables.replies
    same = table.c.sender == reply.incoming.sender
    if reply.notice is not None:
        same = table.c.notice == reply.notice.id
    refused = table.c.verdict == Verdict.REFUSED
    query = select(func.count()).where(same, refused, table.c.received_at > now - WITHIN)
    return (session.connection.scalar(query) or 0) >= MOST_TOLD


def find_doubt(session: Session, reply: Reply, persons: Sequence[str]) -> str | None:
    """Return why a message may not be from the person who was asked; None if there is no doubt.

    1. Its own headers must name one sender (`Incoming.doubt`).
    2. This sender must be the person to whom each of its notices was sent.
    3. Where the configuration asks for DMARC, our own mail server must say that it passed.
    4. It must not pass on the message of somebody else, and must have been read whole.
    """
    incoming, mail = reply.incoming, session.config.procedure.mail
    if incoming.doubt is not None:
        return f"{incoming.doubt[0].upper()}{incoming.doubt[1:]}."
    # A message to the notices of two people cannot be the answer of both.
    if persons and any(person != incoming.sender for person in persons):
        return "It is from another address than the one that was asked."
    # A From line can be forged. Only our own mail server can check whether the domain really sent it.
    if mail.trust == "dmarc" and incoming.dmarc != "pass":
        result = f"said: {incoming.dmarc}" if incoming.dmarc else "said nothing"
        return (
            f"It may be forged: of DMARC, which has to be passed, the mail server {mail.authserv} {result}."
        )
    # A person who forwards a message does not agree to what is in it.
    if incoming.passed_on is not None:
        return f"It is no answer of their own: {incoming.passed_on}."
    # Only its head was read, so nobody knows what the person wrote.
    if not reply.whole:
        return "It is too large to be read."
    return None


def tell_staff(
    session: Session, template: str, reply: Reply, now: datetime, why: Sequence[str], word: str | None = None
) -> None:
    """Queue a notice to staff about a message, and why it needs them."""
    key = reply.notice.partnership if reply.notice is not None else None
    extra = {"reply": template_values(session, reply, why, word)}
    queue.tell_staff(session, key, template, extra, now, actor=reply.incoming.sender)


def say_last_told(number: int) -> str:
    """Return the line that tells staff that this message is the last of its kind of which they hear for now."""
    return (
        f"This is number {number} within an hour. You are not told of the following ones until an hour has"
        ' passed. "partnershipctl replies list" shows all.'
    )


def template_values(
    session: Session, reply: Reply, why: Sequence[str], word: str | None = None
) -> dict[str, Any]:
    """Return what templates read of a message that came back."""
    incoming = reply.incoming
    person = reply.notice.to if reply.notice is not None else incoming.sender
    # Staff have to know of attachments, since these are only in the stored message.
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
