"""How somebody does something: at the office's machine, by the link of a message, by a reply, as an applicant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from sqlalchemy import select

from notifications.incoming.letterboxes import Letter
from states.errors import LawError
from states.inputs import ABILITIES
from states.machine import event_named, row_of
from states.partnership import Role
from tests.lives import invariants
from tests.support.letters import answer
from tests.support.visitor import Page
from tests.year.town import Town
from workflow import engine, links
from workflow.engine import Conflict, NotFound
from workflow.forms import parsing
from workflow.inbox import judge
from workflow.links import Applicant
from workflow.store import tables


@dataclass(frozen=True)
class Got:
    """A message that somebody has got, and the notice it was written for."""

    notice: int
    ref: str
    to: str
    role: str
    delegate_for: str | None
    offers: tuple[str, ...]
    content: bytes
    at: datetime

    @property
    def owner(self) -> str:
        return self.delegate_for or self.to


def at_the_office(
    town: Town, ref: str, event: str, given: dict[str, Any], who: str, role: str | None = None
) -> str:
    """Through the engine, as the admin script does. What came of it, in a word."""
    try:
        town.system.transact(
            lambda session: engine.advance(
                session, ref, event, given, who, "cli", town.now, role=Role(role) if role else None
            )
        )
    except (LawError, Conflict, NotFound) as error:
        faults = invariants.of_a_refusal(error) if isinstance(error, LawError) else []
        assert faults == [], faults
        return f"cli {type(error).__name__}"
    return "cli done"


def by_link(town: Town, got: Got, event: str, given: dict[str, Any], *, spoilt: bool = False) -> str:
    """Through the page of the link in the message: opened, filled in, sent."""
    with town.system.reading() as session:
        row = session.connection.execute(
            select(tables.notices).where(tables.notices.c.id == got.notice)
        ).one()
        record = engine.load(session.connection, [got.ref])[got.ref]
        claim = links.claim_of(row, got.ref, event, record.facts)
    path = links.address(town.system.config, claim)
    path = path.removeprefix(town.system.config.procedure.web.base_url)
    if spoilt:  # not its last letter, of which some bits say nothing
        path = path[:-6] + ("a" if path[-6] != "a" else "b") + path[-5:]
    seen = town.browser.get(path)
    assert seen.status_code < 500, (path, seen.text)
    assert not spoilt or seen.status_code == 404, (path, seen.status_code)
    page = Page(seen.text, path)
    forms = [form for form in page.forms if "form" in form.texts]
    if seen.status_code != 200 or not forms:
        return f"link shown {seen.status_code}"
    (form,) = forms
    texts = _texts(event, given, record)
    data = {name: list(values) for name, values in form.texts.items()}
    data |= {name: [text] for name, text in texts.items() if name in data or "/" in name}
    if "confirm" in data:
        data["confirm"] = [got.ref]
    sent = town.browser.post(path, data=data | {"do": ["act"]}, content_type=form.kind)
    assert sent.status_code < 500, (path, sent.text)
    return "link done" if sent.status_code == 303 else f"link sent {sent.status_code}"


def _texts(event: str, given: dict[str, Any], record: engine.Record) -> dict[str, str]:
    """What somebody types: an input as texts. Applications are scored side by side."""
    try:
        takes = row_of(event, record.state).takes
    except LawError:
        return {}
    if event != "score-application":
        return parsing.to_texts(takes, given)
    found: dict[str, str] = {}
    for organization in record.facts.selection.applications if record.facts.selection else ():
        found |= parsing.to_texts(takes, given, prefix=f"{organization}/")
    return {name: text for name, text in found.items() if not name.endswith("/organization")}


def by_reply(town: Town, got: Got, event: str, *, word: str | None = None, name: str = "") -> str:
    """Through the mailbox: the message answered by a word that it offers."""
    asked = BytesParser(policy=policy.default).parsebytes(got.content)
    assert isinstance(asked, EmailMessage)
    if asked["Reply-To"] is None:
        return "reply impossible"
    chosen = word or next(iter(event_named(event).reply_words))
    content = answer(asked, f"{chosen}\r\n\r\nas was said", Message_ID=f"<{name}@example.org>")
    judged = judge.judge_letter(town.system, Letter("1", content), town.instant)
    assert not (judged.reason or "").startswith("it could not be dealt with"), judged
    return f"reply {judged.verdict}"


def as_applicant(town: Town, ref: str, email: str, organization: str) -> str:
    """Through the public page: the form of an application filled in and sent."""
    address = links.apply_address(town.system.config, Applicant(ref, email))
    path = address.removeprefix(town.system.config.procedure.web.base_url)
    seen = town.browser.get(path)
    assert seen.status_code < 500, seen.text
    forms = [form for form in Page(seen.text, path).forms if "form" in form.texts]
    if seen.status_code != 200 or not forms:
        return f"page shown {seen.status_code}"
    written = {name: list(texts) for name, texts in forms[0].texts.items()}
    written |= {ability: [f"how we show {ability}"] for ability in ABILITIES}
    if town.rng.random() < 0.8:
        written["demonstration"] = [f"what {organization} has done"]
    sent = town.browser.post(path, data=written | {"do": ["send"]})
    assert sent.status_code < 500, sent.text
    return f"page sent {sent.status_code}"
