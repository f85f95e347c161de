"""A real browser, Debian's chromium, for pages and for the HTML of messages; and axe, which judges them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from tests.support.office import Office, program
from tests.support.post import post_office
from tests.support.town import Town

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
Judge = Callable[[Page], list[str]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # The shell has no window and no tabs, of which those in the background may stand still for good.
    path = shutil.which("chromium-headless-shell") or program("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


def press(button: Locator) -> None:
    """Press a button or a link, and wait for the page that answers: the press alone waits for nothing."""
    with button.page.expect_navigation():
        button.click()


def _opened(browser: Browser, width: int, height: int, **options: Any) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A small screen without JavaScript; a page that scrolls sideways there has failed."""
    yield from _opened(browser, 320, 640, java_script_enabled=False)


@pytest.fixture
def screen(browser: Browser) -> Iterator[BrowserContext]:
    """A large screen, on which scripts may run (none of ours do)."""
    yield from _opened(browser, 1280, 900, bypass_csp=True)


@pytest.fixture(scope="session")
def judge() -> Judge:
    """What axe holds against a page, by WCAG 2.2 AA: a line for each place."""
    axe = Axe()

    def judged(page: Page) -> list[str]:
        found = [(one["id"], node) for one in axe.run(page, options=WCAG).response["violations"]
                 for node in one["nodes"]]  # fmt: skip
        return [f"{name}: {node['html'][:200]} ({node['failureSummary']})" for name, node in found]

    return judged


@pytest.fixture
def town(office: Office) -> Iterator[Town]:
    """A district with its daemon running at whatever time a test sets, and a mail server."""
    with post_office(office.folder) as (desk, settings):
        made = Town(office, desk)
        made.settle(settings)
        yield made
        made.stop()
