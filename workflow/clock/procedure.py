"""Notices that the procedure or the rights in the configuration have changed, records it, and has it told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflow.record import changes
from workflow.session import Session
from workflow.store import chain, database

# What the daemon remembers the procedure by, and who it says changed it: only the file knows the person.
_KEY, _BY = "procedure-seen", "config.toml"


@dataclass(frozen=True, slots=True)
class ChangedSetting:
    """A setting that differs from the one seen last, by its dotted name; None where there is none."""

    name: str
    before: str | None
    after: str | None


def has_changed(session: Session) -> bool:
    """Return whether any setting is another one than those seen last."""
    return session.remembered(_KEY) != session.config.stated_text


def tell_procedure(session: Session, now: datetime) -> list[str]:
    """Record and tell each setting that differs from those seen last; return their names."""
    if not has_changed(session):
        return []
    changed = compare_settings(session)
    database.remember(session.connection, _KEY, session.config.stated_text)
    mark = changes.last_entry(session)
    for each in changed:
        kind = "rights" if each.name.startswith("admin.") else "procedure"
        chain.record(
            session.connection, f"{kind} {each.name}", each.after, before=each.before, by=_BY, now=now
        )
    changes.tell_since(session, mark, by=_BY, now=now)
    return [each.name for each in changed]


def compare_settings(session: Session) -> list[ChangedSetting]:
    """Return each setting that differs from those seen last, in the order of their names."""
    before = _read_seen(session)
    # The first look at a new database has nothing to compare with.
    if before is None:
        return []
    current = session.config.stated
    return [
        ChangedSetting(name, before.get(name), current.get(name))
        for name in sorted(before.keys() | current.keys())
        if before.get(name) != current.get(name)
    ]


def read_labels(session: Session) -> dict[str, str]:
    """Return the labels of deadlines by name: of this procedure, and of the one seen last if it had others."""
    before = _read_seen(session) or {}
    names = {key: key.removeprefix("deadline.").removesuffix(".label") for key in before}
    seen = {name: str(before[key]) for key, name in names.items() if key == f"deadline.{name}.label"}
    return seen | {name: row.label for name, row in session.config.procedure.deadline.items()}


def _read_seen(session: Session) -> dict[str, Any] | None:
    """Return the settings that were seen last by their dotted names; None if none were."""
    seen = session.remembered(_KEY)
    settings: dict[str, Any] | None = None if seen is None else json.loads(seen)
    return settings
