"""The annual report in a real browser: readable on every screen and on paper, without scripts or network."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Judge
from tests.support.district import Begin, Life
from workflow.publishing import annual_report, district_report, report_page
from workflow.publishing.school_year import SchoolYear


def pages_of(life: Life) -> dict[str, str]:
    """The report of a partnership and that of the district."""
    year, now = SchoolYear(2026), life.now.astimezone(UTC)
    with life.system.reading() as session:
        one = annual_report.collect(session, life.record, year, now)
        return {
            "partnership": report_page.render(session, one),
            "district": report_page.render_district(session, district_report.collect(session, year, now)),
        }


@pytest.mark.parametrize("name", ["partnership", "district"])
def test_a_report_is_accessible_on_every_screen_and_on_paper(
    begin: Begin, browser: Browser, judge: Judge, tmp_path: Path, name: str
) -> None:
    life = begin("reported")
    life.do("record-gap", on="2026-07-10", evidence="https://example.org/" + "minutes-of-the-meeting/" * 8)
    life.tick("2026-08-20")
    file = tmp_path / "report.html"
    file.write_text(pages_of(life.at("2026-08-20"))[name], encoding="utf-8")
    tab = browser.new_page()
    refused: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda said: refused.append(said.text))
    tab.on("request", lambda request: requests.append(request.url))
    for width in (320, 768, 1280):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(file.as_uri())
        wider = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (width, wider, judge(tab)) == (width, 0, [])
    # On paper nothing is behind a scroll bar: a table that is wider than the page would be cut off.
    tab.set_viewport_size({"width": 680, "height": 900})
    tab.emulate_media(media="print")
    wider = tab.evaluate("[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)")
    assert not any(wider)
    assert (refused, set(requests)) == ([], {file.as_uri()})
    tab.close()
