"""Sends a message again that did not arrive, because a person at the office asked for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from states.errors import Refused, Unmet
from states.names import Role
from workflow.actions import sign_in
from workflow.outbox import claims, queue
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.column_types import LARGEST

MAY_SEND_AGAIN = (Role.STAFF,)


def send_again(session: Session, key: int, by: str, role: Role, now: datetime) -> None:
    """Queue the notice with this id again, and record who asked (`by`, an address) in the directory's changes.

    Raise `Refused` if the role may not, or if the notice is not one that did not arrive.
    """
    if role not in MAY_SEND_AGAIN:
        raise Refused([Unmet("may-send-again", "Only staff can have a message sent again.")])
    # A larger number would be an error of the database rather than a notice that is not there.
    if not 0 < key <= LARGEST or not claims.retry(session.connection, key, now):
        reason = "This message is not one that did not arrive. It may have been sent again already."
        raise Refused([Unmet("did-not-arrive", reason)])
    _renew_sign_in(session, key, now)
    chain.record(session.connection, "retried notices", [key], by=by, now=now)


def _renew_sign_in(session: Session, key: int, now: datetime) -> None:
    """Send a fresh link in place of a message with a link to sign in: its own link works for minutes only."""
    table = tables.notices
    row = session.connection.execute(select(table.c.template, table.c.to).where(table.c.id == key)).one()
    if row.template not in sign_in.TEMPLATES:
        return
    queue.revoke(session.connection, [key], now)
    try:
        sign_in.send(session, row.to, now, row.template)
    except sign_in.Unknown as error:
        raise Refused([Unmet("may-sign-in", f"It was not sent again: {error}.")]) from None
