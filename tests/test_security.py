"""What docs/security.md promises has a place in the code and a test, each by its name."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
TEXT = (TOP / "docs" / "security.md").read_text(encoding="utf-8")
AGAINST = [
    "mail scanners", "a forwarded message", "a stranger who guesses", "somebody who lost the role", "a flood",
    "a curious applicant", "staff while a call is sealed", "a stolen link", "a forged reply",
    "whoever can write to the database", "whoever owns the database", "other users of the machine",
    "a lost disk",
]  # fmt: skip


def promised() -> list[tuple[str, str, list[str], list[str]]]:
    """The rows of the table: against whom, what, the places and the tests."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if "|" in line
    ]
    return [
        (against, promise, re.findall(r"`([^`]+)`", place), re.findall(r"`([^`]+)`", test))
        for against, promise, place, test in rows[2:]
    ]


PROMISED = promised()
ROWS = pytest.mark.parametrize(
    ("against", "promise", "places", "tests"), PROMISED, ids=[f"{n}" for n, _ in enumerate(PROMISED, 1)]
)


def test_everybody_is_thought_of_in_order() -> None:
    assert list(dict.fromkeys(against for against, *_ in PROMISED)) == AGAINST


@ROWS
def test_every_place_exists(against: str, promise: str, places: list[str], tests: list[str]) -> None:
    assert places, f"nothing keeps: {promise}"
    assert [place for place in places if not _place(place)] == []


@ROWS
def test_every_test_exists(against: str, promise: str, places: list[str], tests: list[str]) -> None:
    assert tests, f"nothing shows: {promise}"
    assert [test for test in tests if not is_test(test)] == []


def test_every_setting_that_it_names_exists() -> None:
    settings = (TOP / "config.toml").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:web|mail)\.(\w+)", TEXT))
    assert {"keys_file", "base_url", "proxies", "listen", "trust", "authserv"} <= named
    assert [name for name in sorted(named) if not re.search(rf"^{name} = ", settings, re.MULTILINE)] == []


def _place(place: str) -> bool:
    """Whether there is what `file::name` or `file::Class.attribute` names."""
    file, _, name = place.partition("::")
    module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    found: object = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return bool(name) and found is not None


def is_test(test: str) -> bool:
    """Whether there is a test `file::name`."""
    file, _, name = test.partition("::")
    return name.startswith("test_") and (TOP / file).is_file() and name in _functions(file)


@cache
def _functions(file: str) -> set[str]:
    body = ast.parse((TOP / file).read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}
