"""What tests of all rooms share: a district at any station of a partnership's life, and a visitor in it."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from notifications import render
from notifications.sandbox import Sandbox
from tests.support import databases
from tests.support.district import Begin, Life, Stations, configured, opened, written
from tests.support.office import Office, founded, moved_into, program
from tests.support.visitor import Visit, Visitor
from workflow.procedure import reading
from workflow.procedure.config import Config, load

# Where the PostgreSQL server of a test run keeps its data, if a test asks for one.
_OURS = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    if (folder := databases.begin_run()) is not None:
        config.stash[_OURS] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_OURS, None):
        databases.end_run()
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ[databases.DATA]


@pytest.fixture(scope="session", autouse=True)
def files_read_once() -> Iterator[None]:
    """Check and compile each template once for all tests of a process, and parse each TOML text once.

    All of them take two seconds, which most tests would spend before they begin.
    """
    known: dict[Any, Any] = {}
    look, compile_, parse = render.find_problems, Sandbox.compile, tomllib.loads

    def find_problems(path: Path, environment: Any, also: Any = ()) -> Any:
        key = (path, path.stat().st_mtime_ns, tuple(also))
        if key not in known:
            known[key] = look(path, environment, also)
        return known[key]

    def compile(self: Sandbox, source: Any, name: Any = None, filename: Any = None, **options: Any) -> Any:
        key = (source, name, filename, self.autoescape, *options.items())
        if key not in known:
            known[key] = compile_(self, source, name, filename, **options)
        return known[key]

    def loads(text: str) -> Any:
        if text not in known:
            known[text] = pickle.dumps(parse(text))
        return pickle.loads(known[text])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading.tomllib, "loads", loads)
        patch.setattr(render, "find_problems", find_problems)
        patch.setattr(Sandbox, "compile", compile)
        yield


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Undo the log that a daemon sets up in a test, since it writes to a stream that ends with the test."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    if structlog.is_configured():
        logging.root.handlers[:], logging.root.level = handlers, level
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, files_read_once: None) -> Config:
    """The packaged procedure, as a district has it whose own file says no more than where things are."""
    return configured(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="session")
def stations(tmp_path_factory: pytest.TempPathFactory, settings: Config) -> Stations:
    return Stations(tmp_path_factory.mktemp("stations"), settings)


@pytest.fixture
def begin(stations: Stations, settings: Config, tmp_path: Path) -> Iterator[Begin]:
    """Opens a district of one's own: `begin("active")` with a partnership there, `begin()` with none.

    A second argument is what the district's own configuration says.
    """
    lives: list[Life] = []

    def begin(station: str | None = None, text: str = "") -> Life:
        folder = tmp_path / f"district-{len(lives)}"
        folder.mkdir()
        path = written(folder, text)
        chosen = load(path) if text else replace(settings, folder=folder, path=path)
        lives.append(opened(stations.made(station), folder, chosen, begun=station is not None))
        return lives[-1]

    yield begin
    for life in lives:
        life.close()
        databases.drop(life.system.config.folder)


@pytest.fixture(scope="session")
def founded_office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Made once for all stories and copied for each."""
    folders = [tmp_path_factory.mktemp(name) for name in ("office", "bytecode")]
    return founded(folders[0], program("faketime"), folders[1])


@pytest.fixture
def office(founded_office: Office, tmp_path: Path) -> Iterator[Office]:
    """An office with no partnership yet. After the story `verify` must find nothing in its record."""
    mine = moved_into(tmp_path / "office", founded_office)
    yield mine
    assert mine.faults() == []
    databases.drop(mine.folder)


@pytest.fixture
def visit(begin: Begin) -> Visit:
    """Opens a district at a station, as `begin` does, to somebody with a browser."""
    return lambda station=None, text="": Visitor(begin(station, text))
