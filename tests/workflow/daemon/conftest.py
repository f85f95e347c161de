"""What the tests of `partnershipd` share: houses to run it in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.house import House, Systemd, founded


@pytest.fixture(scope="session")
def foundation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foundation")
    founded(folder)
    return folder


@pytest.fixture
def house(foundation: Path, tmp_path: Path) -> Iterator[House]:
    """A house of one's own; whatever runs in it is ended."""
    made = House(foundation, tmp_path)
    yield made
    made.end()
    databases.drop(tmp_path)


@pytest.fixture
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    listening = Systemd(tmp_path_factory.mktemp("systemd"))
    yield listening
    listening.close()
