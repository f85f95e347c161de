"""The plan for a wanted first day, as the office sees it on a page."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from icalendar import Calendar

from tests.support.visitor import Visit
from tests.workflow.web.test_me import PRINCIPAL, STAFF, link_named

ASKED = {"school": "franklin", "starts_on": "2025-12-01", "amount_cents": "250,000", "term": "1 year"}


def test_the_page_of_the_office_leads_to_the_plan(visit: Visit) -> None:
    visitor = visit("needs")
    page = visitor.sign_in(STAFF)
    form = visitor.get(visitor.path_of(link_named(page, "Plan from a wanted first day")))
    assert form.status == 200
    assert "Nothing is recorded." in form.said
    assert "At the latest" not in form.said


def test_the_plan_says_for_each_step_until_when_and_why(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.sign_in(STAFF)
    seen = visitor.get(f"/me/plan?{urlencode(ASKED)}")
    assert seen.status == 200
    assert "Franklin School, from Monday, December 1, 2025" in seen.said
    assert "This day can be met." in seen.said
    assert "The Board has to act: 4270.9a." in seen.said
    # As worked out by hand in the test of the command.
    assert "The call closes (then it is scored) Sunday, October 5, 2025" in seen.said.replace("\n", " ")
    assert "Scores are due 10 business days after selection.closed" in seen.said


def test_a_day_that_cannot_be_met_says_which_step_is_too_late(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.sign_in(STAFF)
    seen = visitor.get(f"/me/plan?{urlencode(ASKED | {'starts_on': '2025-08-01'})}")
    assert "This day can no longer be met." in seen.said


def test_what_cannot_be_read_comes_back_with_what_is_wrong(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.sign_in(STAFF)
    typed = {"school": "", "starts_on": "someday", "amount_cents": "much", "term": "long"}
    seen = visitor.get(f"/me/plan?{urlencode(typed)}")
    assert seen.status == 422
    assert '"someday" is not a date' in seen.said
    assert '"much" is not an amount' in seen.said
    assert '"long" is not a span of time; write one such as 1 year or 18 months' in seen.said


def test_the_plan_is_there_as_a_calendar(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.sign_in(STAFF)
    answer = visitor.client.get(f"/me/plan.ics?{urlencode(ASKED)}")
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert len(Calendar.from_ical(answer.data).walk("VEVENT")) == 9
    assert visitor.client.get("/me/plan.ics?term=long").status_code == 404


@pytest.mark.parametrize("path", ["/me/plan", "/me/plan.ics?school=franklin&starts_on=2025-12-01"])
def test_only_the_office_can_plan(visit: Visit, path: str) -> None:
    visitor = visit("needs")
    assert visitor.client.get(path).status_code == 303, "nobody is signed in"
    visitor.sign_in(PRINCIPAL)
    assert visitor.client.get(path).status_code == 404
