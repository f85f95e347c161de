"""Somebody with a browser and a message: opens its links, fills in its forms, and looks at what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from sqlalchemy import select
from werkzeug.test import TestResponse

from notifications.pages import Pages
from states.machine import row_of
from states.names import Role
from tests.support import databases
from tests.support.district import Life
from tests.support.facts import PEOPLE
from workflow import links
from workflow.actions.sign_in import TEMPLATES
from workflow.links import Applicant, Claim
from workflow.outbox import queue
from workflow.procedure.config import DEFAULTS
from workflow.rehearsal.background import Background
from workflow.store import tables
from workflow.web.app import application


@dataclass
class Form:
    """The form of a page as a browser holds it: its controls by name, each with its texts, and its buttons."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    action: str = ""
    kind: str = "application/x-www-form-urlencoded"


class Page(HTMLParser):
    """What a page says and which forms it has."""

    def __init__(self, text: str, path: str) -> None:
        super().__init__()
        self.text, self.path = text, path
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._area: str | None = None
        self._select: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "form":
            self.forms.append(Form(action=given.get("action", ""), kind=given.get("enctype", Form.kind)))
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif tag in ("input", "textarea", "select", "button", "option") and self.forms:
            self._control(tag, given, self.forms[-1])

    def _control(self, tag: str, given: dict[str, str], form: Form) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "button":
            form.buttons.append((name, value))
        elif tag in ("textarea", "select"):
            self._area, self._select = name if tag == "textarea" else None, name
            form.texts[name] = [""]
        elif tag == "option":
            form.choices.setdefault(self._select or "", []).append(value)
            if "selected" in given:
                form.texts[self._select or ""] = [value]
        elif given.get("type") in ("radio", "checkbox"):
            form.choices.setdefault(name, []).append(value)
            form.texts.setdefault(name, [])
            if "checked" in given:
                form.texts[name].append(value)
        else:
            form.texts[name] = [] if given.get("type") == "file" else [value]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            (text,) = self.forms[-1].texts[self._area]
            self.forms[-1].texts[self._area] = [text.removeprefix("\n")]  # as browsers do
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1].texts[self._area] = [self.forms[-1].texts[self._area][0] + data]
        self.words.append(data)

    @property
    def said(self) -> str:
        """Its words, with blanks as people see them."""
        return " ".join(" ".join(self.words).split())


def page_of(life: Life, call: str, **context: Any) -> Page:
    """A page that shows what a call of one of the macros of the desk gives, and nothing else."""
    (folder := life.system.config.folder / "alone" / "pages").mkdir(parents=True, exist_ok=True)
    words = '{% extends "pages/layout.j2" %}{% import "pages/desk.j2" as desk %}{% block main %}<h1>Desk</h1>'
    (folder / "alone.j2").write_text(words + "{{ " + call + " }}{% endblock %}", encoding="utf-8")
    shared = {"district": "D", "office": {"name": "O", "email": "o@example.org", "phone": ""}, "root": ""}
    shared |= {"failed": False, "partnership": None, "title": "Desk", "me": "http://127.0.0.1:8427/me"}
    shared |= {"dates_in": None}
    pages = Pages((folder.parent, DEFAULTS / "templates"), life.system.config.procedure.district.zone)
    return Page(pages.render("alone", shared | context), "/me")


@dataclass(frozen=True)
class Seen:
    """What came of a request."""

    status: int
    page: Page
    headers: Mapping[str, str]

    @property
    def form(self) -> Form:
        """The form that acts, which is the one with a name of its own."""
        (form,) = [form for form in self.page.forms if "form" in form.texts]
        return form

    @property
    def said(self) -> str:
        return self.page.said


