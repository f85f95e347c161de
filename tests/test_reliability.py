"""What docs/reliability.md promises is shown by tests, each by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_security import is_test

TEXT = (Path(__file__).parent.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
TABLE = TEXT.partition("## Figures")[0]
ROWS = [line.strip("|").split("|") for line in TABLE.splitlines() if line.startswith("|")][2:]
PROMISES = [(promise.strip(), re.findall(r"`(tests/[^`]+)`", shown)) for promise, _, _, shown in ROWS]


@pytest.mark.parametrize(("promise", "tests"), PROMISES, ids=[f"{n}" for n, _ in enumerate(PROMISES, 1)])
def test_every_promise_is_shown_by_tests_that_exist(promise: str, tests: list[str]) -> None:
    assert tests, f"nothing shows: {promise}"
    assert [test for test in tests if not is_test(test)] == []


def test_the_promises_are_all_there() -> None:
    assert len(PROMISES) >= 15
