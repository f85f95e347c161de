"""Explains a deadline: from which fact it counts, over which days, and which lines of config.toml say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from states.moments import Moment, counts_from, done_on
from workflow.procedure import ladders
from workflow.procedure.calendar import Roll
from workflow.procedure.counted_days import list_days, list_rolled
from workflow.procedure.due import Due
from workflow.procedure.due_rules import Count
from workflow.procedure.lines import Place, find_setting
from workflow.procedure.settings import DeadlineSettings
from workflow.record import histories
from workflow.session import Session
from workflow.store.rows import HistoryEntry, Snapshot


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a deadline comes about. Without `count` it does not run now, and `why_not` says why.

    `recorded` is the row of the history with which the fact got its present value. `counted` are the business days
    of the span, `skipped` the days between them, each with the reason. `moved` is the day to which the counted day
    moved, with the reason.
    """

    name: str
    settings: DeadlineSettings
    places: dict[str, Place]
    why_not: str | None = None
    count: Count | None = None
    value: Moment = None
    recorded: HistoryEntry | None = None
    counted: tuple[date, ...] = ()
    skipped: tuple[tuple[date, str], ...] = ()
    moved: tuple[date, str] | None = None
    due: datetime | None = None
    rungs: tuple[ladders.Rung, ...] = field(default=())
    rule: Due | None = None  # the one that applies: `due` or `latest` of the row
    roll: Roll | None = None  # and how its day moves


def explain(session: Session, record: Snapshot, name: str) -> Explanation:
    """Return how a deadline of the procedure comes about on a partnership.

    Raise `LookupError` for a name that the procedure does not have.
    """
    config, moments = session.config, record.moments
    settings = config.deadlines[name]
    keys = ("due", "latest", "at", "roll", "state", "until", "when", "done")
    found = {key: find_setting(config, "deadline", name, key) for key in keys}
    if settings.at is None:
        found["at"] = find_setting(config, "calendar", "at")
    places = {key: place for key, place in found.items() if place is not None}
    why_not = _why_not(record, settings)
    if why_not is not None:
        return Explanation(name, settings, places, why_not)
    since = counts_from(record.facts)
    done = done_on(record.facts, settings.done, config.calendar.day) if settings.done else ()
    calendar = config.calendar
    rule, roll = settings.due.capped(settings.latest, moments=moments, roll=settings.roll, calendar=calendar)
    count = rule.count(moments=moments, calendar=config.calendar, since=since, done=done)
    due = ladders.due_instants(config, record).get(name)
    if count is None or due is None:
        facts = " or ".join(settings.due.anchors) or "agreement.in_force"
        return Explanation(name, settings, places, f"{facts} is not on record yet")
    value = moments.get(count.anchor) if count.anchor else None
    counted, skipped = list_days(calendar, count)
    moved = None
    if count.rolls and (rolled := calendar.roll(count.day, roll)) != count.day:
        moved = rolled, str(config.calendar.why_closed(count.day))
        skipped += list_rolled(calendar, count.day, rolled)
    recorded = _recorded(session, record, count.anchor or "agreement.in_force")
    return Explanation(
        name, settings, places, None, count, value, recorded, counted, skipped, moved, due,
        ladders.rungs(config, name, due, moments), rule, roll,
    )  # fmt: skip


def _why_not(record: Snapshot, settings: DeadlineSettings) -> str | None:
    """Return why a deadline does not run in this state or with these facts; None if it may."""
    if record.state not in settings.state:
        states = " and ".join(map(str, settings.state))
        return f"it runs in {states}, and the partnership is in {record.state}"
    if settings.until in record.moments:
        return f"it is met: {settings.until} is on record"
    if settings.when and settings.when not in record.moments:
        return f"it runs once {settings.when} is on record"
    return None


def _recorded(session: Session, record: Snapshot, moment: str) -> HistoryEntry | None:
    """Return the row of the history with which a moment got its present value; None if it has none."""
    value = record.moments.get(moment)
    if value is None:
        return None
    history = histories.read_history(session.connection, record.key)
    # Go back until the value was another one. A fact may have had this value before, been changed and changed back.
    for length in range(len(history), 0, -1):
        before = histories.fold(session.config, record.ref, history[: length - 1])
        if before is None or before.moments.get(moment) != value:
            return history[length - 1]
    return None


def document(session: Session, ref: str, of: Explanation) -> dict[str, Any]:
    """Return the document of an explanation. Days are YYYY-MM-DD, instants have the district's offset."""
    count, entry = of.count, of.recorded
    value = session.local(of.value) if isinstance(of.value, datetime) else of.value and of.value.isoformat()
    return {
        "ref": ref,
        "name": of.name,
        "label": of.settings.label,
        "rule": (of.rule or of.settings.due).text,
        "runs": of.why_not is None,
        "why_not": of.why_not,
        "fact": count and {
            "name": count.anchor or None,
            "value": value,
            "seq": entry and entry.seq,
            "event": entry and entry.event,
            "recorded_at": entry and session.local(entry.at),
        },
        "from": count and count.start.isoformat(),
        "span": count and count.span and str(count.span),
        "direction": count and ("after" if count.sign > 0 else "before"),
        "counted": [day.isoformat() for day in of.counted],
        "skipped": [{"day": day.isoformat(), "reason": reason} for day, reason in of.skipped],
        "day": count and count.day.isoformat(),
        "roll": of.roll or of.settings.roll,
        "moved_to": of.moved and of.moved[0].isoformat(),
        "moved_because": of.moved and of.moved[1],
        "at": session.config.clock(of.settings).strftime("%H:%M") if count and count.rolls else None,
        "due_at": session.local(of.due),
        "rungs": [{"kind": str(rung.kind), "at": session.local(rung.due_at)} for rung in of.rungs],
        "lines": {
            key: {"file": str(place.file), "line": place.line, "value": _plain(place.value)}
            for key, place in of.places.items()
        },
    }  # fmt: skip


def _plain(value: object) -> object:
    """Return a value of TOML as JSON has it: a time of day becomes text."""
    return value if isinstance(value, (str, int, float, bool, list, dict)) else str(value)
