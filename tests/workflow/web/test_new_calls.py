"""Whoever wants to hear of new calls leaves an address, confirms it, and ends it by one press (RFC 8058)."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.support.district import Begin, Life
from tests.support.letters import got
from tests.support.visitor import Guest, count, path_of
from workflow import links

READER = "reader@example.org"
TICK = {"wanted": "yes"}


def confirm_link(life: Life, to: str = READER) -> str:
    return links.subscribe_address(life.system.config, to)


def message_of(life: Life) -> EmailMessage:
    return got(life, "open-selection", "reader")


@pytest.mark.promise("new-calls-by-mail")
def test_an_address_is_subscribed_by_a_press_and_by_nothing_before(begin: Begin) -> None:
    life = begin("needs-agreed")
    guest = Guest(life)
    assert "Check your email" in guest.post("/new-calls", email=READER).text
    guest.post("/new-calls", email=READER)
    assert count(life, "subscribers") == 0
    with life.system.reading() as session:
        rows = session.connection.exec_driver_sql(
            """SELECT "to" FROM notices WHERE template = 'new-calls-link'"""
        ).all()
    assert [row[0] for row in rows] == [READER], "the second comes too soon"
    link = confirm_link(life)
    assert guest.get(link).status_code == 200
    assert guest.client.post(path_of(link)).status_code == 415
    assert guest.post(link, x="y").status_code == 422
    assert count(life, "subscribers") == 0
    assert "You will hear of new calls" in guest.post(link, **TICK).text
    guest.post(link, **TICK)
    assert count(life, "subscribers") == 1


@pytest.mark.promise("new-calls-by-mail")
def test_a_subscriber_gets_one_message_for_a_new_call_and_nothing_else(begin: Begin) -> None:
    life = begin("needs-agreed")
    Guest(life).post(confirm_link(life), **TICK)
    life.do("open-selection")
    message = message_of(life)
    text = message.get_body(("plain",)).get_content()
    assert message["Subject"].startswith("A new call is open")
    assert f"/calls/{life.ref}" in text
    assert "Staff" not in text
    assert "/me" not in text
    life.do("extend-selection")
    life.tick("2025-08-29 17:00")
    assert [row["template"] for row in life.notices() if row["to"] == READER] == ["open-selection"]


@pytest.mark.promise("new-calls-by-mail")
def test_one_post_ends_the_messages_without_a_page_a_tick_or_a_redirect(begin: Begin) -> None:
    life = begin("needs-agreed")
    guest = Guest(life)
    guest.post(confirm_link(life), **TICK)
    life.do("open-selection")
    message = message_of(life)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = message["List-Unsubscribe"].strip("<>")
    # To open it changes nothing.
    assert "Stop these messages" in guest.get(address).text
    assert count(life, "subscribers") == 1
    answer = guest.client.post(path_of(address), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert count(life, "subscribers") == 0
    again = guest.client.post(
        path_of(address), data={"List-Unsubscribe": "One-Click"}, content_type="multipart/form-data"
    )
    assert again.status_code == 200
    # The page of the link in the text does the same.
    assert address in message.get_body(("plain",)).get_content().replace("\n", "")


def test_only_messages_that_were_asked_for_can_be_ended(begin: Begin) -> None:
    life = begin("needs-agreed")
    life.do("open-selection")
    assert got(life, "open-selection", "principal")["List-Unsubscribe"] is None


def test_a_kept_message_has_no_link_that_works(begin: Begin) -> None:
    life = begin("needs-agreed")
    Guest(life).post(confirm_link(life), **TICK)
    life.do("open-selection")
    message_of(life)
    (row,) = [row for row in life.notices("open-selection") if row["to"] == READER]
    kept = message_from_bytes(row["message"], policy=policy.default)
    answer = Guest(life).client.post(path_of(kept["List-Unsubscribe"].strip("<>")), data={"x": "y"})
    assert answer.status_code == 404 or answer.status_code >= 400
    assert count(life, "subscribers") == 1


def test_a_wrong_address_comes_back(begin: Begin) -> None:
    answer = Guest(begin("open")).post("/new-calls", email="no address")
    assert answer.status_code == 422
    assert "no address" in answer.text


def test_the_links_of_one_kind_do_nothing_of_another(begin: Begin) -> None:
    life = begin("open")
    config = life.system.config
    token = links.unsubscribe_address(config, READER).rpartition("/")[2]
    assert links.read_subscriber(config, token).begins is False
    Guest(life).post(links.unsubscribe_address(config, READER), **TICK)
    assert count(life, "subscribers") == 0
