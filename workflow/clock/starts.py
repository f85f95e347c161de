"""Keeps the plans for wanted first days up to date, whatever changed: the calendar, the procedure, or the terms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from states.chapters.starting import REPLAN_START
from states.names import Role, State
from workflow import engine
from workflow.session import Session
from workflow.setting import find_steps
from workflow.store import database, tables
from workflow.store.rows import Channel, Snapshot

_REASON = "the Board's calendar, the procedure or the terms changed"
_BEFORE = (State.NEEDS_IDENTIFIED, State.OPEN_SELECTION, State.BOARD_REVIEW)


_KEY = "starts"  # under which is remembered what the plans depended on


def has_changed(session: Session) -> bool:
    """Return whether anything on which a plan depends is another than at the last look."""
    return database.remembered(session.connection, _KEY) != _mark(session)


def _mark(session: Session) -> str:
    # Every event counts up the version of its partnership, so the sum tells that something happened.
    events = session.connection.scalar(select(func.sum(tables.partnerships.c.version)))
    return f"{session.directory.version} {session.config.fingerprint} {events}"


def follow_plans(session: Session, now: datetime) -> list[str]:
    """Plan anew each wanted first day whose last days are no longer those on record; return the partnerships.

    1. Compare what a plan depends on with what was remembered: directory, procedure, and how many events
       happened. If nothing changed, read no partnership.
    2. Lock the partnerships with a wanted first day that are not in force, and compare their plans.
    3. Record a plan that differs as an event of the clock, which moves the deadline too.
    """
    if not has_changed(session):
        return []
    table = tables.partnerships
    query = select(table).where(table.c.state.in_(_BEFORE), table.c.facts.contains('"wanted":{'))
    rows = session.connection.execute(database.locking(session.connection, query.order_by(table.c.id))).all()
    moved = []
    for row in rows:
        try:
            record = Snapshot.from_row(row)
        # The list of partnerships says which record is damaged. It must not keep the others from their plans.
        except ValueError:
            continue
        if _has_changed(session, record, now):
            values = {"reason": _REASON}
            engine.advance(session, record.ref, REPLAN_START, values, str(Role.CLOCK), Channel.CLOCK, now)
            moved.append(record.ref)
    database.remember(session.connection, _KEY, _mark(session))
    return moved


def _has_changed(session: Session, record: Snapshot, now: datetime) -> bool:
    wanted, agreement = record.facts.wanted, record.facts.agreement
    if wanted is None or (agreement is not None and agreement.in_force_at is not None):
        return False
    return find_steps(session, record, wanted.on, now) != wanted.steps
