"""Writes the words of a notice before it leaves, or without its leaving at all, with links that do nothing.

The caller undoes the transaction afterwards: an event that has not happened yet happens in it for a moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from notifications.masking import mask
from notifications.render import Rendered
from states.machine import event_named, row_of
from states.names import HELD_BY_NOBODY, Role
from states.partnership import Partnership
from workflow import deadlines, engine
from workflow.directory import Person
from workflow.outbox import writing
from workflow.outbox.writing import CannotWrite
from workflow.procedure import ladders
from workflow.procedure.checks import STANDS_FOR
from workflow.procedure.ladders import Rung
from workflow.procedure.settings import DeadlineSettings, NoticeSettings
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import (
    Channel,
    DeadlineRow,
    DeadlineStatus,
    HistoryEntry,
    Notice,
    NoticeStatus,
    RungKind,
    Snapshot,
)


@dataclass(frozen=True, slots=True)
class Preview:
    """The words of a notice to one person. `made_up` says that its event or deadline is not on record."""

    to: Person
    words: Rendered
    made_up: bool
    seq: int | None = None  # of the row of the history that the words are about


def roles_told(row: NoticeSettings | DeadlineSettings) -> tuple[Role, ...]:
    """Return the roles that a row of the procedure tells."""
    groups = [*row.to, *(role for step in getattr(row, "overdue", ()) for role in step.to)]
    roles: list[Role] = []
    for group in groups:
        if group == "waiting":
            roles += [role for role in event_named(row.offers[0]).who if role not in HELD_BY_NOBODY]
        else:
            roles.append(Role(STANDS_FOR.get(group, group)))
    return tuple(dict.fromkeys(roles))


def of_event(
    session: Session,
    record: Snapshot,
    event: str,
    role: Role,
    values: Mapping[str, Any] | None,
    now: datetime,
) -> Preview | None:
    """Return the words about an event to a role; None if nobody holds it.

    They are those of the last time that the event happened. If it never did, or with `values`, they are those of
    the event as it would happen now with this input. Raise `CannotWrite`, and what `engine.advance` raises.
    """
    table = tables.history
    query = select(table).where(table.c.partnership == record.id, table.c.event == event)
    query = query.order_by(table.c.seq.desc())
    made_up = values is not None or session.connection.execute(query).first() is None
    if made_up:
        record = _make_up(session, record, event, values or {}, now)
    entry = HistoryEntry.from_row(session.connection.execute(query.limit(1)).one())
    return _write(session, record, event, role, now, seq=entry.seq, entry=entry, made_up=made_up)


def of_deadline(session: Session, record: Snapshot, name: str, role: Role, now: datetime) -> Preview | None:
    """Return the words of a deadline to a role; None if nobody holds it.

    They are those of the next rung that tells the role, or else of the last one, or else of one that falls due now.
    Raise `CannotWrite` if the words cannot be written.
    """
    settings = session.config.deadlines[name]
    table = tables.deadlines
    query = select(table).where(table.c.partnership == record.id, table.c.name == name)
    rows = [DeadlineRow.from_row(row) for row in session.connection.execute(query.order_by(table.c.due_at))]
    mine = [row for row in rows if role in ladders.roles_told(settings, row.rung)] or rows
    waiting = [row for row in mine if row.status == DeadlineStatus.OPEN]
    if mine:
        key = (waiting or mine[-1:])[0].id
        return _write(session, record, name, role, now, deadline=key)
    due = ladders.due_instants(session.config, record).get(name, now)
    rung = deadlines.new_row(record.key, Rung(name, due, 0, RungKind.DUE, due, None), now)
    made = session.connection.execute(insert(table).values(**rung)).inserted_primary_key
    return _write(session, record, name, role, now, deadline=made[0] if made else None, made_up=True)


def _make_up(
    session: Session, record: Snapshot, event: str, values: Mapping[str, Any], now: datetime
) -> Snapshot:
    """Let an event happen, by the first person who may do it, and return the record after it.

    Raise as `engine.advance` does.
    """
    row = row_of(event, record.state)
    everybody = (
        (role, person.email) for role in row.who for person in session.directory.holders(role, record.facts)
    )
    role, actor = next(everybody, (row.who[0], str(row.who[0])))
    channel = Channel.CLOCK if role is Role.CLOCK else Channel.CLI
    change = engine.advance(session, record.ref, event, values, actor, channel, now, role=role)
    return change.record


def _write(
    session: Session,
    record: Snapshot,
    template: str,
    role: Role,
    now: datetime,
    *,
    seq: int | None = None,
    deadline: int | None = None,
    entry: HistoryEntry | None = None,
    made_up: bool = False,
) -> Preview | None:
    """Return the words of a notice that is on no record. Raise `CannotWrite` if they cannot be written."""
    to = _reader(session, record.facts, role, entry)
    if to is None:
        return None
    row = Notice(
        id=0, partnership=record.id, template=template, to=to.email, role=str(role), delegate_for=None, seq=seq,
        deadline=deadline, extra=None, status=NoticeStatus.QUEUED, attempts=0, message_id="", subject=None,
        queued_at=now, next_at=now, lease_until=None, sent_at=None, reason=None, message=None, shown=None,
        held=False, within=None, revoked_at=None,
    )  # fmt: skip
    draft = writing.render(session.config, row, writing.gather(session, row))
    if draft.rendered is None:
        raise CannotWrite(draft.problem or "")
    words = draft.rendered
    # The person who sees the preview must not be able to act as its reader.
    return Preview(to, Rendered(words.subject, _kill(words.text), _kill(words.html)), made_up, seq)


def _kill(text: str) -> str:
    """Return a text with masks in place of what makes its links work."""
    return mask(text.encode()).decode()


def _reader(session: Session, facts: Partnership, role: Role, entry: HistoryEntry | None) -> Person | None:
    """Return one person who holds the role: of applicants the one whom the event is about, if it is about one."""
    about = json.loads(entry.input).get("organization") if entry and role is Role.APPLICANT else None
    holders = session.directory.holders("this-applicant", facts, about) if about else []
    return next(iter(holders or session.directory.holders(role, facts)), None)
