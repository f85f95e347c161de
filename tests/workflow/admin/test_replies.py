"""Staff see what came back by mail: in a list, with the partnership, and each message byte for byte."""

from __future__ import annotations

from tests.support.desk import REF, Desk, real
from tests.support.letters import answer, comes, got
from tests.workflow.admin.conftest import Sit

KEYS = {"id", "ref", "notice", "sender", "received_at", "verdict", "reason", "text", "message_id", "digest"}


def answered(sit: Sit) -> tuple[Desk, bytes]:
    """A desk at which the principal has agreed, and somebody else tried to."""
    desk = sit("needs")
    desk.life.do("describe-needs")
    asked = got(desk.life, "describe-needs", "principal")
    content = answer(asked, "agree\r\n\r\n-- \r\nSeñor \u2014 Principal")
    comes(desk.life, content)
    comes(desk.life, answer(asked, "agree", From="stranger@example.net"))
    return desk, content


def test_replies_are_listed_with_what_became_of_them_and_why(sit: Sit) -> None:
    desk, _ = answered(sit)
    first, second = desk.ask("replies", REF)
    assert first.keys() == KEYS | {"handled_by", "handled_at"}
    assert (first["ref"], first["verdict"], first["sender"]) == (REF, "done", "principal@example.org")
    assert (second["verdict"], second["reason"]) == (
        "refused",
        "It is from another address than the one that was asked.",
    )
    text = desk.say("replies")
    assert "stranger@example.net" in text
    assert "another address" in text


def test_replies_can_be_picked_by_their_verdict(sit: Sit) -> None:
    desk, _ = answered(sit)
    assert [one["id"] for one in desk.ask("replies", "--verdict", "refused,note")] == [2]
    failed = desk.run("replies", "--verdict", "lost", "--json")
    assert failed.status == 2
    assert "unknown" in failed.json["problems"][0]["expected"]


def test_a_reply_is_shown_byte_for_byte(sit: Sit) -> None:
    desk, content = answered(sit)
    assert real("replies", "show", "1", folder=desk.folder).stdout == content
    assert desk.ask("replies", "show", "1")["message"].encode() == content
    assert desk.run("replies", "show", "9").status == 3


def test_a_partnership_shows_what_people_answered(sit: Sit) -> None:
    desk, _ = answered(sit)
    assert [one["verdict"] for one in desk.ask("show", REF)["replies"]] == ["done", "refused"]
    text = desk.say("show", REF)
    assert "Answers by mail:" in text
    assert "principal@example.org, done: agree" in text


def test_a_message_that_needs_a_person_is_marked_as_handled(sit: Sit) -> None:
    desk, _ = answered(sit)
    done, refused = desk.ask("replies", REF)
    assert desk.run("replies", "handled", str(done["id"])).status == 1, "nobody has to look after it"
    assert desk.run("replies", "handled", "99").status == 3
    assert "marked as handled" in desk.say("replies", "handled", str(refused["id"]))
    again = desk.run("replies", "handled", str(refused["id"]))
    assert (again.status, "may have been marked already" in again.err) == (1, True)
    marked = desk.ask("replies", REF)
    assert [row["handled_by"] is None for row in marked] == [True, False]
    assert marked[1]["handled_at"]