class Visitor:
    """A browser on a district, whose clock is the life's."""

    def __init__(self, life: Life, background: Background | None = None) -> None:
        self.life = life
        self.app = application(
            life.system, lambda: (True, {}), CollectorRegistry(), lambda: life.now, background
        )
        self.client: FlaskClient = self.app.test_client()

    # Messages

    def notice(self, role: str, *events: str, to: str | None = None, **values: Any) -> int:
        """A message that offers these events to somebody in a role."""
        with self.life.system.engine.begin() as connection:
            return queue.tell(
                self.life.system.session(connection), "fresh-link", to or PEOPLE[Role(role)], role,
                self.life.now, extra={"offers_again": list(events)}, partnership=self.life.record.id, **values,
            )  # fmt: skip

    def claim(self, event: str, role: str | None = None, **given: Any) -> Claim:
        """The claim of the link for an event in a message to the first role that may do it, unless told."""
        row = row_of(event, self.life.state) if event else None
        who = role or (str(row.who[0]) if row else "staff")
        number = self.notice(who, event, **given)
        table = tables.notices
        with self.life.system.reading() as session:
            notice = session.connection.execute(select(table).where(table.c.id == number)).one()
            return links.claim_of(notice, self.life.ref, event, self.life.facts)

    def link(self, event: str, role: str | None = None, **given: Any) -> str:
        """The path of a link."""
        return self.path(self.claim(event, role, **given))

    def path(self, claim: Claim) -> str:
        return self.path_of(links.address(self.life.system.config, claim))

    def path_of(self, address: str) -> str:
        return address.removeprefix(self.life.system.config.procedure.web.base_url)

    # The browser

    def get(self, path: str, method: str = "GET") -> Seen:
        return self._seen(path, self.client.open(path, method=method))

    def send(self, path: str, form: Form, button: str = "act", **typed: Any) -> Seen:
        """Send a form with some of its controls filled in otherwise, by a button."""
        return self.post(path, self.filled(form, button, **typed), form.kind)

    def filled(self, form: Form, button: str = "act", **typed: Any) -> dict[str, Any]:
        texts: dict[str, Any] = {name: list(values) for name, values in form.texts.items()}
        texts |= {"confirm": form.choices["confirm"]} if "confirm" in form.choices else {}  # a box is ticked
        for name, value in typed.items():
            assert name in texts, (name, list(texts))
            texts[name] = value if isinstance(value, (list, tuple)) else [value]
        return texts | {"do": [button]}

    def post(self, path: str, data: Any, kind: str = "application/x-www-form-urlencoded") -> Seen:
        return self._kept(path, self.client.post(path, data=data, content_type=kind))

    def _kept(self, path: str, answer: TestResponse) -> Seen:
        """Go on to the page that shows what was typed, or press the button of the one that asks to check it."""
        to = urljoin(path, answer.headers.get("Location", "/done"))
        came_back = to.startswith(("/a/", "/me/")) or "/me?" in to
        if answer.status_code != 303 or not came_back or to.endswith("/done"):
            return self._seen(path, answer)
        seen = self.get(self.path_of(to))
        if "/check/" not in to or seen.status != 200:
            return seen
        data = seen.form.texts | {"do": ["record"]}
        return self._kept(path, self.client.post(path, data=data))

    def _seen(self, path: str, answer: TestResponse) -> Seen:
        return Seen(answer.status_code, Page(answer.text, path), dict(answer.headers))

    def follow(self, seen: Seen) -> Seen:
        """Go where a redirect leads."""
        assert seen.status == 303, (seen.status, seen.said)
        return self.get(self.path_of(urljoin(seen.page.path, seen.headers["Location"])))

    def do(self, path: str, **typed: Any) -> Seen:
        """Open a link, fill in its form and send it; the page that it leads to."""
        return self.follow(self.send(path, self.get(path).form, **typed))

    def sign_in(self, email: str) -> Seen:
        """Ask for a link with nothing but an address, press it, and see the page."""
        assert "Check your email" in self.post("/me", {"email": email}).said
        return self.follow(self.post(self.sign_in_link(email), {"wanted": "yes"}))

    def sign_in_link(self, email: str) -> str:
        """The path of the last link to sign in that was mailed to an address."""
        table = tables.notices
        query = select(table.c.extra).where(table.c.template.in_(TEMPLATES), table.c.to == email)
        with self.life.system.reading() as session:
            extra = str(session.connection.scalars(query.order_by(table.c.id.desc())).first())
        signed = links.sign_again(self.life.system.config, extra.encode(), email).decode()
        return self.path_of(json.loads(signed)["offers"][0]["url"])

    # Looking

    def events(self) -> list[str]:
        return [entry["event"] for entry in self.life.history()]


BASE = "http://127.0.0.1:8427"


class Guest:
    """A browser that gives answers as they come, in a life's district."""

    def __init__(self, life: Life) -> None:
        self.life, self.client = life, Visitor(life).client

    def get(self, address: str) -> TestResponse:
        return self.client.get(path_of(address))

    def post(self, address: str, **fields: Any) -> TestResponse:
        answer = self.client.post(path_of(address), data=fields)
        to = answer.headers.get("Location")
        return self.client.get(urljoin(path_of(address), to)) if to else answer

    def link(self, role: Role, email: str, template: str = "describe-needs", event: str = "") -> str:
        """The address of a link in a notice that somebody gets in a role."""
        life, partnership = self.life, self.life.record.id
        notice = life.system.transact(
            lambda session: queue.tell(session, template, email, str(role), life.now, partnership=partnership)
        )
        return links.address(life.system.config, Claim(notice, event, email, life.ref))

    def shown(self, role: Role, email: str, template: str = "describe-needs") -> str:
        """What the page of the partnership says to somebody."""
        answer = self.get(self.link(role, email, template))
        assert answer.status_code == 200, words(answer.text)
        return answer.text

    def application_link(self, email: str) -> str:
        applicant = Applicant(self.life.ref, email, self.life.facts.round)
        return links.apply_address(self.life.system.config, applicant)


def path_of(address: str) -> str:
    return address.removeprefix(BASE)


def words(page: str) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"<(head|svg)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def count(life: Life, table: str) -> int:
    """How many rows a table has."""
    return len(databases.rows(life.system.config.folder, f"SELECT 1 FROM {table}"))


# What the fixture `visit` gives.
Visit = Callable[..., Visitor]
