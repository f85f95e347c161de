"""Finds which triggers that guard the history are missing in the database (`v0003_append_only.py`)."""

from __future__ import annotations

from sqlalchemy import Connection, text

TRIGGERS = {
    "sqlite": ("history_no_delete", "history_no_replace", "history_no_update"),
    "postgresql": ("history_is_kept",),
}
_THERE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'history'",
    # "A" is a trigger that is always enabled, "O" one that is enabled unless the session applies replicated
    # rows.
    "postgresql": """SELECT tgname FROM pg_trigger
        WHERE tgrelid = to_regclass('history') AND tgenabled IN ('O', 'A')""",
}


def missing_triggers(connection: Connection) -> list[str]:
    """Return the names of the triggers that somebody has dropped or disabled."""
    kind = connection.dialect.name
    there = set(connection.scalars(text(_THERE[kind])))
    return [name for name in TRIGGERS[kind] if name not in there]
