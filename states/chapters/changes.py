"""Defines how a side asks for changes to a text that it is asked to agree to (4270.7, 4270.9, 4270.10)."""

from typing import Literal

from pydantic import Field

from states.case import Case
from states.event import (
    ASK_FOR_CHANGES,
    LEAD_PARTNER,
    NEEDS,
    OPEN,
    PRINCIPAL,
    Event,
    Form,
    change_nothing,
    partner_sees,
    requirement,
)
from states.inputs import Input, Text
from states.names import State
from states.partnership import Partnership


class AskForChanges(Input):
    about: Literal["needs", "agreement", "outcomes"] = Field(
        title="What should change", description="needs, agreement or outcomes"
    )
    reason: Text = Field(title="Reason", description="what should change, and why")


def texts_to_agree_to(state: State | None, facts: Partnership) -> tuple[str, ...]:
    """Return the texts that people are asked to agree to in this state: "needs", "agreement" or "outcomes"."""
    if state is NEEDS:
        return ("needs",) if facts.needs.statement else ()
    # The statement of needs is published with the call, and nobody changes it after that.
    agreement = ("agreement",) if facts.agreement else ()
    return (*agreement, "outcomes") if facts.outcomes.items else agreement


@requirement()
def something_to_agree_to(case: Case) -> str | None:
    if texts_to_agree_to(case.state, case.facts):
        return None
    missing = "describe-needs" if case.state is NEEDS else "draft-agreement, set-outcomes"
    return f"there is nothing yet that anybody is asked to agree to: {missing}"


@requirement(of_input=True)
def asked_about_what_there_is(case: Case) -> str | None:
    possible = texts_to_agree_to(case.state, case.facts)
    if not possible or case.input.about in possible:
        return None  # `something_to_agree_to` refuses the first
    return f"nobody is asked to agree to the {case.input.about} now; ask about the {' or '.join(possible)}"


EVENTS = (
    Event(
        name=ASK_FOR_CHANGES,
        in_own_name=True,
        at=(NEEDS, OPEN),
        who=(PRINCIPAL, LEAD_PARTNER),
        takes=AskForChanges,
        records=change_nothing,
        needs=(something_to_agree_to, asked_about_what_there_is),
        audience=partner_sees("about", "reason"),
        optional=True,
        repeatable=True,
        form=Form(choices={"about": "texts-to-agree-to"}),
    ),
)
