"""A folder with a configuration and nothing else, in which the programs set a district up from its beginning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, select, text

from tests import databases
from tests.story.office import DISTRICT, file_of
from tests.story.past import Past
from workflow.procedure import config
from workflow.store import database, upgrade
from workflow.store.tables import partnerships

CTL = str(Path(sys.executable).parent / "partnershipctl")
PAST = (
    Past("rbhs-2025").active(),
    Past("fhs-2025", "franklin").referred(),
    Past("ghs-2025", "garfield").applied(),
)


class Bare:
    """Runs `partnershipctl` there, and looks at what it has made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        databases.create(folder)
        (folder / "config.toml").write_text(
            f"[database]\nurl = {json.dumps(databases.address(folder))}\n", encoding="utf-8"
        )
        (folder / "district.toml").write_text(district(), encoding="utf-8")

    def ctl(self, *words: str, command: Sequence[str] = (CTL,)) -> int:
        """Run it to its end; the exit status."""
        known = {k: v for k, v in os.environ.items() if not k.startswith("PARTNERSHIPS_")}
        line = [*command, "--config", str(self.folder / "config.toml"), *words]
        return subprocess.run(line, capture_output=True, check=False, timeout=120, env=known).returncode

    def make(self) -> None:
        """What `init` does, but the keys."""
        engine = database.open_store(databases.url(self.folder), create=True)
        upgrade.upgrade(engine)
        engine.dispose()

    def engine(self) -> Engine:
        return database.make_engine(config.load(self.folder / "config.toml", words=False).database_url)

    def heads(self) -> dict[str, str]:
        """The hash of the last row of each history: equal only if everything in it is."""
        engine, table = self.engine(), partnerships.c
        with engine.connect() as connection:
            found = {row.ref: row.head for row in connection.execute(select(table.ref, table.head))}
        engine.dispose()
        return found

    def tables(self) -> dict[str, list[str]]:
        """What stands in the tables of the directory."""
        return {name: self.tables_of(name) for name in ("schools", "people", "organizations", "meetings")}

    def tables_of(self, name: str) -> list[str]:
        """The rows of one table."""
        engine = self.engine()
        with engine.connect() as connection:
            found = sorted(str(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {name}")))
        engine.dispose()
        return found


def district() -> str:
    """A district file with three lives in it."""
    tables = [file_of(DISTRICT)]
    for one in PAST:
        head = {key: value for key, value in one.items() if key != "event"}
        tables += [file_of({"partnership": [head]}), file_of({"partnership.event": one["event"]})]
    return "\n".join(tables)
