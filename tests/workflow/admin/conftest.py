"""What the tests of `partnershipctl` share: a desk with the program on it, and a district at any station."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import func, select

from tests.support import databases
from tests.support.desk import Desk
from tests.support.district import Life, Stations, keyed, merged, opened
from tests.support.facts import LA
from workflow.procedure import config
from workflow.store import tables

Sit = Callable[..., Desk]
OWNER = '[admin.users]\n"(owner)" = { person = "staff@example.org", may_act_as = ["*"] }\n'


@pytest.fixture(scope="session")
def stations(tmp_path_factory: pytest.TempPathFactory) -> Stations:
    folder = tmp_path_factory.mktemp("stations")
    (folder / "config.toml").write_text(merged("", folder), encoding="utf-8")
    return Stations(folder, config.load(folder / "config.toml", words=False))


@cache
def known(text: str) -> config.Config:
    """The settings of a district's own configuration, worked out once for all the folders it lies in."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(merged(text, path.parent), encoding="utf-8")
        return config.load(path, words=False)


def moment(life: Life) -> datetime:
    """When the last event happened."""
    with life.system.reading() as session:
        last = session.connection.scalar(select(func.max(tables.history.c.at)))
    assert last is not None
    return last.astimezone(LA)


@pytest.fixture
def sit(
    stations: Stations, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sit]:
    """Sits down at a desk: `sit("active")` with a partnership there, `sit()` with none.

    The second argument is the district's own configuration. The clock stands at the partnership's last event.
    """
    for name in ("PARTNERSHIPS_CONFIG", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    desks: list[Desk] = []

    def sit(station: str | None = None, text: str = OWNER) -> Desk:
        folder = tmp_path / f"desk-{len(desks)}"
        folder.mkdir()
        (folder / "config.toml").write_text(merged(text, folder), encoding="utf-8")
        keyed(folder)
        path = folder / "config.toml"
        settings = replace(known(text), folder=folder, path=path)
        life = opened(stations.made(station), folder, settings)
        if station:
            life.now = moment(life)
        desk = Desk(life, folder, capsys, monkeypatch)
        monkeypatch.setattr("workflow.session.current_time", lambda: desk.life.now.astimezone(UTC))
        desks.append(desk)
        return desk

    yield sit
    for desk in desks:
        desk.life.system.engine.dispose()
        databases.drop(desk.folder)


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the programs believe that another operating-system user runs them."""

    class Entry:
        def __init__(self, name: str) -> None:
            self.pw_name = name

    def become(name: str) -> None:
        monkeypatch.setattr(os, "getuid", lambda: 4270)
        monkeypatch.setattr("pwd.getpwuid", lambda _number: Entry(name))

    return become
