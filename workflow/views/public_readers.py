"""Reads the addresses of people outside: those who asked about a call, and those who hear of new calls.

No page and no export shows them. The outbox reads them, to write to each alone. Who manages people may list those
who hear of new calls (`workflow/admin/subscribers.py`).
"""

from __future__ import annotations

from sqlalchemy import select

from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import HistoryEntry, Snapshot

ASK = "ask-question"


def find_asker(session: Session, record: Snapshot, answered: HistoryEntry | None) -> str | None:
    """Return the address of the one whose question a row of the history answers, if it is known."""
    call, history, asked = record.facts.selection, tables.history, tables.asked_questions
    mine = history.c.partnership == record.id
    number = answered.input_values.get("question") if answered else None
    if call is None or number is None:
        return None
    query = select(history.c.seq).where(mine, history.c.event == ASK, history.c.at >= call.opened_at)
    questions = session.connection.scalars(query.order_by(history.c.seq)).all()
    if not 1 <= number <= len(questions):
        return None
    about = (asked.c.partnership == record.id, asked.c.seq == questions[number - 1])
    email: str | None = session.connection.scalar(select(asked.c.email).where(*about))
    return email


def list_subscribers(session: Session) -> list[str]:
    """Return the addresses that hear of new calls, in alphabetical order, without those where mail came back."""
    table, addresses = tables.subscribers, tables.addresses
    came_back = select(addresses.c.email).where(addresses.c.bounced_at.is_not(None))
    return sorted(session.connection.scalars(select(table.c.email).where(table.c.email.not_in(came_back))))
