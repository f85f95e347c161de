"""The outbox: notices are queued with what they tell of, for each person concerned.

They leave by `workflow/outbox/delivery.py`, after what they tell of is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from states.machine import askable, waiting_on
from states.moments import MOMENTS
from states.partnership import Partnership, Role
from workflow import directory
from workflow.deadlines import Rung
from workflow.directory import Person
from workflow.outbox import timing
from workflow.outbox.timing import new_notice, next_send_time
from workflow.session import Session
from workflow.setting import Situation, possibilities
from workflow.store import tables
from workflow.store.rows import NoticeStatus, Snapshot
from workflow.views import visibility
from workflow.views.visibility import Viewer

_INSERT = insert(tables.notices)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something people are told of: an event (`seq` is its history row) or a rung of a deadline.

    `before` are the facts before the event: who was concerned then may no longer be afterwards.
    """

    record: Snapshot
    before: Partnership
    name: str
    now: datetime
    seq: int | None = None
    deadline: int | None = None
    actor: str | None = None
    organization: str | None = None
    rung: Rung | None = None
    to: tuple[str, ...] | None = None
    extra: dict[str, Any] | None = None


def queue(session: Session, occasions: Sequence[Occasion]) -> list[int]:
    """Queue a notice for each person concerned. How many people were told of each occasion."""
    rows: list[dict[str, Any]] = []
    counts = []
    for occasion in occasions:
        mine = _rows(session, occasion)
        rows += mine
        counts.append(len(mine))
    if rows:
        session.connection.execute(_INSERT, rows)
    return counts


def _rows(session: Session, occasion: Occasion) -> list[dict[str, Any]]:
    config = session.config
    deadline = config.deadlines.get(occasion.name) if occasion.deadline else None
    row = deadline or config.notices.get(occasion.name)
    if row is None or (row.when is not None and MOMENTS[row.when](occasion.record.facts) is None):
        return []
    found: dict[str, tuple[Person, str]] = {}
    for group in occasion.to or row.to:
        for person, role in recipients(session, occasion, group, row.offers):
            if person.email not in found:
                found[person.email] = (person, role)
    today = config.calendar.day(occasion.now)
    rows = []  # one for each person: who stands in for several, or is concerned too, is told in each capacity
    for person, role in found.values():
        if not _may_be_told(session, occasion, person, role):
            continue
        if person.email == occasion.actor and not _asked(session, occasion, role, row.offers):
            continue
        reached = directory.reachable(session.directory, person, today)
        values = {
            "partnership": occasion.record.key,
            "delegate_for": person.email if reached.email != person.email else None,
            "seq": occasion.seq,
            "deadline": occasion.deadline,
            **_departure(session, occasion, reached, role, row.offers),
        }
        made = new_notice(config, occasion.name, reached.email, role, occasion.now, occasion.extra)
        rows.append(made | values)
    return rows


def _may_be_told(session: Session, occasion: Occasion, person: Person, role: str) -> bool:
    """Return whether somebody may know of the event that a notice tells of. A deadline names its own readers."""
    if occasion.seq is None:
        return True
    return visibility.may_be_told(
        session,
        occasion.record,
        occasion.before,
        Viewer(Role(role), person.email),
        event=occasion.name,
        actor=occasion.actor,
        organization=occasion.organization,
        now=occasion.now,
    )


def _departure(
    session: Session, occasion: Occasion, person: Person, role: str, offers: Sequence[str]
) -> dict[str, Any]:
    """When a notice leaves, and whether with the reader's digest."""
    held = timing.is_held(
        session, occasion.name, person, role, offers,
        record=occasion.record, now=occasion.now, rung=occasion.rung,
    )  # fmt: skip
    if held:
        return {"held": True, "next_at": timing.digest_at(session.config, occasion.now)}
    return {"next_at": next_send_time(session.config, occasion.now, occasion.rung)}


