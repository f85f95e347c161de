"""Every clause of policy 4270 is kept: take away what enforces it, and what was refused goes through."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from states import machine
from states.case import Lead
from states.event import Event, change_nothing
from states.lifecycle import TABLE
from states.partnership import WantedStart
from tests.support.facts import (
    CBO,
    CHARITY,
    COLLEGE,
    MEETING_1,
    MEETING_2,
    MEETING_3,
    REVIEWERS,
    SPECIAL,
    Life,
    day,
)

# For every requirement of every row, a case that this requirement alone refuses.


@dataclass(frozen=True)
class Refusal:
    """An event that is refused for one requirement alone."""

    life: Life
    event: str
    requirement: str
    role: str | None = None
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.event} in {self.life.state}: {self.requirement}"


FOUND: list[Refusal] = []


def _because(requirement: str, life: Life, *events: str, role: str | None = None, **given: Any) -> None:
    FOUND.extend(Refusal(life, event, requirement, role, given) for event in events)


def _signatures(life: Life, record: str, *left: str) -> Life:
    """The life with only these sides' signatures on a record."""
    kept = {side: s for side, s in getattr(life.facts, record).signatures.items() if side in left}
    return life.having(record, signatures=kept)


# The statement of needs and the call
_NEEDS = Life().to("needs-agreed")
_because("needs-described", Life().to("needs"), "agree-needs")
_because(
    "another-person-for-each-side", _signatures(_NEEDS, "needs", "district"), "agree-needs",
    role="principal", by="staff@example.org",
)  # fmt: skip
_because("needs-described", _NEEDS.having("needs", statement=None), "open-selection")
_because("side-has-not-agreed-to-needs", _NEEDS, "agree-needs")
_because("school-agreed-to-needs", _signatures(_NEEDS, "needs", "district"), "open-selection")
_because("district-agreed-to-needs", _signatures(_NEEDS, "needs", "school"), "open-selection")
_because("school-invited", _NEEDS, "open-selection", around={"invited_on": None})
_because("panel-large-enough", _NEEDS, "open-selection", reviewers=[REVIEWERS[0]])
_because("panel-known", _NEEDS, "open-selection", around={"strangers": (REVIEWERS[0],)})
_because("open-long-enough", _NEEDS, "open-selection", closes_on="2025-07-08")

_OPEN, _CLOSED, _SCORED, _CHOSEN = (
    Life().to("open").do("receive-application"),
    Life().to("closed"),
    Life().to("scored"),
    Life().to("chosen"),
)
_because("call-open", _OPEN.at("2025-08-15 17:00"), "receive-application", "extend-selection")
_because("call-open", _OPEN.at("2025-08-15 17:00"), "ask-question")
_ASKED = _OPEN.do("ask-question")
_because("question-short-enough", _OPEN, "ask-question", text="x" * 2_001)
_because("call-open", _ASKED.at("2025-08-15 17:00"), "answer-question")
_because("question-on-record", _OPEN, "answer-question")
_because("question-was-asked", _ASKED, "answer-question", question=2)
_because("answer-short-enough", _ASKED, "answer-question", text="x" * 5_001)
_because(
    "replaced-by-its-author",
    _OPEN,
    "receive-application",
    role="staff",
    around={"proved_by": "other@example.org"},
)
_because(
    "withdrawn-by-its-author", _OPEN, "withdraw-application", role="applicant",
    around={"proved_by": "other@example.org"},
)  # fmt: skip
_because("other-kind-demonstrated", _OPEN, "receive-application", organization=CHARITY)
_ABILITIES = _OPEN.input("receive-application")["abilities"]
for _left_out in _ABILITIES:
    _others = {ability: text for ability, text in _ABILITIES.items() if ability != _left_out}
    _because(f"addresses-{_left_out}", _OPEN, "receive-application", abilities=_others)
