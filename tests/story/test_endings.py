"""How partnerships end: without impact, by the Board where it approved, and at the end of their last day."""

from __future__ import annotations

from tests.story.past import Past
from tests.support.office import REF, Office

GROUND = "no-substantial-impact"


def test_a_year_without_impact_ends_an_agreement_after_its_notice_period(office: Office) -> None:
    past = Past().active()
    for month in (10, 12, 2, 4, 6):
        day = f"{2025 + (month < 8)}-{month:02}-01"
        past.on(day).did("record-meeting", "lead-partner", on=day)
        if month == 10:
            past.did("record-assessment", "lead-partner", on=day)
    office.at("2026-06-02").take_in(past)
    assert office.at("2026-06-18 17:00").daemon() == []
    assert office.letters() == ["lead-partner", "principal"]  # the review opens in 14 days
    assert office.at("2026-07-02 17:00").daemon() == [f"{REF} open-annual-review -> annual-review"]
    assert office.letters() == ["lead-partner", "principal", "staff"]
    step = office.at("2026-07-20").do("submit-report", "lead-partner")
    assert step.state == "annual-review"
    assert step.due == {
        "findings-due": "2026-08-10 17:00",
        "meeting-due": "2026-08-03 17:00",
        "review-decided": "2026-08-31 17:00",
        "agreement-ends": "2026-09-01 00:00",
        "assessment-due": "2026-11-02 17:00",
    }
    office.do("give-finding", "principal", impact=False)
    step = office.do("give-finding", "staff", impact=False)
    assert {"findings-due", "review-decided"} & step.due.keys() == {"review-decided"}
    refused = office.do("terminate", "staff", ground=GROUND, effective_on="2026-08-18", status=1)
    assert refused.unmet == {"notice-given": "4270.12"}
    assert office.do("continue", "staff", status=1).unmet == {"improvement-planned": "4270.12"}
    step = office.do("terminate", "staff", ground=GROUND, effective_on="2026-08-19")
    # It takes effect in 30 days. Until then the agreement goes on, and so do its duties.
    assert (step.state, step.due["agreement-ends"]) == ("annual-review", "2026-08-19 00:00")
    assert "review-decided" not in step.due
    office.do("record-meeting", "lead-partner", on="2026-07-20")
    assert office.at("2026-08-18 23:59").daemon() == []
    assert office.at("2026-08-19 00:00").daemon() == [f"{REF} expire -> terminated"]
    step = office.show()
    assert step.due == {"close-out-due": "2026-09-18 17:00"}
    assert step["facts"]["ended"]["how"] == "terminated"
    assert office.history()[-7:] == [
        "2026-07-02 17:00 open-annual-review by clock -> annual-review",
        "2026-07-20 09:00 submit-report by lead-partner",
        "2026-07-20 09:01 give-finding by principal",
        "2026-07-20 09:02 give-finding by staff",
        "2026-07-20 09:05 terminate by staff",
        "2026-07-20 09:06 record-meeting by lead-partner",
        "2026-08-19 00:00 expire by clock -> terminated",
    ]
    told = [line for line in office.notices() if not line.startswith(("agreement-ends", "meeting-due"))]
    assert told[-6:] == [
        "open-annual-review: lead-partner, principal, staff",
        "submit-report: principal, staff",
        "give-finding: staff",
        "give-finding: principal, staff",
        "terminate: board-office, lead-partner, principal, staff, superintendent",
        "expire: board-office, lead-partner, principal, staff, superintendent",
    ]


