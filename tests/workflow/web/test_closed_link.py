"""A link that is over changes nothing, and says what happened meanwhile as far as its reader may know."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from freezegun import freeze_time

from tests.support.facts import CBO
from tests.support.visitor import Form, Seen, Visit, Visitor
from workflow import links

AGAIN = "Send me fresh links"


def over(visitor: Visitor, path: str, title: str) -> Seen:
    """The page of a link that is over, which must change nothing, whether it is read or sent."""
    before = visitor.life.dump()
    seen = visitor.get(path)
    assert (seen.status, visitor.get(path, "HEAD").status) == (410, 410)
    assert title in seen.said
    assert visitor.life.dump() == before
    return seen


def test_a_used_link_says_who_used_it_and_when(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    path = visitor.link("agree-needs", "principal")
    form = visitor.get(path).form
    assert visitor.send(path, form).status == 303
    seen = over(visitor, path, "This has been done already")
    assert (
        "Principal (principal) agreed to the statement of needs. Monday, July 7, 2025, 9:00 a.m. PDT"
        in seen.said
    )
    assert AGAIN in seen.said
    before = visitor.life.dump()
    assert visitor.send(path, form).status == 410
    assert visitor.life.dump() == before


def test_a_link_is_used_even_if_its_reader_has_no_role_any_more(visit: Visit) -> None:
    visitor = visit("applied")
    path = visitor.link("withdraw-application", "applicant")
    done = visitor.do(path, organization="city-college", confirm="rbhs-2025")
    assert "Recorded on" in done.said
    visitor.life.do("extend-selection")
    seen = over(visitor, path, "This has been done already")
    assert "extended the call" not in seen.said  # who has left the call hears no more of it


@pytest.mark.promise("links-end")
def test_an_expired_link_says_what_happened_meanwhile(visit: Visit) -> None:
    visitor = visit("needs")
    claim = visitor.claim("describe-needs")
    with freeze_time("2020-01-01"):
        path = visitor.path(claim)  # signed long ago
    visitor.life.do("describe-needs", "staff")
    seen = over(visitor, path, "This link has expired")
    assert "Staff (staff) wrote the statement of needs." in seen.said
    assert AGAIN in seen.said
    assert visitor.send(f"{path}/again", Form({"wanted": ["yes"]})).status == 200


def test_a_link_that_time_has_overtaken_says_where_things_stand(visit: Visit) -> None:
    visitor = visit("needs-agreed")
    path = visitor.link("describe-needs")
    visitor.life.do("open-selection")
    seen = over(visitor, path, "Things have moved on")
    assert "The partnership is now at this step: open selection." in seen.said
    assert "Staff (staff) opened the call." in seen.said


@pytest.mark.promise("links-end")
def test_what_was_changed_since_the_message_is_not_agreed_to(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    path = visitor.link("agree-needs", "principal")
    form = visitor.get(path).form
    visitor.life.now += timedelta(minutes=1)
    visitor.life.do("describe-needs", "staff", needs=["something else"])
    before = visitor.life.dump()
    sent = visitor.send(path, form)
    assert sent.status == 410
    assert "What you were asked to agree to has been changed since" in sent.said
    assert visitor.life.dump() == before


@pytest.mark.promise("rights-looked-up-again")
def test_a_revoked_link_tells_nothing_of_what_goes_on(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs", "principal")
    visitor.life.do("describe-needs", "staff")
    visitor.life.person("principal", schools=[])
    seen = over(visitor, path, "This link is no longer yours to use")
    assert "wrote the statement" not in seen.said
    assert AGAIN not in seen.said


def test_what_was_typed_is_shown_where_the_link_is_over_when_it_arrives(visit: Visit) -> None:
    visitor = visit("reported")
    path = visitor.link("give-finding", "principal")
    form = visitor.get(path).form
    visitor.life.do("give-finding", "principal")
    sent = visitor.send(path, form, impact="no", reasons="the numbers <b>stood</b> still")
    assert sent.status == 410
    assert "The reasons the numbers <b>stood</b> still" in sent.said
    assert "<b>" not in sent.page.text


@pytest.mark.promise("others-stay-hidden")
def test_an_applicant_hears_nothing_of_the_others(visit: Visit) -> None:
    visitor = visit("applied")
    path = visitor.link("receive-application", "applicant")
    visitor.life.do("receive-application", "lead-partner@example.org")
    visitor.life.at("2025-08-15 17:00").do("close-applications", "clock")
    visitor.life.at("2025-08-18").do("score-application", organization=CBO)
    visitor.life.run("UPDATE partnerships SET state = 'active'")
    seen = over(visitor, path, "Things have moved on")
    assert "The call closed automatically." in seen.said
    assert "scored" not in seen.said
    assert "Lead partner" not in seen.said
    assert "Contact of Harbor House" not in seen.said


@pytest.mark.promise("signed-links")
@pytest.mark.parametrize(
    "spoil",
    [
        # Not the last letter: of its six bits two say nothing (RFC 4648, 3.5), so another may stand for the same.
        lambda token: token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
        lambda token: token[:-5],
        lambda token: "A" + token,
        lambda token: token.partition(".")[0],
        lambda token: "x",
        lambda token: token + "%00",
        lambda token: token.swapcase(),
        lambda token: "9" * 5000,
    ],
)
def test_every_forgery_gets_the_same_page(visit: Visit, spoil: Any) -> None:
    visitor = visit("needs")
    plain = visitor.get("/a/none-of-ours")
    before = visitor.life.dump()
    path = "/a/" + spoil(visitor.link("describe-needs").removeprefix("/a/"))
    before = visitor.life.dump()
    for seen in (visitor.get(path), visitor.post(path, {}), visitor.get(path + "/done")):
        assert (seen.status, seen.page.text) == (404, plain.page.text)
    assert visitor.life.dump() == before


@pytest.mark.promise("signed-links")
@pytest.mark.parametrize(
    "changes", [{"person": "staff@example.org"}, {"ref": "another"}, {"notice": 999}], ids=str
)
def test_a_link_signed_for_what_was_never_asked_is_none(visit: Visit, changes: dict[str, Any]) -> None:
    visitor = visit("needs")
    path = visitor.path(replace(visitor.claim("describe-needs", "principal"), **changes))
    assert visitor.get(path).status == 404


def test_a_token_of_another_purpose_opens_nothing_here(visit: Visit) -> None:
    visitor = visit("needs")
    config = visitor.life.system.config
    feed = links.feed_address(config, "staff@example.org", 0).rpartition("/")[2].removesuffix(".ics")
    assert visitor.get(f"/a/{feed}").status == 404


def fresh(visitor: Visitor) -> list[dict[str, Any]]:
    return [
        row for row in visitor.life.notices("fresh-link") if json.loads(row["extra"])["offers_again"] != []
    ]


@pytest.mark.promise("links-tell-nothing")
def test_fresh_links_go_to_the_address_on_record_and_the_answer_tells_nothing(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs", "principal")
    told = []
    for asked in (path, path, "/a/none-of-ours"):
        visitor.life.now += timedelta(minutes=6)
        seen = visitor.send(f"{asked}/again", Form({"wanted": ["yes"]}))
        told.append((seen.status, seen.page.text))
    assert len(set(told)) == 1
    assert told[0][0] == 200
    assert [row["to"] for row in fresh(visitor)] == ["principal@example.org"] * 3


def test_fresh_links_are_sent_only_every_five_minutes(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs", "principal")
    visitor.life.now += timedelta(minutes=6)
    for _ in range(4):
        assert visitor.send(f"{path}/again", Form({"wanted": ["yes"]})).status == 200
    assert len(fresh(visitor)) == 2


@pytest.mark.promise("rights-looked-up-again")
def test_nobody_gets_fresh_links_who_has_no_right_any_more(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs", "principal")
    visitor.life.person("principal", schools=[])
    visitor.life.now += timedelta(minutes=6)
    before = visitor.life.dump()
    assert visitor.send(f"{path}/again", Form({"wanted": ["yes"]})).status == 200
    assert visitor.life.dump() == before


def test_a_flood_of_forms_is_stopped(visit: Visit) -> None:
    visitor = visit("needs", "[web]\nposts_per_minute = 3\n")
    path = visitor.link("describe-needs", "principal")
    statuses = [visitor.send(f"{path}/again", Form({"wanted": ["yes"]})).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
