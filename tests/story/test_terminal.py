"""A whole life at a real terminal: people are led through it by `partnershipctl do`, with mistakes on the way."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pexpect
import pytest

from tests.support.facts import REVIEWERS
from tests.support.office import MAILDIR, REF, Office, address

OWNER = '[admin.users]\n"(owner)" = { person = "staff@example.org", may_act_as = ["*"] }\n'
EDITOR = '#!/bin/sh\nprintf "The strongest plan.\\nAnd the nearest.\\n" > "$1"\n'


class Terminal:
    """Somebody at a terminal in front of `partnershipctl do`, who types only when asked."""

    def __init__(self, office: Office, *words: str, **environment: str) -> None:
        kept = {key: value for key, value in office.shifted().items() if key not in ("EDITOR", "VISUAL")}
        self.child = pexpect.spawn(
            str(Path(sys.executable).parent / "partnershipctl"), ["do", *words], cwd=str(office.folder),
            env=kept | {"TERM": "dumb", "COLUMNS": "120", **environment}, encoding="utf-8", timeout=30,
            dimensions=(50, 120), echo=False,
            # A run in the background ignores Ctrl-C, and its children would too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        self.child.delaybeforesend = None
        office.now += timedelta(minutes=1)
        self.screen = self._read()

    def _read(self) -> str:
        """What is shown until the next question, with the question; all the rest if there is none."""
        question = self.child.expect([r" > $", pexpect.EOF])
        return str(self.child.before).replace("\r\n", "\n") + (" > " if question == 0 else "")

    def say(self, *lines: str) -> str:
        """Type lines, each when the question before it is shown. Return all that is shown meanwhile."""
        shown = []
        for line in lines:
            self.child.sendline(line)
            shown.append(self._read())
        self.screen = shown[-1]
        return "".join(shown)

    def leave(self) -> None:
        """Leave the menu by an empty line, which ends the program well."""
        self.say("")
        assert self.child.eof()
        self.child.close()
        assert self.child.exitstatus == 0


Sit = Callable[..., Terminal]


@pytest.fixture
def sit(office: Office) -> Sit:
    office.configure(MAILDIR + OWNER)

    def sit_down(who: str, *words: str, **environment: str) -> Terminal:
        return Terminal(office, *words, "--as", address(who), **environment)

    return sit_down


@pytest.mark.promise("no-guessed-reading")
def test_a_life_is_led_through_at_a_terminal(office: Office, sit: Sit) -> None:
    office.at("2025-07-07")
    somebody_begins(sit("staff"))
    the_school_writes_and_agrees(sit("principal", "rbhs"))
    the_district_agrees_and_opens_the_call(sit("staff", "RBHS-2025"))
    office.at("2025-07-21")
    an_organization_applies(sit("lead-partner", "bhs-2"))
    assert office.at("2025-08-01 17:00").daemon() == [f"{REF} close-applications -> open-selection"]
    office.at("2025-08-04")
    for reviewer in REVIEWERS:
        a_reviewer_scores(sit(reviewer, "rbhs"))
    editor = office.folder / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    office.at("2025-08-05")
    a_partner_is_chosen(sit("staff", "rbhs", EDITOR=str(editor)))
    terms_and_outcomes_are_written(sit("staff", "rbhs"))
    for who in ("principal", "lead-partner"):
        agree(sit(who, "rbhs"), "agree to the outcomes")
    assert office.at("2025-08-12 16:00").daemon() == []
    the_partner_signs(sit("lead-partner", "rbhs"))
    the_district_signs_and_starts_it(sit("staff", "rbhs"))
    assert [line.partition(" ")[2][6:] for line in office.history()] == [
        "identify-needs by staff -> needs-identified",
        "describe-needs by principal",
        "agree-needs by principal",
        "agree-needs by staff",
        "open-selection by staff -> open-selection",
        "receive-application by lead-partner",
        "close-applications by clock",
        *(f"score-application by {reviewer.partition('@')[0]}" for reviewer in REVIEWERS),
        "choose-partner by staff",
        "draft-agreement by staff",
        "set-outcomes by staff",
        "agree-outcomes by staff",
        "agree-outcomes by principal",
        "agree-outcomes by lead-partner",
        "sign-agreement by lead-partner",
        "sign-agreement by staff",
        "activate by staff -> active",
    ]
    facts = office.show()["facts"]
    assert facts["needs"]["statement"]["needs"] == ["Reading", "Writing"]
    assert facts["selection"]["choice"]["reasons"] == "The strongest plan.\nAnd the nearest."
    assert facts["agreement"]["amount_cents"] == 24_999_999
    assert [outcome["name"] for outcome in facts["outcomes"]["items"]] == ["attendance", "suspensions"]


def test_an_earlier_entry_is_corrected_at_a_terminal(office: Office, sit: Sit) -> None:
    office.at("2025-07-07")
    somebody_begins(sit("staff"))
    staff = sit("staff", "rbhs")
    assert "Correct an earlier entry (correct-entry)" in staff.screen
    assert "Staff (staff) began the partnership." in staff.say("correct an earlier")
    assert "1  Correct it" in staff.say("1")
    assert "What would change:" not in staff.say("1")
    shown = staff.say("", "Reading for every grade", "", "two words were missing")
    assert "Say why" in shown
    assert "Title: Reading for every grade (it was: A Lead Partner for the school)" in shown
    assert "Principal: principal" in shown
    assert "Recorded correct-entry" in staff.say("1")
    staff.leave()
    assert office.show()["facts"]["title"] == "Reading for every grade"
    # Nobody is offered what others said.
    assert "correct-entry" not in sit("superintendent", "rbhs").screen


def somebody_begins(staff: Terminal) -> None:
    assert "Begin a new partnership" in staff.screen
    shown = staff.say("new", "hogwarts", "rainier", "", "A Lead Partner for the school")
    assert '"hogwarts" is not one of these; write a number from 1 to 3.' in shown
    assert "Fill this in." in shown
    assert "'Bad Ref' cannot be a reference" in staff.say("Bad Ref")
    outlook = staff.say(REF)
    assert "School: Rainier Beach High School" in outlook
    assert "The partnership moves to needs identified." in outlook
    assert "Messages go to: principal" in outlook
    assert f"Recorded identify-needs on {REF}" in staff.say("1")
    staff.say("")
    assert "Partnership, by number" in staff.screen
    staff.leave()


def the_school_writes_and_agrees(principal: Terminal) -> None:
    likeliest = principal.screen.partition("Hard to undo:")
    assert "1  Write the statement of needs (describe-needs)  <- waits for you" in likeliest[0]
    assert "Withdraw the partnership" in likeliest[2]
    shown = principal.say("1", "", "Reading", "", "", "Tutors", "", "A house", "", "Patience", "", "Goal", "")
    assert "Write at least one entry." in shown
    assert "Needs: Reading\n" in shown
    shown = principal.say("2", "needs", "Reading", "Writing", "")
    assert "Needs: Reading; Writing\n" in shown
    assert "Recorded describe-needs" in principal.say("1")
    agree(principal, "agree-needs")


def agree(person: Terminal, event: str) -> None:
    person.say(event)
    assert "Recorded " in person.say("1")
    person.leave()


def the_district_agrees_and_opens_the_call(staff: Terminal) -> None:
    assert "Open the call: not yet, the District has not agreed" in staff.screen
    assert "- Writing" in staff.say("agree-needs"), "nobody agrees to what they have not read"
    staff.say("1", "open the call")
    assert "03/04 can mean Wednesday, March 4, 2026 (2026-03-04) or Friday, April 3" in staff.say("03/04")
    assert "Friday, August 1, 2025." in staff.say("1 Aug")
    assert '"9" is not one of these' in staff.say("1, 9")
    assert "Panel of reviewers: Reviewer 1; Reviewer 2; Reviewer 3" in staff.say("1, 2, 3")
    assert f"{REF} is now in open-selection" in staff.say("1")
    staff.leave()


def an_organization_applies(applicant: Terminal) -> None:
    abilities = [line for ability in range(5) for line in (f"We show ability {ability}.", "")]
    shown = applicant.say("apply", "1", "Maria Perez", "maria", "lead-partner@example.org", *abilities, "")
    assert "It is not an e-mail address" in shown
    assert "Collaboration: We show ability 0." in shown
    assert "Recorded receive-application" in applicant.say("1")
    assert "We show ability" not in applicant.say("apply", "1", "Maria Perez", "lead-partner@example.org"), (
        "sealed"
    )
    applicant.child.sendintr()
    applicant.child.expect("Nothing was recorded.")
    applicant.screen = applicant._read()
    applicant.leave()


def a_reviewer_scores(reviewer: Terminal) -> None:
    assert "Score the applications (score-application)  <- waits for you" in reviewer.screen
    assert '"6" is not one of these; write a number from 1 to 5.' in reviewer.say("score", "1", "6")
    assert "Scores: Shared accountability: 2 of 5" in reviewer.say("5", "4", "3", "3", "2", "Good.", "")
    assert "Recorded score-application" in reviewer.say("1")
    reviewer.leave()


def a_partner_is_chosen(staff: Terminal) -> None:
    hard = staff.screen.partition("Hard to undo:")[2]
    assert "Choose the Lead Partner (choose-partner)  <- waits for you" in hard
    assert "17.0 of 25 on average, by 3 reviewers" in staff.say("choose")
    assert "Reasons: The strongest plan.\n      And the nearest.\n" in staff.say("1")
    assert f"That is not {REF}. Nothing was recorded." in staff.say("1", "rbhs-2024")
    assert "Recorded choose-partner" in staff.say("1", REF)
    staff.leave()


def terms_and_outcomes_are_written(staff: Terminal) -> None:
    shown = staff.say("draft", "2", "250k", "250,000", "2025-09-01", "Aug 31 2025", "", "")
    assert '"250k" is not an amount' in shown
    assert '- "Last day" is before "First day"' in shown
    assert "$250,000.00: the Board has to act, 4270.9a." in staff.say("1", "last day", "Aug 31 2026")
    shown = staff.say("2", "amount", "249999.99")
    assert "$249,999.99: nothing calls for the Board, 4270.9." in shown
    assert "Recorded draft-agreement" in staff.say("1")
    first = ("attendance", "Days present", "", "percent", "many", "85", "91.5", "1", "Goal", "")
    assert '"many" is not a number' in staff.say("set the outcomes", *first)
    staff.say("y", "suspensions", "Days out", "", "days", "45", "30", "2", "Goal", "")
    assert "suspensions: Days out; down from 45 to 30 (days); for Goal" in staff.say("n")
    assert "Recorded set-outcomes" in staff.say("1")
    agree(staff, "agree-outcomes")


def the_partner_signs(partner: Terminal) -> None:
    assert "2025-08-12" in partner.say("sign")
    assert "is not a date" in partner.say("someday")
    assert "Day of the signature: Tuesday, August 12, 2025" in partner.say("today")
    assert "Recorded sign-agreement" in partner.say("1")
    partner.leave()


def the_district_signs_and_starts_it(staff: Terminal) -> None:
    assert "Start the agreement: not yet" in staff.screen
    staff.say("sign-agreement", "", "1")
    assert "The partnership moves to active." in staff.say("start the agreement")
    assert f"{REF} is now in active" in staff.say("1")
    staff.leave()
