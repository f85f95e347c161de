"""An entry is corrected by the form beside it: filled with what counts, for those alone who may correct it."""

from __future__ import annotations

import pytest

from tests.support.visitor import Visit, Visitor


def addresses(visitor: Visitor, role: str, to: str | None = None) -> list[str]:
    """Where the page of a partnership leads to correct its entries, the latest first."""
    page = visitor.get(visitor.link("", role, to=to)).page
    return [visitor.path_of(link) for link in page.links if "?entry=" in link]


def test_staff_correct_an_entry_by_the_form_beside_it(visit: Visit) -> None:
    visitor = visit("needs")
    (address,) = addresses(visitor, "staff")
    before = visitor.life.dump()
    seen = visitor.get(address)
    assert (seen.status, visitor.life.dump()) == (200, before)
    assert seen.form.texts["input.title"] == ["A Lead Partner for the school"]
    # A form that nobody filled in does nothing, and what was typed comes back.
    refused = visitor.send(address, seen.form, **{"input.title": "Reading"})
    assert "Say why" in refused.said
    assert refused.form.texts["input.title"] == ["Reading"]
    done = visitor.follow(visitor.send(address, seen.form, **{"input.title": "Reading", "reason": "a slip"}))
    assert (done.status, visitor.life.facts.title) == (200, "Reading")
    assert "Reading" in done.said
    page = visitor.get(visitor.link("", "staff")).said
    assert "Corrected by Staff" in page
    assert "a slip" in page
    assert visitor.life.faults() == []


def test_an_entry_is_taken_back_by_a_tick(visit: Visit) -> None:
    visitor = visit("active")
    visitor.life.do("record-meeting", "lead-partner")
    address = addresses(visitor, "lead-partner")[0]
    visitor.do(address, void="yes", reason="it was another school")
    assert visitor.life.facts.duties == ()
    assert "Taken back by" in visitor.get(visitor.link("", "lead-partner")).said


@pytest.mark.promise("own-words")
def test_nobody_is_offered_the_entries_of_others(visit: Visit) -> None:
    visitor = visit("scored")
    mine = addresses(visitor, "reviewer", "reviewer-1@example.org")
    assert len(mine) == 2  # the scores that they gave themselves
    assert not set(entries(mine)) & set(entries(addresses(visitor, "staff")))
    own = visitor.get(mine[0])
    assert own.status == 200
    stolen = mine[0].partition("?")[0] + "?entry=" + entries(addresses(visitor, "staff"))[0]
    assert "This entry is not yours to correct" in visitor.get(stolen).said
    assert addresses(visitor, "applicant") == []


def entries(links: list[str]) -> list[str]:
    return [link.partition("?entry=")[2] for link in links]
