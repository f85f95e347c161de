"""Reports that a message did not arrive: the address is marked, its notice set aside, and staff told once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update

from workflow.inbox.message import Judged, Reply, about, named
from workflow.outbox import queue
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, NoticeStatus, Verdict


def bounced(session: Session, reply: Reply, now: datetime) -> Judged:
    """A report of a mail server. Only one that names a message of ours says anything about an address."""
    bounce = reply.incoming.bounce
    assert bounce is not None
    table, found = tables.notices, named(session, reply.incoming)
    if bounce.about:
        query = select(table).where(table.c.message_id.in_(bounce.about)).order_by(table.c.id)
        found = [Notice.from_row(row) for row in session.connection.execute(query)] or found
    if not found:
        return reply.judged(Verdict.BOUNCE, f"it names no message of ours: {bounce.said}")
    reply = about(session, reply, found[0])
    if not bounce.permanent:
        return reply.judged(Verdict.BOUNCE, f"not delivered yet: {bounce.said}")
    notice, said = reply.answered, bounce.said or bounce.status or ""
    dead = update(table).where(table.c.id == notice.id, table.c.status == NoticeStatus.SENT.value)
    session.connection.execute(dead.values(status=NoticeStatus.DEAD, reason=f"it came back: {said}"))
    if _mark(session, notice.to, said, now):
        failure = {"recipient": notice.to, "subject": notice.subject, "reason": said, "notice_id": notice.id}
        queue.tell_staff(session, notice.partnership, "address-failed", {"failure": failure}, now)
    return reply.judged(Verdict.BOUNCE, f"not delivered: {said}")


def _mark(session: Session, email: str, said: str, now: datetime) -> bool:
    """Put on record that an address takes no mail; False if that was known."""
    table = tables.addresses
    row = session.connection.execute(select(table).where(table.c.email == email)).first()
    values = {"bounced_at": now, "bounce": said}
    if row is None:
        session.connection.execute(insert(table).values(email=email, **values))
    elif row.bounced_at is None:
        session.connection.execute(update(table).where(table.c.email == email).values(**values))
    return row is None or row.bounced_at is None


def cleared(session: Session, email: str) -> None:
    """An answer has come from an address, so it takes mail."""
    table = tables.addresses
    marked = update(table).where(table.c.email == email, table.c.bounced_at.is_not(None))
    session.connection.execute(marked.values(bounced_at=None, bounce=None))
