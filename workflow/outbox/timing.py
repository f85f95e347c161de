"""Decides when a notice leaves: at once, when the mail hours begin, or with the reader's daily digest."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from notifications.masking import mask
from states.machine import EVENTS, askable, event_named, row_of, waiting_on
from states.names import Role
from workflow import directory
from workflow.directory import Person
from workflow.procedure.checks import SYSTEM_NOTICES
from workflow.procedure.config import Config
from workflow.procedure.ladders import Rung
from workflow.session import Session
from workflow.store import tables
from workflow.store.column_types import canonical
from workflow.store.rows import NoticeStatus, RungKind, Snapshot

# Notices about the system, and events that the law makes urgent, never wait for a digest.
AT_ONCE = (*SYSTEM_NOTICES, *(name for name in EVENTS if event_named(name).urgent))


def new_notice(
    config: Config,
    template: str,
    to: str,
    role: str,
    now: datetime,
    extra: dict[str, Any] | None = None,
    *,
    leaves: datetime | None = None,
) -> dict[str, Any]:
    """Return the row of a queued notice. It is about no partnership until the caller fills those columns in.

    It `leaves` at the next time at which messages may, unless the caller knows when.
    """
    domain = config.sender.address.rpartition("@")[2]
    return {
        "partnership": None,
        "template": template,
        "to": to,
        "role": role,
        "delegate_for": None,
        "seq": None,
        "deadline": None,
        # A link in it is kept without its signature, as in a message.
        "extra": mask(canonical(extra).encode()).decode() if extra else None,
        "status": NoticeStatus.QUEUED,
        # Made once for all attempts, so that mail programs show a message only once that arrives twice.
        "message_id": f"<{uuid.uuid4().hex}@{domain}>",
        "queued_at": now,
        "next_at": leaves or next_send_time(config, now),
        "held": False,
    }


def next_send_time(config: Config, now: datetime, rung: Rung | None = None) -> datetime:
    """Return the first instant from `now` on at which messages may leave.

    A notice of a deadline that itself falls outside of the mail hours leaves at once, since that
    deadline was set for such an hour on purpose.
    """
    if _is_open(config, now) or (rung is not None and not _is_open(config, rung.due_at)):
        return now
    begin, _ = config.procedure.mail.hours
    local = config.calendar.local(now)
    day = local.date() if local.time() < begin else local.date() + timedelta(days=1)
    return config.calendar.instant(day, begin)


def _is_open(config: Config, now: datetime) -> bool:
    """Return whether an instant is within the mail hours. Hours from midnight to midnight never close."""
    # `time.max` stands for 24:00. Without the second condition the last microsecond of a day would be closed.
    begin, end = config.procedure.mail.hours
    wall = config.calendar.local(now).time()
    return begin <= wall < end or (begin == time() and end == time.max)


def next_digest_time(config: Config, now: datetime) -> datetime:
    """Return the first instant from `now` on at which the daily digest leaves.

    Daily means weekends too: a reminder on a Friday may ask for something that is due on Saturday.
    """
    # Count in local days, so that the digest keeps its hour when the clocks change.
    at, today = config.procedure.mail.digest_at, config.calendar.local(now).date()
    today_at = config.calendar.instant(today, at)
    return today_at if today_at >= now else config.calendar.instant(today + timedelta(days=1), at)


def is_held(
    session: Session,
    template: str,
    person: Person,
    role: str,
    offers: Sequence[str],
    *,
    record: Snapshot,
    now: datetime,
    rung: Rung | None,
) -> bool:
    """Return whether a notice waits for its reader's digest.

    A notice does not wait if

    1. its reader wants no digest, or its template is urgent,
    2. it is the first to tell this person that a deadline is overdue; the following ones wait,
    3. it tells of a deadline that falls due before the digest leaves,
    4. it asks for something that only this person can do.
    """
    # What somebody outside asked for comes as they asked for it, with the way to end it.
    if not person.digest or template in AT_ONCE or role == Role.PUBLIC:
        return False
    # The receipt of an application brings its copy, so it comes alone.
    if role == Role.APPLICANT and template in EVENTS and event_named(template).sealed:
        return False
    if rung is not None and rung.kind == RungKind.ESCALATE:
        return _was_told(session, person, record, rung)
    if rung is not None and now < rung.ladder <= next_digest_time(session.config, now):
        return False
    asked = {
        event
        for event in askable(record.state, record.facts, Role(role)).intersection(offers)
        if is_needed(record, event)
    }
    today = session.config.calendar.day(now)
    return not any(_is_only_recipient(session, event, person, role, record, today) for event in asked)


def is_needed(record: Snapshot, event: str) -> bool:
    """Return whether an event is not only for the case of need, and not done once already."""
    row = row_of(event, record.state)
    return not row.optional and not (row.done_once and row.done_once in record.moments)


def _was_told(session: Session, person: Person, record: Snapshot, rung: Rung) -> bool:
    """Return whether somebody has been told before that this deadline is overdue."""
    notices, deadlines = tables.notices, tables.deadlines
    query = (
        select(notices.c.id)
        .join(deadlines, deadlines.c.id == notices.c.deadline)
        .where(
            notices.c.partnership == record.key,
            notices.c.to == person.email,
            # They never got one that was given up.
            notices.c.status != NoticeStatus.DEAD,
            deadlines.c.name == rung.name,
            deadlines.c.ladder == rung.ladder,
            deadlines.c.kind == RungKind.ESCALATE,
        )
    )
    return session.connection.scalar(query.limit(1)) is not None


def _is_only_recipient(
    session: Session, event: str, person: Person, role: str, record: Snapshot, today: date
) -> bool:
    """Return whether this person is the only recipient who can do the event."""
    waits = [wait for wait in waiting_on(record.facts, event) if wait.role == role]
    # An applicant acts on its own application only, and a reviewer gives their own scores only.
    if role == Role.APPLICANT or any(wait.email for wait in waits):
        return True
    row = row_of(event, record.state)
    # The clock reads no mail, and an applicant cannot act for anybody but itself.
    roles = set(row.who) - {Role.CLOCK, Role.APPLICANT}
    if row.collected:
        roles = {Role(role)}  # the other sides owe signatures of their own, and cannot give this one
    others = {
        # A colleague whose mail comes to this person as a delegate is not another recipient.
        directory.find_reachable(session.directory, holder, today).email
        for other_role in roles
        for holder in session.directory.holders(other_role, record.facts)
    }
    return not others - {person.email}
