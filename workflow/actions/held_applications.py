"""Holds the applications that exceed a cap of their call, so that a flood does not reach the panel.

Nothing is lost: what is held is kept as it was sent, its sender and staff are told, and it counts as sent at that
time when staff release it. Nobody reads it meanwhile, as with every application of an open call (4270.8).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Row, delete, insert, select, update

from states.names import Role
from workflow.outbox import queue
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.column_types import canonical
from workflow.store.rows import Snapshot

WAITS, TELLS_STAFF = "application-held", "applications-held"


@dataclass(frozen=True, slots=True)
class Held:
    """An application that waits for the office. `values` are those of its form."""

    email: str
    values: Mapping[str, str]
    held_at: datetime
    reason: str
    set_aside_at: datetime | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make it from a row of the table."""
        values = row._mapping["values"]
        return cls(row.email, json.loads(values), row.held_at, row.reason, row.set_aside_at)


def list_held(session: Session, record: Snapshot) -> list[Held]:
    """Return what waits of the present call, or was set aside, the oldest first."""
    call, table = record.facts.selection, tables.held_applications
    if call is None:
        return []
    query = select(table).where(table.c.partnership == record.id, table.c.held_at >= call.opened_at)
    rows = map(Held.from_row, session.connection.execute(query))
    # Text is sorted here, since each database has its own order for it.
    return sorted(rows, key=lambda held: (held.held_at, held.email))


def find_held(session: Session, record: Snapshot, email: str) -> Held | None:
    """Return the application of an address that waits, or was set aside, in the present call."""
    return next((held for held in list_held(session, record) if held.email == email), None)


def why_held(session: Session, record: Snapshot, email: str) -> str | None:
    """Return why an application of this address has to wait; None if it does not.

    1. An address that is on record may replace its application.
    2. An organization that the office has entered in the directory never waits.
    3. The whole call has a cap, and so has each mail domain that is not public.
    """
    call, limits = record.facts.selection, session.config.procedure.selection
    contacts = [each.contact_email for each in call.applications.values()] if call else []
    if email in contacts or _is_known_to_office(session, email):
        return None
    if len(contacts) >= limits.most_applications:
        return (
            f"the call has {len(contacts)} applications, and most_applications is {limits.most_applications}"
        )
    domain = domain_of(email)
    number = sum(domain_of(contact) == domain for contact in contacts)
    if domain not in limits.public_domains and number >= limits.most_of_domain:
        return (
            f"the call has {number} applications from {domain}, and most_of_domain is {limits.most_of_domain}"
        )
    return None


def domain_of(email: str) -> str:
    """Return the domain of an address that somebody registers: one owner can make any number of subdomains.

    Three parts count where the second last is short, as in example.co.uk. An error only lets somebody wait.
    """
    parts = email.rpartition("@")[2].lower().rstrip(".").split(".")
    return ".".join(parts[-3:] if len(parts) > 2 and len(parts[-2]) <= 3 else parts[-2:])


def _is_known_to_office(session: Session, email: str) -> bool:
    """Return whether somebody else than this person has entered the address in the directory."""
    person = session.directory.people.get(email)
    if person is None or not person.active or not person.organization:
        return False
    table = tables.changes
    query = select(table.c.by).where(table.c.what == f"people {email}")
    return bool(set(session.connection.scalars(query)) - {email})


def hold(
    session: Session, record: Snapshot, email: str, values: Mapping[str, str], reason: str, now: datetime
) -> None:
    """Keep an application until staff release it. Tell its sender once, and staff once for each call."""
    earlier = find_held(session, record, email)
    remove(session, record, email)
    row: dict[str, Any] = {
        "partnership": record.id, "email": email, "values": canonical(dict(values)), "held_at": now,
        "reason": reason, "set_aside_at": earlier.set_aside_at if earlier else None,
    }  # fmt: skip
    chain.execute(session.connection, insert(tables.held_applications).values(row))
    if earlier is None:
        _tell_applicant(session, record, email, now, set_aside=False)
    if not _were_staff_told(session, record):
        held = {"name": values["name"], "email": email, "reason": reason}
        queue.tell_staff(session, record.id, TELLS_STAFF, {"held": held}, now)


def _were_staff_told(session: Session, record: Snapshot) -> bool:
    call, table = record.facts.selection, tables.notices
    query = select(table.c.id).where(table.c.partnership == record.id, table.c.template == TELLS_STAFF)
    if call is not None:
        query = query.where(table.c.queued_at >= call.opened_at)
    return session.connection.scalar(query.limit(1)) is not None


def _tell_applicant(
    session: Session, record: Snapshot, email: str, now: datetime, *, set_aside: bool
) -> None:
    queue.tell(
        session, WAITS, email, str(Role.APPLICANT), now,
        partnership=record.id, extra={"held": {"set_aside": set_aside}, "page": None},
    )  # fmt: skip


def set_aside(session: Session, record: Snapshot, email: str, now: datetime) -> None:
    """Set aside what is held of an address, and tell it. It is kept, and staff can still release it."""
    table = tables.held_applications
    mine = (table.c.partnership == record.id, table.c.email == email)
    chain.execute(session.connection, update(table).where(*mine).values(set_aside_at=now))
    _tell_applicant(session, record, email, now, set_aside=True)


def remove(session: Session, record: Snapshot, email: str) -> None:
    """Remove what is held of an address, since it is in the call now or is replaced."""
    table = tables.held_applications
    mine = (table.c.partnership == record.id, table.c.email == email)
    chain.execute(session.connection, delete(table).where(*mine))
