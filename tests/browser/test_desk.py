"""The office's desk as a browser shows it: accessible, and no wider than a phone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext

from tests.browser.conftest import Judge
from tests.support.district import Begin
from tests.support.letters import comes
from tests.support.visitor import page_of
from tests.workflow.inbox.test_questions import question
from tests.workflow.views.test_board_agenda import agenda
from tests.workflow.views.test_desk import DESK, listing
from tests.workflow.views.test_troubled_mail import mail

WHOLE = f"{DESK} + desk.agenda(meetings) + desk.mail(troubled, '/me/again/', 'x')"


def test_the_desk_is_accessible_and_fits_a_phone(
    begin: Begin, screen: BrowserContext, judge: Judge, tmp_path: Path
) -> None:
    life = begin("scheduled")
    life.another("late").to("needs").do("describe-needs")
    life.at("2025-09-10").tick()
    life.run(
        "UPDATE notices SET status = 'dead', reason = 'no such mailbox' WHERE template = 'refer-to-board'"
    )
    comes(life, question("parent@elsewhere.example.org"))
    shown = listing(life, overdue="yes", state="nowhere")
    page = page_of(life, WHOLE, listing=shown, meetings=agenda(life), troubled=mail(life))
    style = life.system.config.pages.render("style.css", {})
    tab = screen.new_page()
    for width, scheme in ((320, "light"), (768, "dark"), (1280, "light")):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)
        tab.set_content(page.text)
        tab.add_style_tag(content=style)
        assert (width, judge(tab)) == (width, [])
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.screenshot(path=tmp_path / f"desk-{width}.png", full_page=True)
