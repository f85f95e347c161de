"""The picture of the lifecycle in a browser: no word leaves its box on a phone, and it prints on one sheet."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from states.names import State
from tests.browser.conftest import Judge
from workflow.procedure.config import Config
from workflow.publishing.lifecycle import Stand, draw_svg

# The texts that are wider than their box, or than the picture where they are in none.
TOO_WIDE = """
() => [...document.querySelectorAll("text")].filter(text => {
  const frame = (text.parentElement.querySelector("rect")).getBoundingClientRect();
  const own = text.getBoundingClientRect();
  return own.left < frame.left || own.right > frame.right || own.bottom > frame.bottom;
}).map(text => text.textContent)
"""
LETTERS = "[...document.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize))"


@pytest.mark.parametrize("state", [None, *State])
def test_the_picture_fits_a_phone_and_a_sheet(
    settings: Config, screen: BrowserContext, judge: Judge, tmp_path: Path, state: State | None
) -> None:
    at = state and Stand(
        "rainier-beach-2025", "Rainier Beach High School", state, datetime(2025, 9, 3, tzinfo=UTC)
    )
    file = tmp_path / "lifecycle.svg"
    file.write_text(draw_svg(settings, at), encoding="utf-8")
    page = screen.new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(file.as_uri())
    assert page.evaluate(TOO_WIDE) == []
    assert min(page.evaluate(LETTERS)) >= 12
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="Letter"))) == 1
    drawing = file.read_text(encoding="utf-8")
    page = screen.new_page()
    page.set_content(
        f'<!doctype html><html lang="en"><title>x</title><main><h1>x</h1>{drawing}</main></html>'
    )
    assert judge(page) == []
