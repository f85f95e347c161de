"""How somebody who owns the tables gets at the history all the same: by taking away what guards it."""

from __future__ import annotations

UNGUARD = {
    "sqlite": [
        f"DROP TRIGGER IF EXISTS history_no_{what}" for what in ("update", "delete", "replace")
    ],
    "postgresql": ["ALTER TABLE history DISABLE TRIGGER history_is_kept"],
}  # fmt: skip
