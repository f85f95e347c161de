"""What is required while the agreement is in force, and at its end (4270.5, 4270.6, 4270.11, 4270.12)."""

from __future__ import annotations

from states.case import Case
from states.partnership import SIDE_NAMES, SIDES
from states.requirements.requirement import requirement


@requirement("4270.5", of_input=True)
def done_by_today(case: Case) -> str | None:
    return f"{case.input.on} is still to come" if case.input.on > case.today else None


@requirement("4270.6", of_input=True)
def school_gave_input(case: Case) -> str | None:
    return None if case.input.school_input else "the input of the school community is not on record"


@requirement("4270.6", of_input=True)
def district_gave_input(case: Case) -> str | None:
    return None if case.input.district_input else "the input of the District is not on record"


@requirement("4270.11", of_input=True)
def every_outcome_has_a_value(case: Case) -> str | None:
    missing = [o.name for o in case.facts.outcomes.items if o.name not in case.input.values]
    return "a value is missing for: " + ", ".join(missing) if missing else None


@requirement("4270.11", of_input=True)
def every_value_has_an_outcome(case: Case) -> str | None:
    known = [outcome.name for outcome in case.facts.outcomes.items]
    unknown = [name for name in case.input.values if name not in known]
    return f"not among the outcomes: {', '.join(unknown)}; they are: {', '.join(known)}" if unknown else None


@requirement("4270.11")
def report_in_or_overdue(case: Case) -> str | None:
    if case.review.reports or "report-due" in case.setting.overdue:
        return None
    return "the year's report is neither received nor overdue yet"


@requirement("4270.12")
def side_has_given_no_finding(case: Case) -> str | None:
    side = SIDES[case.role]
    given = side in case.review.findings
    return f"{SIDE_NAMES[side]} has already given its finding" if given else None


@requirement("4270.11")
def report_received(case: Case) -> str | None:
    return None if case.review.reports else "the year's report has not been received"


@requirement("4270.12")
def both_findings_given(case: Case) -> str | None:
    left = [SIDE_NAMES[side] for side in ("school", "district") if side not in case.review.findings]
    return f"no finding yet from {' and '.join(left)}" if left else None


@requirement("4270.12", of_input=True)
def improvement_planned(case: Case) -> str | None:
    negative = any(not finding.impact for finding in case.review.findings.values())
    if not negative or case.input.improvement_plan:
        return None
    return "a finding is negative, so an improvement plan is needed"


@requirement("4270.12", of_input=True)
def notice_given(case: Case) -> str | None:
    days = case.setting.notice_days
    wait = (case.input.effective_on - case.today).days
    if wait >= days:
        return None
    ground, effective = case.input.ground, case.input.effective_on
    return f"ground '{ground}' needs {days} days of notice; {effective} is {wait} days away"


@requirement("4270.12", of_input=True)
def effective_after_decision(case: Case) -> str | None:
    effective, met = case.input.effective_on, case.input.meeting_on
    if effective >= met:
        return None
    return f"{effective} is before the meeting on {met}; a termination takes effect that day or later"


@requirement(of_input=True)
def ends_before_last_day(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None or case.input.effective_on <= agreement.ends_on:
        return None
    return f"the agreement ends by itself on {agreement.ends_on}"


@requirement()
def past_last_day(case: Case) -> str | None:
    if not case.facts.in_force:
        return "no agreement is in force"
    last = case.agreement.ends_on
    return None if case.today > last else f"the agreement runs through {last}"


@requirement()
def not_closed_out(case: Case) -> str | None:
    return "the partnership has already been closed out" if case.facts.closed_out else None
