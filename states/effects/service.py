"""What is recorded while the agreement is in force, and at its end."""

from __future__ import annotations

from states.case import Case
from states.effects.effect import Effect, terminated
from states.partnership import (
    SIDES,
    ClosedOut,
    Contact,
    Document,
    Duty,
    DutyDone,
    Ended,
    Finding,
    OtherAgreement,
    Partnership,
    Report,
    Review,
)


def record(duty: Duty) -> Effect:
    """The effect of recording one of the five duties."""

    def effect(case: Case) -> Partnership:
        given = case.input
        done = DutyDone(duty=duty, on=given.on, summary=given.summary, evidence=given.evidence, at=case.at)
        return case.facts.but(duties=(*case.facts.duties, done))

    return effect


def add_agreement(case: Case) -> Partnership:
    given = case.input
    other = OtherAgreement(
        organization=given.with_,
        summary=given.summary,
        school_input=given.school_input,
        district_input=given.district_input,
        signed_on=given.signed_on,
        at=case.at,
    )
    return case.facts.but(other_agreements=(*case.facts.other_agreements, other))


def open_annual_review(case: Case) -> Partnership:
    review = case.facts.review
    if review is not None and review.interrupted_at:
        return case.facts.but(review=review.but(interrupted_at=None))
    earlier = case.facts.earlier_reviews + ((review,) if review else ())
    return case.facts.but(review=Review(opened_at=case.at), earlier_reviews=earlier)


def submit_report(case: Case) -> Partnership:
    given = case.input
    report = Report(
        values=given.values,
        narrative=given.narrative,
        document=given.document,
        sha256=given.sha256,
        by=case.actor,
        at=case.at,
    )
    return case.facts.but(review=case.review.but(reports=(*case.review.reports, report)))


def give_finding(case: Case) -> Partnership:
    given = case.input
    finding = Finding(impact=given.impact, reasons=given.reasons, by=case.actor, at=case.at)
    findings = {**case.review.findings, SIDES[case.role]: finding}
    both = {"school", "district"} <= findings.keys()
    return case.facts.but(review=case.review.but(findings=findings, found_at=case.at if both else None))


def continue_(case: Case) -> Partnership:
    plan = case.input.improvement_plan
    return case.facts.but(review=case.review.but(improvement_plan=plan, decided_at=case.at))


def add_document(case: Case) -> Partnership:
    given = case.input
    document = Document(title=given.title, name=given.file, sha256=given.sha256, size=given.size, at=case.at)
    return case.facts.but(documents=(*case.facts.documents, document))


def change_contact(case: Case) -> Partnership:
    return case.facts.but(contact=Contact(email=case.input.email, name=case.input.name))


def withdraw(case: Case) -> Partnership:
    return case.facts.but(
        ended=Ended(
            how="withdrawn", reason=case.input.reason, effective_on=case.today, by=case.actor, at=case.at
        )
    )


def terminate(case: Case) -> Partnership:
    return case.facts.but(ended=terminated(case, board=False))


def expire(case: Case) -> Partnership:
    last = case.agreement.ends_on
    return case.facts.but(ended=Ended(how="expired", effective_on=last, by=case.actor, at=case.at))


def close_out(case: Case) -> Partnership:
    return case.facts.but(closed_out=ClosedOut(summary=case.input.summary, by=case.actor, at=case.at))
