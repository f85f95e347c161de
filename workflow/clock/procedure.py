"""Notices that the procedure or the rights in the configuration have changed, records it, and has it told."""

from __future__ import annotations

import json
from datetime import datetime

from workflow.record import changes
from workflow.session import Session
from workflow.store import chain, database
from workflow.store.column_types import canonical

# What the daemon remembers the procedure by, and who it says changed it: only the file knows the person.
_KEY, _BY = "procedure-seen", "config.toml"


def tell_procedure(session: Session, now: datetime) -> list[str]:
    """Record and tell each setting that differs from those seen last; return their names."""
    current = session.config.stated
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
