"""How a partnership comes about, or does not: the call, the choice, a small agreement; no applicant; withdrawal."""

from __future__ import annotations

from tests.story.past import SMALL, Past
from tests.support.facts import REVIEWERS
from tests.support.office import REF, Office

PANEL = ["reviewer-1", "reviewer-2", "reviewer-3"]


def test_a_small_agreement_comes_into_force_without_the_board(office: Office) -> None:
    needs_become_a_call(office.at("2025-07-07"))
    the_call_closes_and_a_partner_is_chosen(office)
    terms_are_agreed_and_signed(office)
    assert office.history() == [
        "2025-07-07 09:00 identify-needs by principal -> needs-identified",
        "2025-07-07 09:01 describe-needs by principal",
        "2025-07-07 09:02 agree-needs by principal",
        "2025-07-07 09:03 agree-needs by staff",
        "2025-07-07 09:04 open-selection by staff -> open-selection",
        "2025-07-21 09:00 receive-application by lead-partner",
        "2025-08-01 17:00 close-applications by clock",
        *(f"2025-08-04 09:0{n} score-application by {reviewer}" for n, reviewer in enumerate(PANEL)),
        "2025-08-05 09:00 choose-partner by staff",
        "2025-08-05 09:02 draft-agreement by staff",
        "2025-08-05 09:03 set-outcomes by staff",
        *(f"2025-08-05 09:0{n} agree-outcomes by {who}" for n, who in ((4, "principal"), (5, "staff"))),
        "2025-08-05 09:06 agree-outcomes by lead-partner",
        "2025-08-12 16:02 sign-agreement by staff",
        "2025-08-12 16:03 sign-agreement by lead-partner",
        "2025-08-12 16:04 activate by staff -> active",
    ]
    assert office.notices() == [
        "identify-needs: principal, staff",
        "describe-needs: principal, staff",
        "agree-needs: staff",
        "agree-needs: principal, staff",
        "open-selection: principal, reviewer-1, reviewer-2, reviewer-3",
        "receive-application: lead-partner, staff",
        "applications-close: lead-partner, staff",
        "close-applications: lead-partner, principal, reviewer-1, reviewer-2, reviewer-3, staff",
        "score-application: staff",
        "choose-partner: lead-partner, principal, reviewer-1, reviewer-2, reviewer-3, superintendent",
        "draft-agreement: lead-partner, principal, superintendent",
        "set-outcomes: lead-partner, principal, staff",
        "agree-outcomes: lead-partner, staff",
        "agree-outcomes: lead-partner, principal",
        "agree-outcomes: principal, staff",
        "protest-window: lead-partner, staff",
        "sign-agreement: lead-partner",
        "sign-agreement: board-office, lead-partner, principal, staff, superintendent",
        "activate: board-office, lead-partner, principal, superintendent",
    ]


def needs_become_a_call(office: Office) -> None:
    step = office.do("identify-needs", "principal")
    assert (step.state, step.due) == ("needs-identified", {"needs-agreed": "2025-08-06 17:00"})
    assert office.do("describe-needs", "principal").due == step.due
    assert office.do("agree-needs", "principal").due == step.due
    step = office.do("agree-needs", "staff")
    assert (step.state, step.due) == ("needs-identified", {"selection-opens": "2025-08-04 17:00"})
    step = office.do("open-selection", "staff", closes_on="2025-08-01")
    assert (step.state, step.due) == ("open-selection", {"applications-close": "2025-08-01 17:00"})
    assert next(step.rungs("remind")) == ("applications-close", "2025-07-29 17:00")


def the_call_closes_and_a_partner_is_chosen(office: Office) -> None:
    office.at("2025-07-21").do("receive-application", "lead-partner")
    assert office.at("2025-08-01 16:58").daemon() == []
    assert office.letters().count("lead-partner") == 2  # it was received; a day's reminder, late
    assert office.at("2025-08-01 17:00").daemon() == [f"{REF} close-applications -> open-selection"]
    assert office.letters() == ["lead-partner", "principal", *PANEL, "staff"]
    office.at("2025-08-04")
    both = {"scores-due": "2025-08-15 17:00", "choice-due": "2025-08-29 17:00"}
    for reviewer in REVIEWERS:
        step = office.do("score-application", reviewer)
        assert step.due == ({"choice-due": both["choice-due"]} if reviewer == REVIEWERS[-1] else both)
    step = office.at("2025-08-05").do("choose-partner", "staff")
    assert step.due == {"protest-window": "2025-08-12 16:00", "agreement-due": "2025-09-19 17:00"}
    assert office.daemon() == []
    assert office.letters() == ["lead-partner", "principal", *PANEL, "staff", "superintendent"]