_because("has-applied", _OPEN, "withdraw-application", organization=CHARITY)
_because("extended-to-later", _OPEN, "extend-selection", closes_on="2025-08-15")
_because("call-closed", _OPEN, "close-applications", "declare-conflict", "score-application", "restart")
_because("closing-not-recorded", _CLOSED, "close-applications")
_because("reviewer-not-of-applicant", _CLOSED, "score-application", around={"belongs_to": (CBO,)})
_because("not-chosen-yet", _CHOSEN, "declare-conflict", "score-application")
_because("has-applied", _CLOSED, "declare-conflict", "score-application", organization=CHARITY)
_because(
    "no-conflict-declared", _CLOSED.do("declare-conflict"), "declare-conflict", "score-application"
)  # fmt: skip
_because("panel-still-judges", _CHOSEN, "change-panel")
_because("added-are-new", _OPEN, "change-panel", add=[REVIEWERS[0]], around={"minimum_panel": 2})
_because("removed-are-on-panel", _OPEN, "change-panel", remove=["stranger@example.org"])
_because("panel-stays-large-enough", _OPEN, "change-panel", add=[])
_because("panel-known", _OPEN, "change-panel", around={"strangers": ("reviewer-4@example.org",)})
_because("call-closed", _SCORED.at("2025-08-14"), "choose-partner")
_because("no-application-waits", _SCORED, "choose-partner", around={"waiting": 1})
_because("choice-may-be-made", _CHOSEN, "choose-partner")
_because("everybody-has-scored", _CLOSED.do("score-application"), "choose-partner")
_OF_NOBODY = _SCORED.facts.selection.scores[0].but(organization=CHARITY)
_because(
    "has-applied", _SCORED.having("selection", scores=(*_SCORED.facts.selection.scores, _OF_NOBODY)),
    "choose-partner", organization=CHARITY,
)  # fmt: skip
_UNSCORED = _CLOSED
for _reviewer in REVIEWERS:
    _UNSCORED = _UNSCORED.do("declare-conflict", by=_reviewer, organization=COLLEGE)
    _UNSCORED = _UNSCORED.do("score-application", by=_reviewer)
_because("chosen-has-a-score", _UNSCORED, "choose-partner", organization=COLLEGE)
_because("nobody-chosen", _CHOSEN, "restart")

# Protests
_PROTESTED = _CHOSEN.do("file-protest")
_because("partner-chosen", _SCORED, "file-protest", "draft-agreement", "set-outcomes")
_because("protest-window-open", _CHOSEN.at("2025-08-27 16:00"), "file-protest")
_because("has-applied", _CHOSEN, "file-protest", organization=CHARITY)
_because("no-protest-waits", _PROTESTED, "file-protest")
_because("protest-waits", _CHOSEN, "answer-protest")

# What signing, starting and referring have in common
_TERMS = {"autonomy_requested_by": "school"}
_READY = {
    "sign-agreement": Life().to("drafted"),
    "record-signature": Life().to("drafted"),
    "activate": Life().to("signed"),
    "refer-to-board": Life().to("drafted", **_TERMS),
}
for _event, _life in _READY.items():
    _unchosen = _life.having("selection", choice=None)
    _because("partner-chosen", _unchosen, _event)
    _early = {"signed_on": "2025-08-20"} if _event in ("sign-agreement", "record-signature") else {}
    _because("protest-window-closed", _life.at("2025-08-26"), _event, **_early)
    _waits = _life.having("selection", protests=_PROTESTED.facts.selection.protests)
    _because("protests-answered", _waits, _event)
    _because("outcomes-set", _life.having("outcomes", items=()), _event)
    _because("all-agreed-to-outcomes", _signatures(_life, "outcomes", "school", "partner"), _event)
_because("something-to-agree-to", Life().to("needs"), "ask-for-changes", about="needs")
_because("asked-about-what-there-is", Life().to("drafted"), "ask-for-changes", about="needs")
_because(
    "agreement-drafted", _READY["sign-agreement"].but(agreement=None), "sign-agreement", "record-signature",
    "activate",
)  # fmt: skip
_because(
    "agreement-drafted", _READY["refer-to-board"].but(agreement=None), "refer-to-board"
)  # fmt: skip
for _event in ("sign-agreement", "record-signature", "activate"):
    _life = _READY[_event]
    _because("board-need-not-act-a", _life.having("agreement", amount_cents=25_000_000), _event)
    _because("board-need-not-act-b", _life.having("agreement", **_TERMS), _event)
    _because("board-need-not-act-c", _life.having("agreement", ends_on=day("2026-09-01")), _event)
    _because("board-did-not-ask", _life.do("ask-for-review"), _event)
