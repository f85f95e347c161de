"""An application that is saved and not sent yet, or that its writer withdraws."""

from __future__ import annotations

import pytest

from tests.support.district import Begin
from tests.support.facts import CBO, COLLEGE
from tests.support.visitor import count, path_of
from tests.workflow.web.test_application import NEW, WRITTEN, Applying, applied, events, text

# Saving


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"name=Rainier+Yo", 400),
        ("application/x-www-form-urlencoded", b"name=x&do=none-such", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; na", 400),
        ("multipart/form-data", b"", 400),
        ("application/json", b'{"do": "save"}', 415),
    ],
    ids=["cut off", "another button", "broken", "without a boundary", "no form"],
)
def test_what_did_not_arrive_whole_takes_the_place_of_nothing_that_was_saved(
    begin: Begin, kind: str, body: bytes, status: int
) -> None:
    who = Applying(begin("open"))
    assert who.post("save", **WRITTEN).status_code == 200
    assert who.visitor.client.post(path_of(who.link), data=body, content_type=kind).status_code == status
    assert "a secret about diversity" in who.page()


@pytest.mark.promise("own-application")
def test_what_is_saved_is_there_again_for_the_same_address_alone(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    answer = who.post("save", name="Rainier Youth", diversity="half a")
    assert "Saved, not sent" in answer.text
    assert "half a</textarea>" in who.page()
    assert "half a" not in Applying(life, "other@example.org").page()
    assert events(life) == []
    told = [row for row in life.notices() if row["template"] != "draft-saved"]
    assert told == begin("open").notices()
    who.send()
    assert count(life, "drafts") == 0


def test_a_draft_does_not_touch_what_was_sent(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.send()
    who.post("save", **(WRITTEN | {"diversity": "a second thought"}))
    page = who.page()
    assert "a second thought</textarea>" in page
    assert "a secret about diversity" in page
    assert text(life).abilities["diversity"] == "a secret about diversity"


# Withdrawing


def test_an_application_is_withdrawn_by_typing_the_word(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.send()
    for word in ("", "yes", "send"):
        answer = who.post("withdraw", confirm=word)
        assert answer.status_code == 422
        assert 'href="#confirm"' in answer.text
    assert list(applied(life)) == ["rainier-youth"]
    assert "Your application is withdrawn" in who.post("withdraw", confirm=" Withdraw ").text
    assert applied(life) == {}
    assert events(life) == ["receive-application", "withdraw-application"]
    mine = [row["template"] for row in life.notices() if row["to"] == NEW]
    assert mine == ["receive-application", "receipt"]


def test_what_was_withdrawn_is_kept_for_its_writer_and_can_be_sent_again(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.send()
    who.post("withdraw", confirm="withdraw")
    assert "a secret about diversity</textarea>" in who.page()
    who.send(unchanged="yes")
    assert list(applied(life)) == ["rainier-youth"]


@pytest.mark.promise("own-application")
def test_nobody_withdraws_the_application_of_another(begin: Begin) -> None:
    life = begin("applied")
    Applying(life).post("withdraw", confirm="withdraw")
    assert list(applied(life)) == [CBO, COLLEGE]
