"""The pages of the public register: what they answer, how long they are kept, and how they are turned off."""

from __future__ import annotations

import pytest

from tests.support.district import Begin
from tests.support.facts import way
from tests.support.visitor import BASE, Guest, Visitor, words

LIST, ENTRY = "/partnerships", "/partnerships/rbhs-2025"
PAGES = (LIST, ENTRY)
OFF = "[web]\nregister = false\n"


def test_the_page_of_a_partnership_tells_its_life_in_plain_words(begin: Begin) -> None:
    life = begin("approved")
    said = words(Guest(life).get(ENTRY).text)
    for told in (
        "The agreement is in force.",
        "Lead Partner Harbor House Whole amount $250,000.00",
        "Wednesday, October 1, 2025 The Board approved the new agreement 5 1 1",
        "2 organizations applied. The school and the District chose Harbor House.",
        "attendance over the years (%) Baseline 88 Target 93",
        "Wednesday, August 20, 2025: Harbor House was chosen as Lead Partner.",
    ):
        assert told in said, told


def test_reported_values_stand_between_baseline_and_target(begin: Begin) -> None:
    said = words(Guest(begin("reported")).get(ENTRY).text)
    assert "Baseline 88 Reported Tuesday, July 14, 2026 91 Target 93" in said


def test_the_list_has_a_form_that_keeps_a_school_and_a_state(begin: Begin) -> None:
    visitor = Visitor(begin("active"))
    seen = visitor.get(f"{LIST}?school=rainier-beach&state=active")
    assert f"{BASE}{ENTRY}" in seen.page.links
    assert "1 partnership" in seen.said
    (form,) = seen.page.forms
    assert form.texts == {"school": ["rainier-beach"], "state": ["active"]}
    assert "No partnership fits" in visitor.get(f"{LIST}?school=rainier-beach&state=terminated").said
    assert "No partnership fits" in visitor.get(f"{LIST}?school=%3Cscript%3E").said


def test_a_list_with_many_partnerships_has_pages(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("needs")
    for number in range(3):
        other = life.another(f"franklin-{number}")
        other.step([step._replace(at=None) for step in way("open")])
    monkeypatch.setattr("workflow.views.public_register.PER_PAGE", 2)
    visitor = Visitor(life)
    first = visitor.get(f"{LIST}?school=franklin")
    assert "3 partnerships, page 1 of 2" in first.said
    assert f"{BASE}{LIST}?school=franklin&page=2" in first.page.links
    second = visitor.get(f"{LIST}?school=franklin&page=2")
    assert f"{BASE}{LIST}?school=franklin" in second.page.links
    shown = [link for seen in (first, second) for link in seen.page.links if "/franklin-" in link]
    assert sorted(shown) == [f"{BASE}{LIST}/franklin-{number}" for number in range(3)]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_be_kept_and_a_page_that_is_the_same_is_not_sent_again(begin: Begin, path: str) -> None:
    life = begin("active")
    client = Guest(life).client
    answer = client.get(path)
    assert answer.headers["X-Robots-Tag"] == "all"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(path)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", answer.headers["ETag"])
    life.do("terminate", effective_on="2025-10-02")
    life.tick("2025-10-02 01:00")
    later = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert later.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"{LIST}/{name}"
            for name in ("nothing", "a%20b", "%00", "%FF", "x" * 500, "..%2Fcalls", "RBHS-2025")
        ),
        *(f"{LIST}?page={number}" for number in ("0", "2", "-1", "x", "1e9", "9" * 40, "%00")),
        f"{LIST}/",
    ],
)
def test_there_is_no_page_for_what_is_not_there(begin: Begin, path: str) -> None:
    visitor = Visitor(begin("open"))
    for method in ("GET", "HEAD"):
        assert visitor.get(path, method).status == 404
    assert "There is no such page" in visitor.get(path).said


@pytest.mark.parametrize("path", PAGES)
def test_a_page_changes_nothing_and_takes_no_form(begin: Begin, path: str) -> None:
    life = begin("active")
    before, guest = life.dump(), Guest(life)
    guest.get(path)
    assert guest.client.post(path, data={"a": "b"}).status_code == 405
    assert life.dump() == before


@pytest.mark.promise("addresses-from-settings")
@pytest.mark.parametrize("path", PAGES)
def test_addresses_are_never_made_from_the_request(begin: Begin, path: str) -> None:
    headers = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"}
    assert "evil" not in Guest(begin("active")).client.get(path, headers=headers).text


def test_the_calls_and_the_page_of_a_partnership_lead_to_the_register(begin: Begin) -> None:
    visitor = Visitor(begin("active"))
    assert f"{BASE}{LIST}" in visitor.get("/calls").page.links
    assert f"{BASE}{ENTRY}" in visitor.get("/calls/rbhs-2025").page.links
    for role in ("staff", "lead-partner", "board-office"):
        assert f"{BASE}{ENTRY}" in visitor.get(visitor.link("", role)).page.links


def test_before_a_call_no_page_leads_to_an_entry(begin: Begin) -> None:
    visitor = Visitor(begin("needs"))
    assert f"{BASE}{ENTRY}" not in visitor.get(visitor.link("", "staff")).page.links


def test_a_district_can_turn_the_register_off_and_no_page_leads_there(begin: Begin) -> None:
    visitor = Visitor(begin("active", OFF))
    for path in PAGES:
        assert visitor.get(path).status == 404
    for path in ("/calls", "/calls/rbhs-2025", visitor.link("", "staff")):
        assert "/partnerships" not in visitor.get(path).page.text
