"""The pages of a dossier, opened from files: read by axe, at the width of a phone, and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.conftest import Judge
from tests.support import letters
from tests.support.district import Begin
from tests.workflow.publishing.test_dossier import made
from workflow.record.marks import Mark


@pytest.fixture
def folder(begin: Begin, tmp_path: Path) -> Path:
    """The files of a public dossier, unpacked."""
    life = begin("reported")
    letters.delivered(life)
    for name, content in made(life, Mark("row/2/input/needs/0", "student", None)).items():
        path = tmp_path / "dossier" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "dossier"


@pytest.mark.parametrize("name", ["index", "exemptions", "how-to-check"])
def test_each_page_of_a_dossier_passes_axe(
    folder: Path, screen: BrowserContext, judge: Judge, name: str
) -> None:
    page = screen.new_page()
    page.goto((folder / f"{name}.html").as_uri())
    assert judge(page) == []


@pytest.mark.parametrize("width", [320, 768, 1280])
@pytest.mark.parametrize("name", ["index", "exemptions", "how-to-check"])
def test_no_page_of_a_dossier_is_wider_than_the_screen(
    folder: Path, browser: Browser, name: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 640})
    page = context.new_page()
    page.goto((folder / f"{name}.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_every_link_of_a_dossier_leads_to_a_file_in_it(folder: Path, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto((folder / "index.html").as_uri())
    targets = [link.get_attribute("href") or "" for link in page.locator("a").all()]
    files = [target for target in targets if not target.startswith("#")]
    assert "exemptions.html" in files
    assert [target for target in files if not (folder / target).is_file()] == []
