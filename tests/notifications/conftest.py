"""What the tests of mail share: a mail server that answers as a test tells it to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.smtp_server import Desk, Server, serving


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def server(desk: Desk) -> Iterator[Server]:
    with serving(desk) as running:
        yield running
