"""When a notice leaves: at once, when the hours of the district begin, or with the reader's daily digest."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from states.machine import EVENTS, askable, event_named, events_of, waiting_on
from states.partnership import Role
from workflow import directory
from workflow.deadlines import Rung
from workflow.directory import Person
from workflow.procedure.checks import SYSTEM_NOTICES
from workflow.procedure.config import Config
from workflow.session import Session
from workflow.store.rows import NoticeStatus, RungKind, Snapshot
from workflow.store.tables import canonical

# What is about the system, or urgent by law, waits for no digest.
AT_ONCE = (*SYSTEM_NOTICES, *(name for name in EVENTS if event_named(name).urgent))


def new_notice(
    config: Config, template: str, to: str, role: str, now: datetime, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The row of a queued notice about no partnership."""
    domain = config.sender.address.rpartition("@")[2]
    return {
        "partnership": None,
        "template": template,
        "to": to,
        "role": role,
        "delegate_for": None,
        "seq": None,
        "deadline": None,
        "extra": canonical(extra) if extra else None,
        "status": NoticeStatus.QUEUED,
        "message_id": f"<{uuid.uuid4().hex}@{domain}>",
        "queued_at": now,
        "next_at": next_send_time(config, now),
        "held": False,
    }


def next_send_time(config: Config, now: datetime, rung: Rung | None = None) -> datetime:
    """The first instant from `now` on at which messages may leave.

    What tells of a deadline that itself falls outside of the hours leaves at once.
    """
    if _open(config, now) or (rung is not None and not _open(config, rung.due_at)):
        return now
    begin, _ = config.procedure.mail.hours
    local = config.calendar.local(now)
    day = local.date() if local.time() < begin else local.date() + timedelta(days=1)
    return config.calendar.instant(day, begin)


def _open(config: Config, now: datetime) -> bool:
    begin, end = config.procedure.mail.hours
    wall = config.calendar.local(now).time()
    return begin <= wall < end or (begin == time() and end == time.max)


def digest_at(config: Config, now: datetime) -> datetime:
    """The first instant from `now` on at which the daily digest leaves.

    Daily means on every day: what a reminder on a Friday asks for may be due on Saturday.
    """
    at, today = config.procedure.mail.digest_at, config.calendar.local(now).date()
    found = config.calendar.instant(today, at)
    return found if found >= now else config.calendar.instant(today + timedelta(days=1), at)


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

    Nothing waits that is urgent, or that asks for what only this person can do.
    """
    if not person.digest or template in AT_ONCE:
        return False
    digest = digest_at(session.config, now)
    if rung is not None and (rung.kind == RungKind.ESCALATE or now < rung.ladder <= digest):
        return False
    asked = askable(record.state, record.facts, Role(role)).intersection(offers)
    today = session.config.calendar.day(now)
    return not any(_is_only_recipient(session, event, person, role, record, today) for event in asked)


def _is_only_recipient(
    session: Session, event: str, person: Person, role: str, record: Snapshot, today: date
) -> bool:
    """Return whether this person is the only recipient who can do the event."""
    waiting = [one for one in waiting_on(record.facts, event) if one.role == role]
    if role == Role.APPLICANT or any(one.email for one in waiting):
        return True  # each applicant for its own application, each reviewer for their own scores
    rows = [row for row in events_of(record.state) if row.name == event]
    roles = {who for row in rows for who in row.who} - {Role.CLOCK, Role.APPLICANT}
    if any(row.collected for row in rows):
        roles = {Role(role)}  # the other sides have signatures of their own to give
    others = {
        directory.reachable(session.directory, holder, today).email
        for other in roles
        for holder in session.directory.holders(other, record.facts)
    }
    return not others - {person.email}
