"""Defines the events of a wanted first day: staff put it on record, and the clock keeps its plan up to date."""

from pydantic import Field

from states.case import Case
from states.event import BOARD, CLOCK, NEEDS, OFFICE_ONLY, OPEN, STAFF, Event, requirement
from states.inputs import Day, Input, Reason
from states.partnership import Partnership, WantedStart

WANT_START = "want-start"
REPLAN_START = "replan-start"


class WantStart(Input):
    on: Day = Field(title="Wanted first day", description="day on which the agreement should start")


@requirement()
def agreement_not_in_force(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None or agreement.in_force_at is None:
        return None
    return f"the agreement is in force from {case.facts.first_day}, so no first day is wanted any more"


@requirement(of_input=True)
def start_to_come(case: Case) -> str | None:
    day = case.input.on
    return f"{day} is past; a wanted first day is today or later" if day < case.today else None


@requirement()
def start_is_wanted(case: Case) -> str | None:
    return None if case.facts.wanted else "no wanted first day is on record: want-start"


def want_start(case: Case) -> Partnership:
    wanted = WantedStart(on=case.input.on, at=case.at, steps=case.setting.plan)
    return case.facts.but(wanted=wanted)


def replan_start(case: Case) -> Partnership:
    wanted = case.facts.wanted
    return case.facts.but(wanted=wanted.but(steps=case.setting.plan)) if wanted else case.facts


EVENTS = (
    Event(
        name=WANT_START,
        at=(NEEDS, OPEN, BOARD),
        who=(STAFF,),
        takes=WantStart,
        records=want_start,
        needs=(agreement_not_in_force, start_to_come),
        asks=("plan",),
        audience=OFFICE_ONLY,
        optional=True,
        repeatable=True,
    ),
    Event(
        name=REPLAN_START,
        at=(NEEDS, OPEN, BOARD),
        who=(CLOCK,),
        takes=Reason,
        records=replan_start,
        needs=(start_is_wanted, agreement_not_in_force),
        asks=("plan",),
        audience=OFFICE_ONLY,
        optional=True,
    ),
)
