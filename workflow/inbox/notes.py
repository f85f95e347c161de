"""Keeps answers that do nothing: as notes on record, for staff to read, and with the question asked once more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from notifications.links import Forged
from states.errors import BadInput, Refused
from states.event import ReplyWord
from states.machine import row_of
from workflow.actions.action import Action, LinkClosed, act, find_action
from workflow.inbox.message import TEXT, Judged, Reply, tell_staff, template_values
from workflow.inbox.refusals import ask_again, is_near
from workflow.links import Claim
from workflow.session import Session
from workflow.store.rows import Channel, Verdict


def keep(
    session: Session, reply: Reply, now: datetime, offered: Mapping[str, Mapping[str, ReplyWord]]
) -> Judged:
    """Keep an answer that does nothing as a note, and ask again for what the notice still asks for.

    A receipt alone would read as if the person had agreed, so it says that they have not. If the answer comes near
    to one of the words, or is no note, a message of its own says that.
    """
    words = sorted({word for each in offered.values() for word in each})
    near = reply.ref is not None and is_near(reply, words)
    is_open = reply.ref is not None and any(
        _is_open(session, reply, event, now) for event, each in offered.items() if each
    )
    unclear = template_values(session, reply, ()) if is_open else None
    noted = not reply.incoming.reaction and _add_note(session, reply, now, near=near, unclear=unclear)
    tell_staff(session, "reply-note", reply, now, [])
    if near or (is_open and not noted):
        ask_again(session, reply, now, words)
    return reply.judged(Verdict.NOTE)


def pass_to_staff(session: Session, reply: Reply, now: datetime, why: str) -> Judged:
    """Pass a message on to staff, and add it to the partnership's record if the sender's role may do that."""
    if reply.ref is not None:
        _add_note(session, reply, now)
    tell_staff(session, "reply-note", reply, now, [why])
    return reply.judged(Verdict.NOTE, why)


def _add_note(
    session: Session,
    reply: Reply,
    now: datetime,
    *,
    near: bool = False,
    unclear: dict[str, Any] | None = None,
) -> bool:
    """Add the sender's words to the partnership's record. Return whether that was done: their role may forbid it.

    The receipt asks again for what is still asked for, if `unclear` says so. One that is `near` has no receipt.
    """
    text = reply.incoming.words.text[:TEXT]
    again = {"reply": unclear, "offers_again": list(reply.answered.offered)} if unclear else None
    try:
        action = find_asked(session, reply, "", now)
        if not text or action.role not in row_of("add-note", action.record.state).who:
            return False
        # A savepoint, as above: without the note, the message itself must still be recorded.
        with session.connection.begin_nested():
            act(
                session,
                action,
                {"text": text},
                channel=Channel.REPLY,
                form=reply.digest,
                now=now,
                event="add-note",
                receipt=None if near else again or {},
            )
    except (LinkClosed, Forged, BadInput, Refused):
        # The message is kept among the replies and staff are told, so nothing is lost.
        return False
    return True


def _is_open(session: Session, reply: Reply, event: str, now: datetime) -> bool:
    """Return whether the person can still do what the notice asks for."""
    try:
        find_asked(session, reply, event, now)
    except (LinkClosed, Forged):
        return False
    return True


def find_asked(session: Session, reply: Reply, event: str, now: datetime) -> Action:
    """Return what the notice asked its reader for, if they can still do it.

    Raise `LinkClosed` if they cannot, or if the notice is too old, and `Forged` if the notice does not exist.
    """
    notice = reply.answered
    claim = Claim(notice.id, event, notice.to, str(reply.ref), notice.offered.get(event))
    # A link carries its age under its signature, but the address for replies does not.
    if notice.queued_at + timedelta(days=session.config.procedure.web.link_days) <= now:
        raise LinkClosed("expired", "The message is too old to be answered.", claim)
    return find_action(session, claim, now)
