"""Every message as a browser shows it: accessible, and no wider than a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Judge
from tests.notifications.samples import SENT, messages


@pytest.mark.parametrize("name", SENT)
def test_every_message_is_accessible_and_fits_a_phone(
    name: str, screen: BrowserContext, judge: Judge
) -> None:
    longest: dict[str, str] = {}
    for _, role, _, rendered in messages(name):
        longest[role] = max(longest.get(role, ""), rendered.html, key=len)
    page = screen.new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    for role, html in longest.items():
        page.set_content(html)
        assert judge(page) == [], role
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, role
