"""Who is told first, and what stands first in a list, is the same on every database."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import String

from tests.support.district import Begin
from workflow.store.tables import METADATA

PACKAGE = Path(__file__).parents[3] / "workflow"
COLUMNS = [column for table in METADATA.tables.values() for column in table.columns]
COPIES = {"record/backup.py: primary_key"}  # whole tables, row by row, in whatever order
OTHERS = {column.name for column in COLUMNS if not isinstance(column.type, String)}
TEXTS = {column.name for column in COLUMNS} - OTHERS


def ordered_by(source: str) -> Iterator[str]:
    """The names of the columns that the queries in a file are ordered by."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "order_by"
        ):
            for given in node.args:
                for part in ast.walk(given):
                    if isinstance(part, ast.Constant):
                        yield str(part.value)
                    elif isinstance(part, ast.Attribute):
                        yield part.attr


@pytest.mark.promise("same-on-both-databases")
def test_no_query_leaves_the_order_of_text_to_the_database() -> None:
    """Each has its own: with one that sorts as in a dictionary, "ab" stands between "a-a" and "a-c"."""
    files = [path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts]
    found = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in files
        for name in ordered_by(path.read_text(encoding="utf-8"))
        if name in TEXTS or name == "primary_key"
    } - COPIES
    assert found == set()
    assert sum(len(list(ordered_by(path.read_text(encoding="utf-8")))) for path in files) > 20


def test_people_come_in_the_order_of_their_addresses_letter_by_letter(begin: Begin) -> None:
    life = begin("needs")
    for name in ("a-c", "ab", "a-a", "b_x", "b-x", "bx"):
        life.person(name, roles=["staff"])
    with life.system.reading() as session:
        staff = [person.email.partition("@")[0] for person in session.directory.holders("staff", life.facts)]
    assert staff == ["a-a", "a-c", "ab", "b-x", "b_x", "bx", "staff"]
