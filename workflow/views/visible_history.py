"""Shows the history of a partnership: which rows somebody may know of, and what they may read in each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.machine import event_named
from states.names import Role, State
from workflow.session import Session
from workflow.store import application_texts, tables
from workflow.store.column_types import canonical
from workflow.store.rows import HistoryEntry, Snapshot
from workflow.views import corrections
from workflow.views.corrections import Correction
from workflow.views.sealing import unopened_rows
from workflow.views.visibility import (
    Happened,
    Viewer,
    can_see_event,
    is_named,
    own_organizations,
    visible_input,
)


def history_rows(session: Session, record: Snapshot) -> list[HistoryEntry]:
    """Return the whole history, oldest first, for callers that check themselves who may see it.

    The texts of applications are left out: no line of the history shows them, and they may be 100 MB.
    """
    table = tables.history
    query = select(table).where(table.c.partnership == record.id).order_by(table.c.seq)
    return [
        application_texts.without_texts(row) for row in application_texts.stream(session.connection, query)
    ]


def visible_rows(session: Session, record: Snapshot, viewer: Viewer, now: datetime) -> list[HistoryEntry]:
    """Return the rows of the history that somebody may know of, oldest first."""
    rows = history_rows(session, record)
    if viewer.is_office:
        return rows
    # Earlier rows belong to an earlier round, which only the scope ALWAYS shows.
    opened = max((row.seq for row in rows if _opens_call(row)), default=0)
    present = [row for row in rows if row.seq >= opened]
    mine = own_organizations(session.directory, record.facts, viewer) | _applied_for(present, viewer)
    # The panel never learns who applied and withdrew before the call closed (4270.8).
    unopened = unopened_rows(record.facts, rows) if viewer.role is Role.REVIEWER else frozenset()
    corrected = {each.row.seq: each for each in corrections.corrections_in(rows)}

    def can_see(row: HistoryEntry) -> bool:
        if correction := corrected.get(row.seq):
            is_own = viewer.email in (row.actor, row.stood_in)
            return is_own or (correction.can_see(viewer.role) and can_see(correction.target))
        happened = Happened(row.event, row.actor, row.input_values.get("organization"), row.seq >= opened)
        return row.seq not in unopened and can_see_event(record, viewer, mine, happened, now)

    return [row for row in rows if can_see(row)]


def _opens_call(row: HistoryEntry) -> bool:
    return (row.from_state, row.to_state) == (State.NEEDS_IDENTIFIED, State.OPEN_SELECTION)


def _applied_for(rows: Iterable[HistoryEntry], viewer: Viewer) -> frozenset[str]:
    """Return the organizations for which an applicant applied in the present call, also if it was withdrawn."""
    if viewer.role is not Role.APPLICANT:
        return frozenset()
    applied = (row.input_values for row in rows if event_named(row.event).sealed and not row.is_destroyed)
    return frozenset(str(form["organization"]) for form in applied if form["contact_email"] == viewer.email)


def history_for(session: Session, record: Snapshot, viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    """Return the lines of the history that this person may know of, oldest first."""
    return lines_of(session, record, viewer, visible_rows(session, record, viewer, now))


def lines_of(
    session: Session, record: Snapshot, viewer: Viewer, rows: Iterable[HistoryEntry]
) -> list[dict[str, Any]]:
    """Return rows of the history as pages show them. The caller has checked that the viewer may know of them."""
    # Only the office reads of other people's applications before their call closes.
    everything = history_rows(session, record) if viewer.is_office else []
    unopened = unopened_rows(record.facts, everything)
    rows = list(rows)
    # The last correction of each row that the viewer may know of.
    struck = {each.target.seq: each for each in corrections.corrections_in(rows)}
    lines = []
    for row in rows:
        correction = struck.get(row.seq)
        corrected = correction and _describe_correction(session, record, viewer, correction)
        lines.append(_line(session, record, viewer, row, row.seq in unopened) | {"corrected": corrected})
    return lines


def _describe_correction(
    session: Session, record: Snapshot, viewer: Viewer, correction: Correction
) -> dict[str, Any]:
    """Return who corrected a row of the history, when and why, as the viewer may know it, and what counts now."""
    row = correction.row
    may_read = viewer.is_office or viewer.email == row.actor or correction.can_see_reason(viewer.role)
    target = correction.target
    now = None if correction.now is None else target._replace(input=canonical(correction.now))
    counts = visible_input(viewer, now) if now else {}
    return {
        "at": session.local(row.at),
        "by": _name_of_actor(session, record, row),
        "reason": correction.reason if may_read else None,
        "void": correction.now is None,
        "said": counts.get("reason") or counts.get("text"),
    }


def _line(
    session: Session, record: Snapshot, viewer: Viewer, row: HistoryEntry, unopened: bool
) -> dict[str, Any]:
    visible, named = visible_input(viewer, row), is_named(viewer, row, unopened=unopened)
    # What staff did in their own name is theirs, and says nothing of the applicant.
    by_name = named or row.role != Role.APPLICANT
    through = row.stood_in if by_name else None
    return {
        "at": session.local(row.at),
        "event": row.event,
        "by": _name_of_actor(session, record, row) if by_name else "",
        "role": row.role,
        "through": session.name_of(through) if through else None,
        "sentence": _sentence(session, record, row, by_name),
        "to": row.to_state if row.to_state != row.from_state else None,
        "said": visible.get("reason") or visible.get("text"),
        "note": row.note if viewer.is_office and named else None,
        "channel": row.channel,
        "address": row.address if viewer.is_office and named else None,
        "entry": corrections.name_of(row)
        if named and corrections.may_correct(row, viewer.role, viewer.email, viewer.through)
        else None,
    }


def _sentence(session: Session, record: Snapshot, row: HistoryEntry, named: bool) -> str:
    """Return an event as a sentence: who did it, in which role and for whom, or that it happened automatically."""
    words = session.config.events[row.event]
    if not named:
        return f"An applicant {words['done']}."
    if row.role == Role.CLOCK:
        return words["automatic"]
    if row.role == Role.PUBLIC:
        return f"Somebody {words['done']}."
    who = f"{_name_of_actor(session, record, row)} ({row.role.replace('-', ' ')})"
    if row.stood_in:
        who = f"{session.name_of(row.stood_in)}, in place of {who},"
    return f"{who} {words['done']}."


def _name_of_actor(session: Session, record: Snapshot, row: HistoryEntry) -> str:
    person = session.directory.person(row.actor, record.facts)
    return person.name if person else session.directory.former.get(row.actor, row.actor)
