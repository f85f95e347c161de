"""Defines the events of an agreement in force: duties, and agreements with others (4270.5, 4270.6)."""

from datetime import date
from typing import get_args

from pydantic import Field

from states.case import Case, attachments_of
from states.event import (
    ACTIVE,
    BOARD,
    LEAD_PARTNER,
    REVIEW,
    STAFF,
    Effect,
    Event,
    Form,
    partner_sees,
    requirement,
)
from states.inputs import Day, Files, Input, Name, Text, documents_field
from states.names import Duty
from states.partnership import DutyDone, OtherAgreement, Partnership


class RecordDuty(Input):
    on: Day = Field(description="when it was done")
    summary: Text = Field(title="Summary", description="what was done")
    evidence: Text = Field(title="Evidence", description="what shows it")
    documents: Files = documents_field("files that show it")


class AddAgreement(Input):
    with_: Name = Field(alias="with", description="the other organization")
    summary: Text = Field(title="Summary", description="what was agreed")
    school_input: Text | None = Field(default=None, description="what the school community said")
    district_input: Text | None = Field(default=None, description="what the District said")
    signed_on: Day = Field(description="day of the signature")
    documents: Files = documents_field("the agreement and what belongs to it")


@requirement("4270.5")
def agreement_in_force(case: Case) -> str | None:
    # The Board may have a new agreement before it, under which nobody has any duty yet.
    return None if case.facts.in_force else "no agreement is in force, so there are no duties yet"


@requirement("4270.5", of_input=True)
def done_by_today(case: Case) -> str | None:
    return f"{case.input.on} is still to come" if case.input.on > case.today else None


def _find_unfit_day(case: Case, day: date) -> str | None:
    """Return why a day cannot be one under the agreement: it is before the agreement, or still to come."""
    agreement = case.facts.agreement
    if agreement is None:
        return None  # `agreement_in_force` refuses this
    # The Board may put an agreement into force after its first day, or before it.
    began = agreement.starts_on
    if agreement.in_force_at is not None:
        began = min(began, agreement.in_force_at.date())
    if day < began:
        return f"{day} is before the agreement, which began on {began}"
    return f"{day} is still to come" if day > case.today else None


@requirement("4270.5", of_input=True)
def done_since_agreement(case: Case) -> str | None:
    # A day to come is refused by `done_by_today`.
    return _find_unfit_day(case, case.input.on) if case.input.on <= case.today else None


@requirement("4270.6", of_input=True)
def signed_under_agreement(case: Case) -> str | None:
    return _find_unfit_day(case, case.input.signed_on)


@requirement("4270.6", of_input=True)
def school_gave_input(case: Case) -> str | None:
    return None if case.input.school_input else "the input of the school community is not on record"


@requirement("4270.6", of_input=True)
def district_gave_input(case: Case) -> str | None:
    return None if case.input.district_input else "the input of the District is not on record"


def record(duty: Duty) -> Effect:
    """Return the effect of recording one of the five duties."""

    def effect(case: Case) -> Partnership:
        values = case.input
        done = DutyDone(
            duty=duty,
            on=values.on,
            summary=values.summary,
            evidence=values.evidence,
            at=case.at,
            documents=attachments_of(values.documents),
        )
        return case.facts.but(duties=(*case.facts.duties, done))

    return effect


def add_agreement(case: Case) -> Partnership:
    values = case.input
    other = OtherAgreement(
        organization=values.with_,
        summary=values.summary,
        school_input=values.school_input,
        district_input=values.district_input,
        signed_on=values.signed_on,
        at=case.at,
        documents=attachments_of(values.documents),
    )
    return case.facts.but(other_agreements=(*case.facts.other_agreements, other))


def _duty(duty: Duty) -> Event:
    return Event(
        name=f"record-{duty}",
        # Duties go on while the yearly review is open or the Board has an item (4270.5).
        at=(ACTIVE, REVIEW, BOARD),
        who=(LEAD_PARTNER, STAFF),
        takes=RecordDuty,
        records=record(duty),
        needs=(agreement_in_force, done_by_today, done_since_agreement),
        audience=partner_sees("on", "summary", "evidence", "documents"),
        repeatable=True,
        document="documents",
        form=Form(today="on"),
    )


EVENTS = (
    *(_duty(duty) for duty in get_args(Duty)),
    Event(
        name="add-agreement",
        at=(ACTIVE,),
        who=(LEAD_PARTNER, STAFF),
        takes=AddAgreement,
        records=add_agreement,
        needs=(school_gave_input, district_gave_input, signed_under_agreement),
        audience=partner_sees("with", "summary", "school_input", "district_input", "signed_on", "documents"),
        repeatable=True,
        document="documents",
    ),
)
