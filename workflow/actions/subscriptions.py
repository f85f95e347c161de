"""Lets anybody hear of new calls by mail: an address is confirmed by a link, and one press ends it (RFC 8058)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from states.names import Role
from workflow import links
from workflow.actions import asked_mail
from workflow.outbox import bounced, message, queue
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.rows import NoticeStatus

MOST_ASKED = 200  # the messages with links to subscribe that leave in an hour at once
_TABLE = tables.subscribers


def ask(session: Session, email: str, now: datetime) -> None:
    """Queue the message with the link that subscribes an address, unless it is too soon for another one."""
    slot = asked_mail.find_slot(session, "new-calls-link", None, email, now, MOST_ASKED)
    if slot is None:
        return
    link = links.subscribe_address(session.config, email)
    extra = {
        "why": "because somebody, most likely you, gave this address to hear of new calls",
        "offers": [{"event": "", "label": "Hear of new calls", "url": link, "words": [], "help": ""}],
    }
    queue.tell(session, "new-calls-link", email, str(Role.PUBLIC), now, extra=extra, next_at=slot.at)


def confirm(session: Session, email: str, now: datetime) -> None:
    """Subscribe an address that its link has confirmed. Do nothing if it is subscribed."""
    if not is_subscribed(session, email):
        chain.execute(session.connection, insert(_TABLE).values(email=email, confirmed_at=now))
    # The link went to this address, so mail arrives there.
    bounced.clear(session, email)


def is_subscribed(session: Session, email: str) -> bool:
    """Return whether an address hears of new calls."""
    return session.connection.scalar(select(_TABLE.c.email).where(_TABLE.c.email == email)) is not None


class Subscription(NamedTuple):
    """An address that hears of new calls, since when, and whether mail to it came back."""

    email: str
    confirmed_at: datetime
    bounced: bool


def list_all(session: Session) -> list[Subscription]:
    """Return everybody who hears of new calls, in alphabetical order."""
    addresses = tables.addresses
    query = select(addresses.c.email).where(addresses.c.bounced_at.is_not(None))
    came_back = set(session.connection.scalars(query))
    rows = session.connection.execute(select(_TABLE))
    return sorted(Subscription(row.email, row.confirmed_at, row.email in came_back) for row in rows)


def end(session: Session, email: str, now: datetime) -> None:
    """Unsubscribe an address, and withdraw what still waits to leave. Do nothing if it is not subscribed."""
    chain.execute(session.connection, delete(_TABLE).where(_TABLE.c.email == email))
    table = tables.notices
    waiting = select(table.c.id).where(
        table.c.to == email,
        table.c.role == str(Role.PUBLIC),
        table.c.template == message.NEW_CALL,
        table.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED)),
    )
    queue.revoke(session.connection, list(session.connection.scalars(waiting)), now)
