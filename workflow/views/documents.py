"""Turns a partnership, its history, deadlines, notices and replies into the documents that are shown.

Scripts rely on the keys of these documents, so all of them are in this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from notifications.written import money
from states.event import Event
from states.inputs import ABILITIES
from states.machine import ASKED, Possibility, event_named
from states.mistakes import input_keys
from states.moments import begins_on
from states.names import Role
from states.selection import Selection
from workflow import setting
from workflow.procedure.config import Config
from workflow.session import Session
from workflow.setting import Situation
from workflow.store import tables
from workflow.store.application_texts import (
    ApplicationText,
    Texts,
    key_of,
    read_texts,
    read_texts_of,
    require,
)
from workflow.store.rows import DeadlineRow, DeadlineStatus, HistoryEntry, Notice, ReplyRow, Snapshot
from workflow.views import open_rungs
from workflow.views.corrections import Correction
from workflow.views.present_names import rename_record
from workflow.views.sealing import SEALED, columns_that_name, is_sealed, seal


def with_money(value: Any) -> Any:
    """Return the same document, with a formatted string added for every amount in cents."""
    if isinstance(value, list):
        return [with_money(item) for item in value]
    if not isinstance(value, dict):
        return value
    document: dict[str, Any] = {}
    for key, item in value.items():
        # Most values are neither, and a call for each of them would take half of the time.
        document[key] = with_money(item) if isinstance(item, (dict, list)) else item
        # Keep the cents: programs calculate with them, and people read the other key.
        if isinstance(item, int) and key.endswith("_cents"):
            document[key.removesuffix("_cents")] = money(item)
    return document


def facts(session: Session, record: Snapshot, now: datetime, *, brief: bool = False) -> dict[str, Any]:
    """Return everything on record as the office sees it, with amounts as people write them.

    `brief` leaves out fields that have their default. Raise `StoreError` if the texts of an application are gone.
    """
    document: dict[str, Any] = with_money(record.facts.model_dump(mode="json", exclude_defaults=brief))
    of_calls = [*document.get("earlier_selections", ()), *filter(None, [document.get("selection")])]
    for call, of_call in zip(record.facts.selections, of_calls, strict=True):
        sealed = call is record.facts.selection and is_sealed(record.facts, now)
        texts = {} if sealed else _texts(session, record, call)
        for organization, application in call.applications.items():
            text = _SEALED_TEXT if sealed else texts[key_of(application)]
            of_call["applications"][organization] |= {
                "abilities": dict(text.abilities),
                "demonstration": text.demonstration,
                "documents": tuple(map(dict, text.documents)),
            }
    return document


def _texts(session: Session, record: Snapshot, call: Selection) -> Texts:
    applications = call.applications.values()
    ahead: Texts | None = session.kept(_texts_key(record))
    if ahead is None:
        return read_texts(session.connection, record, applications)
    require(record, applications, ahead)
    return ahead


def _texts_key(record: Snapshot) -> tuple[str, int | None]:
    """Return the key under which a session keeps the texts of the applications of a partnership."""
    return ("application texts", record.id)


def read_texts_ahead(session: Session, records: Iterable[Snapshot], now: datetime) -> None:
    """Read in two queries the texts of applications that the documents of these partnerships show.

    Texts are long, so the partnerships after the first 500 applications have to read their own.
    """
    number, reading = 0, []
    for record in records:
        sealed = record.facts.selection if is_sealed(record.facts, now) else None
        shown = sum(len(call.applications) for call in record.facts.selections if call is not sealed)
        number += shown
        if shown and number <= _TEXTS_AHEAD:
            reading.append(record)
    if reading:
        texts = read_texts_of(session.connection, reading)
        session.keep({_texts_key(record): texts[record.key] for record in reading})


_TEXTS_AHEAD = 500  # applications whose texts are in memory at once
_SEALED_TEXT = ApplicationText(dict.fromkeys(ABILITIES, SEALED), SEALED)


def deadline(session: Session, ref: str, row: DeadlineRow, now: datetime) -> dict[str, Any]:
    """Return the document of a rung of a deadline."""
    settings = session.config.deadlines.get(row.name)
    return {
        "ref": ref,
        "name": row.name,
        "label": settings.label if settings else row.name,
        "kind": row.kind,
        "due_at": session.local(row.due_at),
        "status": row.status,
        "overdue": row.status == DeadlineStatus.OPEN and row.ladder <= now,
        "fires": row.fires,
        "reason": row.reason,
        "done_at": session.local(row.done_at),
    }


def status_words(rung: Mapping[str, Any]) -> str:
    """Return the status of a deadline's document in a few words: "" if it is only ahead."""
    if rung["status"] != "open":
        return f"{rung['status']}: {rung['reason']}" if rung["reason"] else str(rung["status"])
    words = ["overdue"] * rung["overdue"] + [f"fires {rung['fires']}"] * bool(rung["fires"])
    return ", ".join(words + [rung["reason"]] * bool(rung["reason"]))


