"""The page of a rehearsal in a real browser: readable on every screen and on paper, without scripts or network."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.conftest import Judge
from tests.support.district import Begin
from tests.support.facts import LA
from workflow.rehearsal.page import render_page
from workflow.rehearsal.refusals import Refusal
from workflow.rehearsal.rehearse import rehearse
from workflow.rehearsal.telling import Telling


def test_the_page_is_accessible_on_every_screen_and_on_paper(
    begin: Begin, browser: Browser, judge: Judge, tmp_path: Path
) -> None:
    life = begin("applied")
    chosen = life.another("fhs-2025-with-a-rather-long-reference").to("chosen")
    refusal = Refusal(chosen.now, life.ref, "approve", "board-office@example.org", ("no vote " * 20,))
    future = rehearse(life.system, chosen.now, datetime(2026, 12, 31, tzinfo=LA))
    page = render_page(Telling(future, "It assumes that nobody does anything.", [refusal]))
    assert all(f'class="{mark}"' in page for mark in ("event", "missed", "date", "state", "late"))
    file = tmp_path / "rehearsal.html"
    file.write_text(page, encoding="utf-8")
    tab = browser.new_page()
    refused: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda said: refused.append(said.text))
    tab.on("request", lambda request: requests.append(request.url))
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for width in (320, 768, 1280):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(file.as_uri())
        assert (width, tab.evaluate(wider), judge(tab)) == (width, 0, [])
    tab.set_viewport_size({"width": 680, "height": 900})
    tab.emulate_media(media="print")
    assert tab.evaluate(wider) == 0
    assert (refused, set(requests)) == ([], {file.as_uri()})
    tab.close()
