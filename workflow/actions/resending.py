"""Sends a message again, with fresh links, to the person on record and to nobody else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from notifications.errors import ServiceError
from states.names import Role
from workflow import links
from workflow.actions import sign_in
from workflow.actions.action import has_right
from workflow.outbox import queue
from workflow.outbox.message import DIGEST, partnership_of
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice, NoticeStatus

# Their only content is a link to sign in, which is made anew.
_SIGN_INS = ("sign-in", "invitation")
_ENDED = (NoticeStatus.SENT, NoticeStatus.IN_DOUBT, NoticeStatus.DEAD)


class CannotResend(ServiceError):
    """A notice cannot be sent again. The text of the error says why, `expected` what would be right."""

    def __init__(self, why: str, expected: str) -> None:
        super().__init__(why)
        self.expected = expected


def resend(session: Session, notice: Notice, now: datetime) -> int:
    """Queue a notice like this one, and return its id. Raise `CannotResend`."""
    _check(session, notice, now)
    if notice.template in _SIGN_INS:
        return sign_in.send(session, notice.to, now, notice.template)
    return queue.tell(
        session, notice.template, notice.to, notice.role, now,
        extra=notice.more or None, partnership=notice.partnership, seq=notice.seq, deadline=notice.deadline,
        delegate_for=notice.delegate_for,
    )  # fmt: skip


def _check(session: Session, notice: Notice, now: datetime) -> None:
    """Raise `CannotResend` unless a notice has left or was set aside, and its person may still read it."""
    if notice.revoked_at is not None:
        raise CannotResend("was revoked", "one that was not")
    if notice.template in (DIGEST, "summary"):
        parts = select(tables.notices.c.id).where(tables.notices.c.within == notice.id)
        numbers = ", ".join(map(str, session.connection.scalars(parts)))
        raise CannotResend(
            f"is a {notice.template}", f"one of the notices in it: {numbers}" if numbers else "another"
        )
    # A notice within a digest has left with it, whatever became of the notice itself.
    if NoticeStatus(notice.status) not in _ENDED and notice.within is None:
        raise CannotResend(f"is {notice.status}, and leaves by itself", "one that has left or was set aside")
    if not _may_read(session, notice, now):
        raise CannotResend(
            f"is for {notice.to} as {notice.role}, who has this role no more", "another person"
        )


def _may_read(session: Session, notice: Notice, now: datetime) -> bool:
    """Return whether the person of a notice still has the role in which it was sent."""
    about = partnership_of(session, notice)
    if about is not None:
        return has_right(session, links.claim_of(notice, about.ref, "", about.facts), now)
    person = session.directory.people.get(notice.owner)
    return person is not None and person.active and Role(notice.role) in person.roles
