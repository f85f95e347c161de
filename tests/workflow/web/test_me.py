"""Your page: in with nothing but an address, and from there to everything that a person may do."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from freezegun import freeze_time

from states.names import Role
from tests.support.facts import PEOPLE
from tests.support.visitor import Seen, Visit, Visitor, count
from workflow import links
from workflow.store import tables
from workflow.views import your_page

TITLE = "A Lead Partner for the school"
PRINCIPAL, STAFF = PEOPLE[Role.PRINCIPAL], PEOPLE[Role.STAFF]


def link_named(seen: Seen, label: str) -> str:
    """The address behind the first link with these words."""
    for text in seen.page.text.split("<a ")[1:]:
        if f">{label}</a>" in text:
            return text.split('href="')[1].split('"')[0].replace("&amp;", "&")
    raise AssertionError(f"no link {label!r}: {seen.said}")


# Signing in


@pytest.mark.promise("sign-in-by-mail")
def test_an_address_and_a_press_lead_to_the_page(visit: Visit) -> None:
    visitor = visit("needs")
    page = visitor.sign_in(PRINCIPAL)
    assert page.status == 200
    assert f"you are signed in as {PRINCIPAL}" in page.said


@pytest.mark.promise("sign-in-by-mail")
def test_the_answer_is_the_same_for_an_address_that_nobody_has(visit: Visit) -> None:
    visitor = visit("needs")
    known = visitor.post("/me", {"email": PRINCIPAL})
    unknown = visitor.post("/me", {"email": "nobody@example.org"})
    assert (known.status, known.page.text) == (unknown.status, unknown.page.text)
    assert count(visitor.life, "notices WHERE template = 'sign-in'") == 1


@pytest.mark.parametrize("typed", ["", "principal", "a@b", "x" * 400])
def test_what_is_no_address_comes_back_with_a_word(visit: Visit, typed: str) -> None:
    seen = visit("needs").post("/me", {"email": typed})
    assert seen.status == 422
    assert "This is not an e-mail address" in seen.said


@pytest.mark.promise("sign-in-by-mail")
def test_opening_the_link_signs_nobody_in(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.post("/me", {"email": PRINCIPAL})
    path = visitor.sign_in_link(PRINCIPAL)
    assert "Yes, I want to sign in here" in visitor.get(path).said
    # A program that checks mail sends the form as it is.
    assert visitor.post(path, {}).status == 422
    assert count(visitor.life, "sign_ins") == 0
    assert visitor.follow(visitor.post(path, {"wanted": "yes"})).status == 200


@pytest.mark.promise("sign-in-by-mail")
def test_the_link_works_once(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.sign_in(PRINCIPAL)
    other = Visitor(visitor.life)
    seen = other.post(other.sign_in_link(PRINCIPAL), {"wanted": "yes"})
    assert seen.status == 410
    assert "works once" in seen.said
    assert count(visitor.life, "sign_ins") == 1


def test_the_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.post("/me", {"email": PRINCIPAL})
    cookie = visitor.post(visitor.sign_in_link(PRINCIPAL), {"wanted": "yes"}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=43200" in cookie


@pytest.mark.promise("own-forms")
def test_a_form_from_another_site_signs_nobody_in(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.post("/me", {"email": PRINCIPAL})
    answer = visitor.client.post(
        visitor.sign_in_link(PRINCIPAL), data={"wanted": "yes"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 400
    assert count(visitor.life, "sign_ins") == 0


@pytest.mark.promise("sign-in-ends")
@pytest.mark.parametrize(
    ("steps", "open_"),
    [([2], False), ([1.9], True), ([1.9] * 6, True), ([1.9] * 7, False)],
)
def test_a_browser_stays_signed_in_for_two_hours_of_rest_and_twelve_in_all(
    visit: Visit, steps: list[float], open_: bool
) -> None:
    visitor = visit("needs")
    visitor.sign_in(PRINCIPAL)
    for hours in steps:
        visitor.life.now += timedelta(hours=hours)
        seen = visitor.get("/me")
    assert ("you are signed in as" in seen.said) is open_


@pytest.mark.promise("sign-in-ends")
def test_signing_out_ends_this_browser_alone_or_all(visit: Visit) -> None:
    first = visit("needs")
    first.sign_in(PRINCIPAL)
    first.life.now += timedelta(minutes=2)
    second = Visitor(first.life)
    page = second.sign_in(PRINCIPAL)
    assert "Sign out everywhere" in page.said
    (code,) = {form.texts["code"][0] for form in page.page.forms if "code" in form.texts}
    ids = [value for form in page.page.forms for name, value in form.buttons if name == "which"]
    second.post("/me/out", {"code": code, "which": ids[0]})
    assert "Send me a link to sign in" in second.get("/me").said
    assert "you are signed in as" in first.get("/me").said


@pytest.mark.promise("own-forms")
def test_a_form_without_the_code_of_the_page_changes_nothing(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.sign_in(PRINCIPAL)
    assert visitor.post("/me/out", {"which": "all"}).status == 400
    assert visitor.post("/me/settings", {"do": "digest", "digest": "day"}).status == 400
    assert "you are signed in as" in visitor.get("/me").said


# Acting


def test_what_waits_is_done_from_the_page(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    page = visitor.sign_in(PRINCIPAL)
    path = visitor.path_of(link_named(page, "Agree to the statement of needs"))
    done = visitor.do(path)
    assert "Recorded" in done.said
    assert visitor.events()[-1] == "agree-needs"
    (row,) = visitor.life.history()[-1:]
    assert (row["actor"], row["channel"], row["role"]) == (PRINCIPAL, "link", "principal")


@pytest.mark.promise("page-links-bound")
def test_a_link_of_the_page_works_in_no_other_browser(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    path = visitor.path_of(link_named(visitor.sign_in(PRINCIPAL), "Agree to the statement of needs"))
    stranger = Visitor(visitor.life).get(path)
    assert stranger.status == 403
    assert "You are not signed in" in stranger.said
    assert "Rainier" not in stranger.said


def test_all_that_waits_in_many_partnerships_is_found_page_by_page(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = visit("needs")
    for ref in ("second", "third"):
        visitor.life.another(ref).to("needs").do("describe-needs")
    page = visitor.sign_in(STAFF)
    whole = tasks(visitor, page)
    assert ("Pages of what waits" in page.page.text, len(set(whole))) == (False, 3)
    monkeypatch.setattr(your_page, "MOST_OPENED", 1)
    shown: list[str] = []
    address: str | None = "/me"
    while address:
        page = visitor.get(address)
        shown += tasks(visitor, page)
        address = next(
            (f"/me{link}" for link in page.page.links if link == f"?waits={len(shown) + 1}#waits"), None
        )
    assert sorted(shown) == sorted(whole)
    assert tasks(visitor, visitor.get("/me?waits=99")) == shown[-1:]
    assert visitor.get("/me?waits=none").status == 200


def tasks(visitor: Visitor, page: Seen) -> list[tuple[str, str]]:
    """The partnership and the event of each button below what waits."""
    listed = page.page.text.partition('<ol class="tasks">')[2].partition("</ol>")[0]
    tokens = re.findall(r'class="button" href="[^"]*/a/([^"]*)"', listed)
    claims = [links.read(visitor.life.system.config, token) for token in tokens]
    return [(claim.ref, claim.event) for claim in claims]


def test_the_receipt_names_what_waits_next_with_its_button(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.path_of(link_named(visitor.sign_in(STAFF), "Write the statement of needs"))
    lists = dict.fromkeys(("needs", "gaps", "resources", "assets", "qualities", "goals"), "One line")
    done = visitor.do(path, **lists)
    assert "What waits for you next" in done.said
    assert (
        "confirm"
        in visitor.get(visitor.path_of(link_named(done, "Agree to the statement of needs"))).form.choices
    )


def test_a_form_that_is_sent_twice_counts_once(visit: Visit) -> None:
    visitor = visit("active")
    page = visitor.get(visitor.path_of(link_named(visitor.sign_in(STAFF), TITLE)))
    path = visitor.path_of(link_named(page, "Add a note"))
    form = visitor.get(path).form
    for _ in range(2):
        assert visitor.follow(visitor.send(path, form, text="Called the principal")).status == 200
    assert visitor.events().count("add-note") == 1


def test_the_same_event_can_be_done_again_from_a_page_that_was_opened_again(visit: Visit) -> None:
    visitor = visit("active")
    page = visitor.get(visitor.path_of(link_named(visitor.sign_in(STAFF), TITLE)))
    path = visitor.path_of(link_named(page, "Add a note"))
    visitor.do(path, text="First")
    visitor.do(path, text="Second")
    assert visitor.events().count("add-note") == 2


def test_somebody_who_stands_in_acts_in_the_place_of_the_other(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    visitor.life.person("principal", away_until=date(2025, 12, 31), delegate=STAFF)
    page = visitor.sign_in(STAFF)
    assert "You also act for" in page.said
    claims = [visitor.path_of(address) for address in page.page.links if "/a/" in address]
    pages = [visitor.get(path) for path in claims]
    assert any("in place of" in seen.said for seen in pages)


def test_an_applicant_finds_the_application(visit: Visit) -> None:
    visitor = visit("applied")
    page = visitor.sign_in("applicant@example.org")
    assert "You are applicant here" in page.said
    path = visitor.path_of(next(a for a in page.page.links if "/a/" in a))
    assert visitor.get(path).status == 200


def test_a_draft_that_was_never_sent_is_found_again(visit: Visit) -> None:
    visitor = visit("open")
    new = "new@example.org"
    with visitor.life.system.engine.begin() as connection:
        values = {
            "partnership": visitor.life.record.id,
            "email": new,
            "values": "{}",
            "saved_at": visitor.life.now,
        }
        connection.execute(tables.drafts.insert().values(**values))
    page = visitor.sign_in(new)
    path = visitor.path_of(link_named(page, "Your application that is not sent yet"))
    assert visitor.get(path).status == 200


# Settings


def code_of(seen: Seen) -> str:
    (code,) = {form.texts["code"][0] for form in seen.page.forms if "code" in form.texts}
    return code


def test_a_person_chooses_one_message_a_day(visit: Visit) -> None:
    visitor = visit("needs")
    code = code_of(visitor.sign_in(PRINCIPAL))
    visitor.post("/me/settings", {"code": code, "do": "digest", "digest": "day"})
    with visitor.life.system.reading() as session:
        assert session.directory.people[PRINCIPAL].digest


def test_a_person_says_who_stands_in_and_that_they_are_back(visit: Visit) -> None:
    visitor = visit("needs")
    code = code_of(visitor.sign_in(PRINCIPAL))
    wrong = visitor.post(
        "/me/settings", {"code": code, "do": "away", "until": "soon", "delegate": "x@example.org"}
    )
    assert wrong.status == 422
    assert "This is not a day" in wrong.said
    assert "Nobody with this address can stand in for you" in wrong.said
    right = {"code": code, "do": "away", "until": "2025-08-31", "delegate": STAFF}
    page = visitor.follow(visitor.post("/me/settings", right))
    assert "You are away until the end of Sunday, August 31, 2025" in page.said
    page = visitor.follow(visitor.post("/me/settings", {"code": code, "do": "back"}))
    assert "You are away" not in page.said


def test_a_new_address_of_the_calendar_ends_the_old_one(visit: Visit) -> None:
    visitor = visit("needs")
    page = visitor.sign_in(PRINCIPAL)
    old = visitor.path_of(link_named(page, "All your dates"))
    assert visitor.get(old).status == 200
    page = visitor.follow(visitor.post("/me/settings", {"code": code_of(page), "do": "feed"}))
    assert visitor.get(old).status == 404
    assert visitor.get(visitor.path_of(link_named(page, "All your dates"))).status == 200


# Beginning


def test_a_principal_begins_a_partnership_for_their_school_alone(visit: Visit) -> None:
    visitor = visit("needs")
    page = visitor.sign_in("franklin-principal@example.org")
    path = visitor.path_of(link_named(page, "Begin a new partnership"))
    form = visitor.get(path).form
    assert form.texts["school"] == ["franklin"]
    made = visitor.follow(visitor.send(path, form, school="franklin", title="A partner for Franklin"))
    assert "A partner for Franklin" in made.said
    assert count(visitor.life, "partnerships") == 2
    # The same form again makes no second one.
    visitor.send(path, form, school="franklin", title="A partner for Franklin")
    assert count(visitor.life, "partnerships") == 2


def test_nobody_else_begins_one(visit: Visit) -> None:
    visitor = visit("active")
    page = visitor.sign_in("lead-partner@example.org")
    assert "Begin a new partnership" not in page.said
    assert visitor.get("/me/new").status == 404


def test_a_link_that_is_too_old_offers_a_fresh_one_at_a_press(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.post("/me", {"email": PRINCIPAL})
    old = visitor.sign_in_link(PRINCIPAL)
    with freeze_time(datetime.now(UTC) + timedelta(minutes=16)):
        seen = visitor.get(old)
        assert (seen.status, "send me a fresh link" in seen.said) == (410, True)
        visitor.life.now += timedelta(minutes=16)
        assert "works once, for 15 minutes" in visitor.post(f"{old}/again", {}).said, "nobody ticked the box"
        assert "Check your email" in visitor.post(f"{old}/again", {"wanted": "yes"}).said
    assert count(visitor.life, "notices WHERE template = 'sign-in'") == 2


@pytest.mark.promise("sign-in-by-mail")
def test_a_mailbox_gets_one_link_a_minute_and_five_in_an_hour(visit: Visit) -> None:
    visitor = visit("needs")
    for _ in range(8):
        visitor.post("/me", {"email": PRINCIPAL})
        visitor.post("/me", {"email": "Principal@example.org"})
        visitor.life.now += timedelta(minutes=2)
    assert count(visitor.life, "notices WHERE template = 'sign-in'") == 5
