"""The next 90 days as a browser shows them: accessible, no wider than a phone, and whole on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Judge
from tests.support.district import Begin, Life
from tests.workflow.web.test_ahead import STAFF, Office


def page_of(life: Life, *, is_worked_out: bool) -> str:
    office = Office(life)
    office.sign_in(STAFF)
    seen = office.get("/me/ahead")
    return (office.finish() if is_worked_out else seen).page.text


@pytest.fixture
def life(begin: Begin) -> Life:
    """Two calls that close in one week, what is on an agenda, and a renewal that needs meetings."""
    life = begin("scheduled")
    life.another("second", "rainier-beach").to("applied")
    life.another("third", "rainier-beach").to("applied")
    return life.at("2025-08-11")


@pytest.mark.parametrize("is_worked_out", [True, False])
def test_it_is_accessible_and_fits_a_phone(
    life: Life, screen: BrowserContext, judge: Judge, tmp_path: Path, is_worked_out: bool
) -> None:
    text = page_of(life, is_worked_out=is_worked_out)
    assert ("more than usual" in text) is is_worked_out
    style = life.system.config.pages.render("style.css", {})
    tab = screen.new_page()
    for width, scheme in ((320, "light"), (320, "dark"), (768, "dark"), (1280, "light")):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)
        tab.set_content(text)
        tab.add_style_tag(content=style)
        assert (width, judge(tab)) == (width, [])
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.screenshot(path=tmp_path / f"ahead-{width}-{scheme}.png", full_page=True)


def test_the_words_of_each_chart_are_inside_of_it(life: Life, screen: BrowserContext) -> None:
    tab = screen.new_page()
    tab.set_viewport_size({"width": 320, "height": 900})
    tab.set_content(page_of(life, is_worked_out=True))
    tab.add_style_tag(content=life.system.config.pages.render("style.css", {}))
    ends = tab.evaluate(
        "Array.from(document.querySelectorAll('.week-chart'), chart => Math.max(...Array.from("
        "chart.querySelectorAll('text'), text => text.getBBox().x + text.getBBox().width)))"
    )
    assert len(ends) == 5
    assert max(ends) <= 320


def test_the_widest_table_is_whole_on_paper(life: Life, screen: BrowserContext, tmp_path: Path) -> None:
    tab = screen.new_page()
    tab.emulate_media(media="print")
    # Letter, 8.5 inches wide, with margins of half an inch.
    tab.set_viewport_size({"width": 720, "height": 960})
    tab.set_content(page_of(life, is_worked_out=True))
    tab.add_style_tag(content=life.system.config.pages.render("style.css", {}))
    assert tab.evaluate("document.querySelector('.people').getBoundingClientRect().right") <= 720
    assert tab.evaluate("document.documentElement.scrollWidth") <= 720
    tab.screenshot(path=tmp_path / "ahead-print.png", full_page=True)
