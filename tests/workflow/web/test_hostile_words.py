"""Words that somebody wrote to do harm stay words: on every page, in every message, in every header."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest

from states.errors import BadInput
from states.inputs import ABILITIES
from tests.support.facts import CBO, SAMPLES
from tests.support.letters import delivered
from tests.support.visitor import Visit, Visitor

TAG, SUM = "<img src=x onerror=alert(4270)>", "{{ 7 * 191 }}{% raw %}{{ notice.__class__ }}"
HOSTILE = f'"><script>alert(1)</script>{TAG}{SUM}'
INJECTED = "A title\r\nBcc: all@example.org\r\n\r\n<b>"
# Where a line of its own could end a header or begin another: each event with the field that stands in one.
NAMED = {
    "identify-needs": {"title": INJECTED},
    "change-contact": {"name": INJECTED, "email": "lead-partner@example.org"},
}


def messages(visitor: Visitor) -> list[EmailMessage]:
    delivered(visitor.life)
    rows = visitor.life.notices()
    assert {row["status"] for row in rows} == {"sent"}
    found = [BytesParser(policy=policy.default).parsebytes(row["message"]) for row in rows]
    return [one for one in found if isinstance(one, EmailMessage)]


def said(message: EmailMessage) -> tuple[str, str]:
    """The text and the HTML of a message."""
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


@pytest.fixture
def spoiled(visit: Visit) -> Visitor:
    """A partnership up to its choice in which every text that anybody could write is hostile."""
    visitor = visit("needs")
    life = visitor.life
    life.run("UPDATE schools SET name = :name", name=HOSTILE)
    life.run("UPDATE organizations SET name = :name", name=HOSTILE)
    life.run("UPDATE people SET name = :name || email", name=HOSTILE)
    life.run("UPDATE meta SET value = CAST(CAST(value AS integer) + 1 AS text) WHERE key = 'directory'")
    words: dict[str, Any] = {key: [HOSTILE] for key in SAMPLES["describe-needs"]}
    life.do("describe-needs", **words)
    life.do("add-note", text=HOSTILE)
    for who in ("principal", "staff"):
        life.do("agree-needs", who)
    life.do("open-selection")
    life.at("2025-08-01").do(
        "receive-application", "lead-partner@example.org", contact_name=HOSTILE,
        abilities=dict.fromkeys(ABILITIES, HOSTILE),
    )  # fmt: skip
    life.at("2025-08-15 17:00").do("close-applications", "clock")
    life.at("2025-08-18")
    for reviewer in (1, 2, 3):
        life.do("score-application", f"reviewer-{reviewer}@example.org", organization=CBO, comment=HOSTILE)
    life.at("2025-08-20").do("choose-partner", reasons=HOSTILE)
    return visitor


def test_hostile_words_are_shown_and_never_run_on_a_page(spoiled: Visitor) -> None:
    paths = [spoiled.link("", role) for role in ("staff", "principal", "lead-partner", "reviewer")]
    paths += [spoiled.link("set-outcomes"), spoiled.link("draft-agreement"),
              spoiled.link("file-protest", "applicant"), "/calls", f"/calls/{spoiled.life.ref}",
              "/calls.atom"]  # fmt: skip
    shown = 0
    for path in paths:
        seen = spoiled.get(path)
        assert "<script" not in seen.page.text
        assert "<img src=x" not in seen.page.text
        assert "1337" not in seen.page.text
        shown += SUM in seen.said
    assert shown > 6


def test_hostile_words_are_shown_and_never_run_in_a_message(spoiled: Visitor) -> None:
    found = messages(spoiled)
    assert len(found) > 15
    shown = 0
    for message in found:
        text, html = said(message)
        assert "<script" not in html
        assert "<img src=x" not in html
        assert "1337" not in text + html + str(message["Subject"]) + str(message["To"])
        shown += SUM in " ".join(text.split())
    assert shown > 6


@pytest.mark.parametrize("event", NAMED)
def test_no_name_or_title_of_several_lines_gets_into_a_header(visit: Visit, event: str) -> None:
    visitor = visit("active" if event == "change-contact" else None)
    before = visitor.life.dump()
    with pytest.raises(BadInput):
        visitor.life.do(event, **NAMED[event])
    assert visitor.life.dump() == before
