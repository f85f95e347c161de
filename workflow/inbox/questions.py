"""Judges messages that did not come to the address of a notice, and passes them on to staff.

Such a message never causes an event, since it has no code that proves that its sender got the notice.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from workflow.inbox.message import WITHIN, Judged, Reply, attach_notice, find_doubt, say_last_told, tell_staff
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, Verdict

# Messages of strangers within an hour of which staff are told. Anybody can write them, and many of them are spam.
STRANGERS = 20


def judge_question(session: Session, reply: Reply, now: datetime) -> Judged:
    """Pass a message that came to no notice's own address on to staff, and return the verdict.

    1. If its sender got the notice that it answers, or is in the directory, and there is no doubt, it is a note.
    2. If it answers a notice and its sender is in doubt, staff are told of the doubt.
    3. Anybody else may have a question too. Staff are told of the first `STRANGERS` such messages in an hour.
    """
    sender = reply.incoming.sender
    table = tables.notices
    # A Message-ID shows in every forwarded message, so the sender must also be the one who got it.
    answered = select(table).where(table.c.to == sender, table.c.message_id.in_(reply.incoming.answers))
    row = session.connection.execute(answered.order_by(table.c.id.desc())).first() if sender else None
    if reply.incoming.to:
        why = "the address it came to is none that we gave to anybody"
        return _pass_on(session, reply, now, Verdict.UNKNOWN, why)
    if row is not None:
        reply = attach_notice(session, reply, Notice.from_row(row))
    elif sender not in session.directory.people:
        why = "it is from somebody we do not know, and answers none of our messages"
        return _pass_on(session, reply, now, Verdict.UNKNOWN, why)
    if doubt := find_doubt(session, reply, []):
        if row is None:
            return _pass_on(session, reply, now, Verdict.REFUSED, doubt)
        tell_staff(session, "reply-doubtful", reply, now, [doubt])
        return reply.judged(Verdict.REFUSED, doubt)
    # Without the code of a notice the sender is not certain enough for the record.
    why = "It did not come to the address for answers to one message."
    tell_staff(session, "reply-note", reply, now, [why])
    return reply.judged(Verdict.NOTE, why)


def _pass_on(session: Session, reply: Reply, now: datetime, verdict: Verdict, why: str) -> Judged:
    """Tell staff of a message that may be from anybody, unless there were too many of these within an hour."""
    table = tables.replies
    query = select(func.count()).where(
        table.c.notice.is_(None),
        table.c.verdict.in_((Verdict.UNKNOWN, Verdict.REFUSED)),
        table.c.received_at > now - WITHIN,
        table.c.id != reply.id,
    )
    earlier = session.connection.scalar(query) or 0
    lines = [f"{why[0].upper()}{why[1:].rstrip('.')}."]
    if earlier == STRANGERS - 1:
        # Staff hear once that there are too many. The messages themselves are kept.
        lines.append(say_last_told(STRANGERS))
    if earlier < STRANGERS:
        tell_staff(session, "question", reply, now, lines)
    return reply.judged(verdict, why)
