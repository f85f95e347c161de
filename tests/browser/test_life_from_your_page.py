"""A whole life in which every person starts from "Your page" with nothing but their address.

The steps are those of the life that is lived from messages. Nobody opens any link of a message but
the one that signs them in, and the one by which a stranger applies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import Judge, press
from tests.browser.test_life import (
    People,
    a_whole_life,
    fill,
)
from tests.support.house import until
from tests.support.office import REF, address
from tests.support.town import Town

KEPT = os.environ.get("SCREENSHOTS")
FINDING = {"impact": "no", "reasons": "Attendance hardly moved."}
PLAN = {"improvement_plan": "A mentor in every ninth-grade class."}
# What people do on their page in place of an answer by mail: the button, and what they type.
INSTEAD: Mapping[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("staff", "Agree!"): ("Agree to the statement of needs", {}),
    ("principal", "agree"): ("Agree to the outcomes", {}),
    ("newcomer", "sign"): ("Sign the agreement", {"name": "The director", "consent": "yes"}),
    ("principal", "No"): ("Give your finding", FINDING),
    ("staff", "continue"): ("Continue the partnership", PLAN),
}


class PeopleWithPages(People):
    """Those who act: each signs in on a phone of their own, and finds everything from there."""

    def __init__(self, town: Town, browser: Browser, screen: BrowserContext, judge: Judge) -> None:
        self.browser = browser
        self.phones: dict[str, BrowserContext] = {}
        super().__init__(town, self.phone_of("newcomer"), screen, judge)

    def phone_of(self, who: str) -> BrowserContext:
        if who not in self.phones:
            # As wide as a phone, and without scripts.
            self.phones[who] = self.browser.new_context(
                viewport={"width": 320, "height": 640}, java_script_enabled=False
            )
        return self.phones[who]

    def act(
        self, who: str, label: str, typed: Mapping[str, Any] | None = None, *, final: bool = False
    ) -> None:
        page = self.phone_of(who).new_page()
        self.sign_in(page, who)
        self.find(page, label)
        self.keep(page, label)
        fill(page, typed or {})
        if final:
            page.locator("[name=confirm]").fill(REF)
        for box in page.locator("input[type=checkbox][name=confirm]").all():
            box.check()
        press(page.locator("button[value=act]"))
        if "/check/" in page.url:
            press(page.locator("button[value=record]"))
        assert "/done" in page.url, page.locator("main").inner_text()
        self.keep(page, f"{label}, done")
        page.close()

    def answer(self, who: str, subject: str, text: str) -> None:
        label, typed = INSTEAD[who, text.split("\n")[0]]
        self.act(who, label, typed)

    def sign_in(self, page: Page, who: str) -> None:
        """Open the person's page. Sign in by mail if this browser is not signed in any more."""
        page.goto(f"{self.town.base}/me")
        if not page.locator("#email").count():
            return
        page.locator("#email").fill(address(who))
        before = len(self.town.letters(who))
        press(page.locator("main form button"))
        page.goto(self.town.link(who, "Sign in", before))
        page.locator("#wanted").check()
        press(page.locator("main form button"))
        assert "What waits for you" in page.locator("main").inner_text()
        self.keep(page, f"Your page of {who}")

    def find(self, page: Page, label: str) -> None:
        """Open what this button leads to: on the person's page, or on the page of the partnership."""
        for _ in range(2):
            button = page.locator("main a", has_text=re.compile(rf"^{re.escape(label)}$"))
            if button.count():
                press(button.first)
                return
            # The page of the partnership, by its title.
            press(page.locator("main a", has_text="A Lead Partner for the school").first)
        raise AssertionError(f"no {label!r} here: {page.locator('main').inner_text()}")

    def keep(self, page: Page, what: str) -> None:
        """Judge a page of a kind once, as the person sees it, at three widths."""
        if what in self.judged:
            return
        self.judged.add(what)
        # Axe is a script. The same page is loaded where scripts run, with the cookies of this person.
        seen = self.browser.new_context(bypass_csp=True)
        seen.add_cookies([{"name": c["name"], "value": c["value"], "url": self.town.base}  # type: ignore[typeddict-item]
                          for c in page.context.cookies()])  # fmt: skip
        copy = seen.new_page()
        for width in (320, 768, 1280):
            copy.set_viewport_size({"width": width, "height": 900})
            copy.goto(page.url)
            if KEPT:
                name = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
                copy.screenshot(path=Path(KEPT) / f"page-{name}-{width}.png", full_page=True)
            assert self.judge(copy) == [], (what, width)
            assert copy.evaluate("document.documentElement.scrollWidth") <= width, (what, width)
        seen.close()


@pytest.mark.promise("page-from-address")
def test_a_whole_life_is_lived_from_pages_that_an_address_opens(
    town: Town, browser: Browser, screen: BrowserContext, judge: Judge
) -> None:
    people = PeopleWithPages(town, browser, screen, judge)
    a_whole_life(town, people)
    assert town.office.show().state == "terminated"
    channels = {row["channel"] for row in town.office.ctl("history", REF)}
    assert channels <= {"link", "clock", "cli"}
    until(lambda: town.office.history()[-1].endswith("close-out by newcomer"), "the close-out")
    for phone in people.phones.values():
        phone.close()
