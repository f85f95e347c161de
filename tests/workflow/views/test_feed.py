"""A person's private calendar: all their dates over all partnerships, at an address that only they have."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar
from prometheus_client import CollectorRegistry
from sqlalchemy import event, update

from tests.support.district import Begin, Life
from tests.support.facts import LA
from tests.workflow.outbox.test_delivery import Post, deliver
from workflow import links
from workflow.store import feeds, tables
from workflow.views import feed
from workflow.web.app import application


def client(life: Life) -> FlaskClient:
    app = application(life.system, lambda: (True, {}), CollectorRegistry(), lambda: life.now)
    return app.test_client()


def path(life: Life, who: str, generation: int = 0) -> str:
    address = links.feed_address(life.system.config, f"{who}@example.org", generation)
    return address.removeprefix(life.system.config.procedure.web.base_url)


def events(content: bytes) -> dict[str, str]:
    """By UID, when each date of a calendar is."""
    found = {}
    for each in Calendar.from_ical(content).walk("VEVENT"):
        key = str(each["UID"]).removesuffix("@example.org")
        assert key not in found, "a UID stands there once"
        found[key] = f"{each['DTSTART'].dt.astimezone(LA):%Y-%m-%d %H:%M}"
    return found


def dates(life: Life, who: str) -> dict[str, str]:
    with life.system.reading() as session:
        return events(feed.calendar(session, f"{who}@example.org", life.now))


# What is in it


def test_a_feed_has_what_is_offered_to_its_reader_or_reminds_them(begin: Begin) -> None:
    life = begin("active")
    mine = dates(life, "lead-partner")
    assert {"assessment-due-2025.rbhs-2025", "agreement-ends.rbhs-2025"} <= mine.keys()
    assert "renewal-decision.rbhs-2025" not in mine
    assert "renewal-decision.rbhs-2025" in dates(life, "principal")


def test_the_closing_of_a_call_is_for_everybody_who_has_to_do_with_it(begin: Begin) -> None:
    life = begin("applied")
    for who in ("principal", "staff", "reviewer-1", "applicant", "superintendent"):
        assert dates(life, who)["applications-close.rbhs-2025"] == "2025-08-15 17:00"


def test_the_boards_meeting_is_there_with_the_item(begin: Begin) -> None:
    life = begin("scheduled")
    with life.system.reading() as session:
        content = feed.calendar(session, "board-office@example.org", life.now)
    assert events(content)["board-meeting.rbhs-2025"] == "2025-09-17 16:15"
    assert b"On the agenda: new agreement." in content.replace(b"\r\n ", b"")


def test_it_takes_no_more_queries_for_many_partnerships_and_is_the_same_however_many_are_read_at_once(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("needs")
    few = queries(life, "staff")
    for number in range(4):
        life.another(f"another-{number}").to("needs")
    assert queries(life, "staff") == few
    whole = dates(life, "staff")
    monkeypatch.setattr(feed, "_AT_ONCE", 2)
    assert dates(life, "staff") == whole


def test_partnerships_of_others_are_not_read(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("needs")
    monkeypatch.setattr(feed, "Snapshot", None)
    assert dates(life, "somebody") == {}


def queries(life: Life, who: str) -> int:
    seen: list[object] = []
    listen = lambda *given: seen.append(given[2])  # noqa: E731
    event.listen(life.system.engine, "before_cursor_execute", listen)
    dates(life, who)
    event.remove(life.system.engine, "before_cursor_execute", listen)
    return len(seen)


def test_it_goes_over_all_partnerships_in_which_one_has_a_role(begin: Begin) -> None:
    life = begin("needs")
    life.another("franklin-2025").to("needs")
    assert dates(life, "staff").keys() >= {"needs-agreed.rbhs-2025", "needs-agreed.franklin-2025"}
    assert [key for key in dates(life, "principal") if "franklin" in key] == []


def test_a_calendar_reads_only_the_partnerships_of_its_reader(begin: Begin) -> None:
    life = begin("needs")
    life.another("franklin-2025").to("needs")
    before = dates(life, "principal")
    damage = update(tables.partnerships).where(tables.partnerships.c.ref == "franklin-2025").values(facts="{")
    life.system.transact(lambda session: session.connection.execute(damage))
    assert dates(life, "principal") == before


@pytest.mark.promise("calendar-needs-role")
def test_whoever_has_no_role_any_more_has_no_dates(begin: Begin) -> None:
    life = begin("needs")
    assert dates(life, "principal")
    life.person("principal", active=False)
    assert dates(life, "principal") == {}
    assert dates(life, "nobody") == {}


def test_what_has_passed_stays_for_twelve_months_as_it_was(begin: Begin) -> None:
    life = begin("open").at("2025-08-15 17:00")
    life.tick()
    passed = {"applications-close-20250815.rbhs-2025": "2025-08-15 17:00"}
    assert passed.items() <= dates(life, "staff").items()
    assert passed.items() <= dates(life.at("2026-08-15 17:00"), "staff").items()
    assert passed.keys().isdisjoint(dates(life.at("2026-08-15 17:01"), "staff"))


def test_a_date_is_the_same_in_the_feed_and_in_a_message(begin: Begin) -> None:
    life = begin("applied").at("2025-08-12 17:00")
    life.tick()
    deliver(life, Post())
    life.do("extend-selection", closes_on="2025-08-29")
    with life.system.reading() as session:
        content = feed.calendar(session, "lead-partner@example.org", life.now)
    (event,) = [
        one
        for one in Calendar.from_ical(content).walk("VEVENT")
        if str(one["UID"]).startswith("applications-c")
    ]
    assert event["SEQUENCE"] == 1, "later than the entry that was sent"


# Its address


def test_the_address_of_every_message_shows_the_readers_calendar(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    post = Post()
    deliver(life, post)
    for to, content, _ in post.given:
        message: Any = message_from_bytes(content, policy=default)
        text = message.get_body(("plain",)).get_content()
        (address,) = [word for word in text.split() if "/feed/" in word]
        assert address in message.get_body(("html",)).get_content()
        answer = client(life).get(address.removeprefix(life.system.config.procedure.web.base_url))
        assert answer.status_code == 200
        assert events(answer.data) == dates(life, to.removesuffix("@example.org"))


def test_it_is_a_calendar_that_is_kept_for_minutes_and_asked_for_again_cheaply(begin: Begin) -> None:
    life = begin("needs")
    visitor = client(life)
    answer = visitor.get(path(life, "staff"))
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    tag = answer.headers["ETag"]
    again = visitor.get(path(life, "staff"), headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    life.now += timedelta(hours=1)
    assert visitor.get(path(life, "staff")).headers["ETag"] == tag, "nothing has changed"
    life.do("describe-needs")
    life.do("agree-needs", "principal")
    life.do("agree-needs", "staff")
    assert visitor.get(path(life, "staff"), headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.promise("links-stay-private")
def test_a_renewed_address_ends_the_earlier_one(begin: Begin) -> None:
    life = begin("needs")
    visitor, first = client(life), path(life, "staff")
    made = life.system.transact(lambda s: feeds.renew(s.connection, "staff@example.org"))
    assert made == 1
    assert visitor.get(first).status_code == 404
    assert visitor.get(path(life, "staff", 1)).status_code == 200
    assert visitor.get(path(life, "principal")).status_code == 200, "others keep theirs"
    assert life.system.transact(lambda s: feeds.renew(s.connection, "staff@example.org")) == 2


@pytest.mark.parametrize("damage", ["altered", "cut", "empty", "another purpose", "another key"])
def test_a_forged_address_shows_nothing(begin: Begin, damage: str) -> None:
    life = begin("needs")
    good = path(life, "staff")
    token = good.removeprefix("/feed/").removesuffix(".ics")
    act = links.address(life.system.config, links.Claim(1, "", "staff@example.org", life.ref))
    forged = {
        "altered": ("A" if token[0] != "A" else "B") + token[1:],
        "cut": token[:-3],
        "empty": "x",
        "another purpose": act.rpartition("/")[2],
        "another key": token,
    }[damage]
    if damage == "another key":
        (life.system.config.folder / "var" / "keys").write_text("z" * 48, encoding="ascii")
        life.system.config.__dict__.pop("links", None)
    answer = client(life).get(f"/feed/{forged}.ics")
    assert answer.status_code == 404
    assert b"BEGIN:VCALENDAR" not in answer.data


def test_a_feed_cannot_be_changed_through_its_address(begin: Begin) -> None:
    life = begin("needs")
    before = life.dump()
    visitor = client(life)
    for method in ("get", "head", "options"):
        getattr(visitor, method)(path(life, "staff"))
    assert visitor.post(path(life, "staff")).status_code == 405
    assert life.dump() == before
    assert life.now < datetime(2026, 1, 1, tzinfo=LA)
