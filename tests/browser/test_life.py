"""A whole life from the statement of needs to its end, every human step taken from a message that was received.

People open the links of their messages on a phone without scripts, or answer by mail. The daemon runs all the
time, under a shifted clock, and sends through a real mail server. Each page is also judged by axe, at 320 and
at 1280 pixels; set SCREENSHOTS to a folder to keep a picture of each.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Judge, press
from tests.support.house import until
from tests.support.letters import put
from tests.support.office import REF, address
from tests.support.post import letter
from tests.support.town import Town

REVIEWERS = ("reviewer-1", "reviewer-2", "reviewer-3")
ABILITIES = ("collaboration", "high-expectations", "diversity", "connecting-assets", "shared-accountability")
APPLICANT = "newcomer"
KEPT = os.environ.get("SCREENSHOTS")


class People:
    """Those who act: each opens a link on a phone, or answers a message."""

    def __init__(self, town: Town, phone: BrowserContext, screen: BrowserContext, judge: Judge) -> None:
        self.town, self.phone, self.judge = town, phone, judge
        self.wide, self.narrow = screen.new_page(), screen.new_page()
        self.wide.set_viewport_size({"width": 1280, "height": 900})
        self.narrow.set_viewport_size({"width": 320, "height": 640})
        self.judged: set[str] = set()

    def act(
        self, who: str, label: str, typed: Mapping[str, Any] | None = None, *, final: bool = False
    ) -> None:
        """Open the newest link of this label that somebody got, fill in its form, and send it."""
        self.send(self.town.link(who, label), label, typed, final=final)

    def send(
        self, href: str, label: str, typed: Mapping[str, Any] | None = None, *, final: bool = False
    ) -> None:
        """Fill in the form at an address, and send it."""
        self.look(href, label)
        page = self.phone.new_page()
        page.goto(href)
        fill(page, typed or {})
        if final:
            page.locator("[name=confirm]").fill(REF)
        for box in page.locator("input[type=checkbox][name=confirm]").all():
            box.check()
        press(page.locator("button[value=act]"))
        if "/check/" in page.url:
            self.look(page.url, f"{label}, check")
            press(page.locator("button[value=record]"))
        assert "/done" in page.url, page.locator("main").inner_text()
        self.look(page.url, f"{label}, done")
        page.close()

    def look(self, href: str, what: str) -> None:
        """Judge a page of a kind once, on both screens."""
        if what in self.judged:
            return
        self.judged.add(what)
        for page, width in ((self.narrow, 320), (self.wide, 1280)):
            page.goto(href)
            if KEPT:
                name = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
                page.screenshot(path=Path(KEPT) / f"{name}-{width}.png", full_page=True)
            assert self.judge(page) == [], (what, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, what

    def answer(self, who: str, subject: str, text: str) -> None:
        """Answer the newest message about something, as mail programs do, and wait until that is on record."""
        message = self._newest(who, subject)
        before = len(self.town.office.history())
        reply = EmailMessage()
        reply["From"] = address(who)
        reply["To"] = parseaddr(message["Reply-To"])[1]
        reply["Subject"] = f"Re: {message['Subject']}"
        reply["Date"] = format_datetime(self.town.office.now)
        reply["Message-ID"] = f"<{uuid.uuid4().hex}@example.org>"
        reply["In-Reply-To"] = message["Message-ID"]
        part = message.get_body(("plain",))
        assert part is not None
        quoted = "\n".join(f"> {line}" for line in part.get_content().splitlines())
        heading = f"On {reply['Date']}, {message['From']} wrote:"
        reply.set_content(f"{text}\n\n{heading}\n{quoted}\n")
        put(self.town.office.folder / "var" / "replies", reply.as_bytes(), uuid.uuid4().hex)
        recorded = until(
            lambda: rows if len(rows := self.town.office.history()) > before else [], f"{who}: {text}"
        )
        assert f"by {who}" in recorded[-1], recorded[-1]

    def _newest(self, to: str, subject: str) -> EmailMessage:
        """Somebody's newest message with this in its subject."""

        def look() -> EmailMessage | None:
            letters = reversed(self.town.letters(to))
            return next((one for one in letters if subject in one["Subject"]), None)

        message = until(look, f"a message to {to} about {subject!r}")
        assert message is not None
        return message