_because("side-has-not-signed", _READY["sign-agreement"].do("sign-agreement"), "sign-agreement")
_because(
    "named-side-has-not-signed", _READY["sign-agreement"].do("sign-agreement", "lead-partner"),
    "record-signature",
)  # fmt: skip
_because(
    "another-signer-for-each-side", _READY["sign-agreement"].do("record-signature"), "record-signature",
    side="district",
)  # fmt: skip
for _event in ("sign-agreement", "record-signature"):
    _because("signed-by-today", _READY["sign-agreement"], _event, signed_on="2025-12-01")
    _because("signed-after-draft", _READY["sign-agreement"], _event, signed_on="2025-07-01")
_because(
    "another-person-for-each-side", _READY["sign-agreement"], "sign-agreement", by="principal@example.org"
)
_because("signed-by-both", _READY["sign-agreement"], "activate")
_because("agreement-not-over", _READY["activate"].at("2026-09-01"), "activate")
_OTHER = {"leads": (Lead(ref="rbhs-2024", starts_on=day("2024-09-01"), ends_on=day("2025-10-31")),)}
_because("no-other-lead-partner", _READY["activate"], "activate", around=_OTHER)
_because("outcomes-set", _CHOSEN, "agree-outcomes")
_because("side-has-not-agreed-to-outcomes", _READY["activate"], "agree-outcomes")
_because(
    "another-person-for-each-side", _signatures(_READY["activate"], "outcomes", "school"), "agree-outcomes",
    role="staff", by="principal@example.org",
)  # fmt: skip

# The Board
_because("purpose-is-new", _READY["refer-to-board"], "refer-to-board", purpose="renewal")
_because("board-has-a-reason", _READY["sign-agreement"], "refer-to-board")
_ACTIVE = Life().to("active")
for _life in (_ACTIVE, Life().to("annual-review")):
    _because("purpose-is-of-agreement", _life, "refer-to-board", purpose="new")
    _because("change-stated", _life, "refer-to-board", purpose="amendment")
    _because("new-term-possible", _life, "refer-to-board", purpose="amendment", ends_on="2025-01-01")
    _because("renewal-goes-later", _life, "refer-to-board", purpose="renewal", ends_on="2026-08-31")
    _because(
        "change-keeps-notice", _life, "refer-to-board", purpose="amendment", ends_on=str(_life.now.date())
    )
_because("new-term-possible", _ACTIVE, "amend-agreement", ends_on="2025-01-01")
_because("shortening-keeps-notice", _ACTIVE, "amend-agreement", ends_on=str(_ACTIVE.now.date()))
_because("agreement-not-over", _ACTIVE.at("2026-09-01"), "amend-agreement")
_because("no-termination-waits", Life().to("ending"), "amend-agreement", ends_on="2026-09-30")
_because(
    "notice-kept-at-vote", _ACTIVE.do("refer-to-board", purpose="amendment", ends_on="2025-10-30").to(
        "introduced", after="referred"
    ), "approve",
)  # fmt: skip

_REFERRED = Life().at_board_review()
_because("meeting-is-regular", _REFERRED, "schedule-item", "defer-item", meeting_on=SPECIAL)
_because("agenda-open", _REFERRED.at("2025-09-11"), "schedule-item")
_SCHEDULED = _REFERRED.do("schedule-item")
_because("meeting-is-regular", _SCHEDULED.at("2025-09-25"), "introduce-item", meeting_on=SPECIAL)
_because("meeting-held", _SCHEDULED, "introduce-item")
_because("meeting-after-referral", _SCHEDULED.at("2025-09-19").having(
    "board", item=_SCHEDULED.facts.board.item.but(referred_at=Life().at("2025-09-18").now)
), "introduce-item")  # fmt: skip
_because("meeting-known-before", _SCHEDULED.under(known_days=31).at("2025-09-18"), "introduce-item")
_because("introduced-from-agenda", _REFERRED.at("2025-09-18"), "introduce-item")
_because("immediate-only-from-agenda", _REFERRED.at("2025-09-18"), "introduce-item", immediate_action=True)
_because("deferred-to-later", _REFERRED.do("schedule-item"), "defer-item", meeting_on=MEETING_1)

