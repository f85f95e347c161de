"""Defines the events of an annual review: its report, its findings, what follows (4270.11, 4270.12)."""

from pydantic import Field, StrictBool

from states.case import Case, Meaning, attachments_of, require_recorded
from states.chapters.needs import another_person_for_each_side
from states.chapters.service import agreement_in_force
from states.event import (
    ACTIVE,
    BOARD,
    CLOCK,
    LEAD_PARTNER,
    PRINCIPAL,
    REVIEW,
    STAFF,
    Event,
    Form,
    ReplyWord,
    partner_sees,
    requirement,
    sides_left,
)
from states.inputs import (
    Day,
    Digest,
    File,
    Files,
    Input,
    Length,
    Name,
    Nothing,
    Number,
    Text,
    documents_field,
)
from states.names import SIDE_NAMES, SIDES
from states.partnership import Finding, Partnership, Report, Review


class SubmitReport(Input):
    values: dict[Name, Number] = Field(title="Values", description="a value for each outcome")
    narrative: Text = Field(title="Narrative", description="the year in words")
    document: File | None = Field(default=None, title="Document", description="file of the full report")
    sha256: Digest | None = Field(default=None, description="its digest, filled in when it is read")
    size: Length | None = Field(default=None, description="its length in bytes, filled in when it is read")
    received_on: Day | None = Field(
        default=None,
        title="Day on which the report came on paper",
        description="only where staff enter it for the Lead Partner",
    )


class GiveFinding(Input):
    impact: StrictBool = Field(
        title="Is the impact substantial and positive?",
        description="whether the impact is substantial and positive",
    )
    reasons: Text = Field(description="the reasons")
    documents: Files = documents_field("files that the finding rests on")


class Continue(Input):
    improvement_plan: Text | None = Field(
        default=None, title="Improvement plan", description="required if a finding is negative"
    )


@requirement("4270.11")
def review_is_open(case: Case) -> str | None:
    # The Board may have an item in the middle of a review, which does not rest for it.
    review = case.facts.review
    return None if review and review.decided_at is None else "no annual review is open"


@requirement("4270.11")
def no_review_is_open(case: Case) -> str | None:
    review = case.facts.review
    return "the annual review is open" if review and review.decided_at is None else None


@requirement("4270.11", of_input=True)
def every_outcome_has_a_value(case: Case) -> str | None:
    missing = [o.name for o in case.facts.outcomes.items if o.name not in case.input.values]
    return "a value is missing for: " + ", ".join(missing) if missing else None


@requirement("4270.11", of_input=True)
def every_value_has_an_outcome(case: Case) -> str | None:
    outcomes = [outcome.name for outcome in case.facts.outcomes.items]
    # A misspelt name would otherwise be recorded and never be compared with a target.
    unknown = [name for name in case.input.values if name not in outcomes]
    return (
        f"not among the outcomes: {', '.join(unknown)}; they are: {', '.join(outcomes)}" if unknown else None
    )


@requirement("4270.11", of_input=True)
def staff_enter_only_paper(case: Case) -> str | None:
    if case.facts.review is None:
        return None  # `review_is_open` refuses this
    day, opened = case.input.received_on, case.review.opened_at.astimezone(case.at.tzinfo).date()
    if case.role is not STAFF:
        return (
            "received_on is for staff, who enter a report that came on paper: leave it out" if day else None
        )
    if day is None:
        return "the Lead Partner gives the report; staff enter one that came on paper: give received_on"
    if opened <= day <= case.today:
        return None
    return f"{day} is to come, or before the review opened on {opened}; give the day on which the paper came"


@requirement("4270.11")
def report_in_or_overdue(case: Case) -> str | None:
    # A partner that sends no report must not be able to hold up the findings (4270.12).
    review = case.facts.review
    if review is None or review.reports or Meaning.REPORT in case.setting.overdue:
        return None
    return "the year's report is neither received nor overdue yet"


@requirement("4270.12")
def side_has_given_no_finding(case: Case) -> str | None:
    side = SIDES[case.role]
    has_finding = case.facts.review is not None and side in case.facts.review.findings
    return f"{SIDE_NAMES[side]} has already given its finding" if has_finding else None


@requirement("4270.11")
def report_received(case: Case) -> str | None:
    return None if case.review.reports else "the year's report has not been received"


@requirement("4270.12")
def both_findings_given(case: Case) -> str | None:
    left = [SIDE_NAMES[side] for side in ("school", "district") if side not in case.review.findings]
    return f"no finding yet from {' and '.join(left)}" if left else None


@requirement("4270.12", of_input=True)
def improvement_planned(case: Case) -> str | None:
    # One negative finding is enough, whether it is that of the school or of the District.
    negative = any(not finding.impact for finding in case.review.findings.values())
    if not negative or case.input.improvement_plan:
        return None
    return "a finding is negative, so an improvement plan is needed"


