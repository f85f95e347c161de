"""The annual review: its report, its findings, and what follows from them."""

import pytest

from states.names import State
from tests.support.facts import Life, day, instant

DIGEST = "ab" * 32
REPORT = {"document": "report.pdf", "sha256": DIGEST}


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
