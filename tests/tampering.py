"""How somebody who owns the tables gets at the history all the same: by taking away what guards it."""

from __future__ import annotations

from workflow.store.migrations.versions.v0003_append_only import SQLITE

UNGUARD = {
    "sqlite": [
        f"DROP TRIGGER IF EXISTS history_no_{what}" for what in ("update", "delete", "replace")
    ],
    "postgresql": ["ALTER TABLE history DISABLE TRIGGER history_is_kept"],
}  # fmt: skip

# As whoever did it would leave it, so that nothing but the chain tells.
GUARD = {"sqlite": SQLITE, "postgresql": ["ALTER TABLE history ENABLE TRIGGER history_is_kept"]}
