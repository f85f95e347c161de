"""The pages in a real browser: no violation that axe knows, nothing wider than a phone, everything by keyboard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from states.inputs import ABILITIES
from tests.browser.conftest import Judge, press
from tests.support.facts import CBO
from tests.support.visitor import Visit, Visitor
from workflow import links
from workflow.links import Applicant, Asker
from workflow.store import kept_documents


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


def _asked(visitor: Visitor) -> str:
    visitor.post(
        f"/calls/{visitor.life.ref}/question", {"email": "asker@example.org", "text": "Who may apply?"}
    )
    with visitor.life.system.reading() as session:
        name = session.connection.exec_driver_sql("SELECT name FROM asked_questions").scalar_one()
    config = visitor.life.system.config
    return visitor.path_of(links.ask_address(config, Asker(visitor.life.ref, "asker@example.org", name)))


def _answered(visitor: Visitor) -> str:
    visitor.life.do("ask-question")
    visitor.life.do("answer-question")
    visitor.life.do("ask-question", text="Until when?")
    return f"/calls/{visitor.life.ref}"


def _draft(visitor: Visitor) -> str:
    path = _applying(visitor)
    form = visitor.get(path).page.forms[0]
    visitor.post(path, visitor.filled(form, "save", name="Half a name", diversity="half a text"))
    visitor.life.tick("2025-08-15 17:00")
    return path


def _hearing(visitor: Visitor, *, begins: bool) -> str:
    address = links.subscribe_address if begins else links.unsubscribe_address
    return visitor.path_of(address(visitor.life.system.config, "reader@example.org"))


def _checked(visitor: Visitor) -> str:
    path = visitor.link("score-application")
    typed = {f"{CBO}/scores.{ability}": "4" for ability in ABILITIES} | {f"{CBO}/comment": "a good plan"}
    return _sent(visitor, path, **typed)


def _kept(visitor: Visitor) -> str:
    return _sent(visitor, visitor.link("describe-needs"), needs="only this")


def _sent(visitor: Visitor, path: str, **typed: str) -> str:
    answer = visitor.client.post(path, data=visitor.filled(visitor.get(path).form, **typed))
    return urljoin(path, answer.headers["Location"])


def _signing(visitor: Visitor) -> str:
    visitor.life.do("draft-agreement", document={"name": "terms.pdf", "sha256": "ab" * 32, "size": 1})
    visitor.life.at("2025-08-28")
    return visitor.link("sign-agreement", "lead-partner")


def _with_files(visitor: Visitor) -> str:
    """A form that came back with two files."""
    visitor.life.at("2025-09-05")
    path = visitor.link("record-meeting")
    form = visitor.filled(visitor.get(path).form)
    chosen = {"documents": [(BytesIO(b"one"), "a letter.txt"), (BytesIO(b"two"), "the minutes.txt")]}
    return urljoin(path, visitor.client.post(path, data=form | chosen).headers["Location"])


def _correcting(visitor: Visitor, event: str) -> str:
    """Where staff correct the last entry of an event."""
    entry = next(row["hash"][:16] for row in reversed(visitor.life.history()) if row["event"] == event)
    return f"{visitor.link('correct-entry', 'staff')}?entry={entry}"


def _corrected(visitor: Visitor) -> str:
    """The page that says what a correction would change."""
    path = _correcting(visitor, "open-selection")
    return _sent(visitor, path, **{"input.closes_on": "2025-08-20", "reason": "the 20th was meant"})


def _refused_correction(visitor: Visitor) -> str:
    """The form that came back, with a tick beside the later entry of the clock."""
    visitor.life.tick("2026-09-01 01:00")
    typed = {"input.starts_on": "2025-09-02", "input.ends_on": "2026-09-01", "reason": "a day more"}
    return _sent(visitor, _correcting(visitor, "draft-agreement"), **typed)


PAGES: dict[str, tuple[str, Callable[[Visitor], str]]] = {
    "agree": ("needs", _agree),
    "describe": ("needs", lambda visitor: visitor.link("describe-needs")),
    "panel": ("needs-agreed", lambda visitor: visitor.link("open-selection")),
    "scores": ("closed", lambda visitor: visitor.link("score-application")),
    "choice": ("scored", lambda visitor: visitor.link("choose-partner")),
    "outcomes": ("chosen", lambda visitor: visitor.link("set-outcomes")),
    "obstacles": ("chosen", lambda visitor: visitor.link("sign-agreement")),
    "checked scores": ("closed", _checked),
    "kept": ("needs", _kept),
    "correction to check": ("open", _corrected),
    "correction refused": ("active", _refused_correction),
    "sign": ("drafted", _signing),
    "with files": ("active", _with_files),
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
    "later calls": ("open", lambda _: "/calls?after=open.0.a"),
    "no calls": ("needs", lambda _: "/calls"),
    "call": ("open", lambda visitor: f"/calls/{visitor.life.ref}"),
    "closed call": ("closed", lambda visitor: f"/calls/{visitor.life.ref}"),
    "register, open": ("open", lambda _: "/partnerships"),
    "register, before the Board": ("introduced", lambda _: "/partnerships"),
    **{
        f"register entry, {station}": (station, lambda visitor: f"/partnerships/{visitor.life.ref}")
        for station in ("open", "introduced", "approved", "reported", "ended")
    },
    "application": ("open", _applying),
    "application sent": ("applied", lambda visitor: _applying(visitor, "applicant@example.org")),
    "application closed": ("closed", lambda visitor: _applying(visitor, "applicant@example.org")),
    "draft after the closing": ("open", _draft),
    "questions": ("open", _answered),
    "question to confirm": ("open", _asked),
    "question to answer": (
        "open",
        lambda visitor: _answered(visitor) and visitor.link("answer-question"),
    ),
    "hear of new calls": ("needs", partial(_hearing, begins=True)),
    "hear no more": ("needs", partial(_hearing, begins=False)),
    "no such page": ("needs", lambda _: "/nowhere"),
    **{
        f"partnership in {station}, {role}": (station, lambda visitor, role=role: visitor.link("", role))
        for station in ("needs", "closed", "scored", "scheduled", "active", "reported", "ended")
        for role in ("staff", "principal", "lead-partner", "reviewer")
        if role not in ABSENT_AT.get(station, ())
    },
}


def test_the_signed_copy_is_accessible_and_needs_nothing_else(
    visit: Visit, browser: Browser, judge: Judge
) -> None:
    life = visit("active").life
    copy = life.facts.agreement.signed_copy
    with life.system.reading() as session:
        page = kept_documents.read(session.connection, copy.sha256).decode()
    for width in (320, 1280):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        requests: list[str] = []
        tab.on("request", lambda request, requests=requests: requests.append(request.url))
        tab.set_content(page)
        wider = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (width, wider, requests, judge(tab)) == (width, 0, [], [])
        tab.close()


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
        tab.keyboard.press("Tab")  # to the files, of which none is needed
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/done*")
        context.close()
    entry = visitor.life.history()[-1]
    assert (entry["event"], entry["input"]) == (
        "give-finding", '{"impact":true,"reasons":"the numbers moved"}'
    )  # fmt: skip


@pytest.mark.promise("nothing-typed-is-lost")
def test_reload_and_the_way_back_ask_nobody_to_send_a_form_again(visit: Visit, browser: Browser) -> None:
    visitor = visit("chosen")
    path = visitor.link("draft-agreement")
    with served(visitor) as host:
        tab = browser.new_context(java_script_enabled=False).new_page()
        sent: list[str] = []
        tab.on("request", lambda request: sent.append(request.method))
        tab.goto(host + path)
        tab.locator("[name=amount_cents]").fill("$250,000")
        press(tab.locator("button[value=act]"))  # with mistakes
        for name, day in (("starts_on", "2025-09-01"), ("ends_on", "2026-08-31")):
            tab.locator(f"[name={name}]").fill(day)
        tab.locator("[name=instrument][value=mou]").check()
        press(tab.locator("button[value=act]"))
        assert "$250,000.00" in tab.locator("main").inner_text()
        posts = sent.count("POST")
        tab.reload()
        tab.go_back()
        assert tab.locator("[name=amount_cents]").input_value() == "$250,000"
        tab.reload()
        tab.go_forward()
        assert (sent.count("POST"), "/check/" in tab.url) == (posts, True)
        press(tab.locator("button[value=record]"))
        assert "/done" in tab.url
        tab.go_back()
        tab.reload()
        assert sent.count("POST") == posts + 1
        tab.context.close()
    assert visitor.events().count("draft-agreement") == 1


def test_the_sheet_of_scores_is_side_by_side_on_a_desk_one_column_on_a_phone_and_printed(
    visit: Visit, browser: Browser
) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    with served(visitor) as host:
        tab = browser.new_context(java_script_enabled=False).new_page()
        for width, side_by_side in ((1280, True), (768, False), (320, False)):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.goto(host + path)
            first, second = (tab.locator(".application").nth(n).bounding_box() for n in (0, 1))
            assert first is not None
            assert second is not None
            assert (first["y"] == second["y"]) is side_by_side
        tab.emulate_media(media="print")
        assert tab.locator("button:visible").count() == 0
        assert tab.locator(".by-hand:visible").count() == 2
        assert tab.locator("a:visible").count() == 1  # the address of the office
        tab.context.close()
