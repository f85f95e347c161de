"""Keeps the plans for wanted first days up to date, whatever changed: the calendar, the procedure, or the terms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, select

from states.chapters.starting import REPLAN_START
from states.names import Role, State
from workflow import engine
from workflow.session import Session
from workflow.setting import find_steps
from workflow.store import database, tables
from workflow.store.rows import Channel, Snapshot

_REASON = "the Board's calendar, the procedure or the terms changed"
_KEY = "starts"  # under which is remembered what the plans depended on
_BEFORE = (State.NEEDS_IDENTIFIED, State.OPEN_SELECTION, State.BOARD_REVIEW)
# The partnerships with a wanted first day, before their agreement is in force.
_IS_WANTED = and_(tables.partnerships.c.state.in_(_BEFORE), tables.WANTED)
_WANTED = select(tables.partnerships).where(_IS_WANTED)
# A plan depends on the terms of its agreement and of the others at the school, and every event counts up the
# version of its partnership. So these tell whether anything happened that a plan depends on.
_AT_SCHOOLS = select(
    func.count(), func.sum(tables.partnerships.c.id), func.sum(tables.partnerships.c.version)
).where(tables.partnerships.c.school.in_(select(tables.partnerships.c.school).where(_IS_WANTED)))


def has_changed(session: Session) -> bool:
    """Return whether something happened from which a plan for a wanted first day may follow. Reads only."""
    mark = _mark(session)
    return mark is not None and session.remembered(_KEY) != mark


def follow_plans(session: Session, now: datetime) -> list[str]:
    """Plan anew each wanted first day whose last days are no longer those on record; return the partnerships.

    1. Compare what a plan depends on with what was remembered: directory, procedure, and how many events happened
       at the schools that have a plan. If nothing changed, read no partnership.
    2. Lock the partnerships with a wanted first day that are not in force, and compare their plans.
    3. Record a plan that differs as an event of the clock, which moves the deadline too.
    """
    mark = _mark(session)
    if mark is None or session.remembered(_KEY) == mark:
        return []
    query = _WANTED.order_by(tables.partnerships.c.id)
    rows = session.connection.execute(database.locking(session.connection, query)).all()
    moved = []
    for row in rows:
        try:
            record = Snapshot.from_row(row)
        # The list of partnerships says which record is damaged. It must not keep the others from their plans.
        except ValueError:
            continue
        if _is_stale(session, record, now):
            values = {"reason": _REASON}
            engine.advance(session, record.ref, REPLAN_START, values, str(Role.CLOCK), Channel.CLOCK, now)
            moved.append(record.ref)
    # With the events of the clock above, which move no other plan.
    database.remember(session.connection, _KEY, _mark(session) or "")
    return moved


def _mark(session: Session) -> str | None:
    """Return what tells whether anything happened that a plan depends on; None if there is no plan."""
    number, keys, versions = session.connection.execute(_AT_SCHOOLS).one()
    if not number:
        return None
    return f"{session.directory.version} {session.config.fingerprint} {number} {keys} {versions}"


def _is_stale(session: Session, record: Snapshot, now: datetime) -> bool:
    wanted, agreement = record.facts.wanted, record.facts.agreement
    if wanted is None or (agreement is not None and agreement.in_force_at is not None):
        return False
    return find_steps(session, record, wanted.on, now) != wanted.steps
