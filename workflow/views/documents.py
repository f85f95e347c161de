"""The documents that commands and pages show of a partnership, its events, deadlines and notices.

The keys that scripts rely on are in this one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from notifications.filters import money
from states.machine import ASKED, Possibility, event_named
from states.mistakes import names
from states.partnership import Partnership, Role
from workflow import setting
from workflow.session import Session
from workflow.setting import Situation
from workflow.store import tables
from workflow.store.rows import DeadlineRow, HistoryEntry, Notice, ReplyRow, Snapshot
from workflow.views.visibility import office_facts, seal


def with_money(value: Any) -> Any:
    """The same document with a formatted string beside every amount in cents."""
    if isinstance(value, list):
        return [with_money(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        found[key] = with_money(item)
        if key.endswith("_cents") and isinstance(item, int):
            found[key.removesuffix("_cents")] = money(item)
    return found


def facts(of: Partnership, now: datetime, *, brief: bool = False) -> dict[str, Any]:
    """Return everything on record as the office sees it, with amounts as people write them."""
    document: dict[str, Any] = with_money(office_facts(of, now, brief=brief))
    return document


def deadline(session: Session, ref: str, row: DeadlineRow, now: datetime) -> dict[str, Any]:
    known = session.config.deadlines.get(row.name)
    return {
        "ref": ref,
        "name": row.name,
        "label": known.label if known else row.name,
        "kind": row.kind,
        "due_at": session.local(row.due_at),
        "status": row.status,
        "overdue": row.status == "open" and row.ladder <= now,
        "fires": row.fires,
        "reason": row.reason,
        "done_at": session.local(row.done_at),
    }


def standing(one: Mapping[str, Any]) -> str:
    """How a deadline stands, in a few words: nothing if it is only coming."""
    if one["status"] != "open":
        return f"{one['status']}: {one['reason']}" if one["reason"] else str(one["status"])
    words = ["overdue"] * one["overdue"] + [f"fires {one['fires']}"] * bool(one["fires"])
    return ", ".join(words + [one["reason"]] * bool(one["reason"]))


def open_deadlines(session: Session, record: Snapshot, now: datetime) -> list[dict[str, Any]]:
    table = tables.deadlines
    query = (
        select(table)
        .where(table.c.partnership == record.id, table.c.status == "open")
        .order_by(table.c.due_at, table.c.id)
    )
    rows = map(DeadlineRow.from_row, session.connection.execute(query))
    return [deadline(session, record.ref, row, now) for row in rows]


def entry(session: Session, row: HistoryEntry, *, sealed: bool = False) -> dict[str, Any]:
    given = with_money(row.given)
    if sealed:
        seal(given, event_named(row.event).sealed)
    return {
        "seq": row.seq,
        "at": session.local(row.at),
        "event": row.event,
        "actor": row.actor,
        "role": row.role,
        "channel": row.channel,
        "from": row.from_state,
        "to": row.to_state,
        "input": given,
        "note": row.note,
        "ran_by": row.ran_by,
        "through": stand_in(session, row),
        "hash": row.hash,
    }


def stand_in(session: Session, row: HistoryEntry) -> str | None:
    """Return the name of the person who acted in place of the actor, if somebody did."""
    return session.name_of(row.stood_in) if row.stood_in else None


def notice(session: Session, ref: str, row: Notice, subject: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "ref": ref,
        "template": row.template,
        "to": row.to,
        "role": row.role,
        "delegate_for": row.delegate_for,
        "subject": subject,
        "status": row.status,
        "attempts": row.attempts,
        "message_id": row.message_id,
        "queued_at": session.local(row.queued_at),
        "sent_at": session.local(row.sent_at),
        "reason": row.reason,
        "held": row.held,
        "within": row.within,
        "revoked_at": session.local(row.revoked_at),
    }


def reply(session: Session, ref: str | None, row: ReplyRow) -> dict[str, Any]:
    """A message that came back."""
    return {
        "id": row.id,
        "ref": ref,
        "notice": row.notice,
        "sender": row.sender,
        "received_at": session.local(row.received_at),
        "verdict": row.verdict,
        "reason": row.reason,
        "text": row.text,
        "message_id": row.message_id,
        "digest": row.digest,
    }


def replies(session: Session, record: Snapshot) -> list[dict[str, Any]]:
    """The messages that came back about a partnership, the first one first."""
    table = tables.replies
    query = select(table).where(table.c.partnership == record.id).order_by(table.c.id)
    return [
        reply(session, record.ref, row) for row in map(ReplyRow.from_row, session.connection.execute(query))
    ]


def possibilities(
    session: Session, record: Snapshot, now: datetime, actor: str = "", role: Role | None = None
) -> list[Possibility]:
    """How every event of a partnership's state stands."""
    here = Situation(session, record, None, now)
    return setting.possibilities(here, actor, role)


def partnership(session: Session, record: Snapshot, now: datetime) -> dict[str, Any]:
    found = possibilities(session, record, now)
    return {
        "ref": record.ref,
        "school": record.facts.school,
        "school_name": session.directory.school_name(record.facts.school),
        "title": record.facts.title,
        "state": record.state,
        "version": record.version,
        "entered_at": session.local(record.entered_at),
        "facts": facts(record.facts, now),
        "deadlines": open_deadlines(session, record, now),
        "next_events": [p.row.name for p in found if p.possible and set(p.row.who) != {Role.CLOCK}],
    }


def possibility(of: Possibility) -> dict[str, Any]:
    return {
        "event": of.row.name,
        "to": of.row.to,
        "who": list(of.row.who),
        "possible": of.possible,
        "input": list(names(of.row.takes)),
        "requirements": [
            {
                "requirement": name,
                "clause": clause,
                "met": None if reason == ASKED else reason is None,
                "reason": reason,
            }
            for name, clause, reason in of.requirements
        ],
    }
