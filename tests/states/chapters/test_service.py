"""The agreement in force: its duties, its annual review, and how it ends."""

from typing import get_args

import pytest

from states.errors import BadInput
from states.names import Duty, Ground, State
from tests.support.facts import ABSENT, Life, day, instant

GROUNDS = get_args(Ground)
AT_ONCE = {"notice_days": 0}
LAST_DAY = "2026-08-31"
DIGEST = "ab" * 32
REPORT = {"document": "report.pdf", "sha256": DIGEST}

# Duties and other agreements


@pytest.mark.clause("4270.5a", "4270.5b", "4270.5c", "4270.5d", "4270.5e")
@pytest.mark.parametrize("role", ["lead-partner", "staff"])
@pytest.mark.parametrize("duty", get_args(Duty))
def test_a_duty_is_recorded_with_its_day_and_evidence(duty: str, role: str) -> None:
    life = Life().to("active").do(f"record-{duty}", role).do(f"record-{duty}", role, evidence="minutes-2.pdf")
    assert [(d.duty, d.on, d.evidence) for d in life.facts.duties] == [
        (duty, day("2025-09-02"), "minutes-1.pdf"),
        (duty, day("2025-09-02"), "minutes-2.pdf"),
    ]


@pytest.mark.clause("4270.5a", "4270.5b", "4270.5c", "4270.5d")
@pytest.mark.parametrize("duty", get_args(Duty))
def test_a_duty_is_recorded_when_it_is_done(duty: str) -> None:
    life = Life().to("active")  # on 2 September
    assert life.missing(f"record-{duty}", on="2025-09-03") == ["done-by-today 4270.5"]
    with pytest.raises(BadInput, match="evidence: it is missing"):
        life.do(f"record-{duty}", evidence=ABSENT)


@pytest.mark.clause("4270.6")
def test_an_agreement_with_another_organization_has_the_input_of_both() -> None:
    life = Life().to("active")
    assert life.missing("add-agreement", school_input=None, district_input=None) == [
        "school-gave-input 4270.6",
        "district-gave-input 4270.6",
    ]
    assert life.missing("add-agreement", school_input=ABSENT) == ["school-gave-input 4270.6"]
    assert life.missing("add-agreement", district_input=ABSENT) == ["district-gave-input 4270.6"]
    (other,) = life.do("add-agreement").facts.other_agreements
    assert (other.organization, other.signed_on) == ("Youth Clinic", day("2025-09-02"))
    assert (other.school_input, other.district_input) == ("families asked", "legal office agrees")


# The annual review


@pytest.mark.clause("4270.11")
@pytest.mark.parametrize("role", ["clock", "staff"])
def test_a_review_opens_every_year_and_the_earlier_is_kept(role: str) -> None:
    first = Life().at_found().do("continue")
    assert first.state == "active"
    second = first.at("2026-08-01").do("open-annual-review", role)
    assert second.facts.review.opened_at == instant("2026-08-01 09:00")
    assert second.facts.review.reports == ()
    assert second.facts.earlier_reviews == (first.facts.review,)


@pytest.mark.clause("4270.11")
def test_a_report_has_a_value_for_every_outcome_and_for_no_other() -> None:
    life = Life().to("annual-review")
    assert life.missing("submit-report", values={"attendance": 91, "truancy": 3}) == [
        "every-outcome-has-a-value 4270.11",
        "every-value-has-an-outcome 4270.11",
    ]
    assert life.missing("submit-report", values={}) == ["every-outcome-has-a-value 4270.11"]
    extra = {"attendance": 91, "suspensions": 30, "truancy": 3}
    assert life.missing("submit-report", values=extra) == ["every-value-has-an-outcome 4270.11"]


