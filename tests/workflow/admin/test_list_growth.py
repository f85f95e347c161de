"""A list asks the database as often for many partnerships as for a few: each query reads for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from tests.support import databases
from tests.support.desk import Desk
from tests.workflow.admin.conftest import Sit
from workflow.admin import deadlines
from workflow.record import histories

COMMANDS = (
    ("list",),
    ("list", "--json"),
    ("list", "--overdue"),
    ("list", "--overdue", "--json"),
    ("list", "--waiting-on", "staff@example.org"),
    ("list", "--waiting-on", "reviewer-1@example.org", "--json"),
    ("deadlines",),
    ("deadlines", "--within", "30d", "--json"),
)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collects the statements that any engine runs meanwhile."""
    seen: list[str] = []

    def listen(*given: object) -> None:
        seen.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", listen)
    yield seen
    event.remove(Engine, "before_cursor_execute", listen)


def queries(desk: Desk, *words: str) -> int:
    with counted() as seen:
        desk.say(*words)
    return len(seen)


def add(desk: Desk, number: int, stations: tuple[str, ...] = ("closed", "needs")) -> None:
    """Begin so many more partnerships at one school, some with applications and some without."""
    for n in range(number):
        desk.life.another(f"{stations[n % len(stations)]}-{n}-of-{number}").to(stations[n % len(stations)])


def test_many_partnerships_take_no_more_queries_than_a_few(sit: Sit) -> None:
    desk = sit("referred")
    add(desk, 4)
    few = {words: queries(desk, *words) for words in COMMANDS}
    add(desk, 12)
    assert {words: queries(desk, *words) for words in COMMANDS} == few


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL reads the whole of a small table")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_deadlines_of_some_partnerships_are_found_by_an_index(sit: Sit, words: tuple[str, ...]) -> None:
    desk = sit("referred")
    with databases.plans_of("deadlines.partnership IN") as plans:
        desk.say(*words)
    # Any other index would lead through the deadlines of the whole district, for every 400 partnerships.
    for plan in plans:
        assert "partnership=?" in plan


def test_a_list_is_the_same_however_many_are_read_at_once(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = sit("referred")
    add(desk, 4)
    whole = {words: desk.say(*words) for words in COMMANDS}
    monkeypatch.setattr(histories, "CHUNK", 2)
    monkeypatch.setattr("workflow.admin.list._DOCUMENTS", 2)
    monkeypatch.setattr(deadlines, "_PAGE", 2)
    assert {words: desk.say(*words) for words in COMMANDS} == whole


def test_the_texts_of_many_applications_are_read_for_each_call(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sit("scored")
    add(desk, 2, ("closed",))
    whole = desk.ask("list")
    monkeypatch.setattr("workflow.views.documents._TEXTS_AHEAD", 3)
    assert desk.ask("list") == whole
