"""Two thousand requests that nobody sends in good faith: each is answered by a page, and none changes anything."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from states.machine import events_of
from states.partnership import Role
from tests import databases
from tests.states.life import PEOPLE
from tests.web.conftest import Visit
from tests.web.garbage import EVIL, SCRIPT, Door, Garbage
from tests.web.visitor import Page, Visitor
from workflow import links
from workflow.links import Applicant
from workflow.web.site import HEADERS

SEED = os.environ.get("HOSTILE_SEED", "4270.8")
EACH = 200
STATIONS = (
    "needs", "needs-agreed", "applied", "closed", "scored", "drafted", "introduced", "active", "reported", "ended",
)  # fmt: skip
MAY = {200, 302, 303, 304, 400, 404, 405, 409, 410, 413, 415, 422, 429}
INSIDE = re.compile(
    r"Traceback|File \"|\b[A-Z][A-Za-z]+(Error|Exception)\b|sqlalchemy|sqlite|werkzeug|jinja|pydantic|\.py\b"
)
KEPT = {"X-Robots-Tag": ("all",), "Cache-Control": ("public, max-age=", "private, max-age=300")}


@contextmanager
def unwritten(visitor: Visitor) -> Iterator[Any]:
    """What counts the transactions that wrote something; in the end every row of every table is as before."""
    before = visitor.dump()
    with databases.beside(visitor.life.system.config.folder) as connection:
        # PostgreSQL counts transactions for the whole server, on which others work.
        count = "SELECT 0" if databases.POSTGRESQL else "PRAGMA data_version"
        yield lambda: connection.scalar(text(count))
    assert visitor.dump() == before


def tokens(visitor: Visitor) -> list[str]:
    """Genuine tokens of every purpose: acting, looking, applying, a calendar."""
    config, ref = visitor.life.system.config, visitor.life.ref
    shown = visitor.link("", "staff").removeprefix("/a/")
    applying = links.apply_address(config, Applicant(ref, "applicant@example.org")).rpartition("/")[2]
    feed = links.feed_address(config, "staff@example.org", 0).rpartition("/")[2].removesuffix(".ics")
    return [shown, applying, feed]


def doors(visitor: Visitor) -> list[Door]:
    """Every link that anybody can have at a station, with what stands in its form; and the doors to the call."""
    life = visitor.life
    assert life.state is not None
    paths = [
        visitor.link(row.name, str(role))
        for row in events_of(life.state)
        for role in row.who
        if role is not Role.CLOCK and PEOPLE[role]
    ]
    found = [door_at(visitor, path) for path in paths]
    applicant = Applicant(life.ref, "applicant@example.org")
    applying = visitor.path_of(links.apply_address(life.system.config, applicant))
    fields = dict.fromkeys(("name", "kind", "contact_name", "collaboration", "demonstration"), ("",))
    return [
        *found,
        Door(applying, fields, does="send"),
        Door(f"/calls/{life.ref}", {"email": ("",)}, does="ask"),
    ]


def door_at(visitor: Visitor, path: str) -> Door:
    page = visitor.get(path).page
    forms = [form for form in page.forms if "form" in form.texts]
    files = [given["name"] for tag, given in page.tags if tag == "input" and given.get("type") == "file"]
    texts = {name: text for name, text in forms[0].texts.items() if name not in files} if forms else {}
    return Door(path, texts, files)


def check(answer: TestResponse) -> None:
    """An answer is a page of ours: nothing of our insides, nothing of what was sent run, headers as promised."""
    said = answer.text
    assert answer.status_code in MAY
    assert INSIDE.search(said) is None
    assert SCRIPT not in said
    assert EVIL not in said + str(answer.headers)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value or answer.headers[name].startswith(KEPT.get(name, ("no other",)))
    if answer.status_code >= 400 and said:
        assert answer.content_type == "text/html; charset=utf-8"
        assert [tag for tag, _ in Page(said, "").tags].count("h1") == 1


# A form that breaks off leaves a spooled file of werkzeug's to the garbage collector.
@pytest.mark.promise("damaged-input")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize("station", STATIONS)
def test_what_nobody_sends_is_answered_by_a_page_and_changes_nothing(
    visit: Visit, station: str, proxies: int
) -> None:
    visitor = visit(station, f"[web]\nproxies = {proxies}\nposts_per_minute = 10000\n")
    if station == "needs":
        visitor.life.do("describe-needs")
    garbage = Garbage(f"{SEED} {station} {proxies}", doors(visitor), tokens(visitor))
    answers: Counter[int] = Counter()
    with unwritten(visitor) as writes:
        before = writes()
        for number in range(EACH // 2):
            environ = garbage.request()
            sent = {name: str(environ[name])[:200] for name in environ if name.isupper()}
            answer = visitor.client.open(Request(environ))
            try:
                check(answer)
                assert writes() == before, "it wrote"
            except AssertionError as error:
                error.add_note(f"seed {SEED!r}, {station}, number {number}: {answer.status} for {sent}")
                raise
            answers[answer.status_code] += 1
    print(dict(answers))
    assert {400, 404, 422} <= set(answers), "some got past the door, some as far as their fields"
