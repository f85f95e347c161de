"""Many open calls: the pages of the list and of the feed, the calendar, and how often they ask the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain
from xml.etree import ElementTree

import pytest
from icalendar import Calendar
from sqlalchemy import event

from tests.support.district import Begin, Life
from tests.support.facts import way
from tests.support.visitor import BASE, Guest, Visitor
from workflow.web import public_calls

ATOM = {"a": "http://www.w3.org/2005/Atom"}
CLOSING = date(2025, 9, 1)
PATHS = ("/calls", "/calls.atom", "/calls.ics")


def open_call(life: Life, number: int, closes_on: date | None = None) -> Life:
    """Open a call that closes the earlier, the lower its number is."""
    call = life.another(f"call-{number:02}")
    call.step([step._replace(at=None) for step in way("needs-agreed")])
    call.do("open-selection", closes_on=(closes_on or CLOSING + timedelta(days=number)).isoformat())
    return call


@pytest.fixture
def seven(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> Life:
    """A district with seven open calls, two of which close on one day, and pages of three."""
    monkeypatch.setattr(public_calls, "PER_PAGE", 3)
    life = begin(None).at("2025-07-07 09:00")
    for number in (5, 2, 6, 1, 3, 4):
        open_call(life, number)
        life.now += timedelta(hours=1)
    open_call(life, 7, CLOSING + timedelta(days=3))
    return life


IN_ORDER = ["call-01", "call-02", "call-03", "call-07", "call-04", "call-05", "call-06"]
# What was opened last stands first in the feed.
IN_FEED = ["call-07", "call-04", "call-03", "call-01", "call-06", "call-02", "call-05"]


def read_list(life: Life, path: str) -> tuple[list[str], dict[str, str]]:
    """The references of the calls on a page of the list, and the paths of the pages beside it by relation."""
    seen = Visitor(life).get(path)
    assert seen.status == 200
    refs = [link.rpartition("/")[2] for link in seen.page.links if link.startswith(f"{BASE}/calls/")]
    links = [given for tag, given in seen.page.tags if tag == "a" and "rel" in given]
    return refs, {given["rel"]: given["href"].removeprefix(BASE) for given in links}


def read_feed(life: Life, path: str) -> tuple[list[str], dict[str, str]]:
    """The same of a page of the feed."""
    answer = Guest(life).get(path)
    assert answer.status_code == 200
    feed = ElementTree.fromstring(answer.data)
    refs = [
        str(entry.findtext("a:id", "", ATOM)).rpartition("/")[2] for entry in feed.findall("a:entry", ATOM)
    ]
    links = feed.findall("a:link[@type='application/atom+xml']", ATOM)
    return refs, {link.get("rel", ""): link.get("href", "").removeprefix(BASE) for link in links}


def walk(life: Life, path: str, relation: str) -> Iterator[list[str]]:
    """The references on each page, from page to page by the links of a relation."""
    read = read_feed if ".atom" in path else read_list
    while path:
        refs, links = read(life, path)
        yield refs
        path = links.get(relation, "")


def last_of(life: Life, path: str) -> str:
    """The path of the last page."""
    read = read_feed if ".atom" in path else read_list
    while "next" in (links := read(life, path)[1]):
        path = links["next"]
    return path


# Pages


@pytest.mark.parametrize(("path", "order"), [("/calls", IN_ORDER), ("/calls.atom", IN_FEED)])
def test_the_pages_have_every_call_once_and_in_order(seven: Life, path: str, order: list[str]) -> None:
    pages = list(walk(seven, path, "next"))
    assert pages == [order[:3], order[3:6], order[6:]]


@pytest.mark.parametrize(
    ("path", "back", "order"), [("/calls", "prev", IN_ORDER), ("/calls.atom", "previous", IN_FEED)]
)
def test_the_links_lead_back_to_the_first_page(seven: Life, path: str, back: str, order: list[str]) -> None:
    # The page before the last ends where the last begins, and the first page is whole.
    pages = list(walk(seven, last_of(seven, path), back))
    assert pages == [order[6:], order[3:6], order[:3]]


def test_the_recently_closed_come_after_the_open_ones_the_last_first(seven: Life) -> None:
    seven.tick("2025-09-03 17:00")
    refs = list(chain(*walk(seven, "/calls", "next")))
    assert refs == ["call-03", "call-07", "call-04", "call-05", "call-06", "call-01", "call-02"]
    back = list(walk(seven, last_of(seven, "/calls"), "prev"))
    assert list(chain(*reversed(back))) == refs
    seven.at("2025-11-02 17:00")
    assert "call-01" not in list(chain(*walk(seven, "/calls", "next")))


def test_a_call_that_closes_meanwhile_makes_nobody_miss_another(seven: Life) -> None:
    first, links = read_list(seven, "/calls")
    seven.tick("2025-09-02 17:00")
    second, links = read_list(seven, links["next"])
    assert (first, second) == (IN_ORDER[:3], IN_ORDER[3:6])
    third, _ = read_list(seven, links["next"])
    assert third == ["call-06", "call-01"]


def test_a_page_from_which_everything_has_gone_says_so_and_leads_back(seven: Life) -> None:
    _, links = read_list(seven, last_of(seven, "/calls"))
    place = read_list(seven, links["prev"])[1]["next"]
    for number in range(1, 8):
        seven.another(f"call-{number:02}").do("withdraw")
    seven.at("2026-07-07")
    assert "There are no more calls" in Visitor(seven).get(place).said
    assert "No call is open at the moment" in Visitor(seven).get("/calls").said
    assert read_list(seven, place)[1].keys() == {"prev"}


def test_a_short_list_has_no_links_to_other_pages(begin: Begin) -> None:
    life = begin("open")
    assert read_list(life, "/calls")[1] == {}
    assert read_feed(life, "/calls.atom")[1].keys() == {"self", "first"}


def test_a_page_of_the_feed_names_itself_and_the_first_page(seven: Life) -> None:
    _, links = read_feed(seven, "/calls.atom")
    assert links.keys() == {"self", "first", "next"}
    assert links["self"] == links["first"] == "/calls.atom"
    _, beside = read_feed(seven, links["next"])
    assert beside.keys() == {"self", "first", "next", "previous"}
    assert (beside["self"], beside["first"]) == (links["next"], "/calls.atom")


@pytest.mark.parametrize(
    "place",
    ["x", "open", "open.1", "other.1.1", "open.99999999999999999.1", "open.-1.1", "open.1.A B", "%00"],
)
@pytest.mark.parametrize("key", ["after", "before"])
def test_there_is_no_page_for_a_place_that_is_none(seven: Life, key: str, place: str) -> None:
    for path in ("/calls", "/calls.atom"):
        assert Guest(seven).get(f"{path}?{key}={place}").status_code == 404


def test_a_place_of_long_ago_and_one_far_ahead_have_a_page(seven: Life) -> None:
    for number in ("0", "9" * 16):
        for key in ("after", "before"):
            assert Guest(seven).get(f"/calls?{key}=open.{number}.1").status_code == 200


def test_a_call_that_cannot_be_read_takes_no_other_away(seven: Life) -> None:
    seven.run("UPDATE partnerships SET facts = '{' WHERE ref = 'call-02'")
    refs = list(chain(*walk(seven, "/calls", "next")))
    assert refs == [ref for ref in IN_ORDER if ref != "call-02"]


# The calendar


def test_the_calendar_has_the_next_closings(seven: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_calls, "MOST_CLOSINGS", 3)

    def read() -> list[str]:
        calendar = Calendar.from_ical(Guest(seven).get("/calls.ics").data)
        return [str(entry["UID"]).partition("@")[0] for entry in calendar.walk("VEVENT")]

    assert read() == ["call.call-01", "call.call-02", "call.call-03"]
    seven.at("2025-09-02 17:00")
    assert read() == ["call.call-02", "call.call-03", "call.call-07"]


# Copies


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_not_sent_again_until_a_call_changes(begin: Begin, path: str) -> None:
    life = begin(None).at("2025-07-07 09:00")
    client = Guest(life).client
    changes: list[str] = []
    call = open_call(life, 1)

    def is_same() -> bool:
        kept = {"If-None-Match": changes[-1]} if changes else {}
        answer = client.get(path, headers=kept)
        changes.append(answer.headers["ETag"])
        assert answer.status_code in (200, 304)
        return answer.status_code == 304

    assert [is_same(), is_same()] == [False, True]
    life.now += timedelta(hours=1)
    assert is_same()
    call.now = life.now
    call.do("receive-application", "staff", organization="harbor-house")
    assert is_same(), "an application is nobody's business"
    open_call(life, 2)
    assert [is_same(), is_same()] == [False, True]
    call.do("extend-selection", closes_on="2025-09-10")
    assert [is_same(), is_same()] == [False, True]
    seq = next(row["seq"] for row in call.history() if row["event"] == "extend-selection")
    values = {"closes_on": "2025-09-12", "reason": "summer holidays"}
    call.do("correct-entry", "staff", seq=seq, input=values, reason="the wrong day")
    assert [is_same(), is_same()] == [False, True]
    life.tick("2025-09-12 17:00")
    assert [is_same(), is_same()] == [False, True]
    assert len(set(changes)) == 5


# What they cost


def test_the_lists_ask_the_database_no_oftener_for_sixty_calls_than_for_ten(begin: Begin) -> None:
    life = begin(None).at("2025-07-07 09:00")
    guest, asked = Guest(life), 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    event.listen(life.system.engine, "before_cursor_execute", count)

    def ask(path: str) -> int:
        nonlocal asked
        asked = 0
        assert guest.get(path).status_code == 200
        return asked

    for number in range(10):
        open_call(life, number)
    few = {path: ask(path) for path in (*PATHS, "/partnerships")}
    for number in range(10, 60):
        open_call(life, number)
    # A full page of open calls does not look for closed ones.
    assert all(ask(path) <= few[path] <= 6 for path in few)