def fill(page: Page, typed: Mapping[str, Any]) -> None:
    """Fill in controls by their names, as somebody would who reads the labels."""
    for name, value in typed.items():
        control = page.locator(f'[name="{name}"]')
        kind = control.first.get_attribute("type")
        if kind == "hidden":  # the one value is said and not asked
            assert control.input_value() == value
            continue
        if kind in ("radio", "checkbox"):
            for one in value if isinstance(value, (list, tuple)) else [value]:
                page.locator(f'[name="{name}"][value="{one}"]').check()
        elif kind == "file":
            control.set_input_files(value)
        elif control.evaluate("control => control.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)


def test_a_whole_life_is_lived_from_messages(
    town: Town, phone: BrowserContext, screen: BrowserContext, judge: Judge
) -> None:
    people = People(town, phone, screen, judge)
    a_whole_life(town, people)
    assert [line.split(" ", 2)[2] for line in town.office.history()] == [
        "identify-needs by principal -> needs-identified",
        "describe-needs by principal",
        "agree-needs by principal",
        "agree-needs by staff",
        "open-selection by staff -> open-selection",
        "receive-application by newcomer",
        "close-applications by clock",
        *(f"score-application by {reviewer}" for reviewer in REVIEWERS),
        "choose-partner by staff",
        "set-outcomes by newcomer",
        "agree-outcomes by principal",
        "agree-outcomes by staff",
        "agree-outcomes by newcomer",
        "draft-agreement by staff",
        "refer-to-board by staff -> board-review",
        "schedule-item by board-office",
        "introduce-item by board-office",
        "approve by board-office -> active",
        "sign-agreement by newcomer",
        "sign-agreement by staff",
        "record-meeting by newcomer",
        "open-annual-review by clock -> annual-review",
        "submit-report by newcomer",
        "give-finding by principal",
        "give-finding by staff",
        "continue by staff -> active",
        "expire by clock -> terminated",
        "close-out by newcomer",
    ]
    channels = {row["channel"] for row in town.office.ctl("history", REF)[1:]}
    assert channels == {"link", "reply", "clock"}
    every_message_is_accessible(town, people)


def a_whole_life(town: Town, people: People) -> None:
    the_needs_are_agreed(town, people)
    somebody_applies(town, people)
    a_partner_is_chosen(town, people)
    the_board_approves(town, people)
    the_year_is_reviewed(town, people)
    it_ends(town, people)


def the_needs_are_agreed(town: Town, people: People) -> None:
    town.at("2025-07-07 09:00")
    town.office.do("identify-needs", "principal")
    lines = {
        name: f"{name} of the school\nand more"
        for name in ("needs", "resources", "assets", "qualities", "goals")
    }
    people.act("principal", "Write the statement of needs", lines)
    people.act("principal", "Agree to the statement of needs")
    people.answer("staff", "agree to the needs", "Agree!")
    given = {"closes_on": "2025-08-01", "reviewers": [f"{who}@example.org" for who in REVIEWERS]}
    people.act("staff", "Open the call", given)


def somebody_applies(town: Town, people: People) -> None:
    town.at("2025-07-21 09:00")
    call = f"{town.base}/calls/{REF}"
    people.look(f"{town.base}/calls", "Open calls")
    people.look(call, "A call")
    page = people.phone.new_page()
    page.goto(call)
    page.locator("#email").fill(address(APPLICANT))
    press(page.locator("main form:has(#email) button"))
    link = until(lambda: application_link(town), "the message that proves an applicant's address")
    people.look(link, "The application")
    page.goto(link)
    given = {name: f"How we show {name}" for name in ABILITIES}
    fill(
        page,
        {"name": "Rainier Neighbors", "kind": "community-based-organization", "contact_name": "The director"},
    )
    fill(page, given)
    press(page.locator("button[value=save]"))
    page.goto(link)
    assert page.locator("[name=diversity]").input_value() == given["diversity"]  # it was kept
    page.locator("[name=unchanged]").check()
    press(page.locator("button[value=send]"))
    people.look(link, "The application, sent")
    page.close()


def application_link(town: Town) -> str | None:
    for message in town.letters(APPLICANT):
        part = message.get_body(("plain",))
        found = re.search(rf"{town.base}/a/\S+", part.get_content()) if part else None
        if found:
            return found[0]
    return None


def a_partner_is_chosen(town: Town, people: People) -> None:
    town.at("2025-08-01 17:00")
    (organization,) = town.office.show()["facts"]["selection"]["applications"]
    scores = {f"{organization}/scores.{ability}": "4" for ability in ABILITIES}
    for reviewer in REVIEWERS:
        people.act(reviewer, "Score the applications", scores | {f"{organization}/comment": "A clear plan"})
    people.act(
        "staff", "Choose the Lead Partner", {"organization": organization, "reasons": "The strongest"}, final=True
    )  # fmt: skip
    outcome = {
        "outcomes.0.name": "Attendance", "outcomes.0.measure": "share of days attended",
        "outcomes.0.unit": "percent", "outcomes.0.baseline": "88", "outcomes.0.target": "93",
        "outcomes.0.direction": "increase", "outcomes.0.goal": "Every student graduates",
    }  # fmt: skip
    people.act(APPLICANT, "Set the outcomes", outcome)
    people.answer("principal", "agree to the outcomes", "agree")
    people.act("staff", "Agree to the outcomes")
    people.act(APPLICANT, "Agree to the outcomes")


def the_board_approves(town: Town, people: People) -> None:
    town.at("2025-08-12 16:00")
    terms = {
        "instrument": "contract", "amount_cents": "$300,000", "starts_on": "2025-11-01", "ends_on": "2026-10-31",
    }  # fmt: skip
    people.act("staff", "Draft the agreement", terms)
    people.act("staff", "Refer it to the Board", {"purpose": "new", "reason": "It is above the threshold"})
    people.act("board-office", "Put it on an agenda", {"meeting_on": "2025-09-17"})
    town.at("2025-09-17 19:00")
    people.act("board-office", "Record the introduction", {"meeting_on": "2025-09-17"})
    town.at("2025-10-08 19:00")
    vote = {"meeting_on": "2025-10-08", "ayes": "6", "noes": "1"}
    people.act("board-office", "Record the Board's approval", vote, final=True)
    people.answer(APPLICANT, "sign the agreement", "sign\n\nThe director")
    people.act("staff", "Sign the agreement", {"name": "Staff", "consent": "yes"})


def the_year_is_reviewed(town: Town, people: People) -> None:
    town.at("2025-11-25 09:00")
    met = {"on": "2025-11-20", "summary": "Twelve partners met", "evidence": "The minutes"}
    people.act(APPLICANT, "Record a meeting of partners", met)
    town.at("2026-09-02 17:00")
    people.act(APPLICANT, "Submit the annual report", {"values.0": "89.5", "narrative": "A slow start"})
    people.answer("principal", "give your finding", "No\n\nAttendance hardly moved.")
    people.act("staff", "Give your finding", {"impact": "no", "reasons": "The target is far away"})
    people.answer("staff", "decide on the review", "continue\n\nA mentor in every ninth-grade class.")


def it_ends(town: Town, people: People) -> None:
    town.at("2026-11-01 00:05")
    until(lambda: town.office.show().state == "terminated", "the end of the agreement")
    people.look(town.link("principal", "See everything about this partnership"), "The partnership, ended")
    people.act(
        APPLICANT, "Close out the partnership", {"summary": "Keys and records are returned"}, final=True
    )


def every_message_is_accessible(town: Town, people: People) -> None:
    """The longest message of each subject, as it arrived."""
    longest: dict[str, str] = {}
    for envelope in list(town.desk.received):
        message = letter(envelope)
        part = message.get_body(("html",))
        assert part is not None
        subject = str(message["Subject"])
        longest[subject] = max(longest.get(subject, ""), part.get_content(), key=len)
    for subject, html in longest.items():
        people.narrow.set_content(html)
        assert people.judge(people.narrow) == [], subject
        assert people.narrow.evaluate("document.documentElement.scrollWidth") <= 320, subject