def test_only_the_board_ends_an_agreement_that_it_approved(office: Office) -> None:
    past = Past().approved().on("2026-07-02").did("open-annual-review", "staff")
    past.on("2026-07-06").did("submit-report", "lead-partner")
    for who in ("principal", "staff"):
        past.did("give-finding", who, impact=False)
    office.at("2026-07-07").take_in(past)
    ending = {"ground": GROUND, "effective_on": "2026-10-01"}
    assert office.do("terminate", "staff", status=1, **ending).unmet == {"board-did-not-approve": "4270.9"}
    step = office.do("refer-to-board", "staff", purpose="termination", reason="no impact")
    assert (step.state, step.due["item-scheduled"]) == ("board-review", "2026-07-14 17:00")
    step = office.do("schedule-item", "board-office", meeting_on="2026-08-26")
    assert step.due == {
        "agenda-packet": "2026-08-14 17:00",
        "decision-recorded": "2026-08-28 12:00",
        "agreement-ends": "2026-11-01 00:00",
        "assessment-due": "2026-11-02 17:00",
    }
    vote = {"meeting_on": "2026-08-26", "ayes": 6, "noes": 1}
    refused = office.at("2026-08-26 18:00").do("approve", "board-office", status=1, **vote)
    assert refused.unmet["item-can-be-approved"] == "4270.9"
    step = office.do("terminate", "board-office", **vote, **ending)
    assert (step.state, step.due["agreement-ends"]) == ("annual-review", "2026-10-01 00:00")
    assert office.do("withdraw-termination", "staff", status=1).unmet == {"board-did-not-end": "4270.9"}
    office.at("2026-10-01 00:00").daemon()
    assert "terminate: board-office, lead-partner, principal, staff, superintendent" in office.notices()
    ended = office.show()["facts"]["ended"]
    assert (ended["board"], ended["ground"], ended["effective_on"]) == (True, GROUND, "2026-10-01")
    assert office.show().due == {"close-out-due": "2026-11-02 17:00"}


def test_agreements_end_with_their_last_day_wherever_they_stand(office: Office) -> None:
    """One is active after its review, one still in review, one before the Board for a renewal."""
    reviewed = Past().active().on("2026-07-02 17:00").did("open-annual-review", "clock").on("2026-07-06")
    reviewed.did("submit-report", "lead-partner").did("give-finding", "principal")
    reviewed.did("give-finding", "staff").did("continue", "staff")
    undecided = (
        Past("fhs-2025", "franklin").active().on("2026-07-02 17:00").did("open-annual-review", "clock")
    )
    renewing = Past("ghs-2025", "garfield").active().on("2026-07-01")
    renewing.did("refer-to-board", "staff", purpose="renewal", ends_on="2027-08-31")
    renewing.did("schedule-item", "board-office", meeting_on="2026-09-16")
    office.at("2026-08-30").take_in(reviewed, undecided, renewing)
    assert office.at("2026-08-31 23:58").daemon() == ["ghs-2025 open-annual-review -> board-review"]
    office.letters()
    assert sorted(office.at("2026-09-01 00:00").daemon()) == [
        f"{ref} expire -> terminated" for ref in ("fhs-2025", "ghs-2025", REF)
    ]
    mine = ["lead-partner", "principal", "staff", "superintendent"]
    schools = ["lead-partner", "franklin-principal", "garfield-principal", "staff", "superintendent"]
    assert office.letters() == sorted(
        [*mine, *schools, "lead-partner", "staff", "superintendent", *["board-office"] * 3]
    )
    found = {one["ref"]: one for one in office.ctl("list", "--state", "terminated")}
    assert {ref: one["facts"]["ended"]["how"] for ref, one in found.items()} == dict.fromkeys(
        ("fhs-2025", "ghs-2025", REF), "expired"
    )
    assert {one["entered_at"][:16] for one in found.values()} == {"2026-09-01T00:00"}
    assert found[REF]["facts"]["ended"]["effective_on"] == "2026-08-31"
    late = office.do("approve", "board-office", ref="ghs-2025", meeting_on="2026-09-16", status=1)
    assert late.unmet.keys() == {"state"}
    step = office.at("2026-09-10").do("close-out", "lead-partner")
    assert step["deadlines"] == []
    assert office.history()[-1] == "2026-09-10 09:00 close-out by lead-partner"
