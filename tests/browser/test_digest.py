"""The daily digest and the weekly summary as a browser shows them."""

from __future__ import annotations

from playwright.sync_api import BrowserContext

from tests.browser.conftest import Judge
from tests.support.district import Begin
from tests.workflow.outbox.test_delivery import Post, deliver
from tests.workflow.outbox.test_digest import morning, to, two_for_the_principal
from tests.workflow.outbox.test_summary import STAFF, look


def test_a_summary_is_accessible_and_fits_a_phone(begin: Begin, screen: BrowserContext, judge: Judge) -> None:
    life = begin("scheduled")
    life.another("late").to("needs").do("describe-needs")
    look(life, "2025-09-08 08:00")
    deliver(life, post := Post())
    message = next(one for one in to(post, STAFF) if one["Subject"].startswith("Partnerships this week"))
    page = screen.new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    page.set_content(message.get_body(("html",)).get_content())
    assert judge(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_digest_is_accessible_and_fits_a_phone(begin: Begin, screen: BrowserContext, judge: Judge) -> None:
    (message,) = to(morning(two_for_the_principal(begin), "2025-09-04 07:00"))
    page = screen.new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    page.set_content(message.get_body(("html",)).get_content())
    assert judge(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
