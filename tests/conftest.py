"""Where the real PostgreSQL server of a test run keeps its data, if a test asks for one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import databases

_OURS = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    if (folder := databases.begin_run()) is not None:
        config.stash[_OURS] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_OURS, None):
        databases.end_run()
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ[databases.DATA]
