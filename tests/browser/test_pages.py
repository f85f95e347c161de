"""The pages in a real browser: no violation that axe knows, nothing wider than a phone, everything by keyboard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests.browser.conftest import Judge, press
from tests.support.visitor import Visit, Visitor
from workflow import links
from workflow.links import Applicant


@contextmanager
def served(visitor: Visitor) -> Iterator[str]:
    """The application on a port of this machine; where it is."""
    server = make_server("127.0.0.1", 0, visitor.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:  # else a test that fails would wait for it forever
        server.shutdown()
        serving.join()
        server.server_close()


def _agree(visitor: Visitor) -> str:
    visitor.life.do("describe-needs")
    return visitor.link("agree-needs", "principal")


def _approve(visitor: Visitor) -> str:
    visitor.life.at("2025-10-02")
    return visitor.link("approve")


def _used(visitor: Visitor) -> str:
    path = _agree(visitor)
    visitor.do(path)
    return path


ABSENT_AT = {
    "needs": ("lead-partner", "reviewer"),
    "closed": ("lead-partner",),
    "scored": ("lead-partner",),
}


def _revoked(visitor: Visitor) -> str:
    path = visitor.link("describe-needs")
    visitor.life.run("UPDATE notices SET revoked_at = queued_at")
    return path


def _overtaken(visitor: Visitor) -> str:
    path = _agree(visitor)
    visitor.life.do("describe-needs", "staff", needs=["something else"])
    return path


def _applying(visitor: Visitor, email: str = "new@example.org") -> str:
    config = visitor.life.system.config
    whole = links.apply_address(config, Applicant(visitor.life.ref, email))
    return whole.removeprefix(config.procedure.web.base_url)


PAGES: dict[str, tuple[str, Callable[[Visitor], str]]] = {
    "agree": ("needs", _agree),
    "describe": ("needs", lambda visitor: visitor.link("describe-needs")),
    "panel": ("needs-agreed", lambda visitor: visitor.link("open-selection")),
    "scores": ("closed", lambda visitor: visitor.link("score-application")),
    "choice": ("scored", lambda visitor: visitor.link("choose-partner")),
    "outcomes": ("chosen", lambda visitor: visitor.link("set-outcomes")),
    "obstacles": ("chosen", lambda visitor: visitor.link("sign-agreement")),
    "vote": ("introduced", _approve),
    "report": ("annual-review", lambda visitor: visitor.link("submit-report")),
    "finding": ("reported", lambda visitor: visitor.link("give-finding")),
    "document": ("needs", lambda visitor: visitor.link("attach-document")),
    "used": ("needs", _used),
    "done": ("needs", lambda visitor: _used(visitor) + "/done"),
    "forged": ("needs", lambda _: "/a/none-of-ours"),
    "revoked": ("needs", _revoked),
    "overtaken": ("needs", _overtaken),
    "calls": ("open", lambda _: "/calls"),
    "no calls": ("needs", lambda _: "/calls"),
    "call": ("open", lambda visitor: f"/calls/{visitor.life.ref}"),
    "closed call": ("closed", lambda visitor: f"/calls/{visitor.life.ref}"),
    "application": ("open", _applying),
    "application sent": ("applied", lambda visitor: _applying(visitor, "applicant@example.org")),
    "application closed": ("closed", lambda visitor: _applying(visitor, "applicant@example.org")),
    "no such page": ("needs", lambda _: "/nowhere"),
    **{
        f"partnership in {station}, {role}": (station, lambda visitor, role=role: visitor.link("", role))
        for station in ("needs", "closed", "scored", "scheduled", "active", "reported", "ended")
        for role in ("staff", "principal", "lead-partner", "reviewer")
        if role not in ABSENT_AT.get(station, ())
    },
}


COMPLETE = ("agree", "describe", "overtaken", "application sent")  # whose form can be sent as it comes


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_on_a_phone_by_day_and_on_a_desk_by_night(
    visit: Visit, browser: Browser, judge: Judge, name: str
) -> None:
    station, way = PAGES[name]
    visitor = visit(station)
    path = way(visitor)
    with served(visitor) as host:
        for width, scheme in ((320, "light"), (1280, "dark")):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab = context.new_page()
            refused: list[str] = []
            tab.on("console", lambda said, refused=refused: refused.append(said.text))
            tab.goto(host + path)
            wider = tab.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert (width, wider, judge(tab)) == (width, 0, [])
            sent = tab.locator("button[value=act], button[value=send]")
            if sent.count() and name not in COMPLETE:
                press(sent.first)
                assert "Error:" in tab.title()
                assert (width, judge(tab)) == (width, [])
            assert not [text for text in refused if "Content Security Policy" in text]
            context.close()


@pytest.mark.promise("no-scripts")
def test_a_finding_is_given_by_keyboard_alone_and_without_scripts(visit: Visit, browser: Browser) -> None:
    visitor = visit("reported")
    path = visitor.link("give-finding", "principal")
    with served(visitor) as host:
        context = browser.new_context(viewport={"width": 320, "height": 700}, java_script_enabled=False)
        tab = context.new_page()
        tab.goto(host + path)
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")  # skips to the content
        tab.keyboard.press("Tab")
        tab.keyboard.press("Space")
        tab.keyboard.press("Tab")
        tab.keyboard.type("the numbers moved")
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/done*")
        context.close()
    entry = visitor.life.history()[-1]
    assert (entry["event"], entry["input"]) == (
        "give-finding", '{"impact":true,"reasons":"the numbers moved"}'
    )  # fmt: skip
