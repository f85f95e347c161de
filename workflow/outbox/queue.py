"""Queues a notice for each person that an event or a deadline concerns.

Notices are queued in the transaction that writes the event, and `workflow/outbox/delivery.py` sends them after that
transaction is committed. So nobody is told of an event that was rolled back, and no event goes untold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from states.chapters.correction import CORRECT_ENTRY
from states.machine import event_named, row_of
from states.moments import MOMENTS
from states.names import Role
from states.partnership import Partnership
from workflow import directory
from workflow.directory import Person
from workflow.outbox import timing
from workflow.outbox.recipients import Occasion, Recipient, find_in_district, find_recipients
from workflow.outbox.timing import new_notice, next_send_time
from workflow.procedure.checks import CHANGES
from workflow.procedure.settings import NoticeSettings
from workflow.session import Session
from workflow.setting import Situation, possibilities
from workflow.store import chain, tables
from workflow.store.rows import HistoryEntry, NoticeStatus, Snapshot
from workflow.store.writing import Writing
from workflow.views import contacts, corrections, visibility
from workflow.views.visibility import Viewer

_INSERT = insert(tables.notices)
# As `prepare` makes a row.
PREPARED = Writing(
    tables.notices,
    (
        "partnership", "template", "to", "role", "delegate_for", "seq", "deadline", "extra", "status", "message_id",
        "queued_at", "next_at", "held",
    ),
)  # fmt: skip
# The notice to those who learn only that the choice of a Lead Partner counts no longer, or counts again.
CHOICE_OVERTURNED = "choice-overturned"


def read_entry(connection: Connection, partnership: int, seq: int) -> HistoryEntry:
    """Return the row of a partnership's history with this number."""
    table = tables.history
    query = select(table).where(table.c.partnership == partnership, table.c.seq == seq)
    return HistoryEntry.from_row(connection.execute(query).one())


def queue(session: Session, occasions: Sequence[Occasion]) -> list[int]:
    """Queue a notice for each person concerned. Return the number of notices for each occasion."""
    prepared = [prepare(session, occasion) for occasion in occasions]
    if rows := [row for mine in prepared for row in mine]:
        chain.execute(session.connection, _INSERT, rows)
    return [len(mine) for mine in prepared]


def prepare(session: Session, occasion: Occasion) -> list[dict[str, Any]]:
    """Return the rows of the notices to each person concerned, and withdraw those that an event made pointless."""
    _withdraw_lost(session, occasion)
    return [row for each in _follow(occasion) for row in _notices_of(session, each)]


def _follow(occasion: Occasion) -> list[Occasion]:
    """Return what people are told of an occasion: of itself, and of the choice that it ended with its call.

    A correction may bring such a choice back, and the same people hear of it.
    """
    calls = [occasion.before.selection, occasion.record.facts.selection]
    chosen = [call is not None and call.choice is not None for call in calls]
    if occasion.seq is None or None not in calls or not any(chosen):
        return [occasion]
    # Only the office and the protester may know of the answer to a protest. The others learn what follows from it.
    return [occasion, replace(occasion, name=CHOICE_OVERTURNED, seq=None)]


def _withdraw_lost(session: Session, occasion: Occasion) -> None:
    """Withdraw what still waits for people whom an event took off the panel, or replaced as the contact."""
    gone = _named(occasion.before) - _named(occasion.record.facts)
    if occasion.seq is None or not gone:
        return
    table = tables.notices
    owner = func.coalesce(table.c.delegate_for, table.c.to)
    query = select(table.c.id).where(
        table.c.partnership == occasion.record.key,
        table.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED)),
        or_(*((owner == email) & (table.c.role == role) for email, role in sorted(gone))),
    )
    revoke(session.connection, list(session.connection.scalars(query)), occasion.now)


def _named(facts: Partnership) -> set[tuple[str, str]]:
    """Return the people whom the facts name for a role: address and role."""
    named = {(email, str(Role.REVIEWER)) for email in facts.selection.reviewers} if facts.selection else set()
    contacts = ((facts.contact, Role.LEAD_PARTNER), (facts.next_contact, Role.NEXT_CONTACT))
    return named | {(contact.email, str(role)) for contact, role in contacts if contact}


