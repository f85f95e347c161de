"""What guards the history in the database itself: the triggers of `migrations/versions/v0003_append_only.py`."""

from __future__ import annotations

from sqlalchemy import Connection, text

TRIGGERS = {
    "sqlite": ("history_no_delete", "history_no_replace", "history_no_update"),
    "postgresql": ("history_is_kept",),
}
_THERE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'history'",
    # Enabled: in any case, or wherever the session is no replica's.
    "postgresql": """SELECT tgname FROM pg_trigger
        WHERE tgrelid = to_regclass('history') AND tgenabled IN ('O', 'A')""",
}


def missing(connection: Connection) -> list[str]:
    """The triggers that somebody has taken away or disabled."""
    kind = connection.dialect.name
    there = set(connection.scalars(text(_THERE[kind])))
    return [name for name in TRIGGERS[kind] if name not in there]
