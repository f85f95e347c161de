"""The ways in that staff give: a link to sign in for one person, an invitation for all, and the end of both."""

from __future__ import annotations

import pytest

from tests.support import databases
from tests.support.desk import Desk
from tests.support.visitor import Visitor
from tests.workflow.admin.conftest import Sit

PRINCIPAL = "principal@example.org"


def sent(desk: Desk, template: str) -> list[str]:
    """To whom messages of this template go, in the order of the queue."""
    rows = databases.rows(
        desk.folder, f"SELECT \"to\" FROM notices WHERE template = '{template}' ORDER BY id"
    )
    return [to for (to,) in rows]


def test_staff_send_somebody_the_link_to_their_page(sit: Sit) -> None:
    desk = sit("needs")
    assert desk.ask("people", "link", "Principal@example.org")["email"] == PRINCIPAL
    assert sent(desk, "sign-in") == [PRINCIPAL]
    visitor = Visitor(desk.life)
    page = visitor.follow(visitor.post(visitor.sign_in_link(PRINCIPAL), {"wanted": "yes"}))
    assert f"you are signed in as {PRINCIPAL}" in page.said


def test_nobody_unknown_gets_one(sit: Sit) -> None:
    desk = sit("needs")
    answer = desk.run("people", "link", "nobody@example.org")
    assert answer.status == 3
    assert sent(desk, "sign-in") == []


def test_everybody_with_a_role_is_invited_once(sit: Sit) -> None:
    desk = sit("needs")
    reviewers = desk.ask("people", "invite", "--role", "reviewer")["invited"]
    assert all(address.startswith("reviewer") for address in reviewers)
    assert reviewers
    rest = desk.ask("people", "invite")["invited"]
    assert PRINCIPAL in rest
    assert not set(reviewers) & set(rest)
    assert desk.ask("people", "invite")["invited"] == []
    assert sorted(sent(desk, "invitation")) == sorted(reviewers + rest)


@pytest.mark.promise("sign-in-ends")
def test_revoking_a_person_ends_their_browsers_their_links_and_their_calendar(sit: Sit) -> None:
    desk = sit("needs")
    visitor = Visitor(desk.life)
    page = visitor.sign_in(PRINCIPAL)
    feed = visitor.path_of(next(address for address in page.page.links if "/feed/" in address))
    desk.ask("people", "link", PRINCIPAL)
    unused = visitor.sign_in_link(PRINCIPAL)
    answer = desk.ask("people", "revoke", PRINCIPAL)
    assert answer["sign_ins"] == 1
    assert "Send me a link to sign in" in visitor.get("/me").said
    assert visitor.post(unused, {"wanted": "yes"}).status == 410
    assert visitor.get(feed).status == 404


def test_a_person_who_is_removed_is_signed_out_and_gets_no_link(sit: Sit) -> None:
    desk = sit("needs")
    visitor = Visitor(desk.life)
    visitor.sign_in(PRINCIPAL)
    desk.ask("people", "remove", PRINCIPAL)
    assert "Send me a link to sign in" in visitor.get("/me").said
    desk.run("people", "link", PRINCIPAL)
    assert sent(desk, "sign-in") == [PRINCIPAL]
