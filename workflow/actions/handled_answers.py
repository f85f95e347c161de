"""Marks an answer that came by mail as handled, so that it leaves the desk; the record says by whom and when."""

from __future__ import annotations

from datetime import datetime

from states.errors import Refused, Unmet
from states.names import Role
from workflow.session import Session
from workflow.store import chain
from workflow.views import troubled_mail

MAY_HANDLE = (Role.STAFF,)


def mark_handled(session: Session, key: int, by: str, role: Role | None, now: datetime) -> None:
    """Record that somebody (`by`) has looked after the answer with this number. `role` is None for a user of ours.

    Raise `Refused` if the role may not, or if the answer is not one that waits for a person.
    """
    if role is not None and role not in MAY_HANDLE:
        raise Refused([Unmet("may-handle", "Only staff can mark an answer as handled.")])
    if not troubled_mail.waits_for_person(session, key):
        reason = "This answer does not wait for a person. It may have been marked already."
        raise Refused([Unmet("waits-for-person", reason)])
    what = f"{troubled_mail.HANDLED}{key}"
    chain.record(session.connection, what, "handled", by=by, now=now)
