"""Notices that the procedure or the rights in the configuration have changed, records it, and has it told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workflow.procedure.config import Config
from workflow.record import changes
from workflow.session import Session
from workflow.store import chain, database
from workflow.store.column_types import canonical

# What the daemon remembers the procedure by, and who it says changed it: only the file knows the person.
_KEY, _BY = "procedure-seen", "config.toml"
# The tables that say who decides what and when. The others hold the machine's own settings, some of them secret.
_PROCEDURE = ("district", "calendar", "board", "selection", "termination", "retention", "deadline", "notice")


def tell_procedure(session: Session, now: datetime) -> list[str]:
    """Record and tell each setting that differs from those seen last; return their names."""
    current = _settings(session.config)
    text = canonical(current)
    seen = database.remembered(session.connection, _KEY)
    if seen == text:
        return []
    database.remember(session.connection, _KEY, text)
    # The first look at a new database has nothing to compare with.
    if seen is None:
        return []
    before = json.loads(seen)
    names = sorted(name for name in before.keys() | current.keys() if before.get(name) != current.get(name))
    mark = changes.last_entry(session)
    for name in names:
        kind = "rights" if name.startswith("admin.") else "procedure"
        chain.record(
            session.connection, f"{kind} {name}", current.get(name), before=before.get(name), by=_BY, now=now
        )
    changes.tell_since(session, mark, by=_BY, now=now)
    return names


def _settings(config: Config) -> dict[str, str]:
    """Return each setting of the procedure and of the rights by its dotted name, as text."""
    procedure = config.procedure
    parts: dict[str, Any] = {name: getattr(procedure, name).model_dump() for name in _PROCEDURE[:6]}
    for name in _PROCEDURE[6:]:
        parts[name] = {key: row.model_dump() for key, row in getattr(procedure, name).items()}
    parts["admin"] = {"users": {name: user.model_dump() for name, user in procedure.admin.users.items()}}
    return dict(_flatten("", parts))


def _flatten(prefix: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in values.items():
        place = f"{prefix}{name}"
        flat += _flatten(f"{place}.", value) if isinstance(value, dict) else [(place, str(value))]
    return flat
