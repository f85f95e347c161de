"""What `do` offers and refuses without a terminal; tests/story/test_terminal.py leads a life at one."""

from __future__ import annotations

import json

import pytest

from states.event import Event
from states.machine import EVENTS, event_named
from states.names import Role
from tests.support.desk import REF
from tests.support.district import Begin
from tests.workflow.admin.conftest import Sit
from workflow.admin.console import Console
from workflow.admin.menu import Menu, make_menu
from workflow.admin.prompts import pick
from workflow.admin.reading import print_reading


@pytest.mark.parametrize("words", [(), (REF,), ("--json",), (REF, "--as", "staff@example.org")])
def test_without_a_terminal_it_says_what_to_use_instead(sit: Sit, words: tuple[str, ...]) -> None:
    desk = sit("open")
    before = desk.life.dump()
    answer = desk.run("do", *words)
    shown = (
        json.loads(answer.out)["problems"][0]
        if "--json" in words
        else {"problem": answer.err, "expected": ""}
    )
    assert answer.status == 2
    assert "works only on a terminal" in shown["problem"]
    assert "partnershipctl trigger REF EVENT" in shown["problem"] + shown["expected"]
    assert desk.life.dump() == before


def menu_at(begin: Begin, station: str, who: str) -> Menu:
    life = begin(station)
    with life.system.reading() as session:
        return make_menu(session, life.record, f"{who}@example.org", life.now)


def is_dangerous(event: Event) -> bool:
    return event.confirmed or event.final


STATIONS = [
    "needs", "needs-agreed", "open", "closed", "chosen", "drafted", "scheduled", "active", "annual-review",
    "reported", "ended",
]  # fmt: skip


@pytest.mark.parametrize("station", STATIONS)
def test_what_is_waited_for_comes_first_and_what_is_hard_to_undo_at_the_end(
    begin: Begin, station: str
) -> None:
    for who in ("staff", "principal", "board-office", "superintendent", "lead-partner", "reviewer-1"):
        deeds = menu_at(begin, station, who).deeds
        dangers = [deed.is_dangerous for deed in deeds]
        assert dangers == sorted(dangers), who
        waits = [not deed.waited_for for deed in deeds if not deed.is_dangerous]
        assert waits == sorted(waits), who


def test_only_what_the_person_may_do_is_offered(begin: Begin) -> None:
    names = {deed.event.name for deed in menu_at(begin, "drafted", "lead-partner").deeds}
    assert names <= {
        name for name in EVENTS if {Role.LEAD_PARTNER, Role.APPLICANT} & set(event_named(name).who)
    }
    assert "activate" not in names


def test_what_has_nothing_to_choose_from_is_not_offered(begin: Begin) -> None:
    """Nobody has protested, so there is no protest to answer."""
    assert "answer-protest" not in {deed.event.name for deed in menu_at(begin, "chosen", "staff").deeds}


def test_what_is_not_possible_yet_is_named_with_the_reason(begin: Begin) -> None:
    hindered = {event.name: reason for event, reason in menu_at(begin, "needs", "staff").hindered}
    assert "describe-needs" in hindered["agree-needs"]


def test_what_lies_ahead_is_named_before_what_is_over(begin: Begin) -> None:
    hindered = [event.name for event, _ in menu_at(begin, "drafted", "staff").hindered]
    assert hindered.index("activate") < hindered.index("extend-selection")


CHOICES = (("franklin", "Franklin High School"), ("rainier-beach", "Rainier Beach High School"))


@pytest.mark.parametrize("typed", ["2", "rainier-beach", "Rainier Beach High School", "rain", "BEACH"])
def test_a_choice_is_made_by_number_or_any_unique_part(typed: str) -> None:
    assert pick(CHOICES, typed) == "rainier-beach"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("high", "fits several"),
        ("0", "is not one"),
        ("3", "is not one"),
        ("", "is not one"),
        ("9" * 99, "is not one"),
    ],
)
def test_a_choice_that_is_none_or_several_is_asked_again(typed: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"{problem}.*write a number from 1 to 2"):
        pick(CHOICES, typed)


@pytest.mark.parametrize(
    ("station", "who", "event", "words"),
    [
        (
            "closed",
            "reviewer-1",
            "score-application",
            ("The application of City College", "how we show collab"),
        ),
        ("scored", "staff", "choose-partner", ("All abilities, of 25", "Reviewers")),
    ],
)
def test_what_has_to_be_read_before_the_act_is_printed(
    begin: Begin,
    capsys: pytest.CaptureFixture[str],
    station: str,
    who: str,
    event: str,
    words: tuple[str, ...],
) -> None:
    life = begin(station)
    with life.system.reading() as session:
        menu = make_menu(session, life.record, f"{who}@example.org", life.now)
        (deed,) = [deed for deed in menu.deeds if deed.event.name == event]
        print_reading(Console(None, False), session, deed, life.now)
    shown = capsys.readouterr().out
    assert [each for each in words if each not in shown] == []
