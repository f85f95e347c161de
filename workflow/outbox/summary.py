"""Queues the weekly summary: one table of all partnerships for the office, in place of many single messages.

Its moment is not a deadline, since it belongs to no partnership. The database remembers the last week that was
told. So every person gets one summary a week, however many daemons run, also if none ran at that hour.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from states.names import Role
from workflow import directory
from workflow.outbox import queue
from workflow.procedure.config import Config
from workflow.procedure.field_types import WEEKDAYS
from workflow.session import Session
from workflow.store import database, tables
from workflow.views import board_agenda, desk, troubled_mail
from workflow.views.desk import Due, Line

TEMPLATE = "summary"
AHEAD = timedelta(days=14)  # a deadline that is further ahead is not in the summary
_KEY = "summary-week"  # under which the last week is remembered, by its Monday


def is_due(session: Session, now: datetime) -> bool:
    """Return whether the summary of this week is still to be queued, or its week to be remembered."""
    told = session.remembered(_KEY)
    return told is None or told < _week_of(last_day(session.config, now))


def _week_of(day: date) -> str:
    return (day - timedelta(days=day.weekday())).isoformat()


def gather(session: Session, now: datetime) -> int:
    """Queue the summary of this week to each person in its roles, unless that was done. Return their number.

    1. Find the last day on which a summary was due, and the week of that day. A week that was told is not told
       again, also if the configuration has moved the summary to a later day of it.
    2. Remember the week in the same transaction. Of several weeks that were missed only the last is told.
    3. Tell nobody of a week that was over before the database was begun.
    """
    if not is_due(session, now):
        return 0
    settings, day = session.config.procedure.summary, last_day(session.config, now)
    told = session.remembered(_KEY)
    database.remember(session.connection, _KEY, _week_of(day))
    due = session.config.calendar.instant(day, settings.time)
    if told is None and not _has_begun(session, due):
        return 0
    return _tell(session, now)


def next_instant(config: Config, now: datetime) -> datetime:
    """Return the first instant after `now` at which a summary is due."""
    settings, today = config.procedure.summary, config.calendar.day(now)
    days = (today + timedelta(days=ahead) for ahead in range(8))
    instants = (
        config.calendar.instant(day, settings.time) for day in days if WEEKDAYS[day.weekday()] == settings.day
    )
    return next(instant for instant in instants if instant > now)


def last_day(config: Config, now: datetime) -> date:
    """Return the last day at whose hour a summary was due, on the district's clocks."""
    settings, today = config.procedure.summary, config.calendar.day(now)
    days = (today - timedelta(days=back) for back in range(8))
    return next(
        day
        for day in days
        if WEEKDAYS[day.weekday()] == settings.day and config.calendar.instant(day, settings.time) <= now
    )


def _has_begun(session: Session, due: datetime) -> bool:
    """Return whether anything was in the database before a summary was due."""
    first = session.connection.scalar(select(func.min(tables.changes.c.at)))
    return first is not None and first < due


def _tell(session: Session, now: datetime) -> int:
    """Queue a summary to each active person in its roles, or to the delegate of one who is away."""
    today = session.config.calendar.day(now)
    roles = session.config.procedure.summary.roles
    # Somebody with two of the roles is told once, in the first of them.
    people = {
        person.email: (person, role)
        for role in reversed(roles)
        for person in session.directory.people.values()
        if person.active and role in person.roles
    }
    for person, role in people.values():
        reached = directory.find_reachable(session.directory, person, today)
        away = person.email if reached.email != person.email else None
        queue.tell(session, TEMPLATE, reached.email, role, now, delegate_for=away)
    return len(people)


def describe(session: Session, role: Role, now: datetime) -> dict[str, Any]:
    """Return what the templates need of a summary: "lines", "more", "meetings" and "undelivered".

    A line is a partnership that is overdue or has a deadline within two weeks, the longest overdue first.
    """
    listing = desk.partnerships(session, role, now, desk.Filters())
    near = [line for line in listing.lines if line.overdue or _is_near(line.next, now) or line.problem]
    return {
        "lines": [_describe_line(session, line, now) for line in near],
        # The order is by deadline, so what is on no page is near only if everything on the page is.
        "more": listing.next is not None and len(near) == len(listing.lines),
        "meetings": [
            {
                "at": session.local(meeting.at),
                "on": meeting.on.isoformat() if meeting.on else None,
                "over": meeting.is_over,
                "items": [
                    {"title": item.title, "school_name": item.school, "ref": item.ref}
                    for item in meeting.items
                ],
            }
            for meeting in session.once(("agenda", now), lambda: board_agenda.agenda(session, now))
            if meeting.items
        ],
        "undelivered": [
            {"to": one.to, "subject": one.subject, "about": one.about, "why": one.why}
            for one in session.once(("mail", now), lambda: troubled_mail.mail(session, now)).undelivered
        ],
    }


def _is_near(due: Due | None, now: datetime) -> bool:
    return due is not None and due.at <= now + AHEAD


def _describe_line(session: Session, line: Line, now: datetime) -> dict[str, Any]:
    coming = [line.next] if line.next and _is_near(line.next, now) else []
    return {
        "ref": line.ref,
        "title": line.title,
        "school_name": line.school,
        "state": line.state,
        "since": session.local(line.since),
        "problem": line.problem,
        "deadlines": [
            {"label": due.label, "due_at": session.local(due.at), "overdue": due.overdue}
            for due in (*line.overdue, *coming)
        ],
        "waits": [
            {"name": one.name, "role": one.role, "label": one.label, "delegate": one.delegate}
            for one in line.awaited
        ],
    }
