"""Tells the people and organizations whom a record names that somebody has asked for it (RCW 42.56.540)."""

from __future__ import annotations

from datetime import date, datetime

from states.errors import BadInput, Problem, Refused, Unmet
from states.names import Role
from workflow.outbox import queue
from workflow.record import changes
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views import sealing

TEMPLATE = "records-request"


def find_named(record: Snapshot, now: datetime) -> dict[str, Role]:
    """Return the addresses of the contacts of all organizations whom the record names, each with its role.

    Who applied to an open call is not among them: nobody asks for what is sealed.
    """
    facts = record.facts
    calls = facts.earlier_selections if sealing.is_sealed(facts, now) else facts.selections
    named = {each.contact_email: Role.APPLICANT for call in calls for each in call.applications.values()}
    return named | ({facts.contact.email: Role.LEAD_PARTNER} if facts.contact else {})


def notify(
    session: Session, record: Snapshot, respond_by: date, asked: str, *, by: str, now: datetime
) -> list[str]:
    """Queue a notice to each of them, put it on record, and return their addresses.

    Raise `BadInput` if the day is not to come, `Refused` if the record names nobody.
    """
    if respond_by <= session.config.calendar.day(now):
        expected = "a day that leaves them time to ask a court"
        raise BadInput([Problem("--respond-by", f"{respond_by} is not to come", expected)])
    named = find_named(record, now)
    if not named:
        raise Refused([Unmet("third-parties", f"the record of {record.ref} names no organization", None)])
    extra = {"request": {"asked": asked, "respond_by": respond_by.isoformat()}}
    for email, role in sorted(named.items()):
        queue.tell(session, TEMPLATE, email, str(role), now, extra=extra, partnership=record.key)
    after = {"respond_by": str(respond_by), "asked": asked, "told": sorted(named)}
    changes.record(session, f"told third parties of a request for {record.ref}", after, by=by, now=now)
    return sorted(named)
