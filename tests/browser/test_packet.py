"""The packet for the Board in a real browser: on a phone, a tablet, a desk and on paper."""

from __future__ import annotations

import io

import pypdf
import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Judge
from tests.browser.test_pages import served
from tests.support.visitor import Visit

LONG = "a-name-of-a-file-as-people-give-it-that-goes-on-and-on-and-never-ends-final-version.docx"


@pytest.mark.parametrize("station", ["scheduled", "renewal"])
def test_the_packet_is_accessible_and_fits_everywhere(
    visit: Visit, browser: Browser, judge: Judge, station: str
) -> None:
    visitor = visit(station)
    visitor.life.do("attach-document", file=LONG, title="The text", sha256="ab" * 32, size=120_000)
    path = visitor.link("", "board-office")
    with served(visitor) as host:
        for width in (320, 768, 1280):
            tab = browser.new_page(viewport={"width": width, "height": 900})
            asked: list[str] = []
            refused: list[str] = []
            tab.on("request", lambda request, asked=asked: asked.append(request.url))
            tab.on("console", lambda said, refused=refused: refused.append(said.text))
            tab.goto(f"{host}{path}/packet.html")
            wider = tab.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            # The style within the page is in force, so the policy lets it through.
            color = tab.evaluate("getComputedStyle(document.querySelector('mark')).backgroundColor")
            assert (width, wider, color) == (width, 0, "rgb(255, 233, 168)")
            assert asked == [f"{host}{path}/packet.html"]
            assert not [text for text in refused if "Content Security Policy" in text]
            assert judge(tab) == []
            tab.close()


def test_on_paper_nothing_is_cut_off(visit: Visit, browser: Browser) -> None:
    visitor = visit("scheduled")
    visitor.life.do("attach-document", file=LONG, title="The text", sha256="ab" * 32, size=120_000)
    path = visitor.link("", "staff")
    with served(visitor) as host:
        tab = browser.new_page()
        tab.goto(f"{host}{path}/packet.html")
        printed = pypdf.PdfReader(io.BytesIO(tab.pdf(prefer_css_page_size=True)))
        tab.close()
    pages = [page.extract_text() for page in printed.pages]
    assert [round(float(side)) for side in printed.pages[0].mediabox[2:]] == [612, 792]
    assert "ab" * 32 in "".join("".join(pages).split())
    assert "11. Attachments" in "".join(pages)