def open_deadlines(session: Session, record: Snapshot, now: datetime) -> list[dict[str, Any]]:
    """Return the open rungs of a partnership as documents, earliest first, without those of unsent applications."""
    rows = open_rungs.read(session, record)
    of_drafts = session.once(("deadlines of drafts",), lambda: deadlines_of_drafts(session.config))
    return [deadline(session, record.ref, row, now) for row in rows if row.name not in of_drafts]


def deadlines_of_drafts(config: Config) -> list[str]:
    """Return the deadlines of applications that were not sent. Their dates are nobody's but their authors'."""
    return [name for name, row in config.deadlines.items() if row.is_of_drafts]


def entry(
    session: Session,
    row: HistoryEntry,
    *,
    sealed: bool = False,
    unopened: bool = False,
    correction: Correction | None = None,
) -> dict[str, Any]:
    """Return the document of a row of the history, with its last correction if there is one.

    `sealed` hides what nobody may read before the call closes, `unopened` also whose application it is about.
    """
    row = row.readable()
    event_input = with_money(row.input_values)
    if sealed:
        seal(event_input, event_named(row.event).sealed)
    document = {
        "seq": row.seq,
        "at": session.local(row.at),
        "event": row.event,
        "actor": row.actor,
        "role": row.role,
        "channel": row.channel,
        "from": row.from_state,
        "to": row.to_state,
        "input": event_input,
        "note": row.note,
        "ran_by": row.ran_by,
        "through": session.name_of(row.stood_in) if row.stood_in else None,
        "address": row.address,
        "hash": row.hash,
        "corrected": correction and {
            "seq": correction.row.seq,
            "at": session.local(correction.row.at),
            "by": correction.row.actor,
            "reason": correction.reason,
            "void": correction.now is None,
            "input": with_money(dict(correction.now)) if correction.now is not None else None,
        },
    }  # fmt: skip
    if unopened:
        hidden = columns_that_name(row)
        # The address is that of the actor, or of the delegate who stood in.
        if row.stood_in or "actor" in hidden:
            hidden |= {"through", "address"}
        document |= {key: None for key in document if key in hidden}
        document["sealed"] = True
    return document


def notice(session: Session, ref: str, row: Notice, subject: str) -> dict[str, Any]:
    """Return the document of a notice. Its subject comes from the caller, since writing one needs the templates."""
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
    """Return the document of a message that somebody sent in reply to a notice."""
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
    """Return the documents of the replies about a partnership, oldest first."""
    table = tables.replies
    query = select(table).where(table.c.partnership == record.id).order_by(table.c.id)
    rows = map(ReplyRow.from_row, session.connection.execute(query))
    return [reply(session, record.ref, row) for row in rows]


def possibilities(
    session: Session, record: Snapshot, now: datetime, actor: str = "", role: Role | None = None
) -> list[Possibility]:
    """Return for every event of a partnership's state whether it is possible now, and what stands in its way."""
    return setting.possibilities(Situation(session, record, None, now), actor, role)


def partnership(
    session: Session, record: Snapshot, now: datetime, possible: Iterable[Event] | None = None
) -> dict[str, Any]:
    """Return the document of a partnership: its state, facts, open deadlines and possible events.

    `possible` are the rows that are possible now, if the caller has judged them already.
    """
    if possible is None:
        possible = setting.find_possible(Situation(session, record, None, now))
    begins = begins_on(record.facts, session.config.calendar.day(now))
    return {
        "ref": record.ref,
        "school": record.facts.school,
        "school_name": session.directory.school_name(record.facts.school),
        "title": record.facts.title,
        "state": record.state,
        "version": record.version,
        "entered_at": session.local(record.entered_at),
        # While the first day is still to come.
        "in_force_from": begins.isoformat() if begins else None,
        "facts": facts(session, rename_record(session.directory, record), now),
        "deadlines": open_deadlines(session, record, now),
        "next_events": [row.name for row in possible if set(row.who) != {Role.CLOCK}],
    }


def possibility(of: Possibility) -> dict[str, Any]:
    """Return the document of an event: who may do it, what it takes, and which requirements it meets now."""
    return {
        "event": of.row.name,
        "to": of.row.to,
        "who": list(of.row.who),
        "possible": of.possible,
        "input": list(input_keys(of.row.takes)),
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


def mentioned_names(names: Mapping[str, str], *documents: object) -> dict[str, str]:
    """Return only the names that these documents mention, so that no other name leaks into a page or message."""
    texts: set[str] = set()
    waiting = list(documents)
    while waiting:
        document = waiting.pop()
        if isinstance(document, str):
            texts.add(document)
        elif isinstance(document, dict):
            waiting += [*document, *document.values()]
        elif isinstance(document, (list, tuple)):
            waiting += document
    return {key: name for key, name in names.items() if key in texts}
