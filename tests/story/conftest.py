"""What the stories share: an office of one's own, whose record is verified at the end of every story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.office import Office, founded, moved_into, program


@pytest.fixture(scope="session")
def founded_office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Made once for all stories and copied for each."""
    return founded(
        tmp_path_factory.mktemp("office"), program("faketime"), tmp_path_factory.mktemp("bytecode")
    )


@pytest.fixture
def office(founded_office: Office, tmp_path: Path) -> Iterator[Office]:
    """An office with no partnership yet. After the story `verify` must find nothing in its record."""
    mine = moved_into(tmp_path / "office", founded_office)
    yield mine
    assert mine.faults() == []
    databases.drop(mine.folder)