def tell(
    session: Session,
    template: str,
    to: str,
    role: str,
    now: datetime,
    *,
    extra: dict[str, Any] | None = None,
    **values: Any,
) -> int:
    """Queue one notice to one address, whoever has it; `values` are further columns. Its id."""
    row = new_notice(session.config, template, to, role, now, extra) | values
    made = session.connection.execute(_INSERT.values(**row))
    key = made.inserted_primary_key
    return int(key[0]) if key else 0


def recipients(
    session: Session, occasion: Occasion, group: str, offers: Sequence[str]
) -> list[tuple[Person, str]]:
    """The people of a role or group, each with the role in which they are told."""
    holders = session.directory.holders
    if group == "waiting":
        found = []
        for waiting in waiting_on(occasion.record.facts, offers[0]):
            people = (
                [session.directory.someone(waiting.email)]
                if waiting.email
                else holders(waiting.role, occasion.record.facts)
            )
            found += [(person, str(waiting.role)) for person in people]
        return found
    if group == "former-lead-partner":
        return [(p, str(Role.LEAD_PARTNER)) for p in holders(Role.LEAD_PARTNER, occasion.before)]
    people = holders(group, occasion.record.facts, occasion.organization) or holders(
        group, occasion.before, occasion.organization
    )
    role = Role.APPLICANT if group == "this-applicant" else group
    return [(person, str(role)) for person in people]


def _asked(session: Session, occasion: Occasion, role: str, offers: Sequence[str]) -> bool:
    """Whether whoever did it is asked for something that they can do next."""
    asked = askable(occasion.record.state, occasion.record.facts, Role(role)) & set(offers)
    if not asked:
        return False
    here = Situation(session, occasion.record, None, occasion.now)
    ways = possibilities(here, occasion.actor or "", Role(role))
    return any(one.possible for one in ways if one.row.name in asked)


def tell_staff(
    session: Session,
    key: int | None,
    name: str,
    extra: dict[str, Any],
    now: datetime,
    actor: str | None = None,
) -> None:
    """Queue a notice about the system itself, or about something the `actor` did that only staff can see to.

    `key` is the partnership it is about, if one is. None is queued about a record that cannot be read, as none
    could be written.
    """
    if key is None:
        _tell_district(session, name, extra, now, actor)
        return
    table = tables.partnerships
    query = select(table).where(table.c.id == key)
    try:
        record = Snapshot.from_row(session.connection.execute(query).one())
    except ValueError:
        return
    queue(session, [Occasion(record, record.facts, name, now, extra=extra, actor=actor)])


def _tell_district(
    session: Session, name: str, extra: dict[str, Any], now: datetime, actor: str | None
) -> None:
    """The same about no partnership: to those of the row's roles that are the whole district's."""
    row, today = session.config.notices.get(name), session.config.calendar.day(now)
    groups = [role for role in directory.DISTRICT_ROLES if row and role in row.to]
    for role in groups:
        for person in session.directory.people.values():
            if person.active and role in person.roles and person.email != actor:
                reached = directory.reachable(session.directory, person, today)
                away = person.email if reached.email != person.email else None
                tell(session, name, reached.email, str(role), now, extra=extra, delegate_for=away)


def revoke(connection: Connection, keys: Sequence[int], now: datetime) -> list[int]:
    """Make links and replies of notices do nothing any more; of a digest, those of everything in it.

    What has not been sent yet is not sent. Which were revoked now, and were not before.
    """
    table = tables.notices
    chosen = or_(table.c.id.in_(keys), table.c.within.in_(keys)) & table.c.revoked_at.is_(None)
    found = list(connection.scalars(select(table.c.id).where(chosen).order_by(table.c.id)))
    mine = table.c.id.in_(found)
    connection.execute(update(table).where(mine).values(revoked_at=now))
    waiting = table.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED))
    connection.execute(
        update(table)
        .where(mine, waiting)
        .values(status=NoticeStatus.DEAD, reason="withdrawn before it was sent")
    )
    return found
