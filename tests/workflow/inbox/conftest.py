"""What the tests of replies share: a statement of needs that waits for an answer."""

from __future__ import annotations

import pytest

from tests.support.district import Begin, Life
from tests.support.letters import asked_for_needs


@pytest.fixture
def needs(begin: Begin) -> Life:
    """A statement of needs was just written; the principal and staff are asked to agree to it."""
    return asked_for_needs(begin("needs"))