def _notices_of(session: Session, occasion: Occasion) -> list[dict[str, Any]]:
    """Return the rows of the notices about an occasion.

    1. Find the row of the configuration: none, or a moment of it that has not come, means that nobody is told.
    2. Collect its people. Each is told once, in the first role by which the row names them.
    3. Leave out those who may not know of the event, and the actor unless it asks the actor for something next.
    4. Send each notice to the person's delegate while the person is away.
    """
    config = session.config
    # A deadline and a notice may have the same name.
    row = (config.deadlines if occasion.deadline else config.notices).get(occasion.name)
    if row is None or (row.when is not None and MOMENTS[row.when](occasion.record.facts) is None):
        return []
    if occasion.entry is not None and occasion.name == CORRECT_ENTRY:
        occasion = replace(occasion, correction=corrections.of_row(session.connection, occasion.entry))
    people: dict[str, Recipient] = {}
    has_copy = isinstance(row, NoticeSettings) and _is_signed_now(occasion)
    groups = row.to if occasion.to is None else occasion.to
    if isinstance(row, NoticeSettings) and has_copy:
        groups = (*groups, *row.once_signed)
    for recipient in find_recipients(session, occasion, groups, row.offers):
        people.setdefault(recipient.person.email, recipient)
    today = config.calendar.day(occasion.now)
    leaves = next_send_time(config, occasion.now, occasion.rung)
    # A delegate of several people gets a notice for each of them, since each link acts for one person.
    rows = []
    for person, role, stands_in_for, is_alone in people.values():
        if not _may_be_told(session, occasion, person, role):
            continue
        # People know what they did themselves. They get a message only if it also asks for their next step.
        # A command may also have been somebody else's, in their name.
        told_anyway = (
            occasion.by_command and isinstance(row, NoticeSettings) and (row.tells_actor or has_copy)
        )
        if (
            person.email == occasion.actor
            and not told_anyway
            and not _is_asked_next(session, occasion, role, row.offers)
        ):
            continue
        reached = person if is_alone else directory.find_reachable(session.directory, person, today)
        values = {
            "partnership": occasion.record.key,
            "delegate_for": person.email if reached.email != person.email else None,
            "seq": occasion.seq,
            "deadline": occasion.deadline,
            **_send_columns(session, occasion, reached, role, row.offers, leaves),
        }
        extra = (occasion.extra or {}) | ({"stands_in_for": stands_in_for} if stands_in_for else {})
        made = new_notice(
            config, occasion.name, reached.email, role, occasion.now, extra or None, leaves=leaves
        )
        rows.append(made | values)
    return rows


def _is_signed_now(occasion: Occasion) -> bool:
    """Return whether the event gave the last signature, so that everybody concerned gets the signed copy."""
    agreement, before = occasion.record.facts.agreement, occasion.before.agreement
    if occasion.seq is None or agreement is None or agreement.signed_copy is None:
        return False
    return before is None or before.signed_copy != agreement.signed_copy


def _may_be_told(session: Session, occasion: Occasion, person: Person, role: str) -> bool:
    """Return whether somebody may know of the event that a notice tells of.

    Anybody may be told of a deadline, since its row of the configuration names its readers.
    """
    if occasion.seq is None:
        return True
    viewer = Viewer(Role(role), person.email)
    event, actor, organization = occasion.name, occasion.actor, occasion.organization
    if correction := occasion.correction:
        # Who may know of a row may know of its correction, and learns what it says to them.
        if not (viewer.is_office or correction.can_see(viewer.role)):
            return False
        row = correction.target
        event, actor, organization = row.event, row.actor, row.input_values.get("organization")
    return visibility.may_be_told(
        session,
        occasion.record,
        occasion.before,
        viewer,
        event=event,
        actor=actor,
        organization=organization,
        now=occasion.now,
    )


def _send_columns(
    session: Session, occasion: Occasion, person: Person, role: str, offers: Sequence[str], leaves: datetime
) -> dict[str, Any]:
    """Return the columns that say when a notice leaves, and whether it waits for the reader's digest.

    Without the digest it `leaves` then.
    """
    held = timing.is_held(
        session, occasion.name, person, role, offers,
        record=occasion.record, now=occasion.now, rung=occasion.rung,
    )  # fmt: skip
    if held:
        return {"held": True, "next_at": timing.next_digest_time(session.config, occasion.now)}
    return {"next_at": leaves}


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
    """Queue one notice to one address and return its id. `values` are further columns."""
    row = new_notice(session.config, template, to, role, now, extra) | values
    (key,) = chain.execute(session.connection, _INSERT.values(**row))
    return int(key)


