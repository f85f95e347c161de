"""A mail scanner opens every link of every message, follows what it finds and runs scripts: nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser.test_pages import served
from tests.support.letters import delivered
from tests.support.visitor import Visit, Visitor

STATIONS = (
    "needs",
    "applied",
    "closed",
    "scored",
    "chosen",
    "drafted",
    "introduced",
    "active",
    "reported",
    "ended",
)
DEPTH = 3
ADDRESS = re.compile(r"""https?://[^\s<>"']+""")
POINTS = re.compile(
    r"""(?:href|src|action|formaction|content|data|background|poster)\s*=\s*["']([^"']+)["']"""
)


@pytest.fixture
def told(visit: Visit, request: pytest.FixtureRequest) -> Visitor:
    """Everything that anybody is told up to a station is delivered."""
    visitor = visit(request.param)
    if request.param == "needs":
        visitor.life.do("describe-needs")
    for person in ("principal@example.org", "staff@example.org"):
        visitor.post("/me", {"email": person})
    delivered(visitor.life)
    return visitor


def messages(visitor: Visitor) -> list[EmailMessage]:
    """Every message in the Maildir, the last one first."""
    folder: Path = visitor.life.system.config.folder / "mail" / "new"
    found = [BytesParser(policy=policy.default).parsebytes(path.read_bytes()) for path in folder.iterdir()]
    return sorted(
        (one for one in found if isinstance(one, EmailMessage)),
        key=lambda m: m["Date"].datetime,
        reverse=True,
    )


def links(message: EmailMessage) -> Iterator[str]:
    """Every address in any part of a message: its text, its HTML, its calendar files."""
    for part in message.walk():
        if part.get_content_maintype() == "text":
            text = str(part.get_content()).replace("\r\n ", "")
            yield from ADDRESS.findall(unescape(text))
            yield from (unescape(one) for one in POINTS.findall(text))


def claimed(path: str) -> str:
    """A path without the moment at which its token was signed and its signature, to know it again by."""
    return re.sub(r"(/[.]?[\w-]{16,})\.[\w-]+\.[\w-]+", r"\1", path)


def ours(visitor: Visitor, found: str, at: str = "/") -> str | None:
    """The path of an address on our site; None for one that leads elsewhere."""
    base = visitor.life.system.config.procedure.web.base_url
    parts = urlsplit(urljoin(base + at, found))
    return (
        parts._replace(scheme="", netloc="", fragment="").geturl()
        if parts.netloc == urlsplit(base).netloc
        else None
    )


@pytest.mark.promise("reading-changes-nothing")
@pytest.mark.parametrize("told", STATIONS, indirect=True)
def test_a_scanner_that_follows_every_link_changes_nothing(told: Visitor) -> None:
    before, seen = told.life.dump(), set[str]()
    found = {path for message in messages(told) for link in links(message) if (path := ours(told, link))}
    assert any(path.startswith("/a/") for path in found)
    assert sum(path.startswith("/me/") for path in found) == 2, "links to sign in"
    for _ in range(DEPTH):
        ahead: set[str] = set()
        for path in sorted(found):
            if claimed(path) in seen:
                continue
            seen.add(claimed(path))
            head = told.client.head(path)
            answer = told.client.get(path)
            assert (head.status_code, answer.status_code < 500) == (answer.status_code, True), path
            # A PDF or a Word file is read as well, though no link is looked for in it.
            text = answer.get_data().decode(errors="replace")
            onward = [unescape(one) for one in (*POINTS.findall(text), *ADDRESS.findall(text))]
            onward += [answer.headers["Location"]] if "Location" in answer.headers else []
            ahead |= {next_ for one in onward if (next_ := ours(told, one, path))}
        found = ahead
    assert len(seen) > 10
    print(len(seen), "addresses")
    assert told.life.dump() == before


ONCE = ("needs", "applied", "introduced", "reported")


@pytest.mark.promise("reading-changes-nothing")
@pytest.mark.parametrize("told", ONCE, indirect=True)
def test_a_scanner_that_runs_scripts_changes_nothing(told: Visitor, browser: Browser) -> None:
    before = told.life.dump()
    paths = {
        claimed(path): path for one in messages(told) for link in links(one) if (path := ours(told, link))
    }
    chosen = sorted(path for path in paths.values() if path.startswith(("/a/", "/me/")))
    sent: list[str] = []
    with served(told) as host:
        context = browser.new_context(java_script_enabled=True)
        tab = context.new_page()
        tab.on("request", lambda request: sent.append(request.method))
        for path in chosen:
            if "/documents/" in path:
                assert tab.request.get(host + path).status == 200  # a file is fetched, not shown
                continue
            tab.goto(host + path, wait_until="load")
            assert tab.evaluate("document.scripts.length") == 0
            # What scanners do besides: look at everything, and let every event run that a page may wait for.
            tab.evaluate(
                "for (const one of document.querySelectorAll('*')) for (const name of "
                "['focus', 'mouseover', 'mouseenter', 'pointerdown', 'scroll', 'visibilitychange', 'load'])"
                "one.dispatchEvent(new Event(name, {bubbles: true}))"
            )
            tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        context.close()
    assert len(chosen) > 3
    assert set(sent) == {"GET"}
    assert told.life.dump() == before


def test_a_message_in_html_asks_for_nothing_by_itself(visit: Visit, browser: Browser) -> None:
    visitor = visit("reported")
    delivered(visitor.life)
    context = browser.new_context(java_script_enabled=True)
    tab = context.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    bodies = [part for one in messages(visitor)[:12] if (part := one.get_body(("html",))) is not None]
    assert bodies
    for body in bodies:
        tab.set_content(body.get_content(), wait_until="load")
        assert tab.evaluate("document.scripts.length + document.forms.length") == 0
    context.close()
    assert asked == []
