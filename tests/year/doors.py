"""How somebody does something: at the office's machine, by the link of a message, by a reply, as an applicant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

from states.errors import LawError
from states.inputs import ABILITIES
from states.machine import event_named, row_of
from states.names import Role
from tests.lives import invariants
from tests.support.letters import answer, comes
from tests.support.visitor import Form
from tests.year.town import Town
from workflow import engine, links
from workflow.forms import parsing
from workflow.links import Applicant
from workflow.store.errors import Conflict, NotFound
from workflow.store.rows import Snapshot


@dataclass(frozen=True)
class Got:
    """A message that somebody has got: the row of the notice it was written for, and what it offers."""

    notice: Any
    ref: str
    offers: tuple[str, ...]
    content: bytes

    @property
    def owner(self) -> str:
        return str(self.notice.delegate_for or self.notice.to)


def at_the_office(
    town: Town, ref: str, event: str, given: dict[str, Any], who: str, role: str | None = None
) -> str:
    """Through the engine, as the admin script does. What came of it, in a word."""
    acting = Role(role) if role else None
    try:
        town.system.transact(
            lambda session: engine.advance(session, ref, event, given, who, "cli", town.now, role=acting)
        )
    except (LawError, Conflict, NotFound) as error:
        faults = invariants.of_a_refusal(error) if isinstance(error, LawError) else []
        assert faults == [], faults
        return f"cli {type(error).__name__}"
    return "cli done"


def by_link(town: Town, got: Got, event: str, given: dict[str, Any], *, spoilt: bool = False) -> str:
    """Through the page of the link in the message: opened, filled in, sent."""
    record = town.known(got.ref)
    path = town.browser.path(links.claim_of(got.notice, got.ref, event, record.facts))
    if spoilt:  # not its last letter, of which some bits say nothing
        path = path[:-6] + ("a" if path[-6] != "a" else "b") + path[-5:]

    def typed(form: Form) -> dict[str, list[str]]:
        texts = _texts(event, given, record).items()
        written = {name: [text] for name, text in texts if name in form.texts or "/" in name}
        return written | ({"confirm": [got.ref]} if "confirm" in form.texts else {})

    came = _by_page(town, path, "act", typed)
    assert not spoilt or came == "shown 404", (path, came)
    return "link done" if came == "sent 303" else f"link {came}"


def as_applicant(town: Town, ref: str, email: str, organization: str) -> str:
    """Through the public page: the form of an application filled in and sent."""

    def typed(form: Form) -> dict[str, list[str]]:
        written = {ability: [f"how we show {ability}"] for ability in ABILITIES}
        done = {"demonstration": [f"what {organization} has done"]}
        return written | (done if town.rng.random() < 0.8 else {})

    path = town.browser.path_of(links.apply_address(town.system.config, Applicant(ref, email)))
    return f"page {_by_page(town, path, 'send', typed)}"


def _by_page(town: Town, path: str, button: str, typed: Callable[[Form], dict[str, list[str]]]) -> str:
    """Open a page, and send its form with this button, if it has one, with what is typed into it."""
    seen = town.browser.get(path)
    assert seen.status < 500, (path, seen.said)
    forms = [form for form in seen.page.forms if ("do", button) in form.buttons]
    if seen.status != 200 or not forms:
        return f"shown {seen.status}"
    (form,) = forms
    sent = town.browser.post(path, town.browser.filled(form, button) | typed(form), form.kind)
    assert sent.status < 500, (path, sent.said)
    return f"sent {sent.status}"


def _texts(event: str, given: dict[str, Any], record: Snapshot) -> dict[str, str]:
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
    asked = message_from_bytes(got.content, policy=policy.default)
    if asked["Reply-To"] is None:
        return "reply impossible"
    words = event_named(event).reply_words
    chosen = word or next(iter(words))
    # A word that agrees stands alone. Text below it could be a condition.
    below = "" if chosen in words and words[chosen].below is None else "\r\n\r\nas was said"
    said = answer(asked, f"{chosen}{below}", Message_ID=f"<{name}@example.org>")
    judged = comes(town, said)
    assert not (judged.reason or "").startswith("it could not be dealt with"), judged
    return f"reply {judged.verdict}"
