"""The dossier of three years and the certificate of its destruction, on three screens and on paper."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Judge
from tests.support import three_years
from tests.support.district import Life, Stations, opened
from tests.support.three_years import CHOICE, FIRST_VOTE, SECOND_VOTE
from tests.workflow.publishing.test_dossier import made
from workflow.procedure.config import Config
from workflow.record import certificate, retention
from workflow.record.marks import Mark

NAMES = ("office/index", "public/index", "public/exemptions", "public/how-to-check", "certificate")


@pytest.fixture(scope="module")
def life(stations: Stations, settings: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    life = opened(stations.made(None), tmp_path_factory.mktemp("three-years"), settings)
    yield three_years.live(life)
    life.close()


@pytest.fixture(scope="module")
def folder(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both dossiers, unpacked, and the certificate of what will be due in ten years."""
    folder = tmp_path_factory.mktemp("files")
    (note,) = [row["seq"] for row in life.history() if row["event"] == "add-note"]
    marks = [Mark(f"row/{note}/input/text", "attorney-client", None)]
    for kind, chosen in (("office", []), ("public", marks)):
        for name, content in made(life, *chosen, public=kind == "public").items():
            path = folder / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    later = life.now.replace(year=2038).astimezone(UTC)
    with life.system.reading() as session:
        due = retention.find_due(session, later)
        document = certificate.make(session, due, by="registrar", now=later)
        page = certificate.as_page(session, document, "0" * 64)
    (folder / "certificate.html").write_text(page, encoding="utf-8")
    return folder


def plain(text: str) -> str:
    """The words of a printed page, without ligatures and line breaks."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_each_page_fits_each_screen_and_loads_nothing_else(
    folder: Path, tab: Page, name: str, width: int
) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.set_viewport_size({"width": width, "height": 800})
    address = (folder / f"{name}.html").as_uri()
    tab.goto(address)
    assert asked == [address]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(folder: Path, browser: Browser, judge: Judge, name: str) -> None:
    for width in (320, 1280):
        context = browser.new_context(viewport={"width": width, "height": 800}, bypass_csp=True)
        page = context.new_page()
        page.goto((folder / f"{name}.html").as_uri())
        assert judge(page) == []
        context.close()


def test_the_page_names_the_decisions_and_draws_the_years(folder: Path, tab: Page) -> None:
    tab.goto((folder / "office" / "index.html").as_uri())
    rows = tab.locator("#decisions + table tbody tr").all_inner_texts()
    for text in (CHOICE, FIRST_VOTE, SECOND_VOTE):
        assert len([row for row in rows if text in row]) == 1
    votes = tab.locator("#votes + table tbody tr").all_inner_texts()
    assert ["An amendment" in vote for vote in votes] == [False, True]
    assert tab.locator("#scores + table tbody tr").count() == 6
    drawn = tab.get_by_role("img").locator("text").all_text_contents()
    assert drawn[:3] == ["2026", "2027", "2028"]
    assert "annual review, 103 days in 3 stays" in drawn
    # One bar for each stay, none of them outside the drawing.
    assert tab.locator("svg rect").count() == tab.locator("#time ~ table").first.locator("tbody tr").count()
    right = tab.evaluate("document.querySelector('svg').getBoundingClientRect().right")
    ends = tab.evaluate("[...document.querySelectorAll('svg *')].map(e => e.getBoundingClientRect().right)")
    assert max(ends) <= right


def test_the_certificate_is_one_sheet_of_paper(folder: Path, tab: Page) -> None:
    tab.goto((folder / "certificate.html").as_uri())
    (sheet,) = pypdf.PdfReader(io.BytesIO(tab.pdf(format="Letter"))).pages
    words = plain(sheet.extract_text())
    for text in (
        "Certificate of destruction",
        "documents of the partnership",
        "Signature of the records officer",
    ):
        assert text in words


def test_no_word_of_the_printed_dossier_is_cut_off(folder: Path, tab: Page) -> None:
    tab.goto((folder / "office" / "index.html").as_uri())
    pages = pypdf.PdfReader(io.BytesIO(tab.pdf(format="Letter"))).pages
    words = plain(" ".join(page.extract_text() for page in pages))
    for text in (CHOICE, SECOND_VOTE, "Ended the agreement at the end of its last day"):
        assert text in words
