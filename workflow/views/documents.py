"""The documents that commands and pages show of a partnership, its events, deadlines and notices.

The keys that scripts rely on are in this one place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.machine import ASKED, Possibility
from states.mistakes import names
from states.partnership import Partnership, Role
from workflow import setting
from workflow.engine import Record
from workflow.outbox import message
from workflow.session import Session
from workflow.setting import Situation
from workflow.store import tables

SEALED = "(sealed until the call closes)"


def money(cents: int) -> str:
    """Cents as dollars."""
    return f"${cents // 100:,}.{cents % 100:02d}"


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


def local(session: Session, instant: datetime | None) -> str | None:
    """An instant in the district's zone, ISO 8601."""
    return session.config.calendar.local(instant).isoformat(timespec="seconds") if instant else None


def facts(of: Partnership, now: datetime, *, brief: bool = False) -> Any:
    """Everything on record, `brief` without what is as it was; what applicants wrote only once the call is over."""
    document = of.model_dump(mode="json", exclude_defaults=brief)
    if is_sealed(of, now):
        for application in document["selection"].get("applications", {}).values():
            _seal(application)
    return with_money(document)


def is_sealed(of: Partnership, now: datetime) -> bool:
    """Whether a call is open, so that nobody sees what is in an application (4270.8)."""
    return of.selection is not None and of.ended is None and now < of.selection.closes_at


def _seal(application: dict[str, Any]) -> None:
    application["abilities"] = dict.fromkeys(application.get("abilities", {}), SEALED)
    if application.get("demonstration"):
        application["demonstration"] = SEALED


def deadline(session: Session, ref: str, row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    known = session.config.deadlines.get(row["name"])
    return {
        "ref": ref,
        "name": row["name"],
        "label": known.label if known else row["name"],
        "kind": row["kind"],
        "due_at": local(session, row["due_at"]),
        "status": row["status"],
        "overdue": row["status"] == "open" and row["ladder"] <= now,
        "fires": row["fires"],
        "reason": row["reason"],
        "done_at": local(session, row["done_at"]),
    }


def standing(one: Mapping[str, Any]) -> str:
    """How a deadline stands, in a few words: nothing if it is only coming."""
    if one["status"] != "open":
        return f"{one['status']}: {one['reason']}" if one["reason"] else str(one["status"])
    words = ["overdue"] * one["overdue"] + [f"fires {one['fires']}"] * bool(one["fires"])
    return ", ".join(words + [one["reason"]] * bool(one["reason"]))


def open_deadlines(session: Session, record: Record, now: datetime) -> list[dict[str, Any]]:
    table = tables.deadlines
    query = (
        select(table)
        .where(table.c.partnership == record.id, table.c.status == "open")
        .order_by(table.c.due_at, table.c.id)
    )
    rows = session.connection.execute(query).mappings()
    return [deadline(session, record.ref, row, now) for row in rows]


def entry(session: Session, row: Mapping[str, Any], *, sealed: bool = False) -> dict[str, Any]:
    given = with_money(json.loads(row["input"]))
    if sealed and row["event"] == "receive-application":
        _seal(given)
    return {
        "seq": row["seq"],
        "at": local(session, row["at"]),
        "event": row["event"],
        "actor": row["actor"],
        "role": row["role"],
        "channel": row["channel"],
        "from": row["from_state"],
        "to": row["to_state"],
        "input": given,
        "note": row["note"],
        "ran_by": row["ran_by"],
        "through": through(session, row),
        "hash": row["hash"],
    }


def through(session: Session, row: Mapping[str, Any]) -> str | None:
    """The name of who stood in for the actor, which can be only where a message was answered."""
    if row["ran_by"] is None or row["channel"] not in ("link", "reply"):
        return None
    return session.directory.someone(row["ran_by"]).name


def notice(session: Session, ref: str, row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "ref": ref,
        "template": row.template,
        "to": row.to,
        "role": row.role,
        "delegate_for": row.delegate_for,
        "subject": message.subject_of(session, row),
        "status": row.status,
        "attempts": row.attempts,
        "message_id": row.message_id,
        "queued_at": local(session, row.queued_at),
        "sent_at": local(session, row.sent_at),
        "reason": row.reason,
        "held": row.held,
        "within": row.within,
        "revoked_at": local(session, row.revoked_at),
    }


def reply(session: Session, ref: str | None, row: Any) -> dict[str, Any]:
    """A message that came back."""
    return {
        "id": row.id,
        "ref": ref,
        "notice": row.notice,
        "sender": row.sender,
        "received_at": local(session, row.received_at),
        "verdict": row.verdict,
        "reason": row.reason,
        "text": row.text,
        "message_id": row.message_id,
        "digest": row.digest,
    }


def replies(session: Session, record: Record) -> list[dict[str, Any]]:
    """The messages that came back about a partnership, the first one first."""
    table = tables.replies
    query = select(table).where(table.c.partnership == record.id).order_by(table.c.id)
    return [reply(session, record.ref, row) for row in session.connection.execute(query)]


def possibilities(
    session: Session, record: Record, now: datetime, actor: str = "", role: Role | None = None
) -> list[Possibility]:
    """How every event of a partnership's state stands."""
    here = Situation(session, record.id, record.state, record.facts, record.entered_at, None, now)
    return setting.possibilities(here, actor, role)


def partnership(session: Session, record: Record, now: datetime) -> dict[str, Any]:
    school = session.directory.schools.get(record.facts.school)
    found = possibilities(session, record, now)
    return {
        "ref": record.ref,
        "school": record.facts.school,
        "school_name": school.name if school else record.facts.school,
        "title": record.facts.title,
        "state": record.state,
        "version": record.version,
        "entered_at": local(session, record.entered_at),
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
