"""Many tests of the engine read the packaged configuration, with all its templates."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def templates_are_checked_once(templates_checked_once: None) -> None:
    """Look at each unchanged template file once for all tests."""
