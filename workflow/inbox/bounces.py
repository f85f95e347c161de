"""Handles reports that a message did not arrive: marks the address, sets its notice aside, and tells staff once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select, update

from workflow.inbox.message import (
    MOST_TOLD,
    WITHIN,
    Judged,
    Reply,
    attach_notice,
    find_notices,
    say_last_told,
    tell_staff,
)
from workflow.outbox import bounced, queue
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.rows import Notice, NoticeStatus, Verdict


def judge_bounce(session: Session, reply: Reply, now: datetime) -> Judged:
    """Judge a report of a mail server, and act on it if it says that a message of ours will never arrive.

    1. Find the notice that the report is about: by the Message-IDs it names, else by the address it came to. A
       report that names no message of ours says nothing about any address, since anybody can send one. Staff read
       it, though not more than `MOST_TOLD` within an hour.
    2. If the failure may pass, only record the report: the mail server is still trying. Staff read a report that
       does not say so.
    3. Else set the notice aside, mark the address, and tell staff if the address was not marked before.
    """
    bounce = reply.incoming.bounce
    assert bounce is not None
    table, notices = tables.notices, find_notices(session, reply.incoming)
    # The Message-IDs are more exact than the address, but some servers leave them out of their reports.
    if bounce.about:
        query = select(table).where(table.c.message_id.in_(bounce.about)).order_by(table.c.id)
        notices = [Notice.from_row(row) for row in session.connection.execute(query)] or notices
    if not notices:
        return _show(session, reply, now, f"it names no message of ours: {bounce.said}")
    reply = attach_notice(session, reply, notices[0])
    if bounce.unclear:
        return _show(session, reply, now, f"it does not say whether the server still tries: {bounce.said}")
    # The address must not be marked for a full mailbox or a server that is away.
    if not bounce.permanent:
        return reply.judged(Verdict.BOUNCE, f"not delivered yet: {bounce.said}")
    notice, reason = reply.answered, bounce.said or bounce.status or ""
    # Only a sent notice can come back. If staff have queued it again meanwhile, the new try decides.
    dead = update(table).where(table.c.id == notice.id, table.c.status == NoticeStatus.SENT.value)
    chain.execute(session.connection, dead.values(status=NoticeStatus.DEAD, reason=f"it came back: {reason}"))
    # Every further message to the address will come back too. One report to staff is enough.
    if bounced.mark(session, notice.to, reason, now):
        failure = {
            "recipient": notice.to,
            "subject": notice.subject,
            "reason": reason,
            "notice_id": notice.id,
        }
        queue.tell_staff(session, notice.partnership, "address-failed", {"failure": failure}, now)
    return reply.judged(Verdict.BOUNCE, f"not delivered: {reason}")


def _show(session: Session, reply: Reply, now: datetime, why: str) -> Judged:
    """Show staff a report on which nothing can be done, unless they have seen enough of them within an hour."""
    table = tables.replies
    nothing = or_(table.c.reason.startswith("it names no"), table.c.reason.startswith("it does not say"))
    recent = table.c.received_at > now - WITHIN
    shown = select(func.count()).where(table.c.verdict == Verdict.BOUNCE, nothing, recent)
    if (earlier := session.connection.scalar(shown) or 0) < MOST_TOLD:
        last = [say_last_told(MOST_TOLD)] if earlier == MOST_TOLD - 1 else []
        tell_staff(
            session, "reply-doubtful", reply, now, [f"A mail server reports a failure, but {why}.", *last]
        )
    return reply.judged(Verdict.BOUNCE, why)
