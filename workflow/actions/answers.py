"""Remembers which events were done by a link, a reply or a page, so that none is done twice by the same form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from states.machine import event_named
from workflow.links import Claim
from workflow.outbox import message
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Channel, HistoryEntry, Notice

_TABLE = tables.answers


def is_once(session: Session, claim: Claim, notice: Notice, event: str) -> bool:
    """Return whether an event can be done only once by this claim, and not once by each form.

    That holds for what the message of a notice asks for, since a message can be forwarded. What a page offers
    besides can be done again when the law allows it again.
    """
    asked = claim.sign_in is None and event in message.offers_of(session, notice)
    return asked and not event_named(event).repeatable


def key_of(session: Session, claim: Claim, notice: Notice, event: str, form: str) -> str:
    """Return the unique key of an answer."""
    if claim.sign_in is not None:
        # The form comes first, so that all events of one form are found by the beginning of their keys.
        return f"page {form} {event}"
    once = is_once(session, claim, notice, event)
    return f"{claim.notice} {event}" if once else f"{claim.notice} {event} {form}"


def is_answered(session: Session, key: str) -> bool:
    """Return whether there is an answer with this key."""
    return session.connection.scalar(select(_TABLE.c.id).where(_TABLE.c.form == key)) is not None


def columns(
    claim: Claim, key: str, event: str, *, channel: Channel, by: str, now: datetime
) -> dict[str, Any]:
    """Return the columns of the answer that a claim gives by doing an event, but for those that the event gives."""
    return {
        "notice": claim.notice,
        "sign_in": claim.sign_in,
        "event": event,
        "form": key,
        "channel": channel,
        "by": by,
        "at": now,
    }


def was_sent(session: Session, claim: Claim, form: str) -> bool:
    """Return whether this very form was sent before, for one event or for several."""
    if claim.sign_in is not None:
        # "~" sorts after every character of a key, so this finds all keys that begin with the form.
        mine = _TABLE.c.form.between(f"page {form}", f"page {form}~")
        return session.connection.scalar(select(_TABLE.c.id).where(mine).limit(1)) is not None
    keys = select(_TABLE.c.form).where(_of(claim))
    return any(form in key.split(" ") for key in session.connection.scalars(keys))


def was_used(session: Session, claim: Claim) -> bool:
    """Return whether the claim's event was done from this notice before."""
    query = select(_TABLE.c.id).where(_of(claim), _TABLE.c.event == claim.event)
    return session.connection.scalar(query) is not None


def last_done(session: Session, claim: Claim) -> list[HistoryEntry]:
    """Return the history rows that the latest answer to this notice, or from this sign-in, wrote, oldest first."""
    history, records = tables.history, tables.partnerships
    key = select(records.c.id).where(records.c.ref == claim.ref).scalar_subquery()
    mine = and_(_of(claim), _TABLE.c.partnership == key)
    # All events of one form have the same instant, so this finds all rows of the last form.
    last = select(func.max(_TABLE.c.at)).where(mine).scalar_subquery()
    query = (
        select(history)
        .join(_TABLE, and_(_TABLE.c.partnership == history.c.partnership, _TABLE.c.seq == history.c.seq))
        .where(mine, _TABLE.c.at == last)
        .order_by(history.c.seq)
    )
    return [HistoryEntry.from_row(row) for row in session.connection.execute(query)]


def _of(claim: Claim) -> ColumnElement[bool]:
    """Return the condition for the answers of a notice or of a sign-in."""
    if claim.sign_in is not None:
        return _TABLE.c.sign_in == claim.sign_in
    return _TABLE.c.notice == claim.notice
