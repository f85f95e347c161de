"""An entry is corrected by the form beside it: filled with what counts, for those alone who may correct it."""

from __future__ import annotations

import json
from urllib.parse import urljoin

import pytest

from tests.support.visitor import Form, Seen, Visit, Visitor


def addresses(visitor: Visitor, role: str, to: str | None = None) -> list[str]:
    """Where the page of a partnership leads to correct its entries, the latest first."""
    page = visitor.get(visitor.link("", role, to=to)).page
    return [visitor.path_of(link) for link in page.links if "?entry=" in link]


def look(visitor: Visitor, address: str, form: Form, **typed: str) -> Seen:
    """Fill in the form and send it: the page that shows what would change, where nothing is recorded yet."""
    before = visitor.life.dump()
    sent = visitor.client.post(address, data=visitor.filled(form, **typed))
    check = visitor.get(visitor.path_of(urljoin(address, sent.headers["Location"])))
    assert "Nothing is recorded yet" in check.said
    assert "What this would change" in check.said
    assert visitor.life.dump() == before
    return check


def press(visitor: Visitor, address: str, seen: Seen, **typed: str) -> Seen:
    """Fill in the form, read what it would change, and press the button that records it."""
    check = look(visitor, address, seen.form, **typed)
    return visitor.follow(visitor.send(address, check.form, "record"))


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
    done = press(visitor, address, seen, **{"input.title": "Reading", "reason": "a slip"})
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
    press(visitor, address, visitor.get(address), void="yes", reason="it was another school")
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


def test_before_it_is_recorded_staff_read_what_would_change(visit: Visit) -> None:
    visitor = visit("open")
    address = next(a for a in addresses(visitor, "staff") if "Open the call" in visitor.get(a).said)
    seen = visitor.get(address)
    typed = {"input.closes_on": "2025-08-20", "reason": "the 20th was meant"}
    check = look(visitor, address, seen.form, **typed)
    for words in (
        "stays open selection",
        "Selection: closes at Wednesday, August 20, 2025, 17:00 (it was: Friday, August 15, 2025, 17:00)",
        "The call closes Wednesday, August 20, 2025, 17:00",
        "Reviewer 1 reviewer",
    ):
        assert words in check.said, check.said
    # What the command says of the same correction comes from the same place.
    (row,) = [each for each in visitor.life.history() if each["event"] == "open-selection"]
    done = visitor.follow(visitor.send(address, check.form, "record"))
    assert done.status == 200
    assert json.loads(visitor.life.history()[-1]["input"])["seq"] == row["seq"]


def test_a_refusal_names_each_later_entry_and_offers_those_of_the_clock_as_ticks(visit: Visit) -> None:
    visitor = visit("active")
    life = visitor.life
    life.tick("2026-09-01 01:00")
    assert life.state == "terminated"
    address = next(a for a in addresses(visitor, "staff") if "Draft the agreement" in visitor.get(a).said)
    seen = visitor.get(address)
    assert "takes_back" not in seen.form.texts
    before = life.dump()
    typed = {"input.starts_on": "2025-09-02", "input.ends_on": "2026-09-01", "reason": "a day more"}
    refused = visitor.send(address, seen.form, **typed)
    assert "That would not have been allowed" in refused.said
    assert "takes_back" not in refused.said
    assert "row" not in refused.said.split()
    assert refused.form.texts["input.ends_on"] == ["2026-09-01"]
    assert refused.form.texts["reason"] == ["a day more"]
    (box,) = refused.form.choices["takes_back"]
    assert life.dump() == before
    check = look(visitor, address, refused.form, **typed, takes_back=box)
    assert "Later entries that fall with it" in check.said
    assert "(it was: terminated)" in check.said
    visitor.follow(visitor.send(address, check.form, "record"))
    assert life.state == "annual-review"
    assert life.faults() == []


def test_a_refusal_names_what_people_did_later_with_its_reason(visit: Visit) -> None:
    visitor = visit("chosen")
    address = next(a for a in addresses(visitor, "staff") if "Open the call" in visitor.get(a).said)
    refused = visitor.send(address, visitor.get(address).form, void="yes", reason="the wrong school")
    assert "Staff (staff) chose the Lead Partner. That would not have been allowed:" in refused.said
    assert "takes_back" not in refused.form.texts, "the closing of a call opens applications, and never falls"
    assert refused.form.texts["void"] == ["yes"]


def test_a_form_in_which_nothing_is_changed_says_so_in_its_own_words(visit: Visit) -> None:
    visitor = visit("needs")
    (address,) = addresses(visitor, "staff")
    seen = visitor.send(address, visitor.get(address).form, reason="a slip")
    assert "Nothing is changed in this form" in seen.said
    assert "void" not in seen.said


@pytest.mark.promise("own-words")
def test_the_preview_shows_an_outsider_nothing_that_they_may_not_read(visit: Visit) -> None:
    visitor = visit("scored")
    address = addresses(visitor, "reviewer", "reviewer-1@example.org")[0]
    seen = visitor.get(address)
    check = look(visitor, address, seen.form, **{"input.comment": "another plan", "reason": "a slip"})
    assert "another plan" in check.said
    assert "Everybody who was told of the entry" in check.said
    assert "reviewer-2" not in check.said
    assert "Staff" not in check.said


def entries(links: list[str]) -> list[str]:
    return [link.partition("?entry=")[2] for link in links]
