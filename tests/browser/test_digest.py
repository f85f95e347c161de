"""The daily digest as a browser shows it."""

from __future__ import annotations

from playwright.sync_api import BrowserContext

from tests.browser.conftest import Judge
from tests.support.district import Begin
from tests.workflow.outbox.test_digest import morning, to, two_for_the_principal


def test_a_digest_is_accessible_and_fits_a_phone(begin: Begin, screen: BrowserContext, judge: Judge) -> None:
    (message,) = to(morning(two_for_the_principal(begin), "2025-09-04 07:00"))
    page = screen.new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    page.set_content(message.get_body(("html",)).get_content())
    assert judge(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
