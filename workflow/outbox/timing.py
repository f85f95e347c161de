"""When a notice leaves: at once, when the hours of the district begin, or with the reader's daily digest."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from states.machine import COLLECTED, askable, events_of, waiting_on
from states.partnership import Partnership, Role, State
from workflow import directory
from workflow.directory import Person
from workflow.procedure.checks import SYSTEM_NOTICES
from workflow.procedure.config import Config
from workflow.session import Session
from workflow.store.tables import canonical

# About the system, or a meeting of the Board that is not when it was: these wait for no digest.
AT_ONCE = (*SYSTEM_NOTICES, "defer-item")


@dataclass(frozen=True, slots=True)
class Rung:
    """The rung of a deadline that a notice speaks of, or that made its event happen."""

    kind: str
    ladder: datetime
    due_at: datetime


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
        "status": "queued",
        "message_id": f"<{uuid.uuid4().hex}@{domain}>",
        "queued_at": now,
        "next_at": leaves_at(config, now),
        "held": False,
    }


def leaves_at(config: Config, now: datetime, rung: Rung | None = None) -> datetime:
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
    state: State,
    facts: Partnership,
    now: datetime,
    rung: Rung | None,
) -> bool:
    """Whether a notice waits for its reader's digest: nothing that is urgent, or that only they can do, does."""
    if not person.digest or template in AT_ONCE:
        return False
    if rung is not None and (rung.kind == "escalate" or now < rung.ladder <= digest_at(session.config, now)):
        return False
    asked = [event for event in offers if event in askable(state, facts, Role(role))]
    today = session.config.calendar.day(now)
    return not any(_only_they(session, event, person, role, state, facts, today) for event in asked)


def _only_they(
    session: Session, event: str, person: Person, role: str, state: State, facts: Partnership, today: Any
) -> bool:
    """Whether nobody but this person, of those who may do an event, would read of it."""
    waiting = [one for one in waiting_on(facts, event) if one.role == role]
    if role == Role.APPLICANT or any(one.email for one in waiting):
        return True  # each applicant for its own application, each reviewer for his or her own scores
    roles = {who for row in events_of(state) if row.name == event for who in row.who} - {Role.CLOCK}
    if event in COLLECTED:
        roles = {Role(role)}  # the other sides have signatures of their own to give
    others = {
        directory.reachable(session.directory, holder, today).email
        for one in roles - {Role.APPLICANT}
        for holder in session.directory.holders(one, facts)
    }
    return not others - {person.email}
