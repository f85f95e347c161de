"""Notices that are revoked, digests and feeds of people, and who is waited for, at the office's desk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import databases
from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import Sit
from tests.workflow.outbox.test_delivery import Post
from workflow import links
from workflow.actions.action import Action, LinkClosed, find_action
from workflow.outbox import delivery
from workflow.session import current_time


def told(desk: Desk, name: str) -> dict[str, Any]:
    found = [one for one in desk.ask("notices", REF) if one["to"] == f"{name}@example.org"]
    return found[-1]


def find(desk: Desk, number: int, name: str) -> Action:
    claim = links.Claim(number, "", f"{name}@example.org", REF)
    with desk.life.system.reading() as session:
        return find_action(session, claim, desk.life.now)


def delivered(desk: Desk) -> list[str]:
    post = Post()
    delivery.deliver(desk.life.system, post, current_time)
    return post.to


@pytest.mark.promise("links-end")
def test_the_links_of_a_revoked_notice_do_nothing_any_more(sit: Sit) -> None:
    desk = sit("needs")
    delivered(desk)
    number = told(desk, "principal")["id"]
    assert find(desk, number, "principal")
    answer = desk.ask("notices", "revoke", str(number))
    assert answer["revoked"] == [number]
    with pytest.raises(LinkClosed, match="withdrawn this message") as closed:
        find(desk, number, "principal")
    assert closed.value.how == "revoked"
    assert find(desk, told(desk, "staff")["id"], "staff"), "others' still do"


@pytest.mark.promise("links-end")
def test_all_notices_to_somebody_are_revoked_together_and_once(sit: Sit) -> None:
    desk = sit("open")
    delivered(desk)
    mine = [one["id"] for one in desk.ask("notices", REF) if one["to"] == "principal@example.org"]
    assert desk.ask("notices", "revoke", "--person", "Principal@example.org")["revoked"] == mine
    assert desk.ask("notices", "revoke", "--person", "principal@example.org")["revoked"] == []
    assert desk.say("notices", "revoke", "--person", "principal@example.org") == "Already revoked.\n"


def test_it_is_shown_and_on_record_who_revoked_it_and_when(sit: Sit) -> None:
    desk = sit("needs")
    number = told(desk, "principal")["id"]
    assert told(desk, "principal")["revoked_at"] is None
    assert (
        desk.say("notices", "revoke", str(number))
        == "Revoked 1 notice: links and replies do nothing any more.\n"
    )
    one = desk.ask("notices", "show", str(number))
    assert one["revoked_at"] == "2025-07-07T09:00:00-07:00"
    assert "revoked 2025-07-07 09:00" in desk.say("notices", "list", REF)
    assert "revoked 2025-07-07 09:00" in desk.say("notices", "show", str(number))
    query = "SELECT what, after, \"by\" FROM changes WHERE what LIKE 'revoked%'"
    kept = databases.rows(desk.folder, query)
    assert [(what, json.loads(after), bool(by)) for what, after, by in kept] == [
        ("revoked notices", [number], True)
    ]


def test_what_is_revoked_before_it_was_sent_is_not_sent(sit: Sit) -> None:
    desk = sit("needs")
    number = told(desk, "principal")["id"]
    desk.ask("notices", "revoke", str(number))
    assert delivered(desk) == ["staff@example.org"]
    one = desk.ask("notices", "show", str(number))
    assert (one["status"], one["reason"]) == ("dead", "withdrawn before it was sent")
    assert desk.run("notices", "retry", str(number), "--json").status == 2


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        ((), 2, "it is not said what is to be revoked"),
        (("1", "--person", "staff@example.org"), 2, "it is not said what is to be revoked"),
        (("999",), 3, "there is no notice 999"),
        (("--person", "nobody@example.org"), 3, "there is no notice to nobody@example.org"),
    ],
)
def test_what_cannot_be_revoked_is_said(sit: Sit, words: tuple[str, ...], status: int, problem: str) -> None:
    desk = sit("needs")
    before = desk.life.dump()
    answer = desk.run("notices", "revoke", *words)
    assert answer.status == status
    assert problem in answer.err
    assert desk.life.dump() == before


# Digests and feeds


def test_a_digest_is_chosen_and_given_up(sit: Sit) -> None:
    desk = sit()

    def wants() -> bool:
        found = {one["email"]: one["digest"] for one in desk.ask("people")}
        return bool(found["staff@example.org"])

    assert wants() is False
    assert desk.ask("people", "change", "staff@example.org", "--digest")["done"] == "changed"
    assert wants() is True
    desk.ask("people", "change", "staff@example.org", "--name", "Office")
    assert wants() is True, "another change leaves it"
    assert desk.ask("people", "change", "staff@example.org", "--no-digest")["done"] == "changed"
    assert wants() is False


def test_a_district_file_says_who_wants_a_digest(sit: Sit) -> None:
    desk = sit()
    person = '{ email = "new@example.org", name = "New", roles = ["staff"], digest = true }'
    file = desk.file("district.toml", f"person = [{person}]\n")
    desk.ask("import", file)
    assert {one["email"]: one["digest"] for one in desk.ask("people")}["new@example.org"] is True
    assert desk.ask("import", file)["changed"] == {}


def test_the_address_of_a_feed_is_shown_and_renewed(sit: Sit) -> None:
    desk = sit("needs")
    read = [links.read_feed(desk.life.system.config, token(desk)) for _ in range(2)]
    assert read == [("staff@example.org", 0)] * 2
    assert links.read_feed(desk.life.system.config, token(desk, "--new")) == ("staff@example.org", 1)
    assert links.read_feed(desk.life.system.config, token(desk)) == ("staff@example.org", 1)
    assert desk.run("people", "feed", "nobody@example.org").status == 3


def token(desk: Desk, *more: str) -> str:
    address = str(desk.ask("people", "feed", "Staff@example.org", *more)["feed"])
    return address.rpartition("/")[2].removesuffix(".ics")


# Who is waited for


def test_the_list_of_what_waits_for_somebody(sit: Sit) -> None:
    desk = sit("needs")
    (one,) = desk.ask("list", "--waiting-on", "Principal@example.org")
    assert one["ref"] == REF
    (wait,) = [wait for wait in one["waiting_on"] if wait["person"] == "principal@example.org"]
    assert wait.keys() == {
        "person", "name", "role", "event", "label", "since", "by", "deadline", "overdue", "delegate",
    }  # fmt: skip
    text = desk.say("list", "--waiting-on", "principal@example.org")
    assert "describe-needs" in text
    assert "2025-08-06 17:00" in text
    assert desk.ask("list", "--waiting-on", "superintendent@example.org") == []
    nothing = desk.say("list", "--waiting-on", "superintendent@example.org")
    assert nothing == "Nothing waits for superintendent@example.org.\n"
    assert desk.run("list", "--waiting-on", "nobody@example.org").status == 3


def test_what_waits_for_somebody_away_waits_for_the_delegate(sit: Sit) -> None:
    desk = sit("needs")
    desk.ask(
        "people", "away", "principal@example.org", "--until", "2025-08-01",
        "--delegate", "superintendent@example.org",
    )  # fmt: skip
    (one,) = desk.ask("list", "--waiting-on", "superintendent@example.org")
    assert one["ref"] == REF
    text = desk.say("show", REF)
    assert "waiting for" in text
    assert "principal@example.org (away: superintendent@example.org)" in text


def test_show_tells_who_is_waited_for(sit: Sit) -> None:
    desk = sit("closed")
    found = desk.ask("show", REF)["waiting_on"]
    assert [(one["person"], one["event"]) for one in found] == [
        (f"reviewer-{n}@example.org", "score-application") for n in (1, 2, 3)
    ]
