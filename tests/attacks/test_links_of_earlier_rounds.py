"""Links of an earlier round open nothing of the next call."""

from __future__ import annotations

import pytest

from tests.attacks.test_reading_sealed_text import AUTHORS, start_over
from tests.support.district import Begin
from tests.support.visitor import Guest, Visitor
from workflow import links


@pytest.mark.promise("links-end")
@pytest.mark.parametrize("event", ["agree-needs", "open-selection", "add-note", ""])
def test_a_link_of_an_earlier_round_does_nothing_in_the_next(begin: Begin, event: str) -> None:
    visitor = Visitor(begin("closed"))
    asked = visitor.claim(event, "staff") if event == "add-note" else visitor.claim("", "staff")
    path = visitor.path(links.Claim(asked.notice, event, asked.person, asked.ref))
    assert visitor.life.do("restart")
    # The office still reads the page of the partnership, as it stands now.
    assert visitor.get(path).status == (200 if event == "" else 410)


@pytest.mark.promise("links-end")
def test_an_applicants_link_opens_only_the_call_that_it_was_made_for(begin: Begin) -> None:
    life = begin("closed")
    guest = Guest(life)
    link = guest.application_link(AUTHORS[1])
    assert guest.get(link).status_code == 200
    start_over(life)
    assert guest.get(link).status_code == 410
    assert guest.get(guest.application_link(AUTHORS[1])).status_code == 200
