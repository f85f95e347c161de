"""What the tests of the database share: the database of a district."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.support import databases
from tests.support.district import Begin
from workflow.store import database


@pytest.fixture
def opened_engine(begin: Begin) -> Iterator[Engine]:
    """The database of a district, opened as every program opens it."""
    opened = database.open_store(databases.url(begin().system.config.folder))
    yield opened
    opened.dispose()
