"""A whole life in which people err, fall ill and leave: it is put right in the open, and nothing stalls.

People act from their messages, as in the life that is lived from messages, where the pages are judged. What
only the office can do, it does by a command while the daemon runs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import Judge, press
from tests.browser.test_life import (
    ABILITIES,
    APPLICANT,
    People,
    application_link,
    fill,
    the_needs_are_agreed,
)
from tests.browser.test_life_from_your_page import PeopleWithPages
from tests.support.house import until
from tests.support.office import REF, address
from tests.support.town import Town

VERIFIER = Path(__file__).parents[2] / "docs" / "verify_export.py"
AGREEMENT = b"%PDF-1.4 Rainier Neighbors and the District agree."
TEXT = {"name": "agreement.pdf", "mimeType": "application/pdf", "buffer": AGREEMENT}
TERMS = {
    "instrument": "contract", "amount_cents": "$300,000", "starts_on": "2025-12-01", "ends_on": "2026-11-30",
}  # fmt: skip
OUTCOME = {
    "outcomes.0.name": "Attendance", "outcomes.0.measure": "share of days attended",
    "outcomes.0.unit": "percent", "outcomes.0.baseline": "88", "outcomes.0.target": "93",
    "outcomes.0.direction": "increase", "outcomes.0.goal": "Every student graduates",
}  # fmt: skip
MISHAPS = ("change-panel", "move-item", "correct-entry", "terminate", "expire")


class Townspeople(PeopleWithPages):
    """Those who act, from messages or from their page; only what no other life shows is judged."""

    act_from_page = PeopleWithPages.act
    act = People.act

    def act_anew(self, who: str, label: str, typed: Mapping[str, Any], when: str) -> None:
        """Let it be this time, and do an event from a message that comes then: an earlier one asks for it too."""
        before = len(self.town.letters(who))
        self.town.at(when)
        self.send(self.town.link(who, label, before), label, typed)

    def keep(self, page: Page, what: str) -> None:
        """Judge no page: the life that is lived from pages does."""

    def look(self, href: str, what: str) -> None:
        if what in ("Correct this entry", "What was saved"):
            super().look(href, what)

    def read(self, who: str, subject: str) -> str:
        """Return the text of the newest message that somebody got about something, in one line."""
        part = self._newest(who, subject).get_body(("plain",))
        assert part is not None
        return " ".join(part.get_content().split())

    def beside(self, who: str, says: str, entry: str = "") -> str:
        """Return where a link of the page of the partnership leads, beside the latest entry with some words."""
        page = self.phone.new_page()
        page.goto(self.town.link(who, "See everything about this partnership"))
        places = page.locator("main li, main tr", has_text=entry) if entry else page.locator("main")
        href = places.locator("a", has_text=says).first.get_attribute("href")
        page.close()
        assert href is not None
        return urljoin(self.town.base, href)

    def command(self, *words: str) -> None:
        """Let the office run a command, and the daemon go on from that moment."""
        self.town.office.ctl(*words)
        self.town.at(f"{self.town.office.now:%Y-%m-%d %H:%M}")


def test_a_whole_life_goes_on_whatever_people_mistype_and_whoever_leaves(
    town: Town, browser: Browser, screen: BrowserContext, judge: Judge
) -> None:
    people = Townspeople(town, browser, screen, judge)
    the_needs_are_agreed(town, people)
    an_application_is_almost_forgotten(town, people)
    a_reviewer_leaves(town, people)
    the_principal_is_replaced(town, people)
    a_meeting_is_moved(town, people)
    another_becomes_a_special_one(town, people)
    a_vote_is_typed_wrong(town, people)
    the_agreement_is_signed_with_its_document(town, people)
    the_organization_is_renamed(town, people)
    a_termination_lies_three_weeks_ahead(town, people)
    happened = [line.split(" ", 2)[2] for line in town.office.history()]
    assert [line for line in happened if line.split()[0] in MISHAPS] == [
        "change-panel by staff",
        "move-item by clock",
        "move-item by clock",
        "correct-entry by board-office",
        "terminate by board-office -> active",
        "expire by clock -> terminated",
    ]
    the_record_holds(town)


def an_application_is_almost_forgotten(town: Town, people: Townspeople) -> None:
    town.at("2025-07-21 09:00")
    page = people.phone.new_page()
    page.goto(f"{town.base}/calls/{REF}")
    page.locator("#email").fill(address(APPLICANT))
    press(page.locator("main form:has(#email) button"))
    page.goto(str(until(lambda: application_link(town), "the message that proves an applicant's address")))
    whole = {
        "name": "Rainier Neighbors",
        "kind": "community-based-organization",
        "contact_name": "The director",
    }
    fill(page, whole | {name: f"How we show {name}" for name in ABILITIES})
    press(page.locator("button[value=save]"))
    page.close()
    town.at("2025-07-31 17:00")
    assert "did NOT send it" in people.read(APPLICANT, "send what you saved")
    page = people.phone.new_page()
    page.goto(town.link(APPLICANT, "Open what you have saved"))
    people.look(page.url, "What was saved")
    assert page.locator("[name=diversity]").input_value() == "How we show diversity"
    page.locator("[name=unchanged]").check()
    press(page.locator("button[value=send]"))
    page.close()


def a_reviewer_leaves(town: Town, people: Townspeople) -> None:
    town.office.ctl("people", "add", "reviewer-4@example.org", "--name", "Reviewer 4", "--role", "reviewer")
    town.at("2025-08-01 17:00")
    (organization,) = town.office.show()["facts"]["selection"]["applications"]
    for reviewer in ("reviewer-1", "reviewer-2"):
        people.act(reviewer, "Score the applications", scores(organization))
    ill = {"add": "reviewer-4@example.org", "remove": "reviewer-3@example.org", "reason": "Reviewer 3 is ill"}
    people.send(people.beside("staff", "Change the panel of reviewers"), "Change the panel", ill)
    people.read("reviewer-3", "no longer on the panel")
    people.act("reviewer-4", "Score the applications", scores(organization))
    people.act(
        "staff", "Choose the Lead Partner", {"organization": organization, "reasons": "The strongest"}, final=True
    )  # fmt: skip


def scores(organization: str) -> dict[str, str]:
    return {f"{organization}/scores.{ability}": "4" for ability in ABILITIES} | {
        f"{organization}/comment": "A clear plan"
    }


def the_principal_is_replaced(town: Town, people: Townspeople) -> None:
    people.act(APPLICANT, "Set the outcomes", OUTCOME)
    people.command(
        "people", "replace", address("principal"), address("new-principal"), "--name", "The new principal",
        "--reason", "Took another school", "--as", address("staff"),
    )  # fmt: skip
    people.read("principal", "takes over from you")
    people.read("new-principal", "You take over from")
    people.act_from_page("new-principal", "Agree to the outcomes")
    for who in ("staff", APPLICANT):
        people.act(who, "Agree to the outcomes")


def a_meeting_is_moved(town: Town, people: Townspeople) -> None:
    town.at("2025-08-12 16:00")
    people.act("staff", "Draft the agreement", TERMS | {"document": TEXT})
    people.act("staff", "Refer it to the Board", {"purpose": "new", "reason": "It is above the threshold"})
    people.act("board-office", "Put it on an agenda", {"meeting_on": "2025-09-17"})
    people.command("meetings", "move", "2025-09-17", "2025-09-22", "--at", "18:00")
    for who in ("staff", "new-principal", APPLICANT, "board-office", "superintendent"):
        assert "September 22" in people.read(who, "Board meeting moved")
    town.at("2025-09-22 20:00")
    people.act("board-office", "Record the introduction", {"meeting_on": "2025-09-22"})


def another_becomes_a_special_one(town: Town, people: Townspeople) -> None:
    people.command("meetings", "add", "2025-10-08", "--kind", "special")
    people.read("board-office", "schedule the Board item again")
    people.act("board-office", "Put it on an agenda", {"meeting_on": "2025-11-19"})


def a_vote_is_typed_wrong(town: Town, people: Townspeople) -> None:
    town.at("2025-11-19 19:00")
    mistyped = {"meeting_on": "2025-11-19", "ayes": "7", "noes": "0"}
    people.act("board-office", "Record the Board's approval", mistyped, final=True)
    right = {"input.ayes": "5", "input.noes": "2", "reason": "Two members voted no"}
    entry = people.beside("board-office", "Correct this entry", "the Board's approval")
    people.send(entry, "Correct this entry", right)
    for who in ("staff", "new-principal", APPLICANT, "superintendent"):
        text = people.read(who, "An entry was corrected")
        assert ("Votes for: 7. Now: 5" in text, "still asked to agree or to sign" in text) == (
            True, who in ("staff", APPLICANT)
        )  # fmt: skip


def the_agreement_is_signed_with_its_document(town: Town, people: Townspeople) -> None:
    page = people.phone.new_page()
    page.goto(town.link(APPLICANT, "Sign the agreement"))
    shown = page.locator("main").inner_text()
    assert sha256(AGREEMENT).hexdigest() in shown
    assert "$300,000" in shown
    page.close()
    people.act(APPLICANT, "Sign the agreement", {"name": "The director", "consent": "yes"})
    people.act("staff", "Sign the agreement", {"name": "Staff", "consent": "yes"})
    copy = town.office.show()["facts"]["agreement"]["signed_copy"]
    for who in ("staff", "new-principal", APPLICANT, "board-office", "superintendent"):
        until(lambda who=who: copy["sha256"] in attached(town, who), f"the signed copy for {who}")


def attached(town: Town, who: str) -> set[str]:
    """Return the SHA-256 of each file that somebody got with a message."""
    return {
        sha256(part.get_payload(decode=True)).hexdigest()
        for message in town.letters(who)
        for part in message.iter_attachments()
    }


def the_organization_is_renamed(town: Town, people: Townspeople) -> None:
    (organization,) = town.office.show()["facts"]["selection"]["applications"]
    town.office.ctl(
        "organizations", "add", organization, "--name", "Harbor Alliance", "--kind", "community-based-organization",
    )  # fmt: skip
    application = town.office.show()["facts"]["selection"]["applications"][organization]
    assert (application["name"], application["applied_as"]) == ("Harbor Alliance", "Rainier Neighbors")


def a_termination_lies_three_weeks_ahead(town: Town, people: Townspeople) -> None:
    because = "Both sides wish it"
    town.office.at("2026-01-12 09:00").do("refer-to-board", "staff", purpose="termination", reason=because)
    people.act_anew("board-office", "Put it on an agenda", {"meeting_on": "2026-02-11"}, "2026-01-12 09:01")
    at_once = {"meeting_on": "2026-02-11", "immediate_action": "yes"}
    people.act_anew("board-office", "Record the introduction", at_once, "2026-02-11 19:00")
    ending = {
        "meeting_on": "2026-02-11", "ayes": "6", "noes": "1", "ground": "mutual", "reason": because,
        "effective_on": "2026-03-04",
    }  # fmt: skip
    people.act("board-office", "End the partnership", ending, final=True)
    # It goes on until then, and so do its duties. It has its review before it ends, as every agreement has.
    until(lambda: town.office.show().state == "annual-review", "the review")
    town.at("2026-03-03 09:00")
    met = {"on": "2026-03-02", "summary": "Twelve partners met", "evidence": "The minutes"}
    people.act(APPLICANT, "Record a meeting of partners", met)
    town.at("2026-03-04 00:05")
    until(lambda: town.office.show().state == "terminated", "the end of the agreement")
    people.act(
        APPLICANT, "Close out the partnership", {"summary": "Keys and records are returned"}, final=True
    )


def the_record_holds(town: Town) -> None:
    town.stop()
    assert town.office.faults() == []
    export = town.office.folder / "export.json"
    export.write_bytes(town.office.run("partnershipctl", "export", "--format", "json").stdout)
    done = subprocess.run([sys.executable, str(VERIFIER), str(export)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
