"""Lets the items before the Board follow its calendar, whoever changed it."""

from __future__ import annotations

from datetime import datetime

from workflow.record.board_items import follow_calendar
from workflow.session import Session
from workflow.store import database

_KEY = "meetings"  # under which the calendar is remembered


def has_changed(session: Session) -> bool:
    """Return whether the Board's calendar is another one than that seen last."""
    return session.remembered(_KEY) != _mark(session)


def _mark(session: Session) -> str:
    # Meetings come from two places, the directory and the configuration. Either may have changed.
    return f"{session.directory.version} {session.config.procedure.board!r}"


def tell_changed(session: Session, now: datetime) -> list[str]:
    """Move or free each item whose meeting changed, tell its people, and return the partnerships concerned.

    The version of the calendar is remembered, so that without a change no partnership is read.
    """
    if not has_changed(session):
        return []
    refs = [moved.ref for moved in follow_calendar(session, now)]
    # In the same transaction as the notices: after a crash
    # the next tick begins again, and tells nobody twice.
    database.remember(session.connection, _KEY, _mark(session))
    return refs
