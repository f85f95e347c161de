"""What the stories share: an office of one's own, whose record is verified at the end of every story."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.story.office import Office, founded, moved_into


@pytest.fixture(scope="session")
def faketime() -> str:
    """The program that shifts the clock of another one."""
    found = shutil.which("faketime")
    if found is None:
        reason = "faketime is not installed (on Debian: apt-get install faketime), so no clock can be shifted"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def founded_office(faketime: str, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Made once for all stories and copied for each."""
    return founded(tmp_path_factory.mktemp("office"), faketime, tmp_path_factory.mktemp("bytecode"))


@pytest.fixture
def office(founded_office: Office, tmp_path: Path) -> Iterator[Office]:
    """An office with no partnership yet. After the story `verify` must find nothing in its record."""
    mine = moved_into(tmp_path / "office", founded_office)
    yield mine
    assert mine.faults() == []
    databases.drop(mine.folder)