def open_annual_review(case: Case) -> Partnership:
    review = case.facts.review
    # The Board was asked in the middle of a review. The same review goes on, with its report and findings.
    if review is not None and review.interrupted_at:
        return case.facts.but(review=review.but(interrupted_at=None))
    earlier = case.facts.earlier_reviews + ((review,) if review else ())
    return case.facts.but(review=Review(opened_at=case.at), earlier_reviews=earlier)


def open_beside_the_board(case: Case) -> Partnership:
    # The state stays, since the Board has an item. After the decision the review goes on in its own state.
    facts = open_annual_review(case)
    return facts.but(review=require_recorded(facts.review).but(interrupted_at=case.at))


def submit_report(case: Case) -> Partnership:
    values, contact = case.input, case.facts.contact
    is_paper = case.role is STAFF
    report = Report(
        values=values.values,
        narrative=values.narrative,
        document=values.document,
        sha256=values.sha256,
        size=values.size,
        # A report on paper counts as the Lead Partner's, although staff typed it.
        by=contact.email if is_paper and contact else case.actor,
        through=None if is_paper else case.setting.through,
        at=case.at,
        received_on=values.received_on,
        typed_by=case.actor if is_paper else None,
    )
    # Keep every report: the findings may rest on an earlier one.
    return case.facts.but(review=case.review.but(reports=(*case.review.reports, report)))


def give_finding(case: Case) -> Partnership:
    values = case.input
    finding = Finding(
        impact=values.impact,
        reasons=values.reasons,
        by=case.actor,
        through=case.setting.through,
        at=case.at,
        documents=attachments_of(values.documents),
    )
    findings = {**case.review.findings, SIDES[case.role]: finding}
    both = {"school", "district"} <= findings.keys()
    return case.facts.but(review=case.review.but(findings=findings, found_at=case.at if both else None))


def continue_(case: Case) -> Partnership:
    plan = case.input.improvement_plan
    return case.facts.but(review=case.review.but(improvement_plan=plan, decided_at=case.at))


def _report_read(facts: Partnership) -> tuple[object, ...]:
    reports = facts.review.reports if facts.review else ()
    # A finding or a decision is about the report that its author has read, so a newer report ends the link.
    return (reports[-1].at if reports else None,)


EVENTS = (
    Event(
        name="open-annual-review",
        at=(ACTIVE,),
        to=REVIEW,
        who=(CLOCK, STAFF),
        takes=Nothing,
        records=open_annual_review,
        audience=partner_sees(),
    ),
    Event(
        # The year's report does not wait for the Board, which may decide after the agreement has ended.
        name="open-annual-review",
        at=(BOARD,),
        who=(CLOCK, STAFF),
        takes=Nothing,
        records=open_beside_the_board,
        needs=(agreement_in_force, no_review_is_open),
        audience=partner_sees(),
        optional=True,
    ),
    Event(
        name="submit-report",
        in_own_name=True,
        at=(REVIEW, BOARD),
        who=(LEAD_PARTNER, STAFF),
        takes=SubmitReport,
        records=submit_report,
        needs=(
            review_is_open,
            staff_enter_only_paper,
            every_outcome_has_a_value,
            every_value_has_an_outcome,
            another_person_for_each_side,
        ),
        asks=("through",),
        audience=partner_sees("values", "narrative", "document", "received_on"),
        awaited_since="review.opened",
        done_once="review.reported",
        repeatable=True,
        document="document",
        form=Form(replaces="report", only={"received_on": (STAFF,)}),
    ),
    Event(
        name="give-finding",
        at=(REVIEW, BOARD),
        who=(PRINCIPAL, STAFF),
        takes=GiveFinding,
        records=give_finding,
        needs=(review_is_open, report_in_or_overdue, side_has_given_no_finding, another_person_for_each_side),
        asks=("overdue", "through"),
        audience=partner_sees("impact", "reasons", "documents"),
        document="documents",
        awaited_since="review.reported",
        collected=lambda facts: sides_left(
            ("school", "district"), facts.review.findings if facts.review else {}
        ),
        consents_to=_report_read,
        # Both words give a finding: whether the impact is substantial and positive.
        reply_words={
            "yes": ReplyWord("give-finding", {"impact": True}, below="reasons"),
            "no": ReplyWord("give-finding", {"impact": False}, below="reasons"),
        },
        form=Form(reads=("report", "findings")),
    ),
    Event(
        name="continue",
        at=(REVIEW,),
        to=ACTIVE,
        who=(STAFF,),
        takes=Continue,
        records=continue_,
        needs=(report_received, both_findings_given, improvement_planned),
        audience=partner_sees("improvement_plan"),
        awaited_since="review.found",
        consents_to=_report_read,
        reply_words={"continue": ReplyWord("continue", below="improvement_plan")},
        form=Form(reads=("report", "findings")),
    ),
)
