"""What the tests of the pages share: the district of the engine's tests, and a visitor in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.visitor import Visitor
from tests.workflow.conftest import Begin, _templates_checked_once, begin, settings, stations

__all__ = ["_templates_checked_once", "begin", "settings", "stations"]

Visit = Callable[..., Visitor]


@pytest.fixture
def visit(begin: Begin) -> Visit:
    """Opens a district at a station, as `begin` does, to somebody with a browser."""
    return lambda station=None, text="": Visitor(begin(station, text))
