"""Says what a correction changes: the state, facts before and after, deadlines that move, and who is told.

A command prints it, a page and the menu of a terminal show it before the correction is recorded. Who reads it on a
page sees only what they may see of the partnership.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from notifications.written import long_day, money, words
from workflow.change import Change
from workflow.outbox import event_words
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, Snapshot
from workflow.views import visibility
from workflow.views.visibility import Viewer

_LONGEST = 200  # the most characters of a fact that are shown
Parts = Sequence[tuple[str, Sequence[tuple[str, str]]]]  # titles, each with its pairs of label and text


@dataclass(frozen=True, slots=True)
class Standing:
    """How a partnership stands: its facts as a document, and the due instant of each open deadline, by name."""

    state: str
    facts: Mapping[str, Any]
    due: Mapping[str, str | None]


def read_standing(
    session: Session, record: Snapshot, now: datetime, viewer: Viewer | None = None
) -> Standing:
    """Return how a partnership stands, as the viewer may see it; all of it without a viewer."""
    if viewer is None:
        return Standing(str(record.state), record.facts.model_dump(mode="json"), _read_due(session, record))
    lines = visibility.deadlines_for(session, record, viewer, now)
    due = {line["name"]: line["due_at"] for line in lines}
    return Standing(str(record.state), visibility.facts_for(session, record, viewer, now), due)


def _read_due(session: Session, record: Snapshot) -> dict[str, str | None]:
    table = tables.deadlines
    query = select(table.c.name, table.c.ladder).where(
        table.c.partnership == record.id, table.c.status == DeadlineStatus.OPEN.value
    )
    return {row.name: session.local(row.ladder) for row in session.connection.execute(query.distinct())}


def describe(
    session: Session, change: Change, before: Standing, now: datetime, viewer: Viewer | None = None
) -> dict[str, Any]:
    """Return what a change does to facts and deadlines, which were read before it, and who is told.

    A viewer outside the office learns of nobody else who is told.
    """
    after = read_standing(session, change.record, now, viewer)
    return {
        "facts": [
            {"fact": name, "before": was, "after": now}
            for name, was, now in _differences(before.facts, after.facts)
            if name != "corrected_at"
        ],
        "deadlines": [
            {"name": name, "before": before.due.get(name), "after": after.due.get(name)}
            for name in sorted({*before.due, *after.due})
            if before.due.get(name) != after.due.get(name)
        ],
        "told": _list_told(session, change) if viewer is None or viewer.is_office else [],
    }


def _list_told(session: Session, change: Change) -> list[dict[str, str]]:
    table = tables.notices
    query = select(table.c.to, table.c.role).where(
        table.c.partnership == change.record.id,
        table.c.seq == change.record.version,
        table.c.template != "receipt",
    )
    told = sorted({(row.to, row.role) for row in session.connection.execute(query)})
    return [{"to": to, "role": role} for to, role in told]


def _differences(was: Any, now: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each place at which two documents differ, such as "agreement.starts_on", with both values."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in sorted({*was, *now}):
            yield from _differences(was.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differences(one, other, f"{name}.{number}")
    elif was != now:
        yield name, was, now


def put_in_words(session: Session, change: Change, effects: Mapping[str, Any], viewer: Viewer) -> Parts:
    """Return what a change does as titles with pairs of label and text, to be read before it is recorded."""
    facts = change.record.facts

    def compare(was: Any, now: Any, name: str) -> str:
        old, new = (_write(session, each, name) for each in (was, now))
        text = f"{new} (it was: {old})" if was is not None else new
        return event_words.write_reason(session, text, facts)

    state = words(str(change.record.state))
    moved = f"{state} (it was: {words(str(change.before.state))})" if change.has_moved else f"stays {state}"
    on_record = [
        (_label_of(each["fact"]), compare(each["before"], each["after"], each["fact"]))
        for each in effects["facts"]
    ]
    deadlines = [
        (session.config.deadlines[each["name"]].label, _move(each["before"], each["after"]))
        for each in effects["deadlines"]
        if each["name"] in session.config.deadlines
    ]
    told = [
        (event_words.write_reason(session, each["to"], facts), words(each["role"]))
        for each in effects["told"]
    ]
    # An applicant must not learn who else has to do with the partnership.
    if not viewer.is_office:
        told = [("Everybody who was told of the entry", "as far as they may read what changes")]
    return [
        ("State", [("The partnership", moved)]),
        ("What is on record", on_record or [("Facts", "none changes")]),
        ("Deadlines", deadlines or [("Deadlines", "none moves")]),
        ("Who is told", told or [("Messages", "go to nobody")]),
    ]


def _move(was: str | None, now: str | None) -> str:
    old, new = (_write_moment(datetime.fromisoformat(at)) if at else None for at in (was, now))
    if new is None:
        return f"no date any more (it was: {old})"
    return f"{new} (it was: {old})" if old else f"{new} (a new date)"


def _label_of(name: str) -> str:
    """Return the place of a fact as people read it: "agreement.starts_on" -> "Agreement: starts on"."""
    parts = name.removesuffix("_cents").split(".")
    head, *rest = [str(int(part) + 1) if part.isdecimal() else words(part) for part in parts]
    label = ": ".join([head, *([" ".join(rest)] if rest else [])])
    return label[:1].upper() + label[1:]


def _write(session: Session, value: Any, name: str = "") -> str:
    """Return a value of the facts as people read it, shortened."""
    if value is None or value in ([], {}, ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_cents"):
        return money(value)
    if isinstance(value, Mapping):
        parts = [
            f"{words(key.removesuffix('_cents'))}: {_write(session, each, key)}"
            for key, each in value.items()
            if each not in (None, [], {}, "")
        ]
        return _shorten("; ".join(parts))
    if isinstance(value, list):
        return _shorten(", ".join(_write(session, each, name) for each in value))
    text = str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return long_day(date.fromisoformat(text))
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\S+", text):
        return _write_moment(session.config.calendar.local(datetime.fromisoformat(text)))
    return _shorten(text)


def _write_moment(local: datetime) -> str:
    return f"{long_day(local.date())}, {local:%H:%M}"


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