def terms_are_agreed_and_signed(office: Office) -> None:
    office.do("draft-agreement", "staff", **SMALL)
    office.do("set-outcomes", "staff")
    for who in ("principal", "staff", "lead-partner"):
        step = office.do("agree-outcomes", who)
    assert step.due == {"protest-window": "2025-08-12 16:00", "agreement-due": "2025-09-19 17:00"}
    refused = office.do("sign-agreement", "staff", signed_on="2025-08-05", status=1)
    assert refused.unmet == {"protest-window-closed": "4270.8"}
    assert office.at("2025-08-12 16:00").daemon() == []
    refused = office.do("activate", "staff", status=1)
    assert refused.unmet == {"signed-by-both": None}
    step = office.do("sign-agreement", "staff", signed_on="2025-08-12")
    assert step.due == {"agreement-due": "2025-09-19 17:00"}
    office.do("sign-agreement", "lead-partner", signed_on="2025-08-12")
    step = office.do("activate", "staff")
    assert (step.state, step["version"]) == ("active", 19)
    assert step.due == {
        "meeting-due": "2025-11-03 17:00",  # 12 October is a Sunday
        "assessment-due": "2025-10-31 17:00",
        "renewal-decision": "2026-05-01 17:00",
        "annual-review-opens": "2026-07-02 17:00",  # 3 July 2026 is a holiday
        "agreement-ends": "2026-09-01 00:00",
    }
    office.letters()
    assert office.daemon() == []
    everybody = ["board-office", "lead-partner", "principal", "staff", "superintendent"]
    told_of_start = ["board-office", "lead-partner", "principal", "superintendent"]
    assert office.letters() == sorted(["lead-partner", *everybody, *told_of_start])


def test_a_call_without_applicants_is_opened_anew_and_the_earlier_round_stays_on_record(
    office: Office,
) -> None:
    office.at("2025-07-08").take_in(Past().call_open())
    assert office.at("2025-08-01 17:00").daemon() == [f"{REF} close-applications -> open-selection"]
    assert office.letters() == ["principal", *PANEL, "staff"]
    refused = office.do("choose-partner", "staff", status=1)
    assert {"has-applied", "chosen-has-a-score"} <= refused.unmet.keys()
    step = office.do("restart", "staff", reason="nobody applied")
    assert (step.state, step.due) == ("needs-identified", {"needs-agreed": "2025-09-02 17:00"})
    refused = office.do("open-selection", "staff", closes_on="2025-08-22", status=1)
    assert refused.unmet == {"school-agreed-to-needs": "4270.7", "district-agreed-to-needs": "4270.7"}
    office.do("agree-needs", "principal")
    office.do("agree-needs", "staff")
    step = office.do("open-selection", "staff", closes_on="2025-08-22")
    assert (step.state, step.due) == ("open-selection", {"applications-close": "2025-08-22 17:00"})
    facts = office.show()["facts"]
    (earlier,) = facts["earlier_selections"]
    assert (earlier["closes_at"][:10], earlier["restarted"]) == ("2025-08-01", "nobody applied")
    assert (facts["selection"]["closes_at"][:10], facts["selection"]["applications"]) == ("2025-08-22", {})


def test_a_withdrawn_partnership_is_over_and_owes_nothing_more(office: Office) -> None:
    office.at("2025-07-22").take_in(Past().applied())
    step = office.at("2025-07-23").do("withdraw", "principal")
    assert (step.state, step.due, step["deadlines"]) == ("terminated", {}, [])
    assert office.daemon() == []
    assert office.letters() == ["lead-partner", *PANEL, "staff"]
    assert office.at("2025-08-01 17:00").daemon() == []
    assert office.letters() == []
    shown = office.show()
    assert (shown["facts"]["ended"]["how"], shown["facts"]["ended"]["by"]) == (
        "withdrawn",
        "principal@example.org",
    )
