"""What was typed stays until it is recorded: over mistakes, reloads, checks, and what is too large."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.visitor import Guest, Seen, Visit, Visitor, count
from workflow.actions import kept_forms
from workflow.web.sent import MOST_OF_TEXT

WORDS = dict.fromkeys(("needs", "gaps", "resources", "assets", "qualities", "goals"), "one")


def raw(visitor: Visitor, path: str, button: str = "act", **typed: Any) -> str:
    """Send the form of a link, and return the address to which the answer redirects."""
    data = visitor.filled(visitor.get(path).form, button, **typed)
    answer = visitor.client.post(path, data=data)
    assert answer.status_code == 303
    return urljoin(path, answer.headers["Location"])


def _wrong(visitor: Visitor) -> tuple[str, str, dict[str, Any]]:
    return visitor.link("describe-needs"), "act", {"needs": "only this"}


def _add(visitor: Visitor) -> tuple[str, str, dict[str, Any]]:
    return visitor.link("set-outcomes"), "add", {"outcomes.0.name": "only this"}


def _drop(visitor: Visitor) -> tuple[str, str, dict[str, Any]]:
    return visitor.link("set-outcomes"), "drop.7", {"outcomes.0.name": "only this"}


def _refused(visitor: Visitor) -> tuple[str, str, dict[str, Any]]:
    visitor.life.at("2025-10-02")
    typed = {
        "meeting_on": "2025-10-01",
        "ayes": "1",
        "noes": "2",
        "confirm": "RBHS-2025",
        "reason": "only this",
    }
    return visitor.link("approve"), "act", typed


def _checked(visitor: Visitor) -> tuple[str, str, dict[str, Any]]:
    return visitor.link("describe-needs"), "act", WORDS | {"needs": "only this"}


@pytest.mark.promise("nothing-typed-is-lost")
@pytest.mark.parametrize(
    ("station", "way", "status"),
    [("needs", _wrong, 422), ("chosen", _add, 200), ("chosen", _drop, 200), ("introduced", _refused, 409),
     ("needs", _checked, 200)],
)  # fmt: skip
def test_no_page_is_the_answer_to_a_form_so_that_loading_it_again_sends_nothing(
    visit: Visit, station: str, way: Any, status: int
) -> None:
    visitor = visit(station)
    path, button, typed = way(visitor)
    before = visitor.life.dump()
    to = raw(visitor, path, button, **typed)
    for _ in range(2):
        seen = visitor.get(to)
        assert seen.status == status
        assert "only this" in seen.page.text
    assert visitor.life.dump() == before


@pytest.mark.promise("nothing-typed-is-lost")
def test_what_is_overtaken_by_another_comes_back_too(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("add-note", "principal")
    visitor.life.run("UPDATE notices SET revoked_at = queued_at")
    data = {"form": "0" * 32, "shown": "0" * 32, "do": "act", "text": "only this"}
    to = urljoin(path, visitor.client.post(path, data=data).headers["Location"])
    assert [(visitor.get(to).status, "only this" in visitor.get(to).said) for _ in range(2)] == [
        (410, True)
    ] * 2


@pytest.mark.promise("nothing-typed-is-lost")
@pytest.mark.parametrize("button", ["save", "send", "withdraw"])
def test_no_page_of_an_application_is_the_answer_to_its_form(visit: Visit, button: str) -> None:
    visitor = visit("open")
    link = visitor.path_of(Guest(visitor.life).application_link("new@example.org"))
    form = visitor.get(link).form
    answer = visitor.client.post(link, data=form.texts | {"name": "only this", "do": button})
    assert answer.status_code == 303
    seen = visitor.get(urljoin(link, answer.headers["Location"]))
    assert seen.status == {"save": 200, "send": 422, "withdraw": 422}[button]
    if button != "withdraw":
        assert seen.form.texts["name"] == ["only this"]


def test_no_page_about_fresh_links_is_the_answer_to_a_form(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs", "principal")
    for data, words in (({"wanted": ""}, "The box was not ticked"), ({"wanted": "yes"}, "Check your email")):
        answer = visitor.client.post(f"{path}/again", data=data)
        assert answer.status_code == 303
        assert words in visitor.get(urljoin(f"{path}/again", answer.headers["Location"])).said


@pytest.mark.promise("typed-for-its-link-alone")
def test_what_was_typed_is_read_only_with_its_link_and_its_name(visit: Visit) -> None:
    visitor = visit("needs")
    path, _, typed = _wrong(visitor)
    to = raw(visitor, path, **typed)
    name = to.rpartition("/")[2]
    assert "only this" in visitor.get(to).page.text
    others = (visitor.link("describe-needs", "staff"), visitor.link("describe-needs", "principal"))
    for elsewhere in (*(f"{other}/form/{name}" for other in others), f"{path}/form/{'0' * 32}", path):
        assert "only this" not in visitor.get(elsewhere).page.text
    assert visitor.get(f"/a/none-of-ours/form/{name}").status == 404


@pytest.mark.promise("typed-for-its-link-alone")
def test_what_was_typed_is_kept_for_a_day_and_deleted_with_the_next_form(visit: Visit) -> None:
    visitor = visit("needs")
    path, _, typed = _wrong(visitor)
    to = raw(visitor, path, **typed)
    visitor.life.now += timedelta(days=1)
    gone = visitor.get(to)
    assert "What you typed is not here any more" in gone.said
    assert gone.form.texts["needs"] == [""]
    raw(visitor, visitor.link("describe-needs"), needs="another")
    assert count(visitor.life, "kept_forms") == 1


def test_a_link_keeps_a_few_forms_and_no_more(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs")
    addresses = []
    for number in range(kept_forms.MOST + 2):
        visitor.life.now += timedelta(seconds=1)
        addresses.append(raw(visitor, path, needs=f"number {number}"))
    assert count(visitor.life, "kept_forms") == kept_forms.MOST
    assert "number 0" not in visitor.get(addresses[0]).page.text
    assert f"number {kept_forms.MOST + 1}" in visitor.get(addresses[-1]).page.text


# Answers that are checked


def check(visitor: Visitor, path: str, **typed: Any) -> Seen:
    to = raw(visitor, path, **typed)
    assert "/check/" in to
    return visitor.get(to)


@pytest.mark.promise("checked-before-recorded")
def test_a_long_form_shows_its_answers_and_one_more_press_records_them(visit: Visit) -> None:
    visitor = visit("chosen")
    path = visitor.link("draft-agreement")
    typed = {
        "instrument": "mou",
        "amount_cents": "$250000",
        "starts_on": "2025-09-01",
        "ends_on": "2026-08-31",
    }
    before = visitor.life.dump()
    page = check(visitor, path, **typed)
    assert "Nothing is recorded yet" in page.said
    for words in ("Memorandum of understanding", "$250,000.00", "Monday, September 1, 2025", "Not answered"):
        assert words in page.said
    assert visitor.life.dump() == before
    (change,) = {link.partition("#")[0] for link in page.page.links if "#f-" in link}
    again = visitor.get(urljoin(page.page.path, change))
    assert again.form.texts["amount_cents"] == ["$250000"]
    recorded = visitor.client.post(path, data=page.form.texts | {"do": ["record"]})
    assert recorded.headers["Location"].endswith("/done")
    assert visitor.events()[-1] == "draft-agreement"
    assert count(visitor.life, "kept_forms") == 0


@pytest.mark.promise("checked-before-recorded")
def test_what_cannot_be_undone_is_checked_however_short_it_is(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("withdraw")
    page = check(visitor, path, reason="other plans", confirm="RBHS-2025")
    assert "This takes effect at once" in page.said
    assert visitor.life.state == "needs-identified"


def test_a_short_form_is_recorded_at_once(visit: Visit) -> None:
    visitor = visit("needs")
    assert raw(visitor, visitor.link("add-note", "principal"), text="x").endswith("/done")


def test_answers_are_refused_before_they_are_shown_for_a_check(visit: Visit) -> None:
    visitor = visit("introduced")
    path, button, typed = _refused(visitor)
    assert "/form/" in raw(visitor, path, button, **typed)


@pytest.mark.promise("checked-before-recorded")
def test_answers_that_were_checked_for_another_record_are_read_again(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs")
    page = check(visitor, path, **WORDS)
    visitor.life.do("describe-needs", "staff", needs=["by staff"])
    before = visitor.life.dump()
    sent = visitor.post(path, page.form.texts | {"do": ["record"]})
    assert (sent.status, visitor.life.dump()) == (409, before)
    assert sent.form.texts["needs"] == ["one"]


def test_a_check_that_comes_twice_or_too_late_tells_what_became_of_it(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs")
    page = check(visitor, path, **WORDS)
    data = page.form.texts | {"do": ["record"]}
    for _ in range(2):
        assert visitor.follow(visitor.post(path, data)).status == 200
    assert visitor.events().count("describe-needs") == 1
    late = check(visitor, path, **(WORDS | {"needs": "later"}))
    visitor.life.now += timedelta(days=1)
    sent = visitor.post(path, late.form.texts | {"do": ["record"]})
    assert "What you typed is not here any more" in sent.said
    assert visitor.events().count("describe-needs") == 1


# What is too large


def upload(visitor: Visitor, path: str, form: Any, name: str, content: bytes, **typed: Any) -> Seen:
    data = visitor.filled(form, **typed) | {"document": FileStorage(io.BytesIO(content), name)}
    boundary, body = encode_multipart(data)
    return visitor.post(path, body, f"{form.kind}; boundary={boundary}")


@pytest.mark.promise("nothing-typed-is-lost")
def test_a_document_that_was_chosen_stays_while_the_rest_is_put_right(visit: Visit) -> None:
    visitor = visit("annual-review")
    path = visitor.link("submit-report")
    form = visitor.get(path).form
    wrong = upload(visitor, path, form, "year.pdf", b"%PDF-1.7 x", narrative="a year")
    assert wrong.status == 422
    assert "We have your file year.pdf" in wrong.said
    values = {name: "90" for name in form.texts if name.startswith("values.")}
    done = visitor.follow(visitor.send(path, wrong.form, **values))
    assert done.status == 200
    review = visitor.life.facts.review
    assert review is not None
    assert review.reports[-1].document == "year.pdf"
    # Besides it there is the signed copy of the agreement.
    assert count(visitor.life, "documents") == 2


def test_a_document_that_was_chosen_can_be_removed_before_it_is_recorded(visit: Visit) -> None:
    visitor = visit("annual-review")
    path = visitor.link("submit-report")
    wrong = upload(visitor, path, visitor.get(path).form, "year.pdf", b"%PDF-1.7 x", narrative="a year")
    assert ("do", "unattach") in wrong.form.buttons
    # The Enter key presses the first button of a form.
    text = wrong.page.text
    assert text.index('name="do" value="act"') < text.index('name="do" value="unattach"')
    without = visitor.send(path, wrong.form, "unattach")
    assert (without.status, "year.pdf" in without.page.text) == (200, False)
    assert ("do", "unattach") not in without.form.buttons
    assert without.form.texts["narrative"] == ["a year"]
    values = {name: "90" for name in without.form.texts if name.startswith("values.")}
    assert visitor.follow(visitor.send(path, without.form, **values)).status == 200
    review = visitor.life.facts.review
    assert review is not None
    assert review.reports[-1].document is None
    assert [each.title for each in visitor.life.facts.documents] == ["Signed copy of the agreement"]
    assert count(visitor.life, "documents") == 1


@pytest.mark.promise("nothing-typed-is-lost")
@pytest.mark.parametrize("megabytes", [1.1, 4])
def test_a_document_over_the_limit_costs_nothing_that_was_typed(visit: Visit, megabytes: float) -> None:
    visitor = visit("annual-review", "[web]\nupload_megabytes = 1\n")
    path = visitor.link("submit-report")
    before = visitor.life.dump()
    content = b"%PDF-" + b"x" * int(megabytes * 1_000_000)
    sent = upload(visitor, path, visitor.get(path).form, "year.pdf", content, narrative="a year")
    assert sent.status == 422
    assert f"'year.pdf' has {megabytes:.1f} MB. Expected: no more than 1 MB." in sent.said
    assert sent.form.texts["narrative"] == ["a year"]
    assert visitor.life.dump() == before
    assert count(visitor.life, "kept_forms") == 1


@pytest.mark.promise("nothing-typed-is-lost")
def test_a_text_over_the_limit_costs_nothing_else(visit: Visit) -> None:
    visitor = visit("annual-review", "[web]\nupload_megabytes = 1\n")
    path = visitor.link("submit-report")
    typed = {"narrative": "x" * (MOST_OF_TEXT + 1), "values.0": "90"}
    sent = upload(visitor, path, visitor.get(path).form, "year.pdf", b"%PDF-1.7 x", **typed)
    assert sent.status == 422
    assert "It is too long: 500,001 characters, of which the first 500,000 are still here" in sent.said
    assert sent.form.texts["values.0"] == ["90"]
    assert "We have your file year.pdf" in sent.said


def test_what_is_far_too_large_is_broken_off_with_the_limit(visit: Visit) -> None:
    visitor = visit("annual-review", "[web]\nupload_megabytes = 1\n")
    path = visitor.link("submit-report")
    sent = upload(visitor, path, visitor.get(path).form, "year.pdf", b"x" * 6_000_001)
    assert sent.status == 413
    assert "at most 1 MB" in sent.said