_DECIDED = ("approve", "send-back", "terminate")
_INTRODUCED = Life().at_introduced()
_ITEM = _INTRODUCED.facts.board.item
_because(
    "item-scheduled", _INTRODUCED.having("board", item=_ITEM.but(agenda=())), *_DECIDED
)  # fmt: skip
_because("meeting-is-regular", _INTRODUCED.at("2025-10-09"), *_DECIDED, meeting_on="2025-10-08")
_because("meeting-known-before", _INTRODUCED.under(known_days=31), *_DECIDED)
_because("meeting-held", _INTRODUCED, *_DECIDED, meeting_on=MEETING_3)
_ELSEWHERE = _INTRODUCED.having("board", item=_ITEM.but(introduced=(), agenda=(day(MEETING_1),)))
_because("item-on-that-agenda", _ELSEWHERE.under(readings=1), *_DECIDED, meeting_on=MEETING_2)
_because("quorum-present", _INTRODUCED, *_DECIDED, ayes=2, noes=1, abstentions=0)
_because("vote-carried", _INTRODUCED, "approve", "terminate", ayes=3, noes=3)
_because("readings-done", _INTRODUCED.having("board", item=_ITEM.but(introduced=())), "approve")
_TERMINATION = Life().at_introduced("termination")
_because("item-can-be-approved", _TERMINATION, "approve")
_because("agreement-not-over", _INTRODUCED.at("2027-09-01"), "approve")
_LATE = Life().at_introduced("renewal").do("schedule-item", meeting_on="2026-09-02").at("2026-09-03")
_because("met-before-the-end", _LATE, "approve", meeting_on="2026-09-02")
_because("no-other-lead-partner", _INTRODUCED, "approve", around=_OTHER)
_NEXT = {"leads": (Lead(ref="rbhs-2026", starts_on=day("2026-09-01"), ends_on=day("2027-06-30")),)}
_because("no-other-lead-partner", Life().at_introduced("renewal"), "approve", around=_NEXT)
for _life in (_ACTIVE, Life().to("annual-review")):
    for _purpose in ("amendment", "renewal"):
        _because(
            "referral-ends-before-successor", _life, "refer-to-board", purpose=_purpose, ends_on="2026-12-31",
            around=_NEXT,
        )  # fmt: skip
_because("ends-before-successor", _ACTIVE, "amend-agreement", ends_on="2026-09-01", around=_NEXT)
_because("effective-after-decision", _TERMINATION, "terminate", effective_on="2025-09-30")
_because("ends-before-last-day", _TERMINATION, "terminate", effective_on="2026-09-01")

_because("meeting-is-regular", _SCHEDULED, "move-item", meeting_on=SPECIAL)
_because("board-has-not-met", _INTRODUCED, "recall-item")
for _life in (_ACTIVE, Life().to("annual-review")):
    _because("amendment-waits", _life, "withdraw-amendment")

_WANTED = WantedStart(on=day("2025-12-01"), at=_REFERRED.now, steps=())
_RENEWED = Life().at_board_review("renewal").but(wanted=_WANTED)
_because("agreement-not-in-force", _RENEWED, "want-start", "replan-start")
_because("start-to-come", _REFERRED, "want-start", on="2025-08-31")
_because("start-is-wanted", _REFERRED, "replan-start")

# In force
for _duty in ("assessment", "gap", "meeting", "engagement", "responsibility"):
    _because("done-by-today", _ACTIVE, f"record-{_duty}", on="2025-12-01")
    _because("done-since-agreement", _ACTIVE, f"record-{_duty}", on="1950-01-01")
    _because("agreement-in-force", _REFERRED, f"record-{_duty}")
_because("signed-under-agreement", _ACTIVE, "add-agreement", signed_on="1950-01-01")
_because("school-gave-input", _ACTIVE, "add-agreement", school_input=None)
_because("district-gave-input", _ACTIVE, "add-agreement", district_input=None)
_AMENDED = _ACTIVE.do("amend-agreement")
_because("side-has-not-signed", _AMENDED.do("sign-agreement"), "sign-agreement")
_TODAY, _DAY_BEFORE = (str(_AMENDED.now.date() - timedelta(n)) for n in (0, 1))
for _event in ("sign-agreement", "record-signature"):
    _because("signature-awaited", _ACTIVE.having("agreement", signatures={}), _event)
    _because("signed-by-today", _AMENDED, _event, signed_on="2025-12-01")
    _because("signed-after-draft", _AMENDED, _event, signed_on=_DAY_BEFORE)
_because(
    "named-side-has-not-signed", _AMENDED.do("sign-agreement", "lead-partner"), "record-signature",
    signed_on=_TODAY,
)  # fmt: skip
_because(
    "another-signer-for-each-side", _AMENDED.do("record-signature", signed_on=_TODAY), "record-signature",
    side="district", signed_on=_TODAY,
)  # fmt: skip
_because("another-person-for-each-side", _AMENDED, "sign-agreement", by="principal@example.org")

