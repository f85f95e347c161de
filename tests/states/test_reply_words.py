"""The words of a reply do what a form would, for events that need no more than a yes or no and a reason."""

from __future__ import annotations

from datetime import date

import pytest

from states.inputs import read_input
from states.lifecycle import TABLE
from states.machine import EVENTS, event_named

WORDS = {name: event_named(name).reply_words for name in EVENTS if event_named(name).reply_words}
PAIRS = [(offered, word) for offered, words in WORDS.items() for word in words]


@pytest.mark.parametrize(("offered", "word"), PAIRS)
def test_every_word_gives_the_whole_input_of_its_event(offered: str, word: str) -> None:
    stands_for = WORDS[offered][word]
    assert {offered, stands_for.event} <= set(EVENTS)
    for row in TABLE:
        if row.name == stands_for.event:
            read_input(row.takes, stands_for.input("because of this", date(2025, 9, 1)))


@pytest.mark.parametrize(("offered", "word"), PAIRS)
def test_nothing_that_cannot_be_taken_back_is_done_by_a_word(offered: str, word: str) -> None:
    assert not any(row.final for row in TABLE if row.name in (offered, WORDS[offered][word].event))


@pytest.mark.parametrize("offered", WORDS)
def test_a_no_never_does_what_was_asked_for_unless_it_is_an_answer_itself(offered: str) -> None:
    no = WORDS[offered].get("no")
    assert no is None or no.event != offered or no.gives == {"impact": False}


@pytest.mark.parametrize(("offered", "word"), PAIRS)
def test_a_word_is_one_small_word(offered: str, word: str) -> None:
    assert word.isalpha()
    assert word.islower()
