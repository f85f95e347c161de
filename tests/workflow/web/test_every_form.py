"""Every form of every page, sent with a mistake: it leads to a page that shows the mistake and what was typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from freezegun import freeze_time

from tests.support.visitor import Guest, Visit, Visitor
from workflow.store import tables

# What is sent: the path, the fields, and every text that the page shows afterwards.
Sent = tuple[str, dict[str, Any], tuple[str, ...]]
Case = Callable[[Visitor], Sent]
STAFF = "staff@example.org"
BOX = "Tick the box"


def _application(visitor: Visitor) -> Sent:
    path = visitor.path_of(Guest(visitor.life).application_link("new@example.org"))
    data = visitor.get(path).form.texts | {"name": "only this", "do": "send"}
    return path, data, ("only this", "It is missing")


def _event(visitor: Visitor) -> Sent:
    path = visitor.link("extend-selection")
    data = visitor.filled(visitor.get(path).form, reason="only this", closes_on="never")
    return path, data, ("only this", "never", "Please look at this again")


def _expired(visitor: Visitor) -> Sent:
    path, data, _ = _event(visitor)
    return path, data, ("only this", "This link has expired")


def _signed_out(visitor: Visitor) -> Sent:
    visitor.sign_in(STAFF)
    page = visitor.follow(visitor.get(f"/me/to/{visitor.life.ref}"))
    path = next(link for link in map(visitor.path_of, page.page.links) if "only this" in _try(visitor, link))
    data = visitor.filled(visitor.get(path).form, reason="only this", closes_on="never")
    visitor.client.delete_cookie("sign-in")
    return path, data, ("only this", "You are not signed in")


def _again(visitor: Visitor) -> Sent:
    return f"{visitor.link('extend-selection')}/again", {"wanted": ""}, ("The box was not ticked",)


def _call(visitor: Visitor) -> Sent:
    return f"/calls/{visitor.life.ref}", {"email": "only this"}, ("only this", "not an e-mail address")


def _ask(_: Visitor) -> Sent:
    return "/me", {"email": "only this"}, ("only this", "not an e-mail address")


def _sign_in(visitor: Visitor) -> Sent:
    visitor.post("/me", {"email": STAFF})
    return visitor.sign_in_link(STAFF), {"wanted": ""}, (BOX, STAFF)


def _sign_in_used(visitor: Visitor) -> Sent:
    visitor.sign_in(STAFF)
    return visitor.sign_in_link(STAFF), {"wanted": "yes"}, ("This link has been used or is too old",)


def _sign_in_old(visitor: Visitor) -> Sent:
    path, _, _ = _sign_in(visitor)
    return path, {"wanted": "yes"}, ("This link has been used or is too old",)


def _sign_in_again(visitor: Visitor) -> Sent:
    path, _, _ = _sign_in(visitor)
    return f"{path}/again", {"wanted": ""}, (BOX,)


def _code(visitor: Visitor, email: str = STAFF) -> dict[str, Any]:
    """The code that the forms of somebody's page carry."""
    page = visitor.sign_in(email)
    return {"code": next(form.texts["code"] for form in page.page.forms if "code" in form.texts)}


def _out(visitor: Visitor) -> Sent:
    # It has nothing to type, and signs out whatever is sent.
    return "/me/out", _code(visitor) | {"which": "only this"}, ("Send me a link to sign in",)


def _settings(visitor: Visitor) -> Sent:
    data = _code(visitor) | {"do": "away", "until": "only this", "delegate": "somebody"}
    return "/me/settings", data, ("only this", "somebody", "This is not a day", "can stand in")


def _mail(visitor: Visitor) -> Sent:
    return "/me/mail/999999", _code(visitor), ("is not one that did not arrive", "Your page")


def _answer(visitor: Visitor) -> Sent:
    return "/me/answer/999999", _code(visitor), ("does not wait for a person", "Your page")


def _new(visitor: Visitor) -> Sent:
    data = _code(visitor, "principal@example.org") | {"form": "0" * 32, "school": "", "title": "only this"}
    return "/me/new", data, ("only this", "Please look at this again")


CASES: dict[str, tuple[Case, ...]] = {
    "/a/<token>": (_event, _application, _expired, _signed_out),
    "/a/<token>/again": (_again,),
    "/calls/<ref>": (_call,),
    "/me": (_ask,),
    "/me/<token>": (_sign_in, _sign_in_used, _sign_in_old),
    "/me/<token>/again": (_sign_in_again,),
    "/me/out": (_out,),
    "/me/settings": (_settings,),
    "/me/mail/<int:notice>": (_mail,),
    "/me/answer/<int:answer>": (_answer,),
    "/me/new": (_new,),
}


# How long after it was made a link is used.
AGES = {_expired: timedelta(days=3_000), _sign_in_old: timedelta(hours=1)}


def _try(visitor: Visitor, path: str) -> str:
    """The words of a page, "only this" if it is the form of what `_event` sends."""
    seen = visitor.get(path)
    names = {name for form in seen.page.forms for name in form.texts}
    return "only this" if {"closes_on", "reason"} <= names else seen.said


def test_every_form_of_every_page_has_a_case(visit: Visit) -> None:
    rules = visit("open").app.url_map.iter_rules()
    assert {rule.rule for rule in rules if "POST" in (rule.methods or ())} == CASES.keys()


@pytest.mark.promise("nothing-typed-is-lost")
@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases])
def test_a_mistake_in_any_form_leads_to_a_page_that_shows_it_with_what_was_typed(
    visit: Visit, case: Case
) -> None:
    visitor = visit("open")
    path, data, words = case(visitor)
    recorded = (visitor.events(), len(visitor.life.rows(tables.notices)))
    with freeze_time(datetime.now(UTC) + AGES.get(case, timedelta())):
        answer = visitor.client.post(path, data=data)
        assert answer.status_code == 303
        to = visitor.path_of(urljoin(path, answer.headers["Location"]))
        # To load the page again, or to go back to it, sends nothing.
        for _ in range(2):
            text = visitor.get(to).page.text
            assert [word for word in words if word not in text] == []
    assert (visitor.events(), len(visitor.life.rows(tables.notices))) == recorded
