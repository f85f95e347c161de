"""Killed while they set a district up, `init` and `import` have done all or nothing, and do it when run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Engine, select, text

from tests.faults import dying
from tests.faults.conftest import CHAOS
from tests.story.past import Past
from tests.support import databases
from tests.support.office import DISTRICT, file_of
from workflow.procedure import config
from workflow.store import database, upgrade
from workflow.store.tables import partnerships

# A folder in which a district is set up.

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

    def sums(self) -> dict[str, tuple[int, str]]:
        """The length of each history and the facts that it adds up to. Hashes differ, since salts are random."""
        engine, table = self.engine(), partnerships.c
        with engine.connect() as connection:
            rows = connection.execute(select(table.ref, table.version, table.facts))
            found = {row.ref: (row.version, row.facts) for row in rows}
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


# The tests

OLD = "0001"
OF_INIT = [("amid the tables", 5), ("after the tables are made", 1), ("before the keys are made", 1)]
OF_UPGRADE = [("amid the tables", 1), ("after the tables are made", 1)]
OF_IMPORT = [
    ("before the import writes an event", 20),
    ("after a partnership is imported", len(PAST)),
    ("after the import is committed", 1),
]
MORE_IMPORT = [("before the import writes an event", call) for call in (1, 2, 10, 30, 40)]


def of(short: list[tuple[str, int]], *more: tuple[str, int]) -> Callable[..., pytest.MarkDecorator]:
    """The first of these, and all of them in a long run."""
    chosen = [*short, *more] if CHAOS else short[:1]
    return pytest.mark.parametrize(("point", "call"), chosen)


def killed(bare: Bare, point: str, call: int, *words: str) -> None:
    assert bare.ctl(*words, command=dying.command("partnershipctl", die=point, call=call)) == -9


def version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        made = engine.dialect.has_table(connection, "alembic_version")
        return connection.scalar(text("SELECT version_num FROM alembic_version")) if made else None


@of(OF_INIT)
def test_an_init_that_is_killed_is_made_good_by_the_next(tmp_path: Path, point: str, call: int) -> None:
    bare = Bare(tmp_path)
    killed(bare, point, call, "init")
    engine = bare.engine()
    assert version(engine) == (database.VERSION if point == "before the keys are made" else None)
    assert not (tmp_path / "var" / "keys").exists()
    assert bare.ctl("init") == 0
    assert version(engine) == database.VERSION
    assert (tmp_path / "var" / "keys").read_text(encoding="ascii").strip()
    engine.dispose()


def old(engine: Engine) -> None:
    """The tables of the first program, with a school in them."""
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, OLD)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO schools (id, name) VALUES ('franklin', 'Franklin High School')"))


@pytest.mark.promise("safe-upgrade")
@of(OF_UPGRADE)
def test_an_upgrade_that_is_killed_leaves_the_old_tables_and_what_is_in_them(
    tmp_path: Path, point: str, call: int
) -> None:
    bare = Bare(tmp_path)
    engine = bare.engine()
    old(engine)
    killed(bare, point, call, "init")
    assert version(engine) == OLD
    assert bare.tables_of("schools") == ["('franklin', 'Franklin High School', None)"]
    assert bare.ctl("init") == 0
    assert version(engine) == database.VERSION
    assert bare.tables_of("schools") == ["('franklin', 'Franklin High School', None, None, None)"]
    engine.dispose()


@of(OF_IMPORT, *MORE_IMPORT)
def test_an_import_that_is_killed_has_done_all_or_nothing_and_is_made_good_by_the_next(
    tmp_path: Path, point: str, call: int
) -> None:
    whole, bare = (Bare(tmp_path / name) for name in ("whole", "bare"))
    for one in (whole, bare):
        one.make()
    assert whole.ctl("import", str(tmp_path / "whole" / "district.toml")) == 0
    assert len(whole.sums()) == len(PAST)
    killed(bare, point, call, "import", str(tmp_path / "bare" / "district.toml"))
    assert bare.sums() == (whole.sums() if point == "after the import is committed" else {})
    assert bare.ctl("import", str(tmp_path / "bare" / "district.toml")) == 0
    assert (bare.sums(), bare.tables()) == (whole.sums(), whole.tables())
    assert bare.ctl("verify") == 0
