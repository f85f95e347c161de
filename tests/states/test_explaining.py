"""What the law tells before anybody tries: the events of a state, what each lacks, and a drawing of it all."""

import inspect
from collections.abc import Callable

import pytest

from states import machine
from states.case import Case
from states.event import Event, Requirement
from states.lifecycle import TABLE
from states.machine import ASKED, Possibility
from states.names import State
from tests.support.facts import PEOPLE, STATIONS, Life, life_in

STATES = (None, *State)


def explained(life: Life) -> dict[str, Possibility]:
    """Every event of the life's state, judged without any input and as the first role that may do it."""
    return {found.row.name: found for found in machine.explain(cases(life), life.state)}


def cases(life: Life) -> Callable[[Event], Case]:
    """The case by which a row is judged, without any input and as the first role that may do it."""

    def case_for(row: Event) -> Case:
        setting = life.setting(object())
        return Case(life.state, life.facts, None, PEOPLE[row.who[0]], row.who[0], life.now, setting)

    return case_for


@pytest.mark.parametrize("state", STATES, ids=str)
def test_every_event_of_a_state_is_explained_once(state: State | None) -> None:
    expected = {row.name for row in TABLE if state in row.at}
    assert explained(life_in(state)).keys() == expected
    assert sorted(row.name for row in machine.events_of(state)) == sorted(expected)


@pytest.mark.parametrize("station", STATIONS)
def test_the_possible_events_are_those_that_nothing_explained_stands_against(station: str) -> None:
    life = Life().to(station)
    expected = [name for name, found in explained(life).items() if found.possible]
    assert [row.name for row in machine.find_possible(cases(life), life.state)] == expected
    only = [row.name for row in machine.find_possible(cases(life), life.state, expected[1:3])]
    assert only == expected[1:3]


def test_each_requirement_is_met_or_unmet_with_its_reason_or_asks_for_the_input() -> None:
    stands = {
        name: reason for name, _, reason in explained(Life().to("needs"))["open-selection"].requirements
    }
    assert stands["needs-described"] == "the statement of needs is not written yet: describe-needs"
    assert stands["school-invited"] is None
    assert stands["panel-large-enough"] is ASKED


def test_a_requirement_is_explained_with_its_clause() -> None:
    clauses = {
        name: clause for name, clause, _ in explained(Life().to("needs"))["open-selection"].requirements
    }
    assert clauses["school-invited"] == "4270.1"
    assert clauses["panel-large-enough"] == "4270.8"


def _looks_at_input(need: Requirement) -> bool:
    """Whether the requirement reads the input, or what is looked up by it."""
    source = inspect.getsource(need.reason)
    by_input = ("organization", "closes_at", "strangers", "meeting")
    by_trial = "_trial(case)" in source or "_named(case)" in source  # what a correction would change
    return "case.input" in source or by_trial or any(f"case.setting.{part}" in source for part in by_input)


def test_exactly_what_looks_at_the_input_waits_for_it() -> None:
    every = {need.name: need for row in TABLE for need in row.needs}.values()
    assert {need.name for need in every if need.of_input} == {n.name for n in every if _looks_at_input(n)}


def test_an_event_is_possible_when_only_the_input_is_left() -> None:
    assert not explained(Life().to("needs"))["open-selection"].possible
    assert explained(Life().to("needs-agreed"))["open-selection"].possible
    assert explained(Life().to("signed"))["activate"].possible
    assert not explained(Life().to("drafted"))["activate"].possible


@pytest.mark.parametrize("state", State, ids=str)
def test_the_drawing_has_every_move_and_marks_the_state(state: State) -> None:
    lines = machine.draw(state).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert f"    class {state} current" in lines
    for row in TABLE:
        for start in row.at:
            if start is not None and row.to is not None:
                (arrow,) = [line for line in lines if line.startswith(f"    {start} --> {row.to}: ")]
                assert row.name in arrow.partition(": ")[2].split(", ")


def test_the_drawing_begins_once_and_ends_once() -> None:
    lines = machine.draw().splitlines()
    assert [line.strip() for line in lines if "[*]" in line] == [
        "[*] --> needs-identified: identify-needs",
        "terminated --> [*]",
    ]
    assert not any("current" in line for line in lines)
