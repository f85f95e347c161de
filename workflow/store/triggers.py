"""Finds which triggers of the database are missing (`v0003_append_only.py`, `v0020_days_in_force.py`)."""

from __future__ import annotations

from sqlalchemy import Connection, text

_HISTORY = "rows of the history can be changed or taken away"
_LEADS = "a school can get two Lead Partners at a time"
# By database, each trigger with what is possible without it.
TRIGGERS = {
    "sqlite": {
        "history_no_delete": _HISTORY,
        "history_no_replace": _HISTORY,
        "history_no_update": _HISTORY,
        "partnerships_one_lead": _LEADS,
        "partnerships_one_lead_new": _LEADS,
    },
    "postgresql": {"history_is_kept": _HISTORY, "partnerships_one_lead": _LEADS},
}
_THERE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('history', 'partnerships')",
    # "A" is a trigger that is always enabled, "O" one that is enabled unless the session applies replicated
    # rows.
    "postgresql": """SELECT tgname FROM pg_trigger
        WHERE tgrelid IN (to_regclass('history'), to_regclass('partnerships')) AND tgenabled IN ('O', 'A')""",
}


def missing_triggers(connection: Connection) -> dict[str, str]:
    """Return the triggers that somebody has dropped or disabled, each with what this makes possible."""
    kind = connection.dialect.name
    there = set(connection.scalars(text(_THERE[kind])))
    return {name: allows for name, allows in TRIGGERS[kind].items() if name not in there}