def _is_asked_next(session: Session, occasion: Occasion, role: str, offers: Sequence[str]) -> bool:
    """Return whether the notice asks its own actor for something that they can do next.

    What is done already, and could only be done again, is nothing new for them. Nor is what is done only in case of
    need, unless they did such a thing themselves: an applicant may take back what they have just sent.
    """
    record = occasion.record
    offered = contacts.askable_by(session, record, Role(role), occasion.actor or "") & set(offers)
    spare = event_named(occasion.name).optional if occasion.seq is not None else False
    rows = (row_of(event, record.state) for event in offered)
    asked = {
        row.name
        for row in rows
        if (spare or not row.optional) and not (row.done_once and row.done_once in record.moments)
    }
    if not asked:
        return False
    here = Situation(session, record, None, occasion.now)
    # Judge these alone, since the settings of the other events take queries.
    judged = possibilities(here, occasion.actor or "", Role(role), events=asked)
    return any(possibility.possible for possibility in judged)


def tell_staff(
    session: Session,
    key: int | None,
    name: str,
    extra: dict[str, Any],
    now: datetime,
    actor: str | None = None,
) -> None:
    """Queue a notice about the system itself, or about an act of the `actor` that only staff can follow up.

    `key` is the id of the partnership that it is about; None tells the district. Queue nothing about a partnership
    whose record cannot be read, since its message could not be written.
    """
    if key is None:
        _tell_district(session, name, extra, now, actor)
        return
    table = tables.partnerships
    query = select(table).where(table.c.id == key)
    try:
        record = Snapshot.from_row(session.connection.execute(query).one())
    # The caller is often reporting this very damage, so a second error here would hide the first.
    except ValueError:
        return
    queue(session, [Occasion(record, record.facts, name, now, extra=extra, actor=actor)])


def _tell_district(
    session: Session, name: str, extra: dict[str, Any], now: datetime, actor: str | None
) -> None:
    """Queue a notice about no partnership to those of the row's roles that are held for the whole district."""
    row, today = session.config.notices.get(name), session.config.calendar.day(now)
    groups = [role for role in directory.DISTRICT_ROLES if row and role in row.to]
    for person, role, stands_in_for, _ in find_in_district(session, groups):
        # The actor is left out, since staff know of the message that they wrote themselves.
        if person.email == actor:
            continue
        reached = directory.find_reachable(session.directory, person, today)
        away = person.email if reached.email != person.email else None
        more = {"stands_in_for": stands_in_for} if stands_in_for else {}
        tell(session, name, reached.email, role, now, extra=extra | more, delegate_for=away)


def revoke(connection: Connection, keys: Sequence[int], now: datetime) -> list[int]:
    """Revoke notices, so that their links and replies do nothing any more. Return the ids of those newly revoked.

    Revoking a digest revokes every notice in it. A notice that was not sent yet is never sent. News of changes is
    left alone: there is nothing to do by it, and nobody can hide a change by revoking the news of it.
    """
    table = tables.notices
    chosen = or_(table.c.id.in_(keys), table.c.within.in_(keys))
    chosen &= table.c.revoked_at.is_(None) & (table.c.template != CHANGES)
    # Read the ids first: after the first update the condition matches none of these notices any more.
    revoked = list(connection.scalars(select(table.c.id).where(chosen).order_by(table.c.id)))
    mine = table.c.id.in_(revoked)
    chain.execute(connection, update(table).where(mine).values(revoked_at=now))
    # A notice that was sent keeps its status, since revoking ends its links but does not unsend it.
    waiting = table.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED))
    chain.execute(
        connection,
        update(table)
        .where(mine, waiting)
        .values(status=NoticeStatus.DEAD, reason="withdrawn before it was sent"),
    )
    return revoked


def return_to_absent(connection: Connection, delegate: str) -> None:
    """Address the messages that wait for a delegate who leaves to the absent people themselves."""
    table = tables.notices
    waiting = (table.c.to == delegate) & table.c.delegate_for.is_not(None) & table.c.message.is_(None)
    waiting &= table.c.status.in_((NoticeStatus.QUEUED, NoticeStatus.FAILED))
    chain.execute(connection, update(table).where(waiting).values(to=table.c.delegate_for, delegate_for=None))


def revoke_person(connection: Connection, email: str, now: datetime) -> list[int]:
    """Revoke every notice to a person, or to a delegate in place of them. Return the ids of those newly revoked."""
    table = tables.notices
    mine = or_(table.c.to == email, table.c.delegate_for == email)
    return revoke(connection, list(connection.scalars(select(table.c.id).where(mine))), now)
