"""The tables of evidence in docs/ agree with the law and with the markers of the tests, and leave nothing out."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from docs import tables
from states.lifecycle import TABLE
from states.machine import EVENTS

CLAUSES = [
    "4270.1", "4270.2", *(f"4270.3{letter}" for letter in "abcde"), "4270.4",
    *(f"4270.5{letter}" for letter in "abcde"), "4270.6", "4270.7", "4270.8",
    "4270.9", *(f"4270.9{letter}" for letter in "abc"), "4270.10", "4270.11", "4270.12", "4270.13",
]  # fmt: skip
AGAINST = [
    "mail scanners", "a forwarded message", "a stranger who guesses", "somebody who lost the role", "a flood",
    "a curious applicant", "staff while a call is sealed", "a stolen link", "a forged reply",
    "staff acting alone", "one person on every side",
    "anyone who can write to the database", "the owner of the database", "other users of the machine",
    "a user of the machine",
    "a lost disk",
]  # fmt: skip


def rows(page: str) -> list[list[str]]:
    """Return the cells of each row of a page's table of evidence."""
    lines = (tables.TOP / page).read_text(encoding="utf-8").splitlines()
    start, end = tables.rows_of(lines, tables.PAGES[page][1])
    return [tables.cells_of(line) for line in lines[start:end]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


POLICY, SECURITY, RELIABILITY = (rows(page) for page in tables.PAGES)
each_row = pytest.mark.parametrize(
    "row", [pytest.param(row, id=row[0].strip("`")) for row in POLICY + SECURITY + RELIABILITY]
)


@pytest.mark.parametrize("page", tables.PAGES)
def test_the_table_is_current(page: str) -> None:
    text = (tables.TOP / page).read_text(encoding="utf-8")
    assert text == tables.filled(page), "write the tables anew by `make docs-tables`"


def test_the_page_on_the_record_lists_every_alteration_that_is_tried() -> None:
    text = (tables.TOP / tables.RECORD).read_text(encoding="utf-8")
    assert text == tables.with_alterations(), "write the tables anew by `make docs-tables`"


def test_whoever_typed_something_wrong_can_do_something_about_it() -> None:
    text = (tables.TOP / tables.REMEDIES).read_text(encoding="utf-8")
    assert text == tables.with_remedies(), "write the tables anew by `make docs-tables`"
    lines = text.splitlines()
    start, end = tables.rows_of(lines, tables.REMEDY)
    shown = [tables.cells_of(line) for line in lines[start:end]]
    assert {names(cells[0])[0] for cells in shown} == set(EVENTS)
    assert all("correct" in cells[1] or "back" in cells[1] for cells in shown)


@each_row
def test_a_test_shows_it(row: list[str]) -> None:
    assert names(row[-1]), f"no test has the marker {row[0]}"


@pytest.mark.parametrize(("marker", "shown"), [("clause", POLICY), ("promise", SECURITY + RELIABILITY)])
def test_every_marker_names_a_row_and_every_row_has_a_name_of_its_own(
    marker: str, shown: list[list[str]]
) -> None:
    keys = [row[0].strip("`") for row in shown]
    assert sorted(set(keys)) == sorted(keys)
    assert sorted(set(tables.tests_by(marker)) - set(keys)) == []


def test_the_policy_has_every_clause_once_in_order() -> None:
    assert [row[0].strip("`") for row in POLICY] == CLAUSES


def test_every_clause_that_the_law_cites_has_a_row() -> None:
    cited = {need.clause for row in TABLE for need in row.needs if need.clause}
    assert sorted(cited - set(CLAUSES) - {clause.rstrip("abcde") for clause in CLAUSES}) == []


def test_security_thinks_of_everybody_in_order() -> None:
    assert list(dict.fromkeys(row[1] for row in SECURITY)) == AGAINST


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in POLICY + SECURITY])
def test_every_place_exists(row: list[str]) -> None:
    assert names(row[-2]), f"nothing keeps {row[0]}"
    assert [place for place in names(row[-2]) if not is_place(place)] == []


def test_every_setting_that_security_names_exists() -> None:
    settings = (tables.TOP / "config.toml").read_text(encoding="utf-8")
    text = (tables.TOP / "docs" / "security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:web|mail)\.(\w+)", text))
    assert {"keys_file", "base_url", "proxies", "listen", "trust", "authserv"} <= named
    assert [name for name in sorted(named) if not re.search(rf"^{name} = ", settings, re.MULTILINE)] == []


def is_place(place: str) -> bool:
    """Return whether there is the file, or what `file::name` or `file::Class.attribute` names in it."""
    file, _, name = place.partition("::")
    if not name:
        return Path(tables.TOP / file).is_file()
    thing: object = importlib.import_module(
        file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    )
    for part in name.split("."):
        fields = getattr(thing, "model_fields", {})
        thing = fields[part] if part in fields else getattr(thing, part, None)
    return thing is not None
