"""Makes the Board's calendar follow the calendar file that it came from.

A meeting remembers the UID of its event, so that a later file can move it or cancel it. Only what is clearly a
meeting of the Board is taken in; everything else is listed for staff, who say what it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Row, insert, select, update

from states.errors import BadInput, Problem, Refused, Unmet
from workflow import directory_changes
from workflow.procedure.meetings import CANCELLED
from workflow.record import changes, meeting_titles
from workflow.record.calendar_file import CalendarEvent, Contents, Version, is_older
from workflow.record.meeting_titles import Kind
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.errors import NotFound


@dataclass(frozen=True, slots=True)
class Choice:
    """What staff say about events whose titles do not say it: kinds by title or UID, and the kind of all others."""

    named: Mapping[str, Kind] = field(default_factory=dict)
    others: Kind | None = None

    def of(self, event: CalendarEvent) -> Kind | None:
        """Return the kind that staff named for this event."""
        return next((kind for name, kind in self.named.items() if is_named(event, name)), None)


def is_named(event: CalendarEvent, name: str) -> bool:
    """Return whether an event has this UID or title; a title may differ in case and blanks."""
    return name == event.uid or meeting_titles.normalize(name) == meeting_titles.normalize(event.title)


@dataclass(slots=True)
class Plan:
    """What an import does: the meetings that it writes, the days that it takes off, and what it leaves out."""

    writes: dict[date, tuple[CalendarEvent, Kind]] = field(default_factory=dict)
    off: set[date] = field(default_factory=set)
    kept: set[date] = field(default_factory=set)  # of events that the file has in an older version only
    left_out: list[tuple[CalendarEvent, str]] = field(default_factory=list)
    missing: list[date] = field(default_factory=list)
    cancelled: int = 0
    moved: set[date] = field(default_factory=set)

    def leave_out(self, event: CalendarEvent, why: str) -> None:
        """Leave an event out; of a series that is left out for one reason, list the first meeting only."""
        if event.series is None or not any((e.series, w) == (event.series, why) for e, w in self.left_out):
            self.left_out.append((event, why))


def follow(
    session: Session, contents: Contents, choice: Choice, *, by: str, now: datetime
) -> tuple[Plan, Counter[str]]:
    """Change the Board's calendar as a file says. Return the plan, and counts of what was done.

    1. Sort the events into meetings, cancellations, older versions, and what staff have to judge.
    2. Take off the meetings whose event is cancelled, has moved, or is no longer clearly a meeting.
    3. Write the meetings of the file, and the versions of its events.

    Raise `BadInput` for a meeting whose start cannot be used, for two regular meetings on a day, and for a choice
    of staff that names no event.
    """
    rows = {row.on: row for row in session.connection.execute(select(tables.meetings))}
    plan = make_plan(session, contents, choice, rows, now)
    counts: Counter[str] = Counter()
    _leave_the_past(session, plan, counts, now)
    mark = changes.last_entry(session)
    fixed = session.config.procedure.board.meetings
    for day in sorted(plan.off - plan.writes.keys()):
        row = rows.get(day)
        if day in fixed:
            values = {"on": day, "at": "00:00", "kind": CANCELLED}
            done = directory_changes.put(session.connection, tables.meetings, values, by=by, now=now)
            counts["removed"] += done is not None
        elif row is not None and directory_changes.remove(
            session.connection, tables.meetings, day, by=by, now=now
        ):
            counts["removed"] += day not in plan.moved
    usual = session.config.procedure.board.meeting_at
    for day, (event, kind) in sorted(plan.writes.items()):
        values = {"on": day, "at": (event.at or usual).strftime("%H:%M"), "kind": kind}
        values |= {"uid": event.uid, "title": event.title or None}
        old = [rows[day] for day in sorted(plan.moved) if _is_of(rows[day], event)]
        # A series that became one event did not move there with all its days.
        if len(old) == 1:
            earlier = [*json.loads(old[0].moved_from or "[]"), old[0].on.isoformat()]
            values["moved_from"] = _list_days(earlier, day)
        done = (
            directory_changes.put(session.connection, tables.meetings, values, by=by, now=now) or "unchanged"
        )
        counts["moved" if done == "added" and old else done] += 1
    counts["cancelled"] = plan.cancelled
    _record_versions(session, [event for event in contents.events if event.off], plan)
    changes.tell_since(session, mark, by=by, now=now)
    return plan, counts


def move(session: Session, old: date, new: date, at: str | None, *, by: str, now: datetime) -> None:
    """Move a meeting to another day, `at` an hour (HH:MM) or at the hour that it had.

    Raise `NotFound` if the calendar has none on the day `old`, and `Refused` if it has one on the day `new`.
    """
    meeting = session.directory.meeting(old)
    if meeting is None:
        raise NotFound(f"there is no meeting on {old}")
    if session.directory.meeting(new) is not None:
        raise Refused([Unmet("one-meeting-a-day", f"{new} has a meeting already; remove it first", "4270.9")])
    table = tables.meetings
    row = session.connection.execute(select(table).where(table.c.on == old)).first()
    local = session.config.calendar.local(meeting.at)
    values = {"on": new, "at": at or f"{local:%H:%M}", "kind": meeting.kind}
    values |= {"uid": row.uid if row else None, "title": row.title if row else None}
    earlier = json.loads(row.moved_from or "[]") if row else []
    values["moved_from"] = _list_days([*earlier, old.isoformat()], new)
    mark = changes.last_entry(session)
    # A meeting of the configuration is taken off by a row of its own.
    if old in session.config.procedure.board.meetings:
        struck = {"on": old, "at": "00:00", "kind": CANCELLED, "uid": None}
        directory_changes.put(session.connection, table, struck, by=by, now=now)
    else:
        directory_changes.remove(session.connection, table, old, by=by, now=now)
    directory_changes.put(session.connection, table, values, by=by, now=now)
    changes.tell_since(session, mark, by=by, now=now)


def _list_days(days: Sequence[str], present: date) -> str:
    """Return the column `moved_from`: the earlier days of a meeting, each once, without the present one."""
    return json.dumps([day for day in dict.fromkeys(days) if day != present.isoformat()])


def _known_versions(session: Session) -> dict[str, Version]:
    """Return the newest version of each event that made, changed or cancelled a meeting, by UID."""
    rows = session.connection.execute(select(tables.calendar_versions))
    return {row.uid: (row.sequence, row.changed_at) for row in rows}


def _record_versions(session: Session, off: Sequence[CalendarEvent], plan: Plan) -> None:
    """Record the versions of the events that an import follows; the version of a series counts for all of it."""
    table, known = tables.calendar_versions, _known_versions(session)
    outdated = {event.place for event, _ in plan.left_out}
    followed = [event for event, _ in plan.writes.values()] + [e for e in off if e.place not in outdated]
    for uid, version in {event.series or event.uid: event.version for event in followed}.items():
        values = {"sequence": version[0], "changed_at": version[1]}
        if uid and uid not in known:
            chain.execute(session.connection, insert(table).values(uid=uid, **values))
        elif uid and (is_older(known[uid], version) or known[uid] == (version[0], None) != version):
            chain.execute(session.connection, update(table).where(table.c.uid == uid).values(**values))


def _is_outdated(event: CalendarEvent, known: Mapping[str, Version]) -> bool:
    """Return whether a newer version of an event, or of its series, has been followed."""
    newest = [known[uid] for uid in (event.uid, event.series) if uid and uid in known]
    return any(is_older(event.version, version) for version in newest)


def _leave_the_past(session: Session, plan: Plan, counts: Counter[str], now: datetime) -> None:
    """Take out of a plan, and count, the meetings that are over: they stay as they are on record."""
    today = session.config.calendar.day(now)
    over = [day for day in plan.writes if day < today]
    for day in over:
        del plan.writes[day]
    plan.off = {day for day in plan.off if day >= today}
    counts["past"] = len(over)


def make_plan(
    session: Session,
    contents: Contents,
    choice: Choice,
    rows: Mapping[date, Row[Any]],
    now: datetime,
) -> Plan:
    """Return what to do with each event, given the `rows` of the calendar by day. Raise as `follow` does."""
    district, plan = session.config.procedure.district.name, Plan()
    known, today = _known_versions(session), session.config.calendar.day(now)
    _check_choice(contents.events, choice)
    by_day: dict[date, list[tuple[CalendarEvent, Kind]]] = {}
    problems = []
    events = []
    for event in contents.events:
        mine = [row for row in rows.values() if _is_of(row, event)]
        # What staff name themselves counts, whatever its version.
        if choice.of(event) is None and _is_outdated(event, known):
            plan.kept |= {row.on for row in mine}
            plan.leave_out(event, "the calendar follows a newer version of it")
            continue
        events.append(event)
        plan.off |= {row.on for row in mine}
        if event.off:
            plan.cancelled += 1
            continue
        kind, why = _judge(event, choice, mine, district)
        if kind is None:
            gone = ", ".join(str(row.on) for row in mine if row.kind != CANCELLED)
            plan.leave_out(event, f"{why}; {gone} is off the calendar" if gone else why)
        elif event.problem is not None or event.day is None:
            problems += [event.problem] if event.problem else []
        else:
            by_day.setdefault(event.day, []).append((event, kind))
            plan.moved |= {row.on for row in mine if row.on != event.day}
    if problems:
        raise BadInput(problems)
    for event in events:
        if event.off:
            _take_off_by_day(event, session, rows, by_day, plan)
    # A day that the rule of a series no longer gives is gone from the source, too.
    plan.off |= {
        day
        for day, row in rows.items()
        if day >= today and _series_of(row.uid) in contents.series and day not in plan.kept | by_day.keys()
    }
    for day, meetings in sorted(by_day.items()):
        _choose_meeting(session, day, meetings, rows, plan)
    plan.missing = _find_missing(events, rows, plan, today)
    return plan


def _find_missing(
    events: Sequence[CalendarEvent], rows: Mapping[date, Row[Any]], plan: Plan, today: date
) -> list[date]:
    """Return the coming meetings of earlier files that lie among the days of this file and are not in it."""
    days = sorted(event.day for event in events if event.day is not None)
    return sorted(
        day
        for day, row in rows.items()
        if row.uid and row.kind != CANCELLED and days and max(days[0], today) <= day <= days[-1]
        # Each of these days is dealt with by an event.
        and day not in plan.off and day not in plan.kept and day not in plan.writes
    )  # fmt: skip


def _check_choice(events: Sequence[CalendarEvent], choice: Choice) -> None:
    """Raise `BadInput` for a title or UID that staff name and no event has: it may be misspelt."""
    mistakes = [
        Problem(f"--{kind}", f"no event of the file has the title or UID {name!r}", "as the file has it")
        for name, kind in choice.named.items()
        if not any(is_named(event, name) for event in events)
    ]
    if mistakes:
        raise BadInput(mistakes)


def _is_of(row: Row[Any], event: CalendarEvent) -> bool:
    """Return whether a meeting came from this event, or from the series of which it is one or all."""
    if not row.uid or not event.uid:
        return False
    if row.uid == event.uid or row.uid.startswith(event.uid + "#"):
        return True
    series, _, day = event.uid.rpartition("#")
    return bool(series) and row.uid == series and day == f"{row.on:%Y%m%d}"


def _series_of(uid: str | None) -> str | None:
    """Return the UID of the series to which the UID of a meeting belongs, or else that UID itself."""
    return (uid.rpartition("#")[0] or uid) if uid else None


def _judge(
    event: CalendarEvent, choice: Choice, mine: Sequence[Row[Any]], district: str
) -> tuple[Kind | None, str]:
    """Return the kind of meeting that an event is, or None and why staff have to judge it."""
    named = choice.of(event)
    if named is not None:
        return named, ""
    if event.doubt is not None:
        return None, event.doubt
    kind = meeting_titles.classify(event.title, district)
    if kind is None:
        # What staff said about an event holds as long as its title stays.
        kind = next((row.kind for row in mine if (row.title or "") == event.title), None)
    if kind is None:
        kind = choice.others
    return kind, "its title does not say that it is a regular or special meeting of the Board"


def _take_off_by_day(
    event: CalendarEvent,
    session: Session,
    rows: Mapping[date, Row[Any]],
    by_day: Mapping[date, Collection[Any]],
    plan: Plan,
) -> None:
    """Take off a meeting that did not come from this cancelled event, but is the one that it names.

    Staff may have added it by hand, the configuration may have it, or the earlier file had other UIDs.
    """
    day = event.day
    if day is None or day in plan.off or day in by_day:
        return
    kind = _find_kind(session, rows, day)
    if kind is None:
        return
    if meeting_titles.classify(event.title, session.config.procedure.district.name) == kind:
        plan.off.add(day)
    else:
        why = f"it is cancelled, but may not be the {kind} meeting of that day, which stays on the calendar"
        plan.leave_out(event, why)


def _find_kind(session: Session, rows: Mapping[date, Row[Any]], day: date) -> str | None:
    """Return the kind of the meeting on a day, as the table or else the configuration has it."""
    row = rows.get(day)
    if row is not None:
        return None if row.kind == CANCELLED else str(row.kind)
    return "regular" if day in session.config.procedure.board.meetings else None


def _choose_meeting(
    session: Session,
    day: date,
    meetings: Sequence[tuple[CalendarEvent, Kind]],
    rows: Mapping[date, Row[Any]],
    plan: Plan,
) -> None:
    """Plan the one meeting of a day: the regular one, since the Board decides at no other (4270.9)."""
    regular = [event for event, kind in meetings if kind == "regular"]
    for second in regular[1:]:
        if second.at != regular[0].at:
            raise BadInput([Problem(second.place, f"{day} stands there twice", "each meeting once")])
    if not regular and day not in plan.off and _find_kind(session, rows, day) == "regular":
        plan.left_out += [(event, "the calendar has a regular meeting on that day") for event, _ in meetings]
        return
    first = (regular or [event for event, _ in sorted(meetings, key=lambda m: m[0].at or time())])[0]
    plan.writes[day] = (first, "regular" if regular else "special")
    why = "it is on the same day as " + first.place
    plan.left_out += [(event, why) for event, _ in meetings if event is not first]