def test_staff_enter_a_report_that_came_on_paper_and_it_stays_that_of_the_lead_partner() -> None:
    life = Life().to("annual-review").at("2026-07-14")
    assert life.missing("submit-report", "staff") == ["staff-enter-only-paper 4270.11"]
    for on in ("2026-07-15", "2026-07-01"):
        assert life.missing("submit-report", "staff", received_on=on) == ["staff-enter-only-paper 4270.11"]
    assert life.missing("submit-report", received_on="2026-07-13") == ["staff-enter-only-paper 4270.11"]
    entered = life.do("submit-report", "staff", received_on="2026-07-13")
    (report,) = entered.facts.review.reports
    assert (report.by, report.typed_by) == ("lead-partner@example.org", "staff@example.org")
    assert report.received_on == day("2026-07-13")
    # Who typed it did not speak for the Lead Partner.
    assert entered.allows("give-finding", "staff")


def test_a_report_submitted_again_keeps_the_earlier() -> None:
    life = Life().to("reported").do("submit-report", narrative="with better numbers", **REPORT)
    first, second = life.facts.review.reports
    assert (first.narrative, first.document) == ("a good year", None)
    assert (second.narrative, second.document) == ("with better numbers", "report.pdf")
    assert second.sha256 == DIGEST
    assert second.values == {"attendance": 91, "suspensions": 30.5}
    assert second.by == "lead-partner@example.org"


@pytest.mark.parametrize("role", ["principal", "staff"])
def test_a_finding_follows_the_report_or_its_being_overdue(role: str) -> None:
    life = Life().to("annual-review")
    assert life.missing("give-finding", role) == ["report-in-or-overdue 4270.11"]
    assert life.missing("give-finding", role, around={"overdue": ("findings-due",)}) == [
        "report-in-or-overdue 4270.11"
    ]
    assert life.allows("give-finding", role, around={"overdue": ("annual-report",)})
    assert life.do("submit-report").allows("give-finding", role)


@pytest.mark.clause("4270.12")
def test_school_and_district_each_give_one_finding() -> None:
    life = Life().to("reported").do("give-finding", "principal", impact=False, reasons="too few children")
    assert life.missing("give-finding", "principal") == ["side-has-given-no-finding 4270.12"]
    assert life.facts.review.found_at is None
    both = life.do("give-finding", "staff")
    assert both.facts.review.found_at == both.now
    found = both.facts.review.findings
    assert (found["school"].impact, found["school"].reasons) == (False, "too few children")
    assert (found["district"].impact, found["district"].by) == (True, "staff@example.org")


@pytest.mark.clause("4270.11")
def test_a_refused_continuation_names_everything_that_is_missing() -> None:
    overdue = {"overdue": ("annual-report",)}
    life = Life().to("annual-review").do("give-finding", "staff", impact=False, around=overdue)
    assert life.missing("continue") == [
        "report-received 4270.11",
        "both-findings-given 4270.12",
        "improvement-planned 4270.12",
    ]


@pytest.mark.clause("4270.12")
@pytest.mark.parametrize(
    ("school", "district", "plan"),
    [(True, True, False), (False, True, True), (True, False, True), (False, False, True)],
)
def test_a_negative_finding_calls_for_a_plan_to_improve(school: bool, district: bool, plan: bool) -> None:
    life = Life().at_found(school, district)
    if plan:
        assert life.missing("continue") == ["improvement-planned 4270.12"]
        life = life.do("continue", improvement_plan="a tutor more, a look again in spring")
        assert life.facts.review.improvement_plan == "a tutor more, a look again in spring"
    else:
        life = life.do("continue")
        assert life.facts.review.improvement_plan is None
    assert life.state == "active"
    assert life.facts.review.decided_at == life.now


# The end


@pytest.mark.clause("4270.12")
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("life", [Life().to("active"), Life().to("reported")], ids=lambda life: life.state)
def test_staff_end_an_agreement_with_its_ground_on_record(life: Life, ground: str) -> None:
    today = str(life.now.date())
    ended = life.do("terminate", ground=ground, effective_on=today, reason="as found", around=AT_ONCE)
    record = ended.facts.ended
    assert ended.state == "terminated"
    assert not ended.facts.in_force
    assert (record.how, record.ground, record.reason, record.board) == (
        "terminated",
        ground,
        "as found",
        False,
    )
    assert (record.effective_on, record.by, record.at) == (day(today), "staff@example.org", life.now)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize(("days", "soonest"), [(0, "2025-09-02"), (1, "2025-09-03"), (30, "2025-10-02")])
