"""The open calls: what anybody may read of them, and the way to the link that lets one apply."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from icalendar import Calendar

from states.inputs import ABILITIES
from tests.support import databases
from tests.support.district import Begin, Life
from tests.support.facts import LA
from tests.support.visitor import BASE, Guest, count, words
from workflow.actions import applications
from workflow.store import tables
from workflow.store.rows import Notice
from workflow.web import calls, site
from workflow.web.limits import Limits
from workflow.web.site import Site

ATOM = {"a": "http://www.w3.org/2005/Atom"}
PATH = "/calls/rbhs-2025"
APPLICANTS = ("Harbor House", "City College", "harbor-house", "city-college", "lead-partner@", "applicant@")


def links_sent(life: Life) -> list[str]:
    return life.told("apply-link")


# Reading


def test_the_door_leads_to_the_calls(begin: Begin) -> None:
    answer = Guest(begin("open")).get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{BASE}/calls")


def test_an_open_call_is_listed_with_school_title_and_closing_date(begin: Begin) -> None:
    page = Guest(begin("open")).get("/calls").text
    said = words(page)
    assert "Rainier Beach School A Lead Partner for the school" in said
    assert "Applications close Friday, August 15, 2025, 5:00 p.m. PDT" in said
    assert f'href="{BASE}/calls/rbhs-2025"' in page
    assert "Recently closed" not in said


@pytest.mark.parametrize("station", [None, "needs-agreed"])
def test_where_no_call_is_open_the_page_says_so(begin: Begin, station: str | None) -> None:
    visitor = Guest(begin(station))
    assert "No call is open at the moment" in words(visitor.get("/calls").text)
    assert "rbhs-2025" not in visitor.get("/calls.atom").text + visitor.get("/calls.ics").text


@pytest.mark.parametrize("station", ["closed", "scored", "chosen", "active"])
def test_a_call_stays_on_the_list_for_a_while_without_its_applicants(begin: Begin, station: str) -> None:
    life = begin(station)
    visitor = Guest(life)
    for path in ("/calls", "/calls.atom", PATH):
        text = visitor.get(path).text
        assert "Rainier Beach School" in text
        assert not [name for name in APPLICANTS if name in text], path
    assert "Recently closed" in visitor.get("/calls").text
    life.at("2025-10-14 18:00")
    assert "Recently closed" not in visitor.get("/calls").text


@pytest.mark.promise("others-stay-hidden")
def test_nothing_public_tells_who_applied_nor_how_many(begin: Begin) -> None:
    none, two = Guest(begin("open")), Guest(begin("applied"))
    none.life.now = two.life.now
    for path in ("/calls", "/calls.atom", "/calls.ics", PATH):
        assert none.get(path).data == two.get(path).data, path


def test_a_withdrawn_call_is_said_to_be_withdrawn(begin: Begin) -> None:
    life = begin("applied")
    life.do("withdraw")
    visitor = Guest(life)
    assert "Withdrawn by the District" in visitor.get("/calls").text
    page = visitor.get(PATH).text
    assert "Withdrawn by the District" in page
    assert "<form" not in page


def test_the_page_of_a_call_says_what_is_wanted_by_what_it_is_judged_and_how_to_apply(begin: Begin) -> None:
    page = Guest(begin("open")).get(PATH).text
    said = words(page)
    for wanted in ("tutoring", "counseling", "staff on site", "roots in the neighborhood", "patience",
                   "graduation", "community based organization", "institution of higher learning",
                   "public agency", "Friday, August 15, 2025, 5:00 p.m. PDT"):  # fmt: skip
        assert wanted in said, wanted
    for ability in ABILITIES:
        assert calls.describe_ability(ability)["means"] in said
    assert re.search(r'<label for="email">.*<input id="email" name="email" type="email"', page, re.S)
    assert not re.search(r"\bstyle=|<script|\bon\w+=", page)


def test_there_is_no_page_for_what_has_no_call(begin: Begin) -> None:
    visitor = Guest(begin("needs-agreed"))
    for path in (PATH, "/calls/nothing", "/calls/a%20b", "/calls/%00", "/calls/%FF", "/calls/" + "x" * 500):
        assert visitor.get(path).status_code == 404
        assert visitor.post(path, email="new@example.org").status_code == 404


@pytest.mark.parametrize("path", ["/calls", "/calls.atom", "/calls.ics", PATH])
def test_public_pages_may_be_found_and_kept_for_a_while(begin: Begin, path: str) -> None:
    answer = Guest(begin("open")).get(path)
    assert answer.headers["X-Robots-Tag"] == "all"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.promise("addresses-from-settings")
@pytest.mark.parametrize("path", ["/calls", "/calls.atom", "/calls.ics", PATH, "/"])
def test_addresses_are_never_made_from_the_request(begin: Begin, path: str) -> None:
    headers = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"}
    answer = Guest(begin("open")).client.get(path, headers=headers)
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("path", ["", "/calls//rbhs-2025", "/calls/", "/a//x", "/feed//x.ics"])
def test_no_path_is_mended_by_a_redirect_to_the_host_of_the_request(begin: Begin, path: str) -> None:
    client = Guest(begin("open")).client
    answer = client.get("/", environ_overrides={"HTTP_HOST": "evil.example.com", "PATH_INFO": path})
    assert "evil.example.com" not in answer.text + str(answer.headers)
    assert answer.status_code == (404 if path else 302)


def test_the_feed_is_atom_with_identifiers_that_stay(begin: Begin) -> None:
    life = begin("open")
    visitor = Guest(life)

    def entry() -> dict[str, str | None]:
        answer = visitor.get("/calls.atom")
        assert answer.content_type == "application/atom+xml; charset=utf-8"
        feed = ElementTree.fromstring(answer.data)
        for name in ("id", "title", "updated", "author/a:name"):
            assert feed.findtext(f"a:{name}", namespaces=ATOM)
        (link,) = feed.findall("a:link[@rel='self']", ATOM)
        assert link.get("href") == f"{BASE}/calls.atom"
        (one,) = feed.findall("a:entry", ATOM)
        (to,) = one.findall("a:link", ATOM)
        assert to.get("href") == f"{BASE}/calls/rbhs-2025"
        return {
            name: one.findtext(f"a:{name}", namespaces=ATOM)
            for name in ("id", "title", "published", "updated")
        }

    first = entry()
    assert first == {
        "id": "tag:example.org,2025-07-07:calls/rbhs-2025",
        "title": "Rainier Beach School, A Lead Partner for the school",
        "published": "2025-07-07T16:00:00Z",
        "updated": "2025-07-07T16:00:00Z",
    }
    life.at("2025-07-20").do("extend-selection")
    extended = entry()
    assert extended["id"] == first["id"]
    assert extended["updated"] == "2025-07-20T16:00:00Z"
    life.tick("2025-08-29 17:00")
    closed = entry()
    assert closed["title"] == "Closed: Rainier Beach School, A Lead Partner for the school"
    assert (closed["id"], closed["updated"]) == (first["id"], "2025-08-30T00:00:00Z")


def test_a_title_with_anything_in_it_leaves_the_feed_well_formed(begin: Begin) -> None:
    life = begin("open")
    databases.to_first_format(life.system.engine)  # which commits to no facts
    life.run("UPDATE partnerships SET facts = replace(facts, 'A Lead Partner', '<b>&\\u0001 ]]> Ü')")
    assert "<b>&" in life.facts.title
    feed = ElementTree.fromstring(Guest(life).get("/calls.atom").data)
    assert (
        feed.findtext("a:entry/a:title", namespaces=ATOM) == "Rainier Beach School, <b>& ]]> Ü for the school"
    )


def test_the_calendar_has_the_closing_of_every_open_call(begin: Begin) -> None:
    life = begin("open")
    visitor = Guest(life)

    def entries() -> list[Any]:
        answer = visitor.get("/calls.ics")
        assert answer.content_type == "text/calendar; charset=utf-8"
        return list(Calendar.from_ical(answer.data).walk("VEVENT"))

    (before,) = entries()
    assert before["DTSTART"].dt.astimezone(LA) == datetime(2025, 8, 15, 17, tzinfo=LA)
    assert before["URL"] == f"{BASE}/calls/rbhs-2025"
    life.at("2025-07-20").do("extend-selection")
    (after,) = entries()
    assert after["UID"] == before["UID"]
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after["DTSTART"].dt.astimezone(LA) == datetime(2025, 8, 29, 17, tzinfo=LA)
    life.tick("2025-08-29 17:00")
    assert entries() == []


# Asking for the link


def test_an_address_gets_one_message_with_its_link(begin: Begin) -> None:
    life = begin("open")
    visitor = Guest(life)
    answer = visitor.post(PATH, email="  New@Example.org ")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "Check your email" in answer.text
    (notice,) = life.notices("apply-link")
    assert (notice["to"], notice["role"], notice["status"]) == ("new@example.org", "applicant", "queued")
    assert f"{BASE}/a/" in notice["extra"]


@pytest.mark.promise("links-tell-nothing")
def test_the_answer_is_the_same_whoever_has_the_address(begin: Begin) -> None:
    life = begin("applied")
    visitor = Guest(life)
    known = ("applicant@example.org", "staff@example.org", "reviewer-1@example.org", "nobody@example.org")
    said = {visitor.post(PATH, email=email).text.replace(email, "X") for email in (*known, *known)}
    assert len(said) == 1


def test_a_second_message_goes_out_after_five_minutes_at_the_earliest(begin: Begin) -> None:
    life = begin("open")
    visitor = Guest(life)
    for minutes in (0, 0, 2, 4, 5, 6, 9, 10):
        life.at("2025-07-20").now += timedelta(minutes=minutes)
        assert visitor.post(PATH, email="new@example.org").status_code == 200
    assert links_sent(life) == ["new"] * 3


@pytest.mark.promise("limited-rate")
def test_a_call_sends_so_many_links_in_an_hour_and_the_others_later(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applications, "MOST_ASKED", 3)
    life = begin("open")
    visitor = Guest(life)
    assert {visitor.post(PATH, email=f"n{n}@example.org").status_code for n in range(5)} == {200}
    waits = [
        (row["next_at"] - row["queued_at"]) // timedelta(minutes=1) for row in life.notices("apply-link")
    ]
    assert waits == [0, 0, 0, 20, 40]
    life.now += timedelta(hours=1, seconds=1)
    assert visitor.post(PATH, email="n9@example.org").status_code == 200
    last = life.notices("apply-link")[-1]
    assert last["next_at"] == last["queued_at"]


@pytest.mark.parametrize("given", ["", "nobody", "a@", "a b@example.org", "a@example.org,b@example.org",
                                   "a@example.org\r\nBcc: b@example.org", "x" * 400 + "@example.org"])  # fmt: skip
def test_what_is_no_address_is_said_beside_the_field_and_sends_nothing(begin: Begin, given: str) -> None:
    life = begin("open")
    answer = Guest(life).post(PATH, email=given)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert count(life, "notices") == count(begin("open"), "notices")


def test_a_closed_call_sends_no_link(begin: Begin) -> None:
    life = begin("open")
    life.at("2025-08-15 17:00")
    answer = Guest(life).post(PATH, email="new@example.org")
    assert answer.status_code == 200
    assert "You can no longer apply" in answer.text
    assert links_sent(life) == []


def test_the_message_says_why_it_comes_and_leads_to_the_application(begin: Begin) -> None:
    life = begin("open")
    visitor = Guest(life)
    visitor.post(PATH, email="new@example.org")
    text = written(life, "apply-link")
    assert "you get this message because somebody, most likely you, gave this address to apply" in text
    assert "See everything about this partnership" not in text
    (link,) = set(re.findall(rf"{BASE}/a/[\w.-]+", text))
    assert "Application for Rainier Beach School" in visitor.get(link).text


def written(life: Life, template: str) -> str:
    """The text of the latest message of a template, unfolded."""
    from email import message_from_bytes, policy

    from tests.support import letters

    with life.system.reading() as session:
        table = tables.notices
        query = table.select().where(table.c.template == template).order_by(table.c.id.desc())
        content = letters.written(
            session, Notice.from_row(session.connection.execute(query).first()), life.now
        )
    found = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert found is not None
    return " ".join(found.get_content().split())


# Floods


@pytest.mark.promise("limited-rate")
def test_ten_thousand_forms_from_one_sender_reach_mail_and_database_no_oftener_than_is_allowed(
    begin: Begin,
) -> None:
    life = begin("open")
    asked: list[float] = []
    clock = iter(n / 100 for n in range(10_000))  # a hundred forms a second

    def monotonic() -> float:
        asked.append(next(clock))
        return asked[-1]

    limited = Site(life.system, lambda: life.now, Limits(60, monotonic))
    app = Flask("flooded", static_folder=None)
    site.configure(app, limited)
    app.register_blueprint(calls.blueprint(limited))
    client, statuses = app.test_client(), []
    statements: list[str] = []
    from sqlalchemy import event

    event.listen(life.system.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for number in range(10_000):
        before = len(statements)
        answer = client.post(PATH, data={"email": f"n{number}@example.org"})
        statuses.append(answer.status_code)
        assert answer.status_code == 303 or len(statements) == before
    allowed = statuses.count(303)
    assert allowed == 60 + 99  # what the bucket holds, and what flows in within the 100 seconds
    assert statuses.count(429) == 10_000 - allowed
    assert len(links_sent(life)) == allowed


def test_a_sender_that_is_held_up_does_not_hold_up_another(begin: Begin) -> None:
    life = begin("open")
    visitor = Guest(life)
    statuses = {visitor.post(PATH, email="new@example.org").status_code for _ in range(80)}
    assert statuses == {200, 429}
    other = visitor.client.post(
        PATH, data={"email": "b@example.org"}, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}
    )
    assert other.status_code == 303
    assert links_sent(life) == ["b", "new"]


@pytest.mark.promise("reading-changes-nothing")
def test_reading_the_calls_changes_nothing(begin: Begin) -> None:
    life = begin("open")
    before = life.dump()
    visitor = Guest(life)
    for path in ("/", "/calls", "/calls.atom", "/calls.ics", PATH):
        visitor.get(path)
        assert visitor.client.head(path).status_code in (200, 302)
    assert life.dump() == before