_REVIEW, _REPORTED = Life().to("annual-review"), Life().to("reported")
_because("staff-enter-only-paper", _REVIEW, "submit-report", role="staff")
_because("every-outcome-has-a-value", _REVIEW, "submit-report", values={"attendance": 91})
_because(
    "every-value-has-an-outcome", _REVIEW, "submit-report",
    values={"attendance": 91, "suspensions": 30, "truancy": 2},
)  # fmt: skip
_because("another-person-for-each-side", _REVIEW, "submit-report", by="principal@example.org")
_because("another-person-for-each-side", _REPORTED, "give-finding", by="lead-partner@example.org")
_because("report-in-or-overdue", _REVIEW, "give-finding")
_RENEWING = Life().at_board_review("renewal")
_because("review-is-open", _RENEWING, "submit-report", "give-finding")
_because("agreement-in-force", _REFERRED, "open-annual-review")
_because("no-review-is-open", Life().at_board_review("renewal", "annual-review"), "open-annual-review")
_because("side-has-given-no-finding", _REPORTED.do("give-finding"), "give-finding")
_FOUND = Life().at_found()
_because("report-received", _FOUND.having("review", reports=()), "continue")
_because("both-findings-given", _REPORTED.do("give-finding", "staff"), "continue")
_because("improvement-planned", Life().at_found(school=False), "continue")

# The end
_because("board-did-not-approve", Life().to("approved"), "terminate")
_because("notice-given", _ACTIVE, "terminate", effective_on="2025-09-03")
_because("ends-before-last-day", _ACTIVE, "terminate", effective_on="2026-09-01")
_because("past-last-day", _ACTIVE, "expire")
_ENDING = Life().to("ending")
_because("ends-earlier-than-on-record", _ENDING, "terminate", effective_on="2025-10-02")
_because("termination-waits", _ACTIVE, "withdraw-termination")
_SOON = {"leads": (_OTHER["leads"][0].but(starts_on=day("2025-10-02")),)}
_because("goes-on-before-successor", _ENDING, "withdraw-termination", around=_SOON)
_because(
    "termination-before-successor",
    _ENDING.at("2025-09-02").do("refer-to-board", purpose="termination").to("introduced", after="referred"),
    "terminate", effective_on="2025-10-03", around=_SOON,
)  # fmt: skip
_OF_BOARD = _ENDING.but(ending=_ENDING.facts.ending.but(board=True, effective_on=day("2026-01-31")))
_because("board-did-not-end", _OF_BOARD, "terminate", effective_on="2025-12-01")
_because("board-did-not-end", _OF_BOARD, "withdraw-termination")
_ASKED = _ACTIVE.do("change-contact")
_because("asked-in-time", _ASKED.at("2025-09-20"), "accept-contact")
_because("accepted-in-person", _ASKED, "accept-contact", around={"through": "delegate@example.org"})
_because(
    "contact-acted-for-no-other-side",
    _ACTIVE.do("change-contact", email="staff@example.org"),
    "accept-contact",
    by="staff@example.org",
)
_because("not-closed-out", Life().to("ended").do("close-out"), "close-out")

REFUSALS = tuple(FOUND)


# The tests


def without(requirement: str) -> list[Event]:
    """The table of the law lacking one requirement, and recording nothing: only its judgement is looked at."""
    return [
        replace(
            row, needs=tuple(need for need in row.needs if need.name != requirement), records=change_nothing
        )
        for row in TABLE
    ]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_case_that_one_requirement_refuses_goes_through_without_it(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmet = refusal.life.refusal(refusal.event, refusal.role, **refusal.given)
    assert [u.requirement for u in unmet] == [refusal.requirement]
    changed = machine.build(without(refusal.requirement))
    monkeypatch.setattr(machine, "machine_of_law", lambda: changed)
    assert refusal.life.allows(refusal.event, refusal.role, **refusal.given)


def test_every_requirement_of_every_row_has_such_a_case() -> None:
    # What a correction needs is judged on a history: see tests/workflow/test_corrections.py.
    needed = {(row.name, row.at, need.name) for row in TABLE if not row.of_entry for need in row.needs}
    assert {(r.event, r.life.row(r.event).at, r.requirement) for r in REFUSALS} == needed