def test_every_ground_has_the_notice_that_the_procedure_says(ground: str, days: int, soonest: str) -> None:
    life = Life().to("active")
    about = {"notice_days": days}
    assert life.allows("terminate", ground=ground, effective_on=soonest, around=about)
    early = day(soonest).replace(day=day(soonest).day - 1).isoformat()
    (unmet,) = life.refusal("terminate", ground=ground, effective_on=early, around=about)
    assert (unmet.requirement, unmet.clause) == ("notice-given", "4270.12")
    assert f"ground '{ground}' needs {days} days of notice" in unmet.reason


def test_an_agreement_is_not_ended_after_it_ends_by_itself() -> None:
    life = Life().to("active")
    assert life.missing("terminate", effective_on="2026-09-01") == ["ends-before-last-day"]
    assert life.allows("terminate", effective_on="2026-08-31")


@pytest.mark.clause("4270.9")
def test_staff_cannot_end_what_the_board_approved() -> None:
    life = Life().to("approved")
    assert life.missing("terminate", effective_on="2025-10-03") == [
        "board-did-not-approve 4270.9",
        "notice-given 4270.12",
    ]
    assert life.missing("terminate") == ["board-did-not-approve 4270.9"]
    assert life.under(terminates=False).allows("terminate")
    assert life.allows("refer-to-board", purpose="termination")


def test_an_approved_amendment_makes_it_the_boards_to_end() -> None:
    life = Life().at_introduced("amendment").do("approve")
    assert life.missing("terminate") == ["board-did-not-approve 4270.9"]
    in_review = life.do("open-annual-review")
    assert in_review.missing("terminate") == ["board-did-not-approve 4270.9"]


@pytest.mark.parametrize(
    "life",
    [Life().to("active"), Life().to("reported"), Life().at_board_review("renewal")],
    ids=lambda life: life.state,
)
def test_an_agreement_expires_the_day_after_its_last_day(life: Life) -> None:
    assert life.at("2026-08-31 23:59:59").missing("expire") == ["past-last-day"]
    expired = life.at("2026-09-01 00:00").do("expire")
    assert expired.state == "terminated"
    assert (expired.facts.ended.how, expired.facts.ended.effective_on) == ("expired", day(LAST_DAY))
    assert expired.facts.ended.by == "clock"


@pytest.mark.parametrize("role", ["staff", "lead-partner"])
def test_an_ended_partnership_is_closed_out_once(role: str) -> None:
    life = Life().to("ended").do("close-out", role)
    assert life.state == "terminated"
    assert life.facts.closed_out.summary == "keys and records are back"
    assert life.missing("close-out", role) == ["not-closed-out"]


# At any time


def test_a_note_changes_no_fact_and_a_document_is_added() -> None:
    life = Life().to("ended")
    assert life.do("add-note", "principal").facts == life.facts
    (document,) = life.do("attach-document", size=12, sha256=DIGEST).facts.documents
    assert (document.title, document.name) == ("A letter", "letter.pdf")
    assert (document.size, document.sha256) == (12, DIGEST)


@pytest.mark.clause("4270.11")
@pytest.mark.promise("review-before-end")
def test_a_review_opens_also_while_the_board_has_an_item() -> None:
    renewing = Life().at_board_review("renewal").at("2026-07-02").do("open-annual-review", "clock")
    assert renewing.state is State.BOARD_REVIEW
    reported = renewing.do("submit-report").do("give-finding", "principal").do("give-finding", "staff")
    assert reported.facts.review.found_at == reported.now
    assert reported.at("2026-09-01").do("expire").facts.review.reports, "also if the Board decides too late"
    # After the decision the same review goes on, with its report and findings.
    item = reported.facts.board.item.but(introduced=(day("2026-06-24"),), agenda=(day("2026-07-08"),))
    decided = reported.having("board", item=item).at("2026-07-09").do("approve", meeting_on="2026-07-08")
    resumed = decided.do("open-annual-review", "clock")
    assert (resumed.state, resumed.facts.earlier_reviews) == (State.ANNUAL_REVIEW, ())
    assert resumed.do("continue").state is State.ACTIVE
